#!/usr/bin/env bash
# On a machine with a GPU: the CUDA engine's tests under compute-sanitizer, which finds accesses out of bounds, races in
# shared memory, barriers that not all threads reach, and memory read before it was written. Not part of CI, which has
# no GPU; it takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

python -c "from wavegen.engine import cuda; why = cuda.missing(); raise SystemExit(why and f'no GPU: {why}')"
for tool in memcheck racecheck synccheck initcheck; do
    echo "== $tool"
    compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all \
        python -m pytest -q -x tests/test_engine_cuda.py -k "device and (odd or logistics or categorical or finite or cut)"
done
