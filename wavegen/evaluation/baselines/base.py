"""The interface of classical coders to the comparison: a name, and bits per file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wavegen.system.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

Recordings: TypeAlias = "Iterable[NDArray[np.int16]]"  # (samples,) each
Coder: TypeAlias = "Callable[[NDArray[np.int16]], float]"  # the bits of a recording


def nothing_missing() -> None:
    """For a coder that needs nothing beyond the package."""


def without_training(file_bits: Callable[[NDArray[np.int16], int], float]) -> Callable[[int, Recordings], Coder]:
    """Opens a coder that learns nothing from training: `file_bits(pcm, sample_rate)` of each file by itself."""

    def opened(sample_rate: int, training: Recordings) -> Coder:
        return lambda pcm: file_bits(pcm, sample_rate)

    return opened


@dataclass(frozen=True)
class Baseline:
    """A coder whose bits for given files stand beside the models'.

    Args:
        name: in tables, and for `against` and `without`.
        opened: a sample rate in Hz and the training recordings to the coder.
        missing: None if it can run here, otherwise one line with the reason and the cure.
    """

    name: str
    opened: Callable[[int, Recordings], Coder]
    missing: Callable[[], str | None] = nothing_missing

    def bits(
        self, pcms: Sequence[NDArray[np.int16]], sample_rate: int, training: Recordings, label: str | None = None
    ) -> NDArray[np.float64]:
        """Bits of each file; not to be called where it is missing.

        Args:
            pcms: (samples,) int16 each.
            sample_rate: Hz.
            training: the training recordings.
            label: of a bar on stderr; None shows none.

        Returns:
            (files,) float64.
        """
        coder = self.opened(sample_rate, training)
        bits = np.empty(len(pcms))
        with progress_bar(sum(map(len, pcms)), label) as bar:
            for index, pcm in enumerate(pcms):
                bits[index] = coder(pcm)
                bar.update(len(pcm))
        return bits
