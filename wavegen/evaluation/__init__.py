"""Bits per sample of recordings: models, classical coders, and comparisons of them."""
