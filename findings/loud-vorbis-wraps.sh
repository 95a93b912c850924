#!/usr/bin/env bash
# Loud Vorbis and Opus files, read as int16 with python-soundfile, wrap round; MP3 does not.
#
# Expected: what a decoder puts beyond full scale is clipped when it is read as 16-bit integers.
# Seen:     libsndfile clips MP3 and lets Vorbis and Opus wrap: +1.1 becomes about -0.9, a click of twice full scale.
#           As float the same files are right, with values beyond 1.
# Versions: soundfile 0.14.0 with its libsndfile 1.2.2.
# Matters:  music is mastered to full scale and every lossy coder overshoots it, so dtype="int16", which looks like the
#           cheap way to read, puts full-scale clicks into loud passages; nothing is raised.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
VORBIS: decoded beyond full scale, read as int16 with the other sign: nearly all of these
OPUS: decoded beyond full scale, read as int16 with the other sign: nearly all of these
MPEG_LAYER_III: decoded beyond full scale, read as int16 with the other sign: none of these
END
cat > run.py <<'END'
import io

import numpy as np
import soundfile

square = np.sign(np.sin(2 * np.pi * 220 * (np.arange(48000) + 0.5) / 48000))  # a second at full scale
for container, coding in (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")):
    file = io.BytesIO()
    soundfile.write(file, square, 48000, format=container, subtype=coding)
    floats, _ = soundfile.read(io.BytesIO(file.getvalue()))
    codes, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="int16")
    beyond = np.abs(floats) > 1.001
    wrapped = np.mean(np.sign(codes[beyond]) != np.sign(floats[beyond])) if beyond.sum() > 1000 else np.nan
    many = "nearly all" if wrapped > 0.99 else "none" if wrapped == 0 else "some"
    print(f"{coding}: decoded beyond full scale, read as int16 with the other sign: {many} of these")
END
venv/bin/python run.py | tee seen
diff expected seen
