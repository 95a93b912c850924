"""Where the frames of a spectrogram lie in a recording, and what stands for the samples before and after it.

A model takes frame t // hop for sample t, or the last one. Hence the frames here are those whose middles lie nearest to
these samples, one for the start of a recording first; a toolkit's file may begin with earlier ones, `lead` of them,
and end with later ones, `tail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Span(NamedTuple):
    """Frames of a recording: the sample at which the first starts, 0 being the recording's first, and their number."""

    start: int
    number: int


@dataclass(frozen=True)
class Framing:
    """A rule for frames of `n_fft` samples, each `hop` samples after the one before it.

    Sizes are even `n_fft`, and `hop` up to that. `kind` is one of

    - "centred": frame k is around sample k · hop, and there are 1 + ⌊samples / hop⌋;
    - "inner": frame k is around the middle of its hop, and there are ⌊samples / hop⌋, or ⌊(samples − 1) / hop⌋ for an
      odd hop, one at least; a recording shorter than a hop goes on in zeros to its end;
    - "whole": every frame in which there is a sample of the recording; that around sample k · hop, or around the
      middle of its hop if n_fft / hop is odd, belongs to hop k, and there are ⌈samples / hop⌉ of these.

    Beyond its ends a recording is mirrored if `mirrored`, its first and last sample standing once, else in zeros.
    """

    kind: str
    mirrored: bool

    def span(self, samples: int, hop: int, n_fft: int, in_file: bool = False) -> Span:
        """The frames of a recording of so many samples; with `in_file`, all that a toolkit's file has."""
        lead, tail = (self.lead(hop, n_fft), self.tail(hop, n_fft)) if in_file else (0, 0)
        return Span(self.first(hop, n_fft) - lead * hop, lead + self.number(samples, hop, n_fft) + tail)

    def first(self, hop: int, n_fft: int) -> int:
        """The first sample of frame 0, 0 being that of the recording; negative."""
        if self.kind == "centred":
            return -(n_fft // 2)
        if self.kind == "inner":
            return -((n_fft - hop) // 2)
        return self.lead(hop, n_fft) * hop - (n_fft - hop)

    def number(self, samples: int, hop: int, n_fft: int) -> int:
        """How many frames so many samples have, one at least."""
        if self.kind == "whole":
            return -(-samples // hop)
        padding = 2 * -self.first(hop, n_fft)
        return max(1, 1 + (samples + padding - n_fft) // hop)

    def lead(self, hop: int, n_fft: int) -> int:
        """How many frames a toolkit's file has before frame 0."""
        return (n_fft // hop - 1) // 2 if self.kind == "whole" else 0

    def tail(self, hop: int, n_fft: int) -> int:
        """How many frames a toolkit's file has after the last."""
        return n_fft // hop // 2 if self.kind == "whole" else 0

    def continued(self, pcm: NDArray[np.int16], hop: int) -> NDArray[np.int16]:
        """The recording as it is framed, (samples,): itself, but for zeros after a very short one."""
        missing = hop - len(pcm) if self.kind == "inner" else 0
        return np.pad(pcm, (0, missing)) if missing > 0 else pcm

    def stretch(self, pcm: NDArray[np.int16], start: int, stop: int) -> NDArray[np.float64]:
        """Samples start to stop of full scale 1, (stop − start,); those beyond the ends of `pcm` as the rule says."""
        taken = np.arange(start, stop)
        inside = (taken >= 0) & (taken < len(pcm))
        if self.mirrored:
            period = max(1, 2 * (len(pcm) - 1))
            taken %= period
            taken = np.minimum(taken, period - taken)
            inside[:] = True
        found = np.zeros(len(taken))
        found[inside] = pcm[taken[inside]]
        return found / 32768


CENTRED = Framing("centred", mirrored=True)
CENTRED_IN_ZEROS = Framing("centred", mirrored=False)
INNER = Framing("inner", mirrored=True)
WHOLE = Framing("whole", mirrored=False)
