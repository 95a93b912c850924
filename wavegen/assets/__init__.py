"""Data bundled with wavegen: pretrained models, speech, handwritten digits."""
