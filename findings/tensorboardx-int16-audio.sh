#!/usr/bin/env bash
# tensorboardX writes int16 audio as a file of the codes -1, 0 and 1.
#
# Expected: add_audio takes PCM of a signed integer type as PCM, or refuses it.
# Seen:     it clips every array to -1 ... 1, whatever its type, so that int16 sound becomes a square wave of the
#           smallest amplitude, which a player shows as silence. It prints "audio amplitude out of range, auto
#           clipped", which one reads as being about a few peaks.
# Versions: tensorboardX 2.6.5 with soundfile 0.14.0.
# Matters:  models of audio and most readers hand out int16. The training curves are there, the sound is silent, and
#           one looks for the fault in the model.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tensorboardX==2.6.5 soundfile==0.14.0 numpy==2.4.6

cat > expected <<'END'
warning: audio amplitude out of range, auto clipped.
int16    written as codes from -1 to 1
float32  written as codes from -3000 to 3000
END
cat > run.py <<'END'
import glob
import io
import struct

import numpy as np
import soundfile
from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event

tone = np.rint(3000 * np.sin(np.arange(8000) * np.pi / 50)).astype(np.int16)
writer = SummaryWriter("events")
writer.add_audio("int16", tone, 0, sample_rate=8000)
writer.add_audio("float32", tone.astype(np.float32) / 32768, 0, sample_rate=8000)
writer.close()

(path,) = glob.glob("events/*")
records, place = open(path, "rb").read(), 0
while place < len(records):  # length, checksum, event, checksum
    (length,) = struct.unpack_from("<Q", records, place)
    for value in Event.FromString(records[place + 12 : place + 12 + length]).summary.value:
        codes, _ = soundfile.read(io.BytesIO(value.audio.encoded_audio_string), dtype="int16")
        print(f"{value.tag.split('/')[0]:8} written as codes from {codes.min()} to {codes.max()}")
    place += 16 + length
END
venv/bin/python run.py | tee seen
diff expected seen
