"""Frames of every recording of a corpus: computed once, kept in a file beside it, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data.corpus import Corpus, Stretches
from wavegen.data.frame_plan import Plan
from wavegen.data.index import Recording
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class CorpusFrames:
    """The frames of a corpus: `values` is (frames of all recordings, F) float32, memory-mapped and read-only.

    `starts` and `lengths`, (recordings,) int64, say where those of each recording lie, in the corpus's order.
    """

    corpus: Corpus
    settings: FrameSettings
    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def of(self, recording: Recording) -> NDArray[np.float32]:
        """The frames of a recording of the corpus, (frames, F), a view; sample t has frame t // hop, or the last."""
        number = int(np.searchsorted(self.corpus.recordings.rows["offset"], recording.offset))
        return self.values[self.starts[number] :][: self.lengths[number]]

    def split(self, name: str) -> Stretches[np.float32]:
        """Those of each recording of a split, (frames, F) views, in the order of `Corpus.split` and `Corpus.pcms`."""
        if name not in SPLITS:
            raise UserError(f"{name} is not a split{nearest(name, SPLITS)}")
        these = self.corpus.recordings.rows["split"] == SPLITS.index(name)
        return Stretches(self.values, self.starts[these], self.lengths[these])


def open_frames(corpus: Corpus, settings: FrameSettings, progress: bool = False) -> CorpusFrames:
    """The frames of a corpus, computed unless that has been done before.

    They are kept in the corpus's folder or, where that cannot be written, in the user's cache folder. Several processes
    may call this at once: one of them computes, the others wait. An interrupted computation goes on at the next call.

    Args:
        corpus: of sound.
        settings: what frames are, at the corpus's sample rate.
        progress: shows a bar on stderr.

    Raises UserError for another sample rate, samples that are not those that were prepared, too small a disk, or if
    neither folder can be written.
    """
    if corpus.sample_rate != settings.sample_rate:
        said = f"{corpus.path}: has {corpus.sample_rate} Hz, and the frames are to be of {settings.sample_rate} Hz"
        raise UserError(f"{said}; prepare it again with `sample_rate`", parameter="sample_rate")
    plan = Plan(corpus, settings)
    for file in plan.candidates():
        if (values := plan.opened(file)) is not None:
            break
    else:
        from wavegen.data.frame_files import make  # what computes, for which nobody waits who opens a file

        values = plan.mapped(make(plan, progress))
    return CorpusFrames(corpus, settings, values, plan.starts, plan.lengths)
