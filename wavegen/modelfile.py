"""Model files: settings and arrays, read with NumPy and safetensors alone, and checked before anything uses them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError, safe_open

from wavegen.assets import pretrained
from wavegen.constants import NUMERICS
from wavegen.errors import UserError, unreadable
from wavegen.models import training_provenance
from wavegen.models.configs.audio import AudioConfig
from wavegen.models.configs.checking import checked_audio
from wavegen.models.forms import AUDIO, AudioForm, Form, check_kind, form_of, kind_named
from wavegen.models.model import Model
from wavegen.models.ranges import RANGES, Ranges

FORMAT = 2  # of model files; 1 had no predictors, and other names for a front's weights
PLAIN = (str, int, float, NoneType)
METADATA_TYPES = {  # of what is computed with; other keys are plain values
    "corpus_fingerprint": (str, NoneType),
    "weights_hash": (str,),
    **dict.fromkeys((*training_provenance.KEYS, RANGES), (str,)),
    training_provenance.CUT: (float, int),
    "precision": (str,),
    "temperature": (float, int),
    "top_p": (float, int),
    "training_seconds": (float, int, NoneType),
    "validation_bits": (float, int, NoneType),
    "samples_seen": (int, NoneType),
    "steps": (int, NoneType),
    "seed": (int, NoneType),
}
DAMAGED = "the wavegen header is damaged; copy the file again"


@dataclass(frozen=True)
class Contents:
    """A model file of any kind whose header has been checked, but for settings that only its kind knows.

    `shapes` has the shape and the type of every tensor, as safetensors names it; `arrays` are the tensors if all are
    float32, and else empty.
    """

    path: Path
    form: Form
    header: dict[str, Any]
    metadata: dict[str, Any]
    shapes: dict[str, tuple[tuple[int, ...], str]]
    arrays: dict[str, np.ndarray]

    @property
    def kind(self) -> str:
        """Of the model."""
        return self.form.kind

    def check_weights(self, expected: Mapping[str, tuple[int, ...]]) -> None:
        """Raises UserError unless the weights are finite, have these shapes, and the hash that the header says."""
        path = self.path
        if self.shapes != {name: (shape, "F32") for name, shape in expected.items()}:
            raise UserError(
                f"{path}: weights and settings do not belong together, one was altered; copy the file again"
            )
        if self.metadata.get("weights_hash") != weights_hash(self.arrays):
            raise UserError(f"{path}: the weights do not match their hash; the file is damaged, copy it again")
        if not all(np.isfinite(array).all() for array in self.arrays.values()):
            raise UserError(f"{path}: the weights are not finite; the training that wrote them had diverged")


def open_model(path: str | Path) -> Model:
    """Reads a model of audio from a `.safetensors` file or a run folder, or one that comes with wavegen, as data.

    Raises UserError for a missing, damaged or foreign file, one of a newer format, of other numerics or of pictures.
    """
    return model_of(read(path))


def model_of(contents: Contents) -> Model:
    """The model of audio in a file. Raises UserError if its settings or weights are not right, or it has pictures."""
    check_wanted(contents, AUDIO)
    settings = checked_audio(contents.header) or settings_of(contents)  # the latter says what the former doubts
    config = AudioConfig.from_settings(settings, cast(AudioForm, contents.form).sample_rate)
    contents.check_weights(config.shapes)
    return Model(config, contents.metadata, contents.arrays)


def check_wanted(contents: Contents, kind: str) -> None:
    """Raises UserError unless it is a model of that kind."""
    if contents.kind != kind:
        raise UserError(f"{contents.path}: is a model of {contents.kind}; this takes models of {kind}")


def settings_of(contents: Contents) -> dict[str, dict[str, Any]]:
    """The settings of a model of any kind, checked by all rules, with the defaults of their keys. Imports torch.

    Raises UserError, which says what is wrong and what would be right.
    """
    from wavegen.models.parts import check_model

    source = str(contents.path)
    try:
        return check_model(contents.header, source)
    except UserError as error:  # the hash is of the weights alone
        said = "; ".join(problem.removeprefix(f"{source}: ") for problem in error.problems)
        raise UserError(f"{source}: settings of another wavegen, or altered ({said}); use the right one") from error


def read(path: str | Path) -> Contents:
    """Reads a model file of any kind and checks its header. Raises UserError."""
    given, path = Path(path), model_file(path)
    try:
        with opened(path, "np") as (file, header):
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            shapes = {name: (tuple(each.get_shape()), each.get_dtype()) for name, each in slices.items()}
            plain = all(dtype == "F32" for _, dtype in shapes.values())  # numpy lacks some of the others
            arrays = {name: file.get_tensor(name) for name in shapes} if plain else {}
    except UserError as error:
        raise UserError(f"{error}{_hidden(given)}") from error
    if not isinstance(numerics := header.get("numerics"), int):
        raise UserError(f"{path}: the wavegen header is damaged (numerics); copy the file again")
    if numerics != NUMERICS:
        age = "a newer wavegen; install that" if numerics > NUMERICS else "an older wavegen; use that, or train again"
        raise UserError(f"{path}: numerics {numerics}, this wavegen computes with {NUMERICS}: of {age}")
    metadata = header.get("metadata")
    try:
        form = form_of(header)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: {DAMAGED}") from error
    if not isinstance(metadata, dict) or not _is_plain(metadata):
        raise UserError(f"{path}: {DAMAGED}")
    check_kind(kind_named(header, str(path)), form, str(path))
    return Contents(path, form, header, metadata, shapes, arrays)


@contextlib.contextmanager
def opened(path: Path, framework: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A safetensors file of wavegen's, models and states of training alike, and the JSON in its header.

    Args:
        path: of the file.
        framework: of the tensors, as `safetensors.safe_open` takes it.

    Raises UserError for a missing, damaged or foreign file, or one of another format, and what is damaged in the block.
    """
    if not path.is_file():
        known = ", ".join(pretrained.names())
        raise UserError(f"{path}: no such file; give a .safetensors file, a run folder or a model of wavegen: {known}")
    try:
        with open(path, "rb"):  # safe_open calls every file that it cannot open missing
            pass
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        with safe_open(path, framework=framework) as file:
            yield file, _header(file, path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file, damaged or cut short: {error}") from error


def _header(file: Any, path: Path) -> dict[str, Any]:
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


def weights_hash(arrays: Mapping[str, np.ndarray]) -> str:
    """The first 16 hex digits of the SHA-256 of all names, shapes, types, by torch's names, and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.shape} torch.{array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def model_file(path: str | Path) -> Path:
    """The model file that a path names: itself, the model of a run folder, or one that comes with wavegen.

    A file or folder of that name goes before the latter.
    """
    path = Path(path)
    if path.is_dir():
        return path / "model.safetensors"
    return path if path.exists() else pretrained.find(str(path)) or path


def _hidden(given: Path) -> str:
    """What to add to the error about a file or folder that has the name of a bundled model and is no model."""
    if not given.exists() or (bundled := pretrained.find(str(given))) is None:
        return ""
    kind = "folder" if given.is_dir() else "file"
    return f"; this {kind} hides the bundled model {given}: rename it, or give {bundled}"


def _is_plain(metadata: dict[str, Any]) -> bool:
    """Whether it is what `save` may have been given: plain values that can be printed, used and written as JSON."""
    plain = all(
        type(value) in METADATA_TYPES.get(key, PLAIN) and not (isinstance(value, float) and not math.isfinite(value))
        for key, value in metadata.items()
    )
    return plain and _is_readable(metadata)


def _is_readable(metadata: dict[str, Any]) -> bool:
    """Whether what it says of the training recordings can be understood."""
    try:
        training_provenance.Provenance.of(metadata)
        if RANGES in metadata:
            Ranges.decode(metadata[RANGES])
    except (ValueError, ArithmeticError, RecursionError):
        return False
    return True
