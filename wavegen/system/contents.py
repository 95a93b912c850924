"""The kind of a file by its first bytes, for messages to someone who named a file of another kind than was wanted."""

from __future__ import annotations

import re
from pathlib import Path

from wavegen.errors import UserError

HEAD = 512  # bytes that are looked at
LONGEST_TENSOR_HEADER = 100_000_000  # bytes, of safetensors
# After its magic, a ZIP archive of arrays: a .npz, or what PyTorch saves.
NUMPY, TORCH = rb".{26}[^\0]{0,200}\.npy", rb".{26}[^\0]{0,200}(data\.pkl|\.data/|/version)"
ARRAYS = NUMPY + rb"|" + TORCH
# What files begin with, "." being any byte; the first that fits counts.
_KINDS = [
    (rb"wgn\n", "a recording that wavegen compressed"),
    (rb"(RIFF|RIFX|RF64|BW64)....WAVE", "a WAV file"),
    (rb"FORM....AIF", "an AIFF file"),
    (rb"fLaC", "a FLAC file"),
    (rb"OggS", "an Ogg file"),
    (rb"ID3|\xff[\xe2-\xff]", "an MP3 file"),
    (rb"\x93NUMPY|PK\x03\x04" + NUMPY, "a file of NumPy"),
    (rb"PK\x03\x04" + TORCH, "a file of PyTorch"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"\x80[\x02-\x05][}\]c(\x8a\x95]", "a pickle of Python"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb"\x1f\x8b|BZh[1-9]|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|7z\xbc\xaf|Rar!|.{257}ustar", "an archive"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|BM.{4}\0\0\0\0", "a picture"),
    (rb"%PDF", "a PDF file"),
    (rb"\x7fELF|MZ.{58}", "a program"),
    (rb"\0\x05\x16[\0\x07]", "macOS's notes on a file"),
]
TEXT, TENSORS = "text", "a safetensors file"


def kind(head: bytes) -> str | None:
    """The kind of a file that begins with `head`, up to HEAD bytes, as "a WAV file"; None if it is not known."""
    found = next((what for pattern, what in _KINDS if re.match(pattern, head, re.DOTALL)), None)
    if found is not None or not head:
        return found
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_TENSOR_HEADER:
        return TENSORS
    return TEXT if _is_text(head) else None


def kind_of(path: Path) -> str | None:
    """The kind of the file `path`, as `kind` has it; None also if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return kind(file.read(HEAD))
    except OSError:
        return None


def no_file(path: Path, wanted: str) -> UserError:
    """The error for a `path` at which there is no regular file; `wanted` is what to name, as "a WAV file"."""
    if not path.exists():
        return UserError(f"{path}: no such file; name {wanted}")
    if path.is_dir():
        return UserError(f"{path}: is no file but a folder; name {wanted}")
    return UserError(f"{path}: is a pipe or device; write what comes from it into a file first, and name {wanted}")


def _is_text(head: bytes) -> bool:
    if re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]", head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True
