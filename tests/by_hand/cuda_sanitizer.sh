#!/usr/bin/env bash
# On a machine with a GPU: the CUDA engine's tests under compute-sanitizer, which finds accesses out of bounds, races in
# shared memory, barriers that not all threads reach, and memory read before it was written. Not part of CI, which has
# no GPU; it takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

python -c "from wavegen.engine import cuda; why = cuda.missing(); raise SystemExit(why and f'no GPU: {why}')"
chosen="device and (odd or logistics or categorical or finite or cut or sixteen or registers or threads)"
for tool in memcheck racecheck synccheck initcheck; do
    echo "== $tool"
    # racecheck knows barriers, but not the counters by which the latency kernel's warps wait for each other.
    of_tool="$chosen"
    if [ "$tool" = racecheck ]; then of_tool="$chosen and not latency"; fi
    compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all \
        python -m pytest -q -x tests/engine/test_cuda.py -k "$of_tool"
done
