"""Makes corpora of audio files, pictures and sources of known density."""
