"""What the numbers of a recording are: the samples of a sound, or the pixels of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wavegen.audio.headers import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wavegen.errors import UserError, nearest

AUDIO, PICTURES = KINDS = "audio", "pictures"  # of models, as a recipe's density.name says
MOST_SIDE, MOST_CHANNELS, MOST_LEVELS, MOST_DIMENSIONS = 1024, 4, 256, 2**20


@dataclass(frozen=True)
class Grid:
    """Pictures of one size: their numbers lie row by row, a pixel's channels side by side, each from 0 to `levels` − 1.

    Raises ValueError for sizes that are no whole numbers, or out of range.
    """

    height: int
    width: int
    channels: int
    levels: int

    def __post_init__(self) -> None:
        most = {"height": MOST_SIDE, "width": MOST_SIDE, "channels": MOST_CHANNELS, "levels": MOST_LEVELS}
        for name, value in asdict(self).items():
            least = 2 if name == "levels" else 1
            if type(value) is not int or not least <= value <= most[name]:
                raise ValueError(f"{name} = {value!r} is not a whole number from {least} to {most[name]}")
        if self.dimensions > MOST_DIMENSIONS:
            raise ValueError(f"{self.dimensions} dimensions are more than {MOST_DIMENSIONS}")

    @property
    def dimensions(self) -> int:
        """How many numbers a picture has."""
        return self.height * self.width * self.channels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    def __str__(self) -> str:
        return f"{self.height} x {self.width} x {self.channels} of {self.levels} levels"


Form = int | Grid  # of all recordings of a corpus or model: the sample rate of sound, or the grid of pictures


def named(form: Form) -> str:
    """How a line for the user says it."""
    return str(form) if isinstance(form, Grid) else f"{form} Hz"


def part(form: Form) -> str:
    """What one number of a recording is."""
    return "dimension" if isinstance(form, Grid) else "sample"


def entry_of(form: Form) -> dict[str, Any]:
    """What a file's header says of it."""
    return {"grid": asdict(form)} if isinstance(form, Grid) else {"sample_rate": form}


def form_of(entry: Mapping[str, Any]) -> Form:
    """What `entry_of` wrote, among other keys; raises KeyError, TypeError or ValueError if it is damaged."""
    if "grid" in entry:
        return Grid(**entry["grid"])
    rate = entry["sample_rate"]
    if type(rate) is not int or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise ValueError(f"a sample rate of {rate!r}")
    return rate


def kind_of(form: Form) -> str:
    """The kind of model that recordings of that form have."""
    return PICTURES if isinstance(form, Grid) else AUDIO


def kind_named(tables: Mapping[str, Any], source: str) -> str:
    """The kind that a recipe or a model's header means, audio unless its table [density] says otherwise.

    Raises UserError, which starts with `source`, for one that is unknown.
    """
    table = tables.get("density", {"name": AUDIO})
    if not isinstance(table, dict):
        raise UserError(f"{source}: density must be a table, [density]")
    if (name := table.get("name")) is None:
        raise UserError(f"{source}: density.name is missing{nearest('', KINDS)}")
    if not isinstance(name, str) or name not in KINDS:
        raise UserError(f"{source}: density.name = {name!r} is unknown{nearest(str(name), KINDS)}")
    if len(table) > 1:
        raise UserError(f"{source}: density has no setting but name")
    return name


def check_kind(kind: str, form: Form, source: str) -> None:
    """Raises UserError, which starts with `source`, unless recordings of that form have models of that kind."""
    if kind != kind_of(form):
        raise UserError(f"{source}: holds {kind_of(form)}, and the recipe's density.name is {kind!r}")
