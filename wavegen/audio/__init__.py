"""Audio files to 16-bit PCM and back: headers, decoding, examination, cutting."""
