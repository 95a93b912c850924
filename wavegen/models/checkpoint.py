"""Models of torch from model files, and into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from safetensors.torch import save as serialized
from torch import Tensor

from wavegen import modelfile
from wavegen.constants import NUMERICS
from wavegen.modelfile import FORMAT
from wavegen.models.audio import AudioModel
from wavegen.models.density import Density
from wavegen.models.registry import DENSITIES
from wavegen.system.atomic import Target, replacing

D = TypeVar("D", bound=Density)


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """The first 16 hex digits of the SHA-256 of all names, shapes, types and values."""
    return modelfile.weights_hash({name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})


def write_tensors(path: Target, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Writes tensors and a JSON header to a safetensors file, whole or not at all. Raises UserError."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Not save_file, which makes a file of its own with mode 0600, whatever the umask says.
    contents = serialized(tensors, metadata={"wavegen": json.dumps(header)})
    with replacing(path) as temporary:
        temporary.write_bytes(contents)


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON header of a file that `write_tensors` wrote. Raises UserError."""
    with modelfile.opened(Path(path), "pt") as (file, header):
        return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 (no mapping)


def save(model: Density, path: Target, metadata: Mapping[str, Any]) -> None:
    """Writes a model and what is known of its making (corpus fingerprint, seed, training time …). Raises UserError."""
    tensors = dict(model.state_dict())
    model.metadata = {**metadata, "weights_hash": weights_hash(tensors)}
    header = {
        "format": FORMAT,
        "numerics": NUMERICS,
        **model.form.entry,
        **model.settings,
        "metadata": model.metadata,
    }
    write_tensors(path, tensors, header)


def load(path: str | Path, density: type[D] = AudioModel) -> D:
    """Reads a model of a density, which is audio unless another is given, from a `.safetensors` file or a run folder.

    `Density` takes any. Raises UserError for a missing, damaged or foreign file, one of a newer format, of other
    numerics or of another density.
    """
    contents = modelfile.read(path)
    if not issubclass(found := DENSITIES[contents.kind], density):
        modelfile.check_wanted(contents, density.kind)
    return cast(D, found.from_contents(contents))
