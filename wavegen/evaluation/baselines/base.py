"""What every classical coder is to the comparison: a name, and bits per file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Baseline(Protocol):
    """A coder whose total bits for given files stand beside the models'."""

    @property
    def name(self) -> str:
        """As tables show it and `against` names it."""
        ...

    def missing(self) -> str | None:
        """None if it can run here, otherwise one line that says what is missing and how to get it."""
        ...

    def bits(
        self,
        pcms: Sequence[NDArray[np.int16]],
        sample_rate: int,
        training_recordings: Iterable[NDArray[np.int16]],
        progress: str | None = None,
    ) -> NDArray[np.float64]:
        """Bits of each of `pcms`, (samples,) int16 each, as (files,) float64; not to be called where it is missing.

        `progress` is the label of a bar on stderr.
        """
        ...


def nothing_missing() -> None:
    """What a coder lacks that needs nothing beyond the package."""


@dataclass(frozen=True)
class FileByFile:
    """A coder that learns nothing from training: `file_bits(pcm, sample_rate)` of each file by itself."""

    name: str
    file_bits: Callable[[NDArray[np.int16], int], float]
    missing: Callable[[], str | None] = nothing_missing

    def bits(
        self,
        pcms: Sequence[NDArray[np.int16]],
        sample_rate: int,
        training_recordings: Iterable[NDArray[np.int16]],
        progress: str | None = None,
    ) -> NDArray[np.float64]:
        from tqdm import tqdm  # `score` counts FLAC's bits without it

        bar = tqdm(pcms, desc=progress, unit="file", leave=False, disable=None if progress else True)
        return np.array([self.file_bits(pcm, sample_rate) for pcm in bar], np.float64)
