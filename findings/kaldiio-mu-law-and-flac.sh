#!/usr/bin/env bash
# kaldiio gives the same recording as int16 from WAV, as raw bytes from mu-law WAV, on another scale from FLAC.
#
# Expected: load_mat decodes a sound file, so that three files of one recording give the same samples on one scale.
# Seen:     16-bit WAV gives int16 codes; mu-law WAV gives its bytes as uint8, not decoded;
#           FLAC gives float64 between -1 and 1, the codes divided by 32768.
# Versions: kaldiio 2.18.1 with soundfile 0.14.0.
# Matters:  wav.scp lists mix formats freely, telephone corpora are mu-law, and archives are recompressed to FLAC to
#           save room: features change with the container, and nothing is raised.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kaldiio==2.18.1 soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
16-bit WAV  int16   from -3000 to 3000
mu-law WAV  uint8   from 55 to 255
FLAC        float64 from -0.09155 to 0.09155
END
cat > run.py <<'END'
import kaldiio
import numpy as np
import soundfile

tone = np.rint(3000 * np.sin(np.arange(8000) * np.pi / 50)).astype(np.int16)
files = (("16-bit WAV", "a.wav", "PCM_16"), ("mu-law WAV", "u.wav", "ULAW"), ("FLAC", "a.flac", "PCM_16"))
for name, file, coding in files:
    soundfile.write(file, tone, 8000, subtype=coding)
    loaded = next(part for part in kaldiio.load_mat(file) if isinstance(part, np.ndarray))
    print(f"{name:11} {loaded.dtype!s:7} from {loaded.min():.4g} to {loaded.max():.4g}")
END
venv/bin/python run.py | tee seen
diff expected seen
