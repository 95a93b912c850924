"""Finds the outputs that an interrupted call has finished, which a repeated call leaves as they are."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from wavegen.compression.conditions import condition_of
from wavegen.compression.wgn import Preamble, digest, model_digest, read_preamble, skip_blocks
from wavegen.engine import precision_of
from wavegen.errors import UserError
from wavegen.models.given import Given
from wavegen.models.model import Model

Pair = tuple[Path, Path]  # an input and its output


def compressed_already(
    model: Model, pairs: Sequence[Pair], precision: str | None, given: Sequence[Given] | None = None
) -> list[Pair]:
    """The pairs whose output is a whole file of this model, precision and condition, and has the input's checksum.

    `given` is what the model is given of each input; nothing by default. The words of the coder are counted, not
    decoded: damage in them is met when the file is restored.
    """
    ours = model_digest(model)
    wanted = precision or precision_of(model)
    conditions = [condition_of(model, one) for one in given or [Given()] * len(pairs)]
    return [
        (source, out)
        for (source, out), condition in zip(pairs, conditions, strict=True)
        if (found := _compressed(out)) is not None
        and (found.model, found.precision, found.condition) == (ours, wanted, condition)
        and _holds(source, found)
    ]


def restored_already(model: Model, pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs whose output has the size and the checksum that its compressed file, of this model, declares."""
    ours = model_digest(model)
    return [
        (source, out)
        for source, out in pairs
        if (found := _compressed(source)) is not None and found.model == ours and _holds(out, found)
    ]


def _compressed(path: Path) -> Preamble | None:
    """The fields of a compressed file; None for a file of another kind, or of another length than it declares."""
    with contextlib.suppress(OSError, UserError):
        if path.is_file():
            with open(path, "rb") as file:
                size = path.stat().st_size
                preamble = read_preamble(file, size, path)
                return preamble if skip_blocks(file, preamble) + preamble.trailer_size == size else None
    return None


def _holds(path: Path, preamble: Preamble) -> bool:
    """Whether the file at `path` is the one that the compressed file restores."""
    with contextlib.suppress(OSError):
        if path.is_file() and path.stat().st_size == preamble.restored:
            with open(path, "rb") as file:
                return hashlib.file_digest(file, digest).digest() == preamble.digest
    return False
