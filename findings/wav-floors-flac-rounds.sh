#!/usr/bin/env bash
# The same floats, written with python-soundfile as 16-bit WAV and as 16-bit FLAC, are different samples.
#
# Expected: both are lossless containers of 16-bit PCM, so that the same array gives the same codes.
# Seen:     WAV, AIFF and W64 take the floor of 32768 x, FLAC the nearest integer (halves to even): half of the codes
#           of a recording differ by one, and WAV has a DC offset of half a code.
# Versions: soundfile 0.14.0 with its libsndfile 1.2.2.
# Matters:  converting a corpus of floats to FLAC instead of WAV changes checksums, breaks bit-exact comparisons, and
#           shifts the mean by half a code, which statistics and models of quiet 16-bit sound notice.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
32768 x is  0.2  0.5  0.7  1.5 -0.2 -0.5 -0.7 -1.5
WAV           0    0    0    1   -1   -1   -1   -2
AIFF          0    0    0    1   -1   -1   -1   -2
W64           0    0    0    1   -1   -1   -1   -2
FLAC          0    0    1    2    0    0   -1   -2
a second of noise: WAV is the floor, FLAC the nearest code
END
cat > run.py <<'END'
import io

import numpy as np
import soundfile


def codes(values, container):
    file = io.BytesIO()
    soundfile.write(file, values / 32768, 8000, format=container, subtype="PCM_16")
    return soundfile.read(io.BytesIO(file.getvalue()), dtype="int16")[0]


values = np.array([0.2, 0.5, 0.7, 1.5, -0.2, -0.5, -0.7, -1.5])
print("32768 x is", " ".join(f"{value:4.1f}" for value in values))
for container in ("WAV", "AIFF", "W64", "FLAC"):
    print(f"{container:10}", " ".join(f"{code:4d}" for code in codes(values, container)))
noise = np.random.default_rng(0).normal(size=8000) * 1000
floor = np.array_equal(codes(noise, "WAV"), np.floor(noise))
nearest = np.array_equal(codes(noise, "FLAC"), np.rint(noise))
print(f"a second of noise: WAV is {'the floor' if floor else '?'}, FLAC {'the nearest code' if nearest else '?'}")
END
venv/bin/python run.py | tee seen
diff expected seen
