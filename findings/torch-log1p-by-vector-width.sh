#!/usr/bin/env bash
# PyTorch's float32 log1p gives other bits with AVX2 than without vectors, so mu-law companding differs between CPUs.
#
# Expected: one version of one library gives the same float32 for the same input on every x86 CPU, or says otherwise.
# Seen:     of the companded values of all 65 536 codes of 16-bit sound, 1374 differ by a rounding between
#           ATEN_CPU_CAPABILITY=default (a CPU without AVX2) and avx2 (glibc 2.36).
# Versions: torch 2.13.0, numpy 2.4.6, on x86-64 with AVX2.
# Matters:  whoever codes sound with a network, or promises the same samples for the same seed, may not compute tables
#           that the network reads with vectorised library functions: a file coded on one CPU fails on another. Make
#           them in float64, round once, and freeze the digest.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6

cat > expected <<'END'
default and avx2 differ: True
END
cat > run.py <<'END'
import math
import sys

import numpy as np
import torch

codes = torch.arange(65536).float() - 32768
loudness = 2 * codes.sign() * torch.log1p(255 * codes.abs() / 32768) / math.log(256)
np.save(sys.argv[1], loudness.numpy())
END
for capability in default avx2; do ATEN_CPU_CAPABILITY=$capability venv/bin/python run.py $capability.npy; done
cat > compare.py <<'END'
import sys

import numpy as np

a, b = np.load("default.npy"), np.load("avx2.npy")
print(f"{(a != b).sum()} of {len(a)} codes, by {np.abs(a - b).max():.1e} at most", file=sys.stderr)
print(f"default and avx2 differ: {bool((a != b).any())}")
END
venv/bin/python compare.py | tee seen
diff expected seen
