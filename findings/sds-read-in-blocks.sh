#!/usr/bin/env bash
# A MIDI sample dump (.sds), read in blocks with libsndfile, ends early if a block ends within its last packet.
#
# Expected: reading a file block by block and joining the blocks gives the samples of one read.
# Seen:     samples come in packets of 60, 40 or 30 (8, 16 and 24 bits). Once a read ends inside the last packet, or
#           where it begins, the next read says that the file has ended. One read of all is right.
# Versions: soundfile 0.14.0 with its libsndfile 1.2.2.
# Matters:  samplers and their librarians keep sounds in this format. A tool that streams, or reads in blocks, cuts off up
#           to 59 samples of some lengths in silence: a click at the end of a loop, and a length other than the header's.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6

cat > run.py <<'END'
import io

import numpy as np
import soundfile

random = np.random.default_rng(0)
for subtype in ("PCM_S8", "PCM_16", "PCM_24"):
    for length in (401, 400, 1200):
        file = io.BytesIO()
        soundfile.write(file, random.uniform(-0.5, 0.5, length), 8000, format="SDS", subtype=subtype)
        whole, _ = soundfile.read(io.BytesIO(file.getvalue()))
        found = []
        for block in (7, 64, 100):
            with soundfile.SoundFile(io.BytesIO(file.getvalue())) as sound:
                read = 0
                while len(part := sound.read(block)):
                    assert np.array_equal(part, whole[read : read + len(part)])
                    read += len(part)
            found.append(f"{read} in blocks of {block}")
        print(f"{subtype}: {len(whole)} samples at once, {', '.join(found)}")
END
cat > expected <<'END'
PCM_S8: 401 samples at once, 364 in blocks of 7, 384 in blocks of 64, 400 in blocks of 100
PCM_S8: 400 samples at once, 364 in blocks of 7, 384 in blocks of 64, 400 in blocks of 100
PCM_S8: 1200 samples at once, 1141 in blocks of 7, 1152 in blocks of 64, 1200 in blocks of 100
PCM_16: 401 samples at once, 401 in blocks of 7, 401 in blocks of 64, 400 in blocks of 100
PCM_16: 400 samples at once, 364 in blocks of 7, 384 in blocks of 64, 400 in blocks of 100
PCM_16: 1200 samples at once, 1162 in blocks of 7, 1200 in blocks of 64, 1200 in blocks of 100
PCM_24: 401 samples at once, 392 in blocks of 7, 401 in blocks of 64, 400 in blocks of 100
PCM_24: 400 samples at once, 392 in blocks of 7, 400 in blocks of 64, 400 in blocks of 100
PCM_24: 1200 samples at once, 1176 in blocks of 7, 1200 in blocks of 64, 1200 in blocks of 100
END
venv/bin/python run.py | tee seen
diff expected seen
