"""Pictures as PNG files: one, or several of one size side by side without a margin, its tiles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.errors import UserError, unreadable
from wavegen.models.forms import PictureForm
from wavegen.system.atomic import Target, check_suffix, replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # of a PNG with so many channels


def columns_of(number: int) -> int:
    """How many of `number` pictures stand side by side: no tile is empty, the whole as near to a square as can be."""
    rows = max(side for side in range(1, math.isqrt(number) + 1) if number % side == 0)
    return number // rows


def tiled(pictures: NDArray[np.integer], levels: int) -> NDArray[np.uint8]:
    """Pictures (number, height, width, channels) of so many levels as one, (height, width, channels) from 0 to 255."""
    number, height, width, channels = pictures.shape
    across = columns_of(number)
    ordered = pictures.reshape(-1, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    grey = np.round(ordered * (255 / (levels - 1))).astype(np.uint8)
    return grey.reshape(-1, across * width, channels)


def write_tiles(path: Target, pictures: NDArray[np.integer], levels: int) -> None:
    """Writes `tiled` as PNG. Raises UserError."""
    from PIL import Image

    values = tiled(pictures, levels)
    with replacing(path) as temporary:
        Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(temporary, format="PNG")


def check_tiles(path: str | Path, form: PictureForm) -> None:
    """Raises UserError unless `path` can become a PNG with that form's channels."""
    path = Path(path)
    check_suffix(path, ".png", "PNG")
    if form.channels not in MODES:
        raise UserError(f"{path}: a PNG has 1, 3 or 4 channels, and these pictures have {form.channels}")


def read_tiles(path: str | Path, form: PictureForm) -> NDArray[np.int16]:
    """The pictures of a PNG, (number, height, width, channels) levels: all of its tiles, row by row.

    Values from 0 to 255 become the nearest of the form's levels. Raises UserError if it cannot be read, has other
    channels or more than 8 bits each, or its sides are no multiples of the form's.
    """
    from PIL import Image, UnidentifiedImageError

    if form.channels not in MODES:
        raise UserError(f"{path}: a PNG has 1, 3 or 4 channels, and these pictures have {form.channels}")
    try:
        with Image.open(path) as image:
            plain = image.convert() if image.mode == "P" else image  # of a palette, to what that is made of
            if plain.mode not in {MODES[form.channels], "1" if form.channels == 1 else ""}:
                wanted = f"{MODES[form.channels]}, as pictures of {form.channels} channels are"
                raise UserError(f"{path}: its pixels are {plain.mode}; convert it to 8-bit {wanted}")
            values = np.asarray(plain.convert(MODES[form.channels]))
    except UnidentifiedImageError as error:
        raise UserError(f"{path}: not a readable picture; give a PNG") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path}: too large for a picture ({error}); give fewer tiles") from error
    except (OSError, ValueError, SyntaxError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from error
        raise UserError(f"{path}: a picture that is damaged or cut short ({error}); copy it again") from error
    height, width = values.shape[:2]
    if height % form.height or width % form.width:
        wanted = f"{form.width} x {form.height} pixels, or tiles of such pictures"
        raise UserError(f"{path}: {width} x {height} pixels; the model knows pictures of {wanted}")
    cells = values.reshape(height // form.height, form.height, width // form.width, form.width, form.channels)
    levels = np.round(cells * ((form.levels - 1) / 255)).astype(np.int16)
    return levels.transpose(0, 2, 1, 3, 4).reshape(-1, *form.shape)
