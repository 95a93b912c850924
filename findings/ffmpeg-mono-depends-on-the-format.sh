#!/usr/bin/env bash
# FFmpeg's -ac 1 gives another loudness for 16-bit output than for float output.
#
# Expected: the mono mix of two equal channels is that channel, whatever the sample format, up to rounding.
# Seen:     for 16-bit output it is; for float output it is 3 dB louder (1/sqrt 2 of each channel instead of 1/2),
#           so that a mix can exceed full scale, and does not if it is made by way of 16 bits.
# Versions: FFmpeg n9.0.2 as packaged in imageio-ffmpeg 0.8.1.
# Matters:  two pipelines that differ only in pcm_s16le and pcm_f32le differ by 3 dB: levels, thresholds and whatever
#           was trained on one of them are off for the other.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1 numpy==2.4.6

cat > expected <<'END'
peak of each channel     8000
mono of 16 bit, 16 bit   8000
mono of 16 bit, float   11314
mono of float, 16 bit    8000
mono of float, float    11314
END
cat > run.py <<'END'
import subprocess

import imageio_ffmpeg
import numpy as np

FORMATS = {"s16le": ("<i2", 1), "f32le": ("<f4", 1 / 32768)}
NAMES = {"s16le": "16 bit", "f32le": "float"}


def mono(stereo, source, target):
    kind, scale = FORMATS[source]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", source, "-ar", "8000", "-ac", "2", "-i", "-"]
    command += ["-ac", "1", "-f", target, "-"]
    done = subprocess.run(command, input=(stereo * scale).astype(kind).tobytes(), capture_output=True, check=True)
    kind, scale = FORMATS[target]
    return np.frombuffer(done.stdout, kind) / scale


channel = np.rint(8000 * np.sin(np.arange(8000) * np.pi / 50))
stereo = np.stack([channel, channel], axis=1)
print(f"peak of each channel    {channel.max():5.0f}")
for source in FORMATS:
    for target in FORMATS:
        name = f"mono of {NAMES[source]}, {NAMES[target]}"
        print(f"{name:23} {mono(stereo, source, target).max():5.0f}")
END
venv/bin/python run.py | tee seen
diff expected seen
