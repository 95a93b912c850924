"""Draws pictures from a model, or what is missing of given ones: seeds in, pictures with their likelihoods out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from wavegen.constants import DIGITS
from wavegen.data.picture_files import write_sheet
from wavegen.engine.base import NOT_FINITE, checked_seeds, checked_temperature, checked_top_p
from wavegen.engine.random import places, words
from wavegen.errors import UserError
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.forms import PictureForm
from wavegen.models.pictures import PictureModel
from wavegen.system.atomic import Output
from wavegen.system.signals import Ended, number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PICTURES = 4096
MOST_VALUES = 2**28  # of all pictures of a call


@dataclass(frozen=True)
class PictureDraws:
    """Pictures (number, height, width, channels) int16 of so many levels, and the bits of each, (number,) float64."""

    seeds: list[int]
    pictures: NDArray[np.int16]
    levels: int
    bits: NDArray[np.float64]
    seconds: float
    exact: bool

    def write(self, out: str | Path, force: bool = False) -> Path:
        """Writes all as one PNG, side by side without a margin, and gives its path.

        Raises UserError if it cannot be written, or exists and `force` is not given.
        """
        with Output(out, force) as output:
            return self.write_to(output)

    def write_to(self, output: Output) -> Path:
        """Writes the PNG into its output and gives its path. Raises UserError."""
        write_sheet(output, self.pictures, self.levels)
        return output.path

    def describe(self, path: Path) -> dict[str, Any]:
        """What `wavegen generate --json` prints."""
        dimensions = self.pictures[0].size
        return {
            "engine": "torch",
            "precision": "float64",
            "exact": self.exact,
            "file": str(path),
            "pictures": [
                {
                    "seed": seed,
                    "nats": round(bits * math.log(2), DIGITS),
                    "bits_per_dimension": round(bits / dimensions, DIGITS),
                }
                for seed, bits in zip(self.seeds, self.bits.tolist(), strict=True)
            ],
            "seconds": round(self.seconds, 3),
        }


class PartDrawn(Ended):
    """Ctrl-C or another signal ended `generate_pictures`: the first `rows` of `pictures` are drawn, the rest is 0."""

    def __init__(self, number: int, pictures: NDArray[np.int16], levels: int, rows: int):
        super().__init__(number)
        self.pictures, self.levels, self.rows = pictures, levels, rows

    def write_to(self, output: Output) -> None:
        """Writes the PNG into its output. Raises UserError."""
        write_sheet(output, self.pictures, self.levels)


@torch.inference_mode()
def generate_pictures(
    model: PictureModel,
    seeds: Sequence[int] = (0,),
    temperature: float | None = None,
    top_p: float | None = None,
    given: NDArray[np.integer] | None = None,
    rows: int = 0,
    exact: bool = False,
    progress: bool = False,
    watch: Callable[[], None] | None = None,
) -> PictureDraws:
    """One picture a seed, each the same whatever other seeds it is drawn with; in float64.

    The first `rows` rows are those of `given`, (number, height, width, channels) levels, of which picture n is taken
    by seeds n, n + number … A random word at x (`wavegen.engine.random.places`), of which every dimension has its own,
    draws the level k with C(k) ≤ x < C(k + 1). `exact` draws are from the density that is scored, whose uniform share
    of 2⁻¹⁴ is seen as salt and pepper; others are from the model alone. Temperature and `top_p`, which only a
    categorical distribution takes, are the model's own unless given; likelihoods are those of the scored density at 1,
    of whole pictures. `watch` is called before each row; what it raises ends the drawing. Raises UserError, and
    PartDrawn, a KeyboardInterrupt that holds the rows drawn until then, if a signal ends the drawing.
    """
    pictures = _given(model.form, len(seeds), given, rows)
    temperature = float(model.metadata.get("temperature", 1.0)) if temperature is None else temperature
    top_p = float(model.metadata.get("top_p", 1.0)) if top_p is None else top_p
    how = checked_temperature(temperature), checked_top_p(top_p, model), exact
    random = np.stack([words(int(key), 0, model.form.dimensions) for key in checked_seeds(seeds, len(seeds))])
    within = torch.from_numpy(places(random, exact))
    twin, begun, state = copy.deepcopy(model).cpu().double().eval(), time.monotonic(), None
    across = model.form.width * model.form.channels
    number = 0
    try:
        for number in tqdm(range(model.form.height), desc="drawing", leave=False, disable=None if progress else True):
            if watch is not None:
                watch()
            row = pictures[:, number * across : (number + 1) * across]
            for d in range(across if number >= rows else 0):
                params = _finite(twin.row_params(row, state)[0][:, d])
                row[:, d] = _drawn(twin, params, within[:, number * across + d], *how)
            _, state = twin.row_params(row, state)
    except KeyboardInterrupt as error:
        if number <= rows:  # nothing new
            raise
        pictures[:, number * across :] = 0
        part = pictures.numpy().astype(np.int16).reshape(-1, *model.form.shape)
        raise PartDrawn(number_of(error), part, model.form.levels, number) from error
    levels = pictures.numpy().astype(np.int16)
    bits = bits_per_file(twin, list(levels))
    shaped = levels.reshape(-1, *model.form.shape)
    return PictureDraws(list(seeds), shaped, model.form.levels, bits, time.monotonic() - begun, exact)


def _given(form: PictureForm, number: int, given: NDArray[np.integer] | None, rows: int) -> torch.Tensor:
    """Pictures with the given first rows, and zeros below them, (number, dimensions) int64. Raises UserError."""
    if not 1 <= number <= MOST_PICTURES:
        raise UserError(f"{number} pictures: draw 1 to {MOST_PICTURES} at once")
    if number * form.dimensions > MOST_VALUES:
        raise UserError(f"{number} pictures of {form.dimensions} values: draw at most 2^28 values at once")
    if not 0 <= rows < form.height:
        raise UserError(f"{rows} rows given: at most {form.height - 1} of {form.height}, so that some are left to draw")
    pictures = np.zeros((number, *form.shape), np.int64)
    if given is not None:
        pictures[:, :rows] = given[np.arange(number) % len(given), :rows]
    return torch.from_numpy(pictures).flatten(1)


def _finite(params: torch.Tensor) -> torch.Tensor:
    if not torch.isfinite(params).all():
        raise UserError(NOT_FINITE)
    return params


def _drawn(
    model: PictureModel, params: torch.Tensor, within: torch.Tensor, temperature: float, top_p: float, exact: bool
) -> torch.Tensor:
    """The level with C(level) ≤ within < C(level + 1) of each of (batch, num_params), by bisection; (batch,) int64."""
    level = torch.zeros(len(params), dtype=torch.int64)
    above = torch.full_like(level, model.form.levels)
    while (above - level > 1).any():
        middle = level + (above - level) // 2
        low = model.cumulative(params, middle, temperature, top_p, exact=exact) <= within
        level, above = torch.where(low, middle, level), torch.where(low, above, middle)
    return level
