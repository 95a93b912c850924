"""The operating system: files, signals, streams, locks, and what may be missing."""
