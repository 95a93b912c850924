#!/usr/bin/env bash
# libsndfile and FFmpeg make different mu-law (and A-law) bytes of the same 16-bit PCM.
#
# Expected: G.711 is a standard with a table, so that every encoder maps a sample to the same byte.
# Seen:     of the 65 536 codes some 850 go to a neighbouring byte, in both laws: the encoders put values at the border
#           of two steps on different sides. FFmpeg's choice has a mean error of 1.5 codes after decoding, libsndfile's
#           of nearly none. Decoding is the same in both.
# Versions: FFmpeg n9.0.2 as packaged in imageio-ffmpeg 0.8.1, soundfile 0.14.0 with its libsndfile 1.2.2.
# Matters:  an 8-bit corpus made with one tool is not bit for bit that of another, so checksums, test vectors and
#           likelihoods of mu-law models (bits per symbol) do not carry over.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1 soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
mulaw: 851 of 65536 codes have different bytes, by at most one step
  mean error of FFmpeg's bytes -1.46, of libsndfile's +0.01 codes; decoders differ in 0 bytes
alaw: 849 of 65536 codes have different bytes, by at most one step
  mean error of FFmpeg's bytes -1.47, of libsndfile's +0.01 codes; decoders differ in 0 bytes
END
cat > run.py <<'END'
import io
import subprocess

import imageio_ffmpeg
import numpy as np
import soundfile

SUBTYPES = {"mulaw": "ULAW", "alaw": "ALAW"}


def ffmpeg(data, source, target):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", source, "-ar", "8000", "-ac", "1", "-i", "-"]
    return subprocess.run([*command, "-f", target, "-"], input=data, capture_output=True, check=True).stdout


codes = np.arange(-32768, 32768).astype("<i2")
for law, subtype in SUBTYPES.items():
    theirs = np.frombuffer(ffmpeg(codes.tobytes(), "s16le", law), np.uint8)
    raw = io.BytesIO()
    soundfile.write(raw, codes, 8000, format="RAW", subtype=subtype)
    ours = np.frombuffer(raw.getvalue(), np.uint8)
    decoded = np.frombuffer(ffmpeg(bytes(range(256)), law, "s16le"), "<i2").astype(int)
    raw = io.BytesIO(bytes(range(256)))
    sound, _ = soundfile.read(raw, samplerate=8000, channels=1, format="RAW", subtype=subtype, dtype="int16")
    steps = np.argsort(np.argsort(decoded, kind="stable"), kind="stable")
    apart = np.abs(steps[theirs] - steps[ours])
    most = "at most one step" if apart.max() <= 2 else "more"  # mu-law has two bytes for zero
    print(f"{law}: {np.count_nonzero(apart)} of 65536 codes have different bytes, by {most}")
    errors = [np.mean(decoded[each] - codes.astype(int)) for each in (theirs, ours)]
    differ = np.count_nonzero(decoded != sound)
    print(f"  mean error of FFmpeg's bytes {errors[0]:+.2f}, of libsndfile's {errors[1]:+.2f} codes; ", end="")
    print(f"decoders differ in {differ} bytes")
END
venv/bin/python run.py | tee seen
diff expected seen
