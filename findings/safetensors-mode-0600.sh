#!/usr/bin/env bash
# safetensors' save_file makes files that only their owner can read, whatever the umask says.
#
# Expected: with umask 022 a new file has mode 0644, as open() and numpy.save make it.
# Seen:     save_file gives 0600, also in place of a file that had 0644: it writes to a temporary file and renames
#           that. Bytes of save(), written with open(), follow the umask.
# Versions: safetensors 0.8.0.
# Matters:  a voice model that one process trains and another user's service, container or web server is to load
#           cannot be read there, and each retraining takes back the chmod that mended it.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6

cat > expected <<'END'
numpy.save                  0644
save_file, new              0600
save_file, over one of 0644 0600
save and open               0644
END
cat > run.py <<'END'
import os

import numpy as np
from safetensors.numpy import save, save_file


def mode(path):
    return f"{os.stat(path).st_mode & 0o7777:04o}"


tensors = {"weight": np.zeros(4, np.float32)}
np.save("a.npy", tensors["weight"])
print("numpy.save                 ", mode("a.npy"))
save_file(tensors, "a.safetensors")
print("save_file, new             ", mode("a.safetensors"))
os.chmod("a.safetensors", 0o644)
save_file(tensors, "a.safetensors")
print("save_file, over one of 0644", mode("a.safetensors"))
with open("b.safetensors", "wb") as file:
    file.write(save(tensors))
print("save and open              ", mode("b.safetensors"))
END
umask 022
venv/bin/python run.py | tee seen
diff expected seen
