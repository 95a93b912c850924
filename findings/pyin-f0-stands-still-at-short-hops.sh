#!/usr/bin/env bash
# At a hop of 1 ms librosa's pyin gives one frequency for a voice that glides over an octave.
#
# Expected: a shorter hop samples the same pitch contour more densely.
# Seen:     from 1.2 ms on all frames of a glide from 100 to 200 Hz are voiced, and right; at 1.1 ms and below a few are,
#           all of one frequency. pyin allows round(35.92 * 12 * hop / rate) semitones of change a frame
#           (max_transition_rate), which rounds to 0 below 1.16 ms: the pitch of a voiced stretch cannot change, and most
#           frames become unvoiced. Nothing is said.
# Versions: librosa 0.11.0; the same in 1.0.0.
# Matters:  1 ms is a usual frame period of F0 trackers, and a hop of 44 at 44.1 kHz or 48 at 48 kHz looks harmless. Give
#           max_transition_rate=rate / (12 * hop) at least.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check librosa==0.11.0 numba==0.68.1 numpy==2.4.6 scipy==1.17.1

cat > expected <<'END'
hop 4.00 ms: all frames voiced, many frequencies
hop 1.19 ms: all frames voiced, many frequencies
hop 1.12 ms: 10 to 20 % of the frames voiced, one frequency
hop 1.00 ms: 10 to 20 % of the frames voiced, one frequency
hop 1.00 ms, max_transition_rate=rate / (12 * hop): all frames voiced, many frequencies
END
cat > run.py <<'END'
import librosa
import numpy as np

RATE = 16000
frequency = 100 * 2 ** (np.arange(2 * RATE) / (2 * RATE))
glide = 0.3 * np.sin(2 * np.pi * np.cumsum(frequency) / RATE)


def show(hop, said="", **how):
    f0, voiced, _ = librosa.pyin(glide, fmin=60, fmax=500, sr=RATE, frame_length=1024, hop_length=hop, **how)
    share = voiced.mean()
    many = "all" if share == 1 else "10 to 20 % of the" if 0.1 < share < 0.2 else f"{share:.0%} of the"
    different = len(np.unique(f0[voiced]))
    frequencies = "one frequency" if different == 1 else "many frequencies" if different > 100 else f"{different}"
    print(f"hop {1000 * hop / RATE:.2f} ms{said}: {many} frames voiced, {frequencies}")


for hop in (64, 19, 18, 16):
    show(hop)
show(16, ", max_transition_rate=rate / (12 * hop)", max_transition_rate=RATE / (12 * 16))
END
venv/bin/python run.py | tee seen
diff expected seen
