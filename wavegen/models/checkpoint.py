"""Reads torch models from model files, and writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

from safetensors.torch import save as serialized
from torch import Tensor

from wavegen import modelfile
from wavegen.constants import NUMERICS
from wavegen.jsontypes import Json
from wavegen.models.audio import AudioModel
from wavegen.models.density import Density
from wavegen.models.metadata import Metadata
from wavegen.models.registry import DENSITIES
from wavegen.models.tensorfile import FORMAT, opened
from wavegen.system.atomic import Target, replacing

D = TypeVar("D", bound=Density)


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """The first 16 hex digits of the SHA-256 of all names, shapes, dtypes and values."""
    return modelfile.weights_hash({name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})


def write_tensors(path: Target, tensors: Mapping[str, Tensor], header: Mapping[str, object]) -> None:
    """Writes tensors and a JSON header to a safetensors file, whole or not at all. Raises UserError."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Not save_file, which makes the file with mode 0600 whatever the umask.
    contents = serialized(tensors, metadata={"wavegen": json.dumps(header)})
    with replacing(path) as temporary:
        temporary.write_bytes(contents)


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], Json]:
    """The tensors and the JSON header of a file that `write_tensors` wrote. Raises UserError."""
    with opened(Path(path), "pt") as (file, header):
        return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 (no mapping)


def save(model: Density, path: Target, metadata: Mapping[str, object]) -> None:
    """Writes a model to a file, whole or not at all.

    Args:
        model: of any kind; its `metadata` become these.
        path: of the file.
        metadata: plain values, with the keys of `Metadata` or others; `weights_hash` is added.

    Raises UserError if the file cannot be written.
    """
    tensors = dict(model.state_dict())
    model.metadata = cast(Metadata, {**metadata, "weights_hash": weights_hash(tensors)})
    header: dict[str, object] = {
        "format": FORMAT,
        "numerics": NUMERICS,
        **model.form.entry,
        **model.settings,
        "metadata": model.metadata,
    }
    write_tensors(path, tensors, header)


def load(path: str | Path, density: type[D] = AudioModel) -> D:
    """Reads a model as a torch module, in evaluation mode.

    Args:
        path: of a `.safetensors` file, of a run folder, or the name of a pretrained model.
        density: kind of the model: `AudioModel`, `PictureModel`, or `Density` for any.

    Raises UserError for a missing, damaged or foreign file, one of a newer format, of other numerics or of another
    kind.
    """
    contents = modelfile.read(path)
    if not issubclass(found := DENSITIES[contents.kind], density):
        modelfile.check_wanted(contents, density.kind)
    return cast(D, found.from_contents(contents))
