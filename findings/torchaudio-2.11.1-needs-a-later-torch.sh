#!/usr/bin/env bash
# torchaudio 2.11.1 asks for torch>=2.11 and cannot be loaded beside torch 2.11.0.
#
# Expected: a patch release that names torch>=2.11 in its metadata works with torch 2.11.0, as 2.11.0 did.
# Seen:     its library needs three functions of torch's stable C interface that torch 2.11.0 does not have, so
#           `import torchaudio` ends with an OSError, "Could not load this library". torchaudio 2.11.0, whose metadata
#           name no torch at all, needs nothing that is missing.
# Versions: torch 2.11.0, torchaudio 2.11.0 and 2.11.1, Linux x86-64 wheels of CPython 3.11.
# Matters:  ranges such as torch>=2.11,<2.12 with torchaudio>=2.11,<2.12 were right when they were written; since
#           2.11.1 a fresh installation of whatever has them cannot import torchaudio. Reads 530 MB.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check pyelftools==0.32
for wheel in torch==2.11.0 torchaudio==2.11.0 torchaudio==2.11.1; do
    venv/bin/pip download --quiet --disable-pip-version-check --no-deps --python-version 3.11 \
        --platform manylinux_2_28_x86_64 --only-binary :all: "$wheel"
done

cat > expected <<'END'
torchaudio 2.11.0 requires: nothing
  missing in torch 2.11.0: nothing
torchaudio 2.11.1 requires: torch>=2.11
  missing in torch 2.11.0: torch_exception_get_what torch_exception_get_what_without_backtrace torch_new_stable_ivalue
END
cat > run.py <<'END'
import glob
import io
import zipfile

from elftools.elf.elffile import ELFFile


def libraries(pattern):
    (path,) = glob.glob(pattern)
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            if name.endswith(".so"):
                yield ELFFile(io.BytesIO(wheel.read(name))).get_section_by_name(".dynsym")


def requirements(pattern):
    (path,) = glob.glob(pattern)
    with zipfile.ZipFile(path) as wheel:
        (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
        lines = wheel.read(metadata).decode().splitlines()
    return [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist")]


there = {s.name for table in libraries("torch-2.11.0*") for s in table.iter_symbols() if s["st_shndx"] != "SHN_UNDEF"}
for version in ("2.11.0", "2.11.1"):
    tables = list(libraries(f"torchaudio-{version}*"))
    needed = {s.name for table in tables for s in table.iter_symbols() if s["st_shndx"] == "SHN_UNDEF"}
    missing = sorted(name for name in needed - there if name.startswith(("torch_", "aoti_torch_")))
    print(f"torchaudio {version} requires:", " ".join(requirements(f"torchaudio-{version}*")) or "nothing")
    print("  missing in torch 2.11.0:", " ".join(missing) or "nothing")
END
venv/bin/python run.py | tee seen
diff expected seen
