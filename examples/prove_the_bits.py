"""Proves a likelihood: compresses a recording to the bits that the model claims, and restores every byte.

python examples/prove_the_bits.py [FOLDER]
"""

import sys
from pathlib import Path

import wavegen


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "proof")
    folder.mkdir(exist_ok=True)
    model = wavegen.load("allison")
    (wav,) = wavegen.generate(model, num_samples=16000, seeds=[7]).write(folder / "drawn.wav", force=True)
    small, back = folder / "drawn.wgn", folder / "back.wav"

    claimed = wavegen.score(model, wav, engine="cpu")["bits_per_sample"] * 16000 / 8
    wavegen.compress(model, [(wav, small)], force=True)
    wavegen.decompress(model, [(small, back)], force=True)

    print(f"claimed {claimed:.0f} bytes, {small} has {small.stat().st_size}, {wav} {wav.stat().st_size}")
    if back.read_bytes() != wav.read_bytes():
        sys.exit("the restored file differs")
    print("the restored file is the same, byte for byte")


if __name__ == "__main__":
    main()
