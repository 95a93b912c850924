"""Corpora: audio files read once, split, audited, and laid out as one memory-mapped file of PCM."""
