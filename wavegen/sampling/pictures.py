"""Draws pictures from a model, or the missing rows of given ones: seeds in, pictures with their likelihoods out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from wavegen.constants import DIGITS
from wavegen.data.picture_files import write_tiles
from wavegen.engine.base import NOT_FINITE, checked_seeds, checked_temperature, checked_top_p
from wavegen.engine.bisection import symbol_at
from wavegen.engine.random import uniforms, words
from wavegen.errors import UserError
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.forms import PictureForm
from wavegen.models.pictures import PictureModel
from wavegen.sampling.results import GeneratePicturesResult
from wavegen.system.atomic import Output
from wavegen.system.signals import Ended, number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PICTURES = 4096
MAX_VALUES = 2**28  # of all pictures of a call


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
        write_tiles(output, self.pictures, self.levels)
        return output.path

    def describe(self, path: Path) -> GeneratePicturesResult:
        """The JSON of `wavegen generate`, which wrote the pictures to `path`."""
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
        self.pictures = pictures
        self.levels = levels
        self.rows = rows

    def write_to(self, output: Output) -> None:
        """Writes the PNG into its output. Raises UserError."""
        write_tiles(output, self.pictures, self.levels)


@torch.inference_mode()
def generate_pictures(
    model: PictureModel,
    *,
    seeds: Sequence[int] = (0,),
    temperature: float | None = None,
    top_p: float | None = None,
    prime: NDArray[np.integer] | None = None,
    rows: int = 0,
    exact: bool = False,
    watch: Callable[[], None] | None = None,
    progress: bool = False,
) -> PictureDraws:
    """Draws a picture for each seed, the same whatever other seeds it is drawn with; in float64.

    A random word at u (`wavegen.engine.random.uniforms`), of which every dimension has its own, draws the level k with
    C(k) ≤ u < C(k + 1).

    Args:
        model: the torch module.
        seeds: 64-bit numbers.
        temperature: the model's own unless given.
        top_p: for categorical distributions only; the model's own unless given.
        prime: pictures, (number, height, width, channels) levels, whose first `rows` rows are kept; picture n is taken
            by seeds n, n + number …
        rows: how many are kept.
        exact: draws from the density that is scored, whose uniform share of 2⁻¹⁴ is seen as salt and pepper;
            otherwise from the model alone.
        watch: called before each row; an exception that it raises ends the drawing.
        progress: shows a bar on stderr.

    Returns:
        The pictures, with the likelihoods of whole pictures under the scored density at temperature and `top_p` 1.

    Raises:
        UserError: an argument is out of range.
        PartDrawn: a signal ended the drawing; it is a KeyboardInterrupt that holds the rows drawn until then.
    """
    pictures = _begun(model.form, len(seeds), prime, rows)
    drawing = _drawing(model, seeds, temperature, top_p, exact)
    begun = time.monotonic()
    number = 0
    try:
        for number in tqdm(range(model.form.height), desc="drawing", leave=False, disable=None if progress else True):
            if watch is not None:
                watch()
            drawing.row(pictures, number, drawn=number >= rows)
    except KeyboardInterrupt as error:
        if number <= rows:  # nothing new
            raise
        pictures[:, number * model.form.width * model.form.channels :] = 0
        part = pictures.numpy().astype(np.int16).reshape(-1, *model.form.shape)
        raise PartDrawn(number_of(error), part, model.form.levels, number) from error
    levels = pictures.numpy().astype(np.int16)
    bits = bits_per_file(drawing.twin, list(levels))
    shaped = levels.reshape(-1, *model.form.shape)
    return PictureDraws(list(seeds), shaped, model.form.levels, bits, time.monotonic() - begun, exact)


def _drawing(
    model: PictureModel, seeds: Sequence[int], temperature: float | None, top_p: float | None, exact: bool
) -> _Drawing:
    """Raises UserError for an argument that is out of range."""
    temperature = float(model.metadata.get("temperature", 1.0)) if temperature is None else temperature
    top_p = float(model.metadata.get("top_p", 1.0)) if top_p is None else top_p
    how = _How(checked_temperature(temperature), checked_top_p(top_p, model), exact)
    random = np.stack([words(int(key), 0, model.form.dimensions) for key in checked_seeds(seeds, len(seeds))])
    twin = copy.deepcopy(model).cpu().double().eval()
    return _Drawing(twin, how, torch.as_tensor(uniforms(random, exact)))


class _How(NamedTuple):
    """How levels are drawn from their distributions."""

    temperature: float
    top_p: float
    exact: bool


class _Drawing:
    """Pictures under way, row by row: a twin of the model in float64 and its state."""

    def __init__(self, twin: PictureModel, how: _How, u: torch.Tensor):
        self.twin = twin
        self.how = how
        self.u = u  # (pictures, dimensions)
        self.state = None

    def row(self, pictures: torch.Tensor, number: int, drawn: bool) -> None:
        """Moves past row `number` of pictures, (pictures, dimensions) int64, and fills it if it is to be `drawn`."""
        form = self.twin.form
        across = form.width * form.channels
        row = pictures[:, number * across : (number + 1) * across]
        if drawn:
            for d in range(across):
                params = self.twin.row_params(row, self.state)[0][:, d]
                row[:, d] = self._levels(params, self.u[:, number * across + d])
        _, self.state = self.twin.row_params(row, self.state)

    def _levels(self, params: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """The level of each picture, (pictures,) int64, by parameters (pictures, num_params)."""
        if not torch.isfinite(params).all():
            raise UserError(NOT_FINITE)
        temperature, top_p, exact = self.how

        def cumulative(k: torch.Tensor) -> torch.Tensor:
            return self.twin.cumulative(params, k, temperature, top_p, exact=exact)

        return symbol_at(u, cumulative, self.twin.form.levels)


def _begun(form: PictureForm, number: int, prime: NDArray[np.integer] | None, rows: int) -> torch.Tensor:
    """Pictures with the given first rows, and zeros below them, (number, dimensions) int64. Raises UserError."""
    if not 1 <= number <= MAX_PICTURES:
        raise UserError(f"{number} pictures: draw 1 to {MAX_PICTURES} at once")
    if number * form.dimensions > MAX_VALUES:
        raise UserError(f"{number} pictures of {form.dimensions} values: draw at most 2^28 values at once")
    if not 0 <= rows < form.height:
        raise UserError(f"{rows} rows given: at most {form.height - 1} of {form.height}, so that some are left to draw")
    pictures = np.zeros((number, *form.shape), np.int64)
    if prime is not None:
        pictures[:, :rows] = prime[np.arange(number) % len(prime), :rows]
    return torch.as_tensor(pictures).flatten(1)
