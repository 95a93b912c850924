"""Known sets of pictures: how their files are laid out, and how they are split."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wavegen.assets import digits
from wavegen.data.splits import split_of
from wavegen.errors import UserError, unreadable

IMAGES, LABELS = 0x803, 0x801  # magic numbers of IDX files: unsigned bytes in three dimensions and in one
MNIST_FILES = {"train": ("train-images", "train-labels"), "test": ("t10k-images", "t10k-labels")}
FOLDERS = ("", "data", "package/data", "raw", "MNIST/raw")  # in which the files may lie
VALIDATION_DIVISOR = 6  # of the training file's pictures the last sixth validates: 10 000 of 60 000, as is the custom


class Part(NamedTuple):
    """Pictures (number, height, width, channels) uint8, their labels, and the split of each; ids start with `name`."""

    name: str
    source: str
    pictures: np.ndarray
    labels: Sequence[str]
    splits: Sequence[str]


@dataclass(frozen=True)
class PictureSet:
    """A known set: `read` gives its parts, in the order of their names, from a folder, None if it is `bundled`.

    Its pictures have `levels` levels; a corpus has `usual` many unless told otherwise.
    """

    name: str
    levels: int
    usual: int
    bundled: bool
    read: Callable[[Path | None], Iterator[Part]]


def _mnist(folder: Path | None) -> Iterator[Part]:
    """The four IDX files, plain or .gz, under the names that they are known by."""
    assert folder is not None
    for name, (images, labels) in sorted(MNIST_FILES.items()):
        path = _find(folder, images)
        beside = _find(folder, labels)
        pictures, said = read_idx(path, IMAGES), read_idx(beside, LABELS)
        if len(pictures) != len(said):
            which = f"{len(pictures)} pictures, but {beside.name} has {len(said)} labels"
            raise UserError(f"{path}: {which}; take both from one set")
        trained = len(pictures) - len(pictures) // VALIDATION_DIVISOR
        splits = ["test"] * len(pictures) if name == "test" else ["train"] * trained
        splits += ["validation"] * (len(pictures) - len(splits))
        yield Part(name, str(path), pictures[..., None], [str(label) for label in said], splits)


def _digits(_: Path | None) -> Iterator[Part]:
    """Split by what they show, so that equal pictures lie in one split."""
    pictures, labels = digits.load()
    splits = [split_of(picture.tobytes().hex()) for picture in pictures]
    yield Part("digits", str(digits.FILE.name), pictures[..., None], [str(label) for label in labels], splits)


def _find(folder: Path, name: str) -> Path:
    """The IDX file whose name starts so; raises UserError if there is none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; get the set first, as recipes/mnist/README.md says")
    for inner in FOLDERS:
        found = sorted(path for path in (folder / inner).glob(f"{name}*ubyte*") if path.is_file())
        if found:
            return found[0]
    raise UserError(f"{folder}: there is no {name}-idx…-ubyte or .gz in it; it takes the four IDX files of MNIST")


def read_idx(path: Path, magic: int) -> np.ndarray:
    """An IDX file of unsigned bytes, plain or gzipped, whose magic number is `magic`. Raises UserError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: its compression is damaged or cut short ({error}); get this file again") from error
    dimensions = magic & 0xFF
    names = {IMAGES: "pictures", LABELS: "labels"}
    found = int.from_bytes(data[:4], "big")
    if len(data) < 4 * (1 + dimensions) or found != magic:
        what = f"; it holds {names[found]}" if found in names and found != magic else ""
        raise UserError(f"{path}: is not an IDX file of {names[magic]}{what}")
    shape = struct.unpack(f">{dimensions}I", data[4 : 4 * (1 + dimensions)])
    values = np.frombuffer(data, np.uint8, offset=4 * (1 + dimensions))
    if not len(values) or len(values) != np.prod([int(size) for size in shape], dtype=object):
        raise UserError(f"{path}: damaged: its header says {' x '.join(map(str, shape))}, {len(values)} bytes follow")
    return values.reshape(shape)


PICTURE_SETS = {
    one.name: one
    for one in (
        PictureSet("mnist", 256, 2, bundled=False, read=_mnist),
        PictureSet("digits", 17, 17, bundled=True, read=_digits),
    )
}
