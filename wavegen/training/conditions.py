"""Conditions of a training's recordings: the corpus's speakers, and the frames cached beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data.corpus import Corpus
from wavegen.data.frames import open_frames
from wavegen.errors import UserError, nearest
from wavegen.models.conditioning import Conditions
from wavegen.models.configs.base import Tables, part_of
from wavegen.models.configs.conditioning import ALL, CONDITIONING_CONFIGS, ConditioningConfig
from wavegen.models.given import UNKNOWN, Given
from wavegen.training.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.training.windows import Window

LEAST_SECONDS = 1.0  # of a speaker in the training split
DROPPED = 0.1  # of the windows, in which the speaker is unknown; of as many others the frames are absent


def with_speakers(recipe: Recipe, corpus: Corpus) -> Recipe:
    """The recipe with the names of the speakers, sorted, where it asks for all of the training split.

    Raises UserError if the training split does not know a speaker, or has too little of one.
    """
    table = recipe.model.get("conditioning", {})
    asked = table.get("speakers")
    if not isinstance(asked, list) or not asked:
        return recipe
    samples: Counter[str] = Counter()
    for recording in corpus.split("train"):
        if recording.speaker is not None:
            samples[recording.speaker] += recording.samples
    seconds = {name: count / corpus.sample_rate for name, count in samples.items()}
    if not seconds:
        said = "names no speakers in its training split; leave conditioning.speakers out, or prepare a folder for each"
        raise UserError(f"{corpus.path}: {said}")
    names = sorted(seconds) if asked == [ALL] else asked
    problems: list[str] = []
    for name in names:
        if name not in seconds:
            problems.append(f"its training split has no speaker {name!r}{nearest(name, seconds)}")
        elif seconds[name] < LEAST_SECONDS:
            little = f"has {seconds[name]:.1f} s of {name!r}, too little to learn a voice from"
            problems.append(f"{little}; name the other speakers in conditioning.speakers")
    if problems:
        raise UserError(*(f"{corpus.path}: {problem}" for problem in problems))
    model = {**recipe.model, "conditioning": {**table, "speakers": names}}
    return recipe.model_copy(update={"model": model})


class Known:
    """The conditions of the recordings of a split: the speaker of each, and its frames, which are zeros until `open`.

    Args:
        config: of the model's conditioning.
        corpus: whose speakers and frames these are.
        split: the recordings, which are counted as `Corpus.split` has them.
    """

    def __init__(self, config: ConditioningConfig, corpus: Corpus, split: str):
        self.config = config
        rows = {name: 1 + index for index, name in enumerate(config.speakers)}
        recordings = corpus.split(split)
        self.speakers = np.array([rows.get(one.speaker or "", UNKNOWN) for one in recordings], np.int64)
        self._samples = recordings.rows["samples"]
        self._frames: Sequence[NDArray[np.float32]] | None = None

    def open(self, frames: Sequence[NDArray[np.float32]]) -> None:
        """Takes the frames of the recordings, (frames, F) each."""
        self._frames = frames

    def frames(self, recording: int) -> NDArray[np.float32]:
        """The frames of a recording, (frames, F)."""
        if self._frames is None:
            return np.zeros(
                (1 + int(self._samples[recording]) // self.config.hop, self.config.frame_channels), np.float32
            )
        return self._frames[recording]

    def given(self, recording: int) -> Given:
        """The condition of a whole recording."""
        row = int(self.speakers[recording])
        speaker = None if row == UNKNOWN else self.config.speakers[row - 1]
        return Given(speaker, self.frames(recording) if self.config.frame_channels else None)

    def dropped(self, seed: int, step: int, windows: Sequence[Window]) -> list[Window]:
        """The windows of a step, in some of which the speaker is unknown or the frames are absent."""
        drawn = np.random.default_rng((seed, step, 1)).random((len(windows), 2)) < DROPPED
        return [
            window._replace(unknown=unknown, absent=absent)
            for window, (unknown, absent) in zip(windows, drawn.tolist(), strict=True)
        ]

    def read(self, windows: Sequence[Window], length: int) -> Conditions:
        """The conditions of windows of `length` samples: the frames that cover them, and those that these see."""
        config = self.config
        hop, ahead = config.hop, config.look_ahead
        count = (hop + length - 2) // hop + 1 if config.frame_channels else 1
        around = np.arange(-ahead, count + ahead)
        frames = np.zeros((len(windows), len(around), config.frame_channels), np.float32)
        last, position = np.zeros((2, len(windows)), np.int64)
        for row, window in enumerate(windows):
            if not config.frame_channels or window.absent:
                continue
            whole = self.frames(window.recording)
            first = min(window.start // hop, len(whole) - 1)
            frames[row] = whole[(first + around).clip(0, len(whole) - 1)]
            last[row] = len(whole) - 1 - first
            position[row] = window.start - first * hop
        speakers = [UNKNOWN if window.unknown else int(self.speakers[window.recording]) for window in windows]
        given = [config.frame_channels > 0 and not window.absent for window in windows]
        arrays = np.array(speakers, np.int64), frames, np.array(given), last, position
        return Conditions(*map(torch.from_numpy, arrays))

    def __len__(self) -> int:
        return len(self.speakers)


class CorpusConditions:
    """The conditions of the recordings of a corpus, split by split; none for a model without conditions.

    Args:
        model: checked tables of its parts.
        corpus: whose speakers and frames these are.

    Raises UserError for frames that no recordings of the corpus's sample rate have.
    """

    def __init__(self, model: Tables, corpus: Corpus):
        self.config = None
        self.settings: FrameSettings | None = None
        if "conditioning" in model:
            self.config = part_of(model, "conditioning", CONDITIONING_CONFIGS)
            self.settings = frame_settings(self.config, corpus)
        self.corpus = corpus
        self._known: dict[str, Known] = {}

    def of(self, split: str) -> Known | None:
        """The conditions of the recordings of a split."""
        if self.config is not None and split not in self._known:
            self._known[split] = Known(self.config, self.corpus, split)
        return self._known.get(split)

    def open(self, progress: bool = False) -> None:
        """Opens the frames of the recordings, which are computed first if they are not there yet.

        With `progress` a bar on stderr shows how. Raises UserError.
        """
        if self.settings is None:
            return
        frames = open_frames(self.corpus, self.settings, progress)
        for split, known in self._known.items():
            known.open(frames.split(split))


def frame_settings(config: ConditioningConfig, corpus: Corpus) -> FrameSettings | None:
    """The settings of a corpus's frames; None where a model takes none.

    Raises UserError for frames that no recordings of the corpus's sample rate have.
    """
    if not config.frame_channels:
        return None
    try:
        return FrameSettings.of(config, corpus.sample_rate)
    except UserError as error:
        said = str(error).replace("`", "")  # these are keys of the recipe here
        raise UserError(f"{corpus.path}: frames as [conditioning] asks for them: {said}") from error
