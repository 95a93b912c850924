"""Densities, the parts they are made of, and the files they are kept in."""
