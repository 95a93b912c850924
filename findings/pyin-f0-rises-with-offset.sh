#!/usr/bin/env bash
# librosa's yin and pyin find a higher F0 in the same voice when a constant is added to it.
#
# Expected: YIN compares a signal with itself some samples later by subtracting one from the other (equation 6 of de
#           Cheveigné and Kawahara, 2002), so that a constant drops out: F0 does not depend on an offset.
# Seen:     in frames of 64 ms an offset of the voice's amplitude raises F0 by half a percent, one of three times that by
#           3 to 4, one of ten times that by 12, two semitones. Since 0.11 the difference function is computed as
#           2 (acf[0] - acf[k]) less the energy of the frame's first k samples; the energy of its last k samples, which
#           belongs to the same sum, is not taken off. 0.10.2 finds 150.3 Hz at every offset.
# Versions: librosa 0.11.0; the same numbers in 1.0.0.
# Matters:  converters leave offsets that are larger than a quiet voice. Subtract the mean before yin or pyin, or F0
#           differs between microphones and between loud and quiet speech.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check librosa==0.11.0 numba==0.68.1 numpy==2.4.6 scipy==1.17.1

cat > expected <<'END'
offset 0 times the amplitude: all frames voiced, pyin 150.3 Hz, yin 150.3 Hz
offset 1 times the amplitude: all frames voiced, pyin 151.2 Hz, yin 150.9 Hz
offset 3 times the amplitude: all frames voiced, pyin 155.6 Hz, yin 155.3 Hz
offset 10 times the amplitude: all frames voiced, pyin 167.8 Hz, yin 167.7 Hz
END
cat > run.py <<'END'
import librosa
import numpy as np

RATE, LENGTH = 16000, 1024
t = np.arange(RATE) / RATE
voice = 0.05 * np.sin(2 * np.pi * 150 * t) + 0.01 * np.sin(2 * np.pi * 300 * t)
how = {"fmin": 60, "fmax": 500, "sr": RATE, "frame_length": LENGTH, "hop_length": LENGTH // 4}
inside = slice(4, -4)  # frames without padding
for times in (0, 1, 3, 10):
    signal = voice + 0.05 * times
    f0, voiced, _ = (each[inside] for each in librosa.pyin(signal, **how))
    many = "all" if voiced.all() else "some"
    yin = np.median(librosa.yin(signal, **how)[inside])
    print(f"offset {times} times the amplitude: {many} frames voiced, pyin {np.median(f0):.1f} Hz, yin {yin:.1f} Hz")
END
venv/bin/python run.py | tee seen
diff expected seen
