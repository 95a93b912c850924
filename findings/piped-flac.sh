#!/usr/bin/env bash
# A FLAC that was written into a pipe has no length, and python-soundfile cannot read it to its end.
#
# Expected: the length in a FLAC header may be 0, "unknown", which the format allows for streams; the frames say where
#           the sound ends, so that a reader stops there.
# Seen:     the number of frames is given as 2^63 - 1; read() fails to make so large an array; reading in blocks
#           raises an error where the file ends instead of giving what is left. FFmpeg reads the same bytes.
# Versions: soundfile 0.14.0 with its libsndfile 1.2.2, FFmpeg n9.0.2 as packaged in imageio-ffmpeg 0.8.1.
# Matters:  `ffmpeg ... -f flac - > a.flac`, or any service that answers with FLAC, makes such files; len() and
#           progress bars show 9223372036854775807.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1 soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
FFmpeg reads 10000 samples: as written
soundfile says 9223372036854775807
read at once: ValueError
block 0 of 4000: 4000
block 1 of 4000: 4000
block 2 of 4000: LibsndfileError Internal psf_fseek() failed.
END
cat > run.py <<'END'
import io
import subprocess

import imageio_ffmpeg
import numpy as np
import soundfile

FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
tone = np.rint(3000 * np.sin(np.arange(10000) * np.pi / 50)).astype("<i2")
raw = ["-f", "s16le", "-ar", "8000", "-ac", "1"]
flac = subprocess.run([*FFMPEG, *raw, "-i", "-", "-f", "flac", "-"], input=tone.tobytes(), capture_output=True).stdout
again = subprocess.run([*FFMPEG, "-i", "-", *raw, "-"], input=flac, capture_output=True).stdout
print("FFmpeg reads", len(again) // 2, "samples:", "as written" if again == tone.tobytes() else "others")
print("soundfile says", soundfile.info(io.BytesIO(flac)).frames)
try:
    soundfile.read(io.BytesIO(flac))
except Exception as error:
    print("read at once:", type(error).__name__)
with soundfile.SoundFile(io.BytesIO(flac)) as file:
    for number in range(3):
        try:
            print(f"block {number} of 4000:", len(file.read(4000)))
        except Exception as error:
            print(f"block {number} of 4000:", type(error).__name__, str(error))
END
venv/bin/python run.py | tee seen
diff expected seen
