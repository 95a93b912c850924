"""Model files: settings and arrays, read with NumPy and safetensors alone, and checked before anything uses them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.assets import pretrained
from wavegen.constants import NUMERICS
from wavegen.errors import UserError
from wavegen.jsontypes import Json
from wavegen.models import training_provenance
from wavegen.models.configs.audio import AudioConfig
from wavegen.models.configs.base import Tables
from wavegen.models.configs.checking import checked_audio
from wavegen.models.forms import AUDIO, Form, check_kind, form_of, kind_named
from wavegen.models.metadata import Metadata, is_metadata, renamed
from wavegen.models.model import Model
from wavegen.models.ranges import RANGES, Ranges
from wavegen.models.tensorfile import DAMAGED, opened


@dataclass(frozen=True)
class Contents:
    """A model file of any kind with a checked header; settings are checked by the kind of the model.

    `shapes` has the shape and dtype of every tensor, as safetensors names it; `arrays` has the tensors if all are
    float32, and is empty otherwise.
    """

    path: Path
    form: Form
    header: Json
    metadata: Metadata
    shapes: dict[str, tuple[tuple[int, ...], str]]
    arrays: dict[str, NDArray[np.float32]]

    @property
    def kind(self) -> str:
        """The kind of the model."""
        return self.form.kind

    def check_weights(self, expected: Mapping[str, tuple[int, ...]]) -> None:
        """Raises UserError unless the weights are finite and have these shapes and the hash in the header."""
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
    """Reads a model of audio as data: from a `.safetensors` file, from a run folder, or a pretrained one by its name.

    Raises UserError for a missing, damaged or foreign file, one of a newer format, of other numerics or of pictures.
    """
    return model_of(read(path))


def model_of(contents: Contents) -> Model:
    """The model of audio in a file. Raises UserError if it is of pictures, or its settings or weights are not right."""
    check_wanted(contents, AUDIO)
    settings = checked_audio(contents.header) or settings_of(contents)  # which says what is wrong
    sample_rate = contents.form.sample_rate
    assert sample_rate is not None, "it is a model of audio"
    config = AudioConfig.from_settings(settings, sample_rate)
    contents.check_weights(config.shapes)
    return Model(config, contents.metadata, contents.arrays)


def check_wanted(contents: Contents, kind: str) -> None:
    """Raises UserError unless it is a model of that kind."""
    if contents.kind != kind:
        raise UserError(f"{contents.path}: is a model of {contents.kind}; this takes models of {kind}")


def settings_of(contents: Contents) -> Tables:
    """The settings of a model of any kind, checked by all rules, with defaults. Imports torch. Raises UserError."""
    from wavegen.models.parts import check_model

    source = str(contents.path)
    try:
        return check_model(contents.header, source)
    except UserError as error:  # the hash is of the weights alone
        said = "; ".join(problem.removeprefix(f"{source}: ") for problem in error.problems)
        raise UserError(f"{source}: settings of another wavegen, or altered ({said}); use the right one") from error


def read(path: str | Path) -> Contents:
    """Reads a model file of any kind and checks its header. Raises UserError."""
    given = Path(path)
    path = model_file(path)
    try:
        with opened(path, "np") as (file, header):
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            shapes = {name: (tuple(each.get_shape()), each.get_dtype()) for name, each in slices.items()}
            arrays: dict[str, NDArray[np.float32]] = {}
            if all(dtype == "F32" for _, dtype in shapes.values()):  # numpy lacks some of the others
                arrays = {name: file.get_tensor(name) for name in shapes}
    except UserError as error:
        raise UserError(f"{error}{_hidden(given)}") from error
    if "numerics" not in header and "recipe" in header and "step" in header:
        said = "is the state of a training, not a model"
        raise UserError(f"{path}: {said}; name the run folder {path.parent}, or a model in it")
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
    metadata = renamed(metadata) if isinstance(metadata, dict) else None
    if not is_metadata(metadata) or not _is_readable(metadata):
        raise UserError(f"{path}: {DAMAGED}")
    check_kind(kind_named(header, str(path)), form, str(path))
    return Contents(path, form, header, metadata, shapes, arrays)


def weights_hash(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    """The first 16 hex digits of the SHA-256 of all names, shapes, types, by torch's names, and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.shape} torch.{array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def model_file(path: str | Path) -> Path:
    """The model file that a path names: itself, the model of a run folder, or a pretrained one.

    A file or folder hides the pretrained model of the same name.
    """
    path = Path(path)
    if path.is_dir():
        return path / "model.safetensors"
    return path if path.exists() else pretrained.find(str(path)) or path


def _hidden(given: Path) -> str:
    """The end of an error about a file or folder that is no model and hides a bundled one of the same name."""
    if not given.exists() or (bundled := pretrained.find(str(given))) is None:
        return ""
    kind = "folder" if given.is_dir() else "file"
    return f"; this {kind} hides the bundled model {given}: rename it, or give {bundled}"


def _is_readable(metadata: Metadata) -> bool:
    """Whether the training provenance and ranges can be decoded."""
    try:
        training_provenance.Provenance.of(metadata)
        if RANGES in metadata:
            Ranges.decode(metadata[RANGES])
    except (ValueError, ArithmeticError, RecursionError):
        return False
    return True
