"""The conditions that a model takes, by settings: speakers and frames, shapes of weights, multiply-adds of a frame."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, MaxLen, MinLen

from wavegen.audio.spectral.names import ALIASES, Convention
from wavegen.models.configs.base import Aliases, part_of

ALL = "*"  # in a recipe: all speakers of the corpus's training split
MAX_SPEAKERS = 2**16
F0_CHANNELS = 2  # log F0, 0 where unvoiced, and 1 where voiced
Speaker = Annotated[str, MinLen(1), MaxLen(200)]
Size = Annotated[int, Ge(16), Le(16384)]
Frequency = Annotated[int, Ge(0), Le(192000)]


@dataclass(frozen=True)
class ConditioningConfig:
    """An embedding of the speaker and an encoder of frames, which make one vector for each frame.

    F = `frame_channels` numbers a frame: `bands` of a mel spectrogram where `mel` names its convention, then log F0
    and whether the frame is voiced where `f0` is true. The encoder sees `look_ahead` frames on either side of each.
    A frame has `hop` samples.
    """

    name: ClassVar[str] = "encoder"

    _: KW_ONLY
    speakers: Annotated[Sequence[Speaker], MaxLen(MAX_SPEAKERS)] = ()
    mel: Annotated[Literal["", Convention], Aliases(ALIASES)] = ""
    hop: Annotated[int, Ge(64), Le(512)] = 128
    n_fft: Size = 1024
    win_length: Size = 1024
    bands: Annotated[int, Ge(1), Le(512)] = 80
    fmin: Frequency = 80  # Hz
    fmax: Frequency = 7600
    f0: bool = False
    channels: Annotated[int, Ge(1), Le(1024)] = 64
    look_ahead: Annotated[int, Ge(0), Le(16)] = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "speakers", tuple(self.speakers))  # a file's header has a list

    @property
    def mel_channels(self) -> int:
        """How many numbers of a frame are its mel spectrum, the first ones."""
        return self.bands if self.mel else 0

    @property
    def frame_channels(self) -> int:
        """How many numbers a frame is; 0 where speakers are the only condition."""
        return self.mel_channels + (F0_CHANNELS if self.f0 else 0)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight, by its name in the torch module's state dict."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.speakers:  # the first row is of unknown speakers
            shapes["speakers.weight"] = (len(self.speakers) + 1, self.channels)
        if self.frame_channels:
            shapes["mean"] = shapes["scale"] = (self.frame_channels,)
            shapes["frames.weight"] = (self.channels, (2 * self.look_ahead + 1) * (self.frame_channels + 1))
        shapes["bias"] = shapes["output.bias"] = (self.channels,)
        return shapes | {"output.weight": (self.channels, self.channels)}

    def figures(self, sample_rate: int) -> dict[str, object]:
        """The figures that follow from the settings at a sample rate in Hz, as `wavegen info` prints them.

        `speaker_rows` counts speakers and the unknown one; a frame is `frame_ms` milliseconds, and a sample needs
        frames until `look_ahead_ms` after its own.
        """
        figures: dict[str, object] = {"speaker_rows": len(self.speakers) + 1} if self.speakers else {}
        if self.frame_channels:
            frame = 1000 * self.hop / sample_rate
            figures |= {"frame_ms": round(frame, 3), "look_ahead_ms": round(self.look_ahead * frame, 3)}
        return figures

    def macs_per_sample(self, condition_macs: int) -> int:
        """The multiply-adds of a frame, divided by its samples; none where one frame is for all time.

        Args:
            condition_macs: of a frame in the network, from its encoded condition to the vectors of the layers.
        """
        if not self.frame_channels:
            return 0
        encoder = math.prod(self.shapes["frames.weight"]) + math.prod(self.shapes["output.weight"])
        return (encoder + condition_macs) // self.hop


def contradictions(settings: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Contradictions of settings that are right each by itself: a key, and the fault of the table."""
    config = part_of({"conditioning": settings}, "conditioning", CONDITIONING_CONFIGS)
    if not (config.speakers or config.frame_channels):
        yield "", "conditioning has neither speakers nor mel nor f0; give one of them, or leave [conditioning] out"
    repeated = [name for name, count in Counter(config.speakers).items() if count > 1]
    if repeated:
        yield "speakers", f"conditioning.speakers has {repeated[0]!r} twice; leave one out"
    elif ALL in config.speakers and len(config.speakers) > 1:
        yield "speakers", f"conditioning.speakers has {ALL!r}, which means all speakers, beside names; leave these out"
    if config.mel and config.fmin >= config.fmax:
        yield "fmin", f"conditioning.fmin = {config.fmin} is not below fmax = {config.fmax}"
    if config.mel and config.win_length > config.n_fft:
        yield "win_length", f"conditioning.win_length = {config.win_length} is longer than n_fft = {config.n_fft}"


CONDITIONING_CONFIGS: dict[str, type[ConditioningConfig]] = {ConditioningConfig.name: ConditioningConfig}
