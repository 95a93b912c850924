"""Which conditions a model is given, as callers ask for them and as reports name them; without torch."""

from __future__ import annotations

from dataclasses import dataclass

from wavegen.errors import UserError, nearest
from wavegen.models.configs.conditioning import ConditioningConfig
from wavegen.models.given import Given, speaker_row

NOTHING, SPEAKER, WRONG_SPEAKER, FRAMES = "nothing", "speaker", "wrong-speaker", "frames"
WORDS = (NOTHING, SPEAKER, WRONG_SPEAKER, FRAMES)


@dataclass(frozen=True)
class Kind:
    """Which conditions a model is given: none by default.

    Args:
        speaker: SPEAKER for the one that is named or a recording's own, WRONG_SPEAKER for another of the model's, ""
            for an unknown one.
        frames: whether it is given frames.
    """

    speaker: str = ""
    frames: bool = False

    def __bool__(self) -> bool:
        return bool(self.speaker) or self.frames

    @classmethod
    def all_of(cls, config: ConditioningConfig | None) -> Kind:
        """Everything that a model takes, which has that config or, if it is None, no conditions."""
        if config is None:
            return cls()
        return cls(SPEAKER if config.speakers else "", config.frame_channels > 0)

    @classmethod
    def parsed(cls, text: str) -> Kind:
        """The kind in words: `nothing`, or one or more of `speaker`, `wrong-speaker` and `frames` joined by +.

        Raises UserError for others.
        """
        words = [word.strip() for word in text.split("+")]
        for word in words:
            if word not in WORDS:
                said = f"`given={text!r}`: no such condition as {word!r}{nearest(word, WORDS)}"
                raise UserError(said, parameter="given")
        speakers = [word for word in words if word in (SPEAKER, WRONG_SPEAKER)]
        if len(words) > 1 and (NOTHING in words or len(speakers) > 1 or len(set(words)) < len(words)):
            raise UserError(f"`given={text!r}`: these do not go together; leave one out", parameter="given")
        return cls("".join(speakers), FRAMES in words)

    @property
    def words(self) -> str:
        """The kind as `parsed` takes it."""
        return "+".join(word for word in (self.speaker, FRAMES if self.frames else "") if word) or NOTHING

    def is_taken(self, config: ConditioningConfig | None) -> bool:
        """Whether a model with that config takes all of it."""
        every = Kind.all_of(config)
        return (every.frames or not self.frames) and (bool(every.speaker) or not self.speaker)

    def name(self, config: ConditioningConfig | None, speaker: str | None = None) -> str:
        """A few words for what a model with that config is given, as `speaker anna, mel`; "nothing" for nothing.

        `speaker` is the name of the speaker of all recordings, if that is one.
        """
        return self._joined(speaker, "" if config is None else _frames(config))

    def condition(self, config: ConditioningConfig | None, speaker: str | None = None) -> str | None:
        """`name`, with all that tells one model's frames from another's; None for nothing.

        Likelihoods with different conditions say different things: only those whose text is the same are ranked.
        """
        if not self or config is None:
            return None
        of_mel = f"{config.mel}, {config.bands} bands of {config.fmin} to {config.fmax} Hz, " if config.mel else ""
        return self._joined(speaker, f"{_frames(config)} ({of_mel}hop {config.hop})")

    def _joined(self, speaker: str | None, frames: str) -> str:
        who = self.speaker.replace("-", " ")
        if speaker is not None and self.speaker == SPEAKER:
            who = f"{SPEAKER} {speaker}"
        return ", ".join(part for part in (who, frames if self.frames else "") if part) or NOTHING


def kind_of(config: ConditioningConfig | None, given: str | None, speaker: str | None = None) -> Kind:
    """The kind of condition that a model with that config is given, asked for in words (None: all that it takes).

    Args:
        config: None for a model without conditions.
        given: see `Kind.parsed`.
        speaker: the name of the speaker of all recordings, if it is known.

    Raises UserError for what the model does not take, a speaker that it does not know, and contradictions.
    """
    speaker_row(config, speaker)
    if given is None:
        return Kind.all_of(config)
    kind = Kind.parsed(given)
    check_taken(config, kind)
    if speaker is not None and kind.speaker != SPEAKER:
        said = f"`speaker={speaker!r}` and `given={given!r}` contradict each other; leave one out"
        raise UserError(said, parameter=("speaker", "given"))
    return kind


def kind_given(given: Given) -> Kind:
    """The kind of a recording's condition."""
    return Kind(SPEAKER if given.speaker is not None else "", given.frames is not None)


def check_taken(config: ConditioningConfig | None, kind: Kind, name: str = "the model") -> None:
    """Raises UserError unless a model with that config, which `name` calls, takes conditions of that kind."""
    if not kind.is_taken(config):
        takes = Kind.all_of(config).words
        said = f"{name} takes {takes.replace('+', ' and ')}, not {kind.words.replace('+', ' and ')}"
        raise UserError(f"{said}; give it `given={takes!r}`", parameter="given")
    if kind.speaker == WRONG_SPEAKER and config is not None and len(config.speakers) < 2:
        raise UserError(
            f"{name} knows one speaker, and no wrong one; leave wrong-speaker out of `given`", parameter="given"
        )


def _frames(config: ConditioningConfig) -> str:
    return " and ".join(part for part in ("mel" if config.mel else "", "F0" if config.f0 else "") if part)
