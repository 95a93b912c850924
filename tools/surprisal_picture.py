"""Draws docs/media/surprisal.svg: a recording that `allison` was not trained on, and its surprisal beside FLAC's bits.

    python tools/surprisal_picture.py            # writes the picture
    python tools/surprisal_picture.py --check    # exit code 1 if the picture is out of date

The figures are those of `wavegen score allison RECORDING --window 0.02 --engine cpu --json`, the same on every machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import wavegen
from wavegen.assets import speech
from wavegen.audio import files as audio_files

PICTURE = Path(__file__).parent.parent / "docs" / "media" / "surprisal.svg"
RECORDING = "en_US_f_Allison/please-try-call-later.flac"
WINDOW = 0.02  # seconds
WIDTH, LEFT, RIGHT = 860, 52, 12
WAVE, BITS = (24, 120), (160, 330)  # top and bottom of the two panels
MAX_BITS = 16
BLUE, ORANGE, GREY = "#1f6fb4", "#c4621a", "#808080"


def drawing() -> str:
    """The picture as SVG."""
    path = speech.folder() / RECORDING
    result = wavegen.score(wavegen.load("allison"), [path], window=WINDOW, engine="cpu")
    (file,) = result["files"]
    pcm = audio_files.read(path).pcm
    seconds = len(pcm) / result["sample_rate"]
    curves = (
        (f"allison: {file['bits_per_sample']:.2f} bits per sample", BLUE, file["surprisal"]),
        (f"FLAC: {file['flac_bits_per_sample']:.2f}", ORANGE, file["flac_surprisal"]),
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 372" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(LEFT, 16, f"waveform, {Path(RECORDING).stem}"),
        f'<path d="{_wave(pcm)}" stroke="{GREY}" fill="none"/>',
        _text(LEFT, 152, f"surprisal, mean of {round(1000 * WINDOW)} ms, bits per 16-bit sample"),
        *_grid(),
    ]
    for number, (label, colour, values) in enumerate(curves):
        parts.append(f'<path d="{_curve(values, seconds)}" stroke="{colour}" stroke-width="1.6" fill="none"/>')
        parts.append(_text(WIDTH - 320 + 215 * number, 152, label, colour))
    parts += [_text(_x(tick / 2, seconds), BITS[1] + 18, f"{tick / 2:g} s") for tick in range(int(2 * seconds) + 1)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(second: float, seconds: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / seconds


def _wave(pcm: np.ndarray) -> str:
    """A vertical line for each pixel, from the least sample to the largest."""
    middle, half = sum(WAVE) / 2, (WAVE[1] - WAVE[0]) / 2 / np.abs(pcm.astype(np.int32)).max()
    pieces = np.array_split(pcm.astype(np.int32), WIDTH - LEFT - RIGHT)
    return "".join(
        f"M{LEFT + i} {middle - half * piece.max():.1f}V{middle - half * piece.min():.1f}"
        for i, piece in enumerate(pieces)
    )


def _y(bits: float) -> float:
    return BITS[1] - (BITS[1] - BITS[0]) * bits / MAX_BITS


def _curve(values: Sequence[float], seconds: float) -> str:
    points = (f"{_x((i + 0.5) * WINDOW, seconds):.1f} {_y(bits):.1f}" for i, bits in enumerate(values))
    return "M" + "L".join(points)


def _grid() -> list[str]:
    lines = []
    for bits in range(0, MAX_BITS + 1, 2):
        lines.append(f'<path d="M{LEFT} {_y(bits):.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        lines.append(_text(LEFT - 24, _y(bits) + 4, str(bits)))
    return lines


def _text(x: float, y: float, text: str, colour: str = "#404040") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{text}</text>'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    drawn = drawing()
    if parser.parse_args().check:
        sys.exit(0 if PICTURE.read_text() == drawn else f"{PICTURE}: run python tools/surprisal_picture.py")
    PICTURE.write_text(drawn)


if __name__ == "__main__":
    main()
