"""Lossless compression with a model."""
