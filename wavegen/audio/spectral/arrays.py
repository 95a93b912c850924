"""Arrays from files of features: .npy, .npz, .h5 and .pt, none of which can run code here."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.errors import UserError, unreadable
from wavegen.system.optional import H5PY, needed

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".pt")
MEL_NAMES = ("feats", "mel", "mels", "mel_spectrogram")  # of arrays in .h5, .npz and .pt that hold several
COPY_AGAIN = "truncated, damaged, or another kind of file; copy it again"
LARGEST = 1e6  # no logarithm or number of decibels comes near it, and models overflow
_DAMAGES = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, SyntaxError)


def arrays_in(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a file by their names, "" where it has one without a name.

    Raises UserError for a file that is missing, empty, truncated, damaged, of another kind, or holds objects.
    """
    try:
        if not path.stat().st_size:
            raise UserError(f"{path}: is empty; make it again")
    except OSError as error:
        raise unreadable(path, error) from error
    read = {".npy": _npy, ".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5, ".pt": _torch}.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path}: is no file of features that can be read; known: {', '.join(SUFFIXES)}")
    return read(path)


def mel_in(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
    """The mel spectrogram among a file's arrays. Raises UserError if it cannot be told."""
    for name in MEL_NAMES:
        if name in arrays:
            return arrays[name]
    matrices = [array for array in arrays.values() if array.ndim >= 2]
    if len(matrices) == 1 or len(arrays) == 1:
        return (matrices or list(arrays.values()))[0]
    names = ", ".join(arrays) or "nothing"
    raise UserError(f"{path}: holds {names}, and no mel spectrogram by a name that is known: {', '.join(MEL_NAMES)}")


def checked(path: Path, array: NDArray[np.generic]) -> NDArray[np.float32]:
    """An array of a file as (rows, columns) float32, without a batch of one around it.

    Raises UserError for other shapes, no numbers, integers, and numbers that are not finite or beyond LARGEST.
    """
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim != 2:
        shape = " x ".join(map(str, array.shape)) or "one number"
        raise UserError(f"{path}: is {shape}, and features are frames by channels; make it again")
    if not array.size:
        raise UserError(f"{path}: holds no frames; make it again")
    if not np.issubdtype(array.dtype, np.floating):
        said = f"holds {array.dtype}, and features are floating-point numbers; name features, not samples"
        raise UserError(f"{path}: {said}")
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise UserError(f"{path}: holds NaN or infinite numbers; make it again")
    if (most := float(np.abs(values).max())) > LARGEST:
        raise UserError(f"{path}: holds numbers up to {most:.2g}, which are no logarithms of a spectrum; make it again")
    return values


def _npy(path: Path) -> dict[str, NDArray[np.generic]]:
    with _damages_named(path):
        # Mapped, which compares the size that the header declares with the file's before anything is allocated.
        return {"": np.array(np.load(path, mmap_mode="r", allow_pickle=False))}


def _npz(path: Path) -> dict[str, NDArray[np.generic]]:
    # Opened here, since numpy leaves a damaged archive open.
    with _damages_named(path), open(path, "rb") as file:
        archive = np.load(file, allow_pickle=False)
        if isinstance(archive, np.ndarray):  # a .npy by another name
            return {"": archive}
        members = {name: archive[name] for name in archive}
    return {name: each for name, each in members.items() if isinstance(each, np.ndarray)}


def _hdf5(path: Path) -> dict[str, NDArray[np.generic]]:
    with needed(H5PY, str(path)):
        import h5py
    try:
        with h5py.File(path, "r") as file:
            datasets: dict[str, h5py.Dataset] = {}
            file.visititems(lambda name, each: datasets.update({name: each} if isinstance(each, h5py.Dataset) else {}))
            found = {name: each[()] for name, each in datasets.items()}
    except (OSError, RuntimeError, *_DAMAGES) as error:
        raise UserError(f"{path}: {COPY_AGAIN}") from error
    return {name: np.asarray(each) for name, each in found.items()}


def _torch(path: Path) -> dict[str, NDArray[np.generic]]:
    import pickle

    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, IndexError, pickle.UnpicklingError, *_DAMAGES) as error:
        if "unsupported global" in str(error).lower():
            said = "holds more than tensors, and is not read, since it could run code; save the tensor alone"
            raise UserError(f"{path}: {said}") from error
        raise UserError(f"{path}: {COPY_AGAIN}") from error
    named = found if isinstance(found, dict) else {"": found}
    tensors = {str(name): each for name, each in named.items() if isinstance(each, torch.Tensor)}
    if not tensors:
        raise UserError(
            f"{path}: holds no tensor or dict of tensors, but {type(found).__name__}; save the tensor alone"
        )
    if any(each.layout != torch.strided or each.is_quantized for each in tensors.values()):
        raise UserError(f"{path}: holds a sparse or quantized tensor; save a plain one")
    numbers = {name: each.float() if each.is_floating_point() else each for name, each in tensors.items()}
    return {name: each.detach().numpy() for name, each in numbers.items()}


@contextlib.contextmanager
def _damages_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unreadable(path, error) from error
    except _DAMAGES as error:
        if "object arrays" in str(error).lower() or "python objects" in str(error).lower():
            raise UserError(f"{path}: holds Python objects, which could run code; save a plain array") from error
        raise UserError(f"{path}: {COPY_AGAIN}") from error
