"""Draws speech from the bundled model, at three temperatures, from the same random words.

python examples/draw_speech.py [FOLDER] [SECONDS]
"""

import sys
from pathlib import Path

import wavegen


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "drawn")
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    folder.mkdir(exist_ok=True)
    model = wavegen.load("allison")
    for temperature in (0.8, 0.9, 1.0):
        draws = wavegen.generate(
            model, num_samples=round(seconds * model.sample_rate), seeds=[3], temperature=temperature
        )
        (path,) = draws.write(folder / f"temperature-{temperature}.wav", force=True)
        bits = draws.draws[0].bits_per_sample
        print(f"{path}: {bits:.3f} bits per sample, {draws.real_time_factor:.1f} times real time")


if __name__ == "__main__":
    main()
