"""Draws from a model."""
