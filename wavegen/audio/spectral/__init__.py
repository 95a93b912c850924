"""Spectral features of recordings: mel spectrograms by convention, and F0."""
