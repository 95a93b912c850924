#!/usr/bin/env bash
# An MP3 of variable bit rate, read in blocks with python-soundfile, is not what it is read at once.
#
# Expected: reading a file block by block and joining the blocks gives the samples of one read.
# Seen:     wherever a block begins the samples are wrong for some hundred, by thousands of codes, as if the decoder
#           had lost what MP3 frames share (the bit reservoir). SoundFile.read seeks to its own position after every
#           read of a seekable file; if its seekable() is made to say no, blocks and whole agree to one code.
# Versions: soundfile 0.14.0 with its libsndfile 1.2.2 and libmpg123.
# Matters:  reading in blocks is how long files are read to save memory. The length is right and nothing is raised, so
#           the clicks go into training data and measurements.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
60 s in blocks of 65536 samples: same length, some samples off by more than 1000 codes
  all of these less than 2000 samples after the start of a block
60 s in blocks of 10000 samples: same length, some samples off by more than 1000 codes
  all of these less than 2000 samples after the start of a block
without the seeks, blocks of 65536: same length, no sample off by more than one code
END
cat > run.py <<'END'
import io

import numpy as np
import soundfile

RATE = 16000
random = np.random.default_rng(0)
bursts = np.repeat(random.random(600) ** 4, RATE // 10)  # loudness that changes every 0.1 s
mp3 = io.BytesIO()
sound = 0.2 * bursts * random.normal(size=len(bursts))
soundfile.write(mp3, sound, RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.99)


class WithoutSeeks(soundfile.SoundFile):
    def seekable(self):
        return False


def compared(kind, size):
    blocks = []
    with kind(io.BytesIO(mp3.getvalue())) as file:
        while len(block := file.read(size, dtype="int16")):
            blocks.append(block)
    joined = np.concatenate(blocks)
    length = "same length" if len(joined) == len(whole) else "another length"
    off = np.abs(joined.astype(int) - whole)
    wrong = "some samples off by more than 1000 codes" if off.max() > 1000 else "some samples off"
    return off, f"{length}, {'no sample off by more than one code' if off.max() <= 1 else wrong}"


whole, _ = soundfile.read(io.BytesIO(mp3.getvalue()), dtype="int16")
for size in (65536, 10000):
    off, said = compared(soundfile.SoundFile, size)
    print(f"60 s in blocks of {size} samples: {said}")
    if (np.flatnonzero(off > 1000) % size < 2000).all():
        print("  all of these less than 2000 samples after the start of a block")
print("without the seeks, blocks of 65536:", compared(WithoutSeeks, 65536)[1])
END
venv/bin/python run.py 2>libmpg123-messages | tee seen
diff expected seen
