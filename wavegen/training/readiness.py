"""Checks at the start of a long command for all that could fail at its end: libraries, drawing, disk."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import shutil
from collections.abc import Generator
from pathlib import Path

from wavegen.errors import UserError
from wavegen.reports.plots import adorning, try_plotting
from wavegen.system.optional import Library, needed
from wavegen.training.board import try_board
from wavegen.training.folder import check_free, check_no_corpus
from wavegen.training.host import locked
from wavegen.wording import amount

SOUNDFILE = Library("soundfile", "soundfile>=0.13", "cffi")
LIBRARIES = {  # needed after the training, by the module that is imported
    "soundfile": SOUNDFILE,
    "soxr": Library("soxr", "soxr>=0.5", "numpy"),
    "safetensors.torch": Library("safetensors", "safetensors>=0.7", "torch"),
    "tomli_w": Library("tomli-w", "tomli-w>=1.0"),
}
MODEL_COPIES = 12  # of float32 in a run: 4 in the state, 1 in each of two models, twice while each is replaced
REST_BYTES = 16 * 2**20  # metrics and TensorBoard's events


def check_ready(folder: Path, room: int) -> None:
    """Tries the libraries, drawing and the disk that writing `room` bytes into `folder` will need.

    Raises UserError for a missing library, no right to write, or too little space. If drawing or TensorBoard fails, a
    line says what will be left out. `folder` need not exist; no file is left.
    """
    for module, library in LIBRARIES.items():
        with needed(library, str(folder)):
            importlib.import_module(module)
    with needed(SOUNDFILE, str(folder)):
        _code_flac()
    adorning(try_plotting)
    try_board()
    _check_disk(folder, room)


@contextlib.contextmanager
def held_folder(run: Path, resume: bool, parameters: int) -> Generator[None]:
    """Holds the lock of a run folder that is ready for a run, new or to be resumed.

    Args:
        run: the folder.
        resume: whether it may hold a run.
        parameters: of the model.

    Raises UserError if the run cannot be written there.
    """
    check_no_corpus(run)
    check_ready(run, run_bytes(parameters))
    with locked(run):
        check_free(run, resume)
        yield


def run_bytes(parameters: int) -> int:
    """The most bytes that a run of a model of so many parameters has on the disk."""
    return MODEL_COPIES * 4 * parameters + REST_BYTES


def _code_flac() -> None:
    import numpy as np
    import soundfile

    coded = io.BytesIO()
    soundfile.write(coded, np.zeros(16, np.int16), 8000, format="FLAC", subtype="PCM_16")


def _check_disk(folder: Path, room: int) -> None:
    existing = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))
    if existing.is_dir() and not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"{folder}: {existing} cannot be written to; name another folder")
    try:
        usage = shutil.disk_usage(existing)
        held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())  # which will be replaced
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from error
    if usage.total > 0 and usage.free < room - held:  # some file systems do not say
        wanted, free = map(amount, (room - held, usage.free))
        raise UserError(f"{folder}: needs up to {wanted} of disk, {free} are free; make room or name another folder")
