#!/usr/bin/env bash
# Digital silence, resampled as int16 with soxr, is not silent.
#
# Expected: resampling zeros gives zeros, and a constant of 100 gives 100.
# Seen:     for int16 input libsoxr adds dither to its output: about a quarter of the samples of silence become +1 or
#           -1, and a constant 100 becomes 99, 100 and 101. The same array as float comes out exact.
# Versions: soxr 1.1.0.
# Matters:  digital silence can no longer be found (trimming, "no signal" checks), files that were equal up to padding
#           are not, lossless coders pay for noise that was never recorded, and resampling as float and rounding
#           gives other codes than resampling the int16 array that came from the file.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check soxr==1.1.0 numpy==2.4.6

cat > expected <<'END'
all 0 as int16: codes -1 0 1, 20 to 26 % of them wrong
all 0 as float64: codes 0, none of them wrong
all 100 as int16: codes 99 100 101, 20 to 26 % of them wrong
all 100 as float64: codes 100, none of them wrong
END
cat > run.py <<'END'
import numpy as np
import soxr

for constant in (0, 100):
    for kind in ("int16", "float64"):
        out = np.rint(soxr.resample(np.full(96000, constant, kind), 48000, 16000))[4000:-4000].astype(int)
        wrong = np.mean(out != constant)
        share = "20 to 26 %" if 0.2 < wrong < 0.26 else "none" if not wrong else f"{wrong:.1%}"
        print(f"all {constant} as {kind}: codes {' '.join(map(str, np.unique(out)))}, {share} of them wrong")
END
venv/bin/python run.py | tee seen
diff expected seen
