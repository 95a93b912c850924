"""Draws 20 000 samples of configuration A in every way there is and compares them bit by bit.

Usage: python tests/by_hand/same_bits.py [SAMPLES]. Streams 1, 2 and 16 compute past taps in blocks of 16, 8 and 1.
"""

import sys
import time

import numpy as np
import torch
import wavegen_native

from wavegen.benchmarking.configurations import configuration
from wavegen.benchmarking.peers import wavenet_of
from wavegen.engine import open_engine

WAYS = [(1, 1), (1, 2), (2, 1), (3, 1), (16, 1), (32, 2)]  # streams and threads


def main(samples: int) -> int:
    model = configuration("A")
    with torch.no_grad():  # untrained, it would say nearly the same of every sample
        wavenet_of(model).output.weight.mul_(8)
    expected: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    failures = 0
    for precision in ("float32", "bfloat16", "int8"):
        for isa in wavegen_native.instruction_sets():
            for streams, threads in WAYS:
                begun = time.monotonic()
                engine = open_engine(model, streams, engine="cpu", threads=threads, isa=isa, precision=precision)
                share = 8 if streams >= 16 else 1  # or it would take all day
                share = 40 if isa == "portable" else share
                pcm, log2_prob = engine.generate(samples // share, range(streams))
                fed = open_engine(model, streams, engine="cpu", threads=threads, isa=isa, precision=precision).feed(pcm)
                # The first stream has the same seed everywhere, and slow ways draw fewer samples.
                drawn = (pcm[0], log2_prob[0])
                whole = expected.setdefault(precision, (pcm[0], log2_prob[0]))
                same = all(a.tobytes() == b[: len(a)].tobytes() for a, b in zip(drawn, whole, strict=True))
                same = same and fed.tobytes() == log2_prob.tobytes()
                failures += not same
                seconds = time.monotonic() - begun
                print(f"{precision:8} {isa:10} {streams:2} streams {threads} threads: ", end="")
                print(f"{'the same' if same else 'DIFFERENT'} ({seconds:.1f} s)", flush=True)
    print("all the same" if not failures else f"{failures} differ")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
