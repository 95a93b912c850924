"""On a machine with a GPU: where a step's time goes in the CUDA engine, by the clocks of its multiprocessors.

    pip install --no-deps --force-reinstall -C cmake.define.WAVEGEN_CUDA_CLOCKS=ON .
    python tests/by_hand/cuda_clocks.py A --streams 1 --precision float32

Counting takes time itself: install without it to measure speed. Cycles are of one thread of each task, summed over the
blocks of the latency kernel; of the first block of the throughput kernel.
"""

import argparse

from wavegen.benchmarking.configurations import CONFIGURATIONS, configuration
from wavegen.engine import cuda
from wavegen.engine.cuda import CudaEngine

STEPS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description="Where a step's time goes in the CUDA engine.")
    parser.add_argument("what", choices=CONFIGURATIONS)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--precision", choices=cuda.PRECISIONS, default="float32")
    parser.add_argument("--kernel", choices=("auto", "throughput", "latency"), default="auto")
    args = parser.parse_args()
    engine = CudaEngine(configuration(args.what), args.streams, args.precision, args.kernel)
    seeds = range(args.streams)
    engine.generate(STEPS, seeds)
    cuda.extension().clocks()
    engine.generate(STEPS, seeds)
    cycles = {phase: count / STEPS for phase, count in cuda.extension().clocks().items()}
    total = sum(cycles.values())
    if total == 0:
        raise SystemExit("the engine was built without WAVEGEN_CUDA_CLOCKS; see the top of this file")
    print(f"{args.what}, {args.precision}, {args.streams} streams, {engine.kernel} on {cuda.device()}: cycles a step")
    for phase, count in sorted(cycles.items(), key=lambda item: -item[1]):
        print(f"{phase:20} {count:12.0f} {count / total:6.1%}")


if __name__ == "__main__":
    main()
