"""Model files: one self-describing safetensors file that is all that scoring and sampling need."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialized
from torch import Tensor

from wavegen.assets import pretrained
from wavegen.constants import NUMERICS
from wavegen.errors import UserError, unreadable
from wavegen.models import training_provenance
from wavegen.models.density import AudioModel, Density
from wavegen.models.forms import entry_of, form_of
from wavegen.models.parts import check_model
from wavegen.models.ranges import RANGES, Ranges
from wavegen.models.registry import density_named, untrained
from wavegen.system.atomic import Target, replacing

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
D = TypeVar("D", bound=Density)
FORMAT = 2  # of model files; 1 had no predictors, and other names for a front's weights


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """The first 16 hex digits of the SHA-256 of all names, shapes, types and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def write_tensors(path: Target, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Writes tensors and a JSON header to a safetensors file, whole or not at all. Raises UserError."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Not save_file, which makes a file of its own with mode 0600, whatever the umask says.
    contents = serialized(tensors, metadata={"wavegen": json.dumps(header)})
    with replacing(path) as temporary:
        temporary.write_bytes(contents)


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON header of a file that `write_tensors` wrote. Raises UserError."""
    path = Path(path)
    if not path.is_file():
        known = ", ".join(pretrained.names())
        raise UserError(f"{path}: no such file; give a .safetensors file, a run folder or a model of wavegen: {known}")
    try:
        with open(path, "rb"):  # safe_open calls every file that it cannot open missing
            pass
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["wavegen"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file, damaged or cut short: {error}") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: no wavegen header; this is not a model that wavegen wrote") from error
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise UserError(f"{path}: the wavegen header is damaged; copy the file again")
    if header["format"] != FORMAT:
        age, cure = ("a newer", "install that") if header["format"] > FORMAT else ("an older", "use it, or train again")
        raise UserError(f"{path}: format {header['format']} of {age} wavegen, this one reads {FORMAT}; {cure}")
    return tensors, header


def save(model: Density, path: Target, metadata: Mapping[str, Any]) -> None:
    """Writes a model and what is known of its making (corpus fingerprint, seed, training time …). Raises UserError."""
    tensors = dict(model.state_dict())
    model.metadata = {**metadata, "weights_hash": weights_hash(tensors)}
    header = {
        "format": FORMAT,
        "numerics": NUMERICS,
        **entry_of(model.form),
        **model.settings,
        "metadata": model.metadata,
    }
    write_tensors(path, tensors, header)


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


def load(path: str | Path, density: type[D] = AudioModel) -> D:
    """Reads a model of a density, which is audio unless another is given, from a `.safetensors` file or a run folder.

    `Density` takes any. Raises UserError for a missing, damaged or foreign file, one of a newer format, of other
    numerics or of another density.
    """
    given, path = Path(path), model_file(path)
    try:
        tensors, header = read_tensors(path)
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
        raise UserError(f"{path}: the wavegen header is damaged; copy the file again") from error
    if not isinstance(metadata, dict) or not _is_plain(metadata):
        raise UserError(f"{path}: the wavegen header is damaged; copy the file again")
    found = density_named(header, str(path))
    if not issubclass(found, density):
        raise UserError(f"{path}: is a model of {found.kind}; this takes models of {density.kind}")
    try:
        settings = check_model(header, str(path))
    except UserError as error:  # the hash is of the weights alone
        said = "; ".join(problem.removeprefix(f"{path}: ") for problem in error.problems)
        raise UserError(f"{path}: settings of another wavegen, or altered ({said}); use the right one") from error
    with torch.device("meta"):  # nothing is allocated until the shapes are known to agree
        model = cast(D, untrained(settings, form, str(path)))
    expected = {name: (tensor.shape, torch.float32) for name, tensor in model.state_dict().items()}
    if expected != {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}:
        raise UserError(f"{path}: weights and settings do not belong together, one was altered; copy the file again")
    if metadata.get("weights_hash") != weights_hash(tensors):
        raise UserError(f"{path}: the weights do not match their hash; the file is damaged, copy it again")
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise UserError(f"{path}: the weights are not finite; the training that wrote them had diverged")
    model.load_state_dict(tensors, assign=True)
    model.metadata = metadata
    return model.eval()
