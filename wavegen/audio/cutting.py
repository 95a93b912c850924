"""Cuts long recordings into pieces, each at a quiet place."""

from __future__ import annotations

import numpy as np

from wavegen.errors import UserError

SHORTEST, LONGEST = 1, 3600  # seconds that pieces may be asked to last
FRAME, PAUSE = 0.01, 0.2  # seconds over which loudness is measured, and over which it should be low
FRAMES_AT_ONCE = 1024
REACH = 0.25  # of a piece's length: a cut moves as far to either side of an even one


def check_cut(seconds: float) -> None:
    """Raises UserError unless recordings can be cut into pieces of so many seconds."""
    if not SHORTEST <= seconds <= LONGEST:
        said = f"`cut={seconds:g}`: give a length from {SHORTEST} to {LONGEST} seconds, as `cut=10`"
        raise UserError(said, parameter="cut")


def piece_lengths(pcm: np.ndarray, sample_rate: int, seconds: float) -> list[int]:
    """The lengths in samples of the pieces of `pcm`, (samples,) int16; they add up to its length.

    Pieces last about `seconds`, from a third to two and a quarter of it. Each of the even cuts is moved to the
    quietest place within a quarter of a piece.
    """
    pieces = max(1, round(len(pcm) / (seconds * sample_rate)))
    even = len(pcm) / pieces
    cuts = [_quietest(pcm, round(number * even), round(REACH * even), sample_rate) for number in range(1, pieces)]
    return np.diff([0, *cuts, len(pcm)]).tolist()


def _quietest(pcm: np.ndarray, cut: int, reach: int, sample_rate: int) -> int:
    """The middle of the PAUSE of least variance within `reach` samples of `cut`; of equal ones the nearest to it."""
    frame = max(1, min(round(FRAME * sample_rate), reach))
    frames = max(1, 2 * reach // frame)
    start = cut - frames * frame // 2
    stretch = pcm[start : start + frames * frame].reshape(frames, frame)
    blocks = (stretch[first : first + FRAMES_AT_ONCE] for first in range(0, frames, FRAMES_AT_ONCE))
    variances = np.concatenate([block.astype(np.float64).var(axis=1) for block in blocks])
    pause = min(frames, round(PAUSE / FRAME))
    loudness = np.lib.stride_tricks.sliding_window_view(variances, pause).mean(axis=1)
    middles = start + frame * pause // 2 + frame * np.arange(len(loudness))
    return int(middles[np.lexsort([np.abs(middles - cut), loudness])[0]])
