"""Conditions of scored recordings: their speakers, and frames that are computed of them or cached with a corpus."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wavegen.data.corpus import Corpus
from wavegen.data.index import Recording
from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take
from wavegen.models.condition_kinds import SPEAKER, WRONG_SPEAKER, Kind, kind_of
from wavegen.models.frames import frame_settings, frames_of
from wavegen.models.given import Given
from wavegen.models.model import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Giving = Callable[[], Given]


class Giver:
    """Gives a model the conditions of recordings, and counts those whose speaker it knows.

    Args:
        model: whose config takes conditions of that `kind`.
        kind: which conditions it is given.
        speaker: of all recordings; by default each recording's own, as a corpus tells it.
        asked: whether the kind was asked for, so that what cannot be told is an error.
    """

    def __init__(self, model: Model, kind: Kind, speaker: str | None = None, asked: bool = False):
        self.model = model
        self.kind = kind
        self.speaker = speaker
        self.asked = asked
        self.told = 0  # recordings whose speaker the model is told
        self.untold = 0  # recordings of a corpus whose speaker it is not told

    @classmethod
    def of(cls, model: Model, given: str | None, speaker: str | None) -> Giver:
        """For conditions in words: see `wavegen.models.condition_kinds.kind_of`. Raises UserError as that does."""
        return cls(model, kind_of(model.conditioning, given, speaker), speaker, given is not None)

    def of_file(self, pcm: Callable[[], NDArray[np.int16]]) -> Giving:
        """The condition of a recording by itself, which `pcm` reads.

        Raises UserError if a speaker was asked for whom nobody names.
        """
        if self.kind.speaker and self.asked and self.speaker is None:
            said = f"`given={self.kind.words!r}` is for corpora, which say who speaks; name the `speaker`"
            raise UserError(said, parameter=("given", "speaker"))
        speaker = self.speaker if self.kind.speaker else None
        self.told += speaker is not None  # an unknown one is what the caller says
        return lambda: Given(speaker, frames_of(self.model, pcm()) if self.kind.frames else None)

    def of_corpus(self, corpus: Corpus, recordings: Sequence[Recording], progress: bool = False) -> list[Giving]:
        """The condition of each of these recordings of a corpus; `progress` shows a bar while frames are computed."""
        speakers = [self._counted(self._speaker_of(recording)) for recording in recordings]
        settings = frame_settings(self.model) if self.kind.frames else None
        if settings is None:
            return [lambda who=who: Given(who) for who in speakers]
        from wavegen.data.frames import open_frames  # librosa, for which no other model waits

        frames = open_frames(corpus, settings, progress)
        return [
            lambda who=who, recording=recording: Given(who, frames.of(recording))
            for who, recording in zip(speakers, recordings, strict=True)
        ]

    def takes(self, corpus: Corpus, recordings: Sequence[Recording], progress: bool = False) -> list[Take]:
        """Recordings of a corpus with their conditions, to be scored."""
        return [
            Take(recording.id, recording.samples, functools.partial(corpus.pcm, recording), given)
            for recording, given in zip(recordings, self.of_corpus(corpus, recordings, progress), strict=True)
        ]

    @property
    def condition(self) -> str | None:
        """The condition's name in reports; it has a speaker if the model was given the speaker of any recording."""
        return self._told_kind.condition(self.model.conditioning, self.speaker)

    @property
    def _told_kind(self) -> Kind:
        return self.kind if self.told else replace(self.kind, speaker="")

    def warnings(self, name: str = "the model") -> list[str]:
        """A line if speakers were asked for and the model, which `name` calls, does not know that of each recording."""
        if self.kind.speaker != SPEAKER or not self.untold:
            return []
        whole = self.told + self.untold
        which = f"{self.untold} of {whole} recordings are" if self.told else "all recordings are"
        return [f"{name}: {which} of speakers that it does not know; scored as of unknown ones"]

    def _speaker_of(self, recording: Recording) -> str | None:
        """The speaker that the model is told, None for an unknown one."""
        known = () if self.model.conditioning is None else self.model.conditioning.speakers
        if self.kind.speaker == SPEAKER:
            return self.speaker or (recording.speaker if recording.speaker in known else None)
        if self.kind.speaker != WRONG_SPEAKER:
            return None
        others = [each for each in known if each != recording.speaker]
        drawn = hashlib.blake2b(recording.id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return others[int.from_bytes(drawn, "little") % len(others)]  # the same in every comparison

    def _counted(self, speaker: str | None) -> str | None:
        if speaker is None:
            self.untold += 1
        else:
            self.told += 1
        return speaker
