"""The safetensors files of wavegen, models and states of training alike, and the JSON in their headers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

import numpy as np
from safetensors import SafetensorError, safe_open

from wavegen.assets import pretrained
from wavegen.errors import UserError, closest, unreadable
from wavegen.jsontypes import Json
from wavegen.system.contents import TENSORS, kind_of, no_file

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 2  # of model files; 1 had no predictors, and other names for a front's weights
SUFFIX = ".safetensors"
DAMAGED = "the wavegen header is damaged; copy the file again"

T_co = TypeVar("T_co", covariant=True)


class Slice(Protocol):
    """A tensor that has not been read yet."""

    def get_shape(self) -> list[int]: ...

    def get_dtype(self) -> str: ...


class TensorFile(Protocol[T_co]):
    """An open safetensors file, whose tensors are of one library."""

    def keys(self) -> Iterable[str]: ...

    def metadata(self) -> dict[str, str] | None: ...

    def get_slice(self, name: str) -> Slice: ...

    def get_tensor(self, name: str) -> T_co: ...


Opened = contextlib.AbstractContextManager[tuple[TensorFile[T_co], Json]]


@overload
def opened(path: Path, framework: Literal["np"]) -> Opened[np.ndarray]: ...


@overload
def opened(path: Path, framework: Literal["pt"]) -> Opened[Tensor]: ...


@contextlib.contextmanager
def opened(path: Path, framework: str) -> Iterator[tuple[TensorFile[Any], Json]]:
    """Opens a safetensors file and reads the JSON in its header.

    Args:
        path: of the file.
        framework: of its tensors: "np" for NumPy or "pt" for PyTorch.

    Raises UserError for a missing, damaged or foreign file, one of another format, and damage found inside the block.
    """
    if not path.is_file():
        raise _missing(path)
    try:
        with open(path, "rb"):  # safe_open calls every file that it cannot open missing
            pass
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        with safe_open(path, framework=framework) as file:
            yield file, _header(file, path)
    except (SafetensorError, OSError) as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, reason: str) -> UserError:
    """The error for a file that the library `safetensors` does not read."""
    what = kind_of(path)
    if what is None or what == TENSORS:
        return UserError(f"{path}: not a readable safetensors file, damaged or cut short: {reason}")
    return UserError(f"{path}: is {what}, not a model; {_advice()}")


def _advice() -> str:
    return f"give a {SUFFIX} file, a run folder or a model of wavegen: {', '.join(pretrained.names())}"


def _missing(path: Path) -> UserError:
    """The error for a name under which nothing is, with the nearest model beside it or of those that are bundled."""
    bundled = pretrained.names()
    there = {each.name.removesuffix(SUFFIX): each for each in path.parent.glob(f"*{SUFFIX}")}
    there |= {each.parent.name: each.parent for each in path.parent.glob(f"*/model{SUFFIX}")}
    meant = closest(path.name.removesuffix(SUFFIX), there)
    nearest = closest(str(path), bundled) if meant is None else there[meant]
    if path.exists():
        return no_file(path, "a model's file")
    return UserError(f"{path}: no such file; {_advice() if nearest is None else f'did you mean {nearest}?'}")


def _header(file: TensorFile[object], path: Path) -> Json:
    try:
        header = json.loads((file.metadata() or {})["wavegen"])
    except (KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: no wavegen header; this is not a model that wavegen wrote") from error
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise UserError(f"{path}: {DAMAGED}")
    if header["format"] != FORMAT:
        age, cure = ("a newer", "install that") if header["format"] > FORMAT else ("an older", "use it, or train again")
        raise UserError(f"{path}: format {header['format']} of {age} wavegen, this one reads {FORMAT}; {cure}")
    return header
