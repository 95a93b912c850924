"""What writers and readers of a corpus share."""

VERSION = 1
PCM = "pcm.i16"  # the file of all samples
