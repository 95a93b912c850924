"""The form of a recording: sound of a sample rate, or pictures of a size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypedDict, cast

import numpy as np

from wavegen.audio.cutting import piece_lengths
from wavegen.audio.headers import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wavegen.errors import UserError, nearest
from wavegen.jsontypes import Json
from wavegen.models.ranges import picture_figures, sound_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURE_SHAPE = "picture_shape"  # the key of a picture's sizes in headers
EARLIER_SHAPE = "grid"  # in files made before
AUDIO, PICTURES = KINDS = "audio", "pictures"  # of models, as a recipe's density.name says
MAX_SIDE, MAX_CHANNELS, MAX_LEVELS, MAX_DIMENSIONS = 1024, 4, 256, 2**20


class Form(Protocol):
    """The form that all recordings of a corpus have, and those that a model is of.

    Forms are frozen and compared by their values. `str(form)` is hashed into fingerprints and seals: it never changes.
    """

    kind: ClassVar[str]  # of the models of such recordings
    element: ClassVar[str]  # the word for one number of a recording
    measure: ClassVar[str]  # the word for the form's own numbers

    @property
    def sample_rate(self) -> int | None:
        """Of sound, in Hz; None of pictures."""

    @property
    def name(self) -> str:
        """The form as people write it."""
        ...

    @property
    def entry(self) -> Json:
        """Its entry in the header of a file, which `form_of` reads."""
        ...

    def num_samples(self, seconds: float, pictures: int) -> int:
        """How many numbers so many seconds of sound, or so many pictures, have."""
        ...

    def check(self, samples: NDArray[np.integer]) -> None:
        """Raises ValueError with what is wrong if some of the samples, any shape, cannot be of this form."""

    def figures(self, recording: NDArray[np.integer], max_samples: int | None = None) -> dict[str, float]:
        """The figures that `wavegen.models.ranges` compares.

        Args:
            recording: (samples,) integer.
            max_samples: of a longer sound, evenly spread stretches with so many samples in all are measured.

        Returns the value of each quantity by its key.
        """
        ...

    def pieces(self, recording: NDArray[np.integer], seconds: float) -> list[NDArray[np.integer]]:
        """The pieces of about so many seconds that `prepare` cuts a recording into."""
        ...


@dataclass(frozen=True)
class AudioForm:
    """Mono sound of one sample rate, in Hz, in 16-bit codes.

    Raises ValueError for a rate that is no whole number, or out of range.
    """

    sample_rate: int

    kind: ClassVar[str] = AUDIO
    element: ClassVar[str] = "sample"
    measure: ClassVar[str] = "rate"

    def __post_init__(self) -> None:
        _check_whole("sample_rate", self.sample_rate, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)

    def __str__(self) -> str:
        return str(self.sample_rate)

    @property
    def name(self) -> str:
        return f"{self.sample_rate} Hz"

    @property
    def entry(self) -> Json:
        return {**asdict(self)}

    def num_samples(self, seconds: float, pictures: int) -> int:
        return round(seconds * self.sample_rate)

    def check(self, samples: NDArray[np.integer]) -> None:
        """Every 16-bit number is a sample."""

    def figures(self, recording: NDArray[np.integer], max_samples: int | None = None) -> dict[str, float]:
        return sound_figures(recording, self.sample_rate, max_samples)

    def pieces(self, recording: NDArray[np.integer], seconds: float) -> list[NDArray[np.integer]]:
        return np.split(recording, np.cumsum(piece_lengths(recording, self.sample_rate, seconds))[:-1])


class PictureShape(TypedDict):
    """The size of pictures and how many levels a number has."""

    height: int
    width: int
    channels: int
    levels: int


@dataclass(frozen=True)
class PictureForm:
    """Pictures of one size: their numbers lie row by row, a pixel's channels side by side, each from 0 to `levels` − 1.

    Raises ValueError for sizes that are no whole numbers, or out of range.
    """

    height: int
    width: int
    channels: int
    levels: int

    kind: ClassVar[str] = PICTURES
    element: ClassVar[str] = "dimension"
    measure: ClassVar[str] = "picture shape"

    def __post_init__(self) -> None:
        _check_whole("height", self.height, 1, MAX_SIDE)
        _check_whole("width", self.width, 1, MAX_SIDE)
        _check_whole("channels", self.channels, 1, MAX_CHANNELS)
        _check_whole("levels", self.levels, 2, MAX_LEVELS)
        if self.dimensions > MAX_DIMENSIONS:
            raise ValueError(f"{self.dimensions} dimensions are more than {MAX_DIMENSIONS}")

    def __str__(self) -> str:
        return f"{self.height} x {self.width} x {self.channels} of {self.levels} levels"

    @property
    def dimensions(self) -> int:
        """How many numbers a picture has."""
        return self.height * self.width * self.channels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def sizes(self) -> PictureShape:
        """The shape and the number of levels, as headers and results have them."""
        return {"height": self.height, "width": self.width, "channels": self.channels, "levels": self.levels}

    @property
    def sample_rate(self) -> None:
        return None

    @property
    def name(self) -> str:
        return str(self)

    @property
    def entry(self) -> Json:
        return {PICTURE_SHAPE: asdict(self)}

    def num_samples(self, seconds: float, pictures: int) -> int:
        return pictures * self.dimensions

    def check(self, samples: NDArray[np.integer]) -> None:
        highest = int(samples.view(f"u{samples.itemsize}").max(initial=0))  # unsigned: a negative number is large
        if highest >= self.levels:
            raise ValueError(f"has a level of {highest} where the pictures have 0 to {self.levels - 1}")

    def figures(self, recording: NDArray[np.integer], max_samples: int | None = None) -> dict[str, float]:
        return picture_figures(recording, self.levels)

    def pieces(self, recording: NDArray[np.integer], seconds: float) -> list[NDArray[np.integer]]:
        return [recording]


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} = {value!r} is not a whole number from {low} to {high}")


def form_of(entry: Mapping[str, object]) -> Form:
    """The form whose `entry` is among other keys. Raises KeyError, TypeError or ValueError if it is damaged."""
    key = next((key for key in (PICTURE_SHAPE, EARLIER_SHAPE) if key in entry), None)
    if key is None:
        return AudioForm(_whole(entry["sample_rate"]))
    shape = entry[key]
    if not isinstance(shape, dict):
        raise TypeError(f"{PICTURE_SHAPE} is no table")
    return PictureForm(**{str(name): _whole(size) for name, size in cast(Json, shape).items()})


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def kind_named(tables: Mapping[str, object], source: str) -> str:
    """The kind of a recipe or a model's header: audio unless its table [density] says otherwise.

    Raises UserError, which starts with `source`, for one that is unknown.
    """
    found = tables.get("density", {"name": AUDIO})
    if not isinstance(found, dict):
        raise UserError(f"{source}: density must be a table, [density]")
    table = cast(Json, found)
    if (name := table.get("name")) is None:
        raise UserError(f"{source}: density.name is missing{nearest('', KINDS)}")
    if not isinstance(name, str) or name not in KINDS:
        raise UserError(f"{source}: density.name = {name!r} is unknown{nearest(str(name), KINDS)}")
    if len(table) > 1:
        raise UserError(f"{source}: density has no setting but name")
    return name


def check_kind(kind: str, form: Form, source: str) -> None:
    """Raises UserError, which starts with `source`, unless recordings of that form have models of that kind."""
    if kind != form.kind:
        raise UserError(f"{source}: holds {form.kind}, and the recipe's density.name is {kind!r}")
