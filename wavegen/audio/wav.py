"""Parses a WAV file into parts that give it back byte for byte; `headers/wav.py` parses one that is to be read."""

from __future__ import annotations

import contextlib
import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from wavegen.audio.headers import check_format
from wavegen.audio.headers.chunks import Chunk, after
from wavegen.audio.headers.layout import WRITE_AGAIN, Bytes
from wavegen.errors import UserError, unreadable
from wavegen.system.contents import kind_of, no_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

PCM, EXTENSIBLE = 1, 0xFFFE
MAX_CHANNELS = 2
BYTES_AT_ONCE = 1 << 20
MAX_HEADER, MAX_TRAILER = 1 << 24, 0xFFFFFFFF  # bytes
_CONVERT = "convert it, as with: sox IN -b 16 OUT.wav"
_FORMATS = {3: "floating-point numbers", 6: "A-law", 7: "mu-law"}


@dataclass(frozen=True)
class Wav:
    """A file of 16-bit PCM: `header`, then frames of little-endian samples, then `trailer_size` bytes.

    The header is all that stands before the first sample; the trailer all that stands after the last whole frame.
    `warning` says, without the file's name, that much of the trailer may be samples that the header does not declare.
    """

    path: Path
    header: bytes
    sample_rate: int
    channels: int
    frames: int
    trailer_size: int
    warning: str | None = None

    def pcm(self, start: int, stop: int) -> NDArray[np.int16]:
        """Frames from `start` up to `stop`, (frames, channels) int16. Raises UserError where they are gone."""
        align = 2 * self.channels
        with _opened(self.path) as file:
            file.seek(len(self.header) + align * start)
            data = file.read(align * (stop - start))
        if len(data) != align * (stop - start):
            raise UserError(f"{self.path}: became shorter while it was read; try again when it is complete")
        return np.frombuffer(data, "<i2").reshape(-1, self.channels)

    def trailer(self) -> Iterator[bytes]:
        """The trailer, in pieces."""
        with _opened(self.path) as file:
            file.seek(len(self.header) + 2 * self.channels * self.frames)
            left = self.trailer_size
            while left and (piece := file.read(min(left, BYTES_AT_ONCE))):
                left -= len(piece)
                yield piece
        if left:
            raise UserError(f"{self.path}: became shorter while it was read; try again when it is complete")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, and its name in what goes wrong with it."""
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        raise unreadable(path, error) from error


def plain_header(sample_rate: int, channels: int, frames: int) -> bytes:
    """The 44 bytes that most programs write before that many frames of 16-bit PCM."""
    align = 2 * channels
    size = frames * align
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", (size + 36) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, PCM, channels,
                       sample_rate, sample_rate * align, align, 16, b"data", size & 0xFFFFFFFF)  # fmt: skip


def _no_wav(path: Path) -> UserError:
    what = kind_of(path)
    if what is None or what.endswith(" file"):  # of sound, as far as can be told
        return UserError(f"{path}: is not a WAV file; {_CONVERT}")
    return UserError(f"{path}: is {what}, not a WAV file; name one")


def read_wav(path: str | Path) -> Wav:
    """The parts of a WAV file of one or two channels of 16-bit PCM.

    Samples that the header declares and that are not there, or that it leaves to the end of the file as programs
    that write into pipes do, are taken as far as they go. Raises UserError for anything else, and says what would do.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise no_file(path, "a WAV file")
        size = path.stat().st_size
        with open(path, "rb") as file:
            riff = file.read(12)
            if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
                raise _no_wav(path)
            position = 12
            form = None
            while position + 8 <= size:
                file.seek(position)
                name, declared = struct.unpack("<4sI", file.read(8))
                position += 8
                if name == b"fmt ":
                    form = file.read(min(declared, 40))
                elif name == b"data":
                    file.seek(0)
                    header = file.read(min(position, MAX_HEADER + 1))
                    parts = _parts(path, header, form, min(declared, size - position), size)
                    return dataclasses.replace(parts, warning=_warning(file, size, position, declared))
                position += declared + declared % 2
    except OSError as error:
        raise unreadable(path, error) from error
    raise UserError(f"{path}: truncated or damaged: it ends before its samples begin; copy it again")


def _warning(file: BinaryIO, size: int, start: int, declared: int) -> str | None:
    """A warning about bytes after the samples, which begin at `start` and of which `declared` bytes are declared."""
    if start + declared >= size:
        return None
    stray, another, position = after(Bytes(file.fileno(), size), Chunk(b"data", start, declared), "little")
    if another is not None:
        what = another if another.endswith("file") else "data chunk"
        return f"another {what} follows at byte {position}; it is kept as it is, not compressed"
    if stray:
        return f"{stray} bytes after its samples are no chunk or tag; they are kept as they are, not compressed"
    return None


def _parts(path: Path, header: bytes, form: bytes | None, data_size: int, size: int) -> Wav:
    if form is None or len(form) < 16:
        raise UserError(f"{path}: no format stands before its samples; {WRITE_AGAIN}")
    kind, channels, sample_rate, _, _, depth = struct.unpack_from("<HHIIHH", form)
    if kind == EXTENSIBLE and len(form) >= 26:
        (kind,) = struct.unpack_from("<H", form, 24)
    if kind != PCM:
        raise UserError(f"{path}: holds {_FORMATS.get(kind, f'format {kind}')}, not 16-bit PCM; {_CONVERT}")
    if depth != 16:
        raise UserError(f"{path}: holds {depth}-bit samples, not 16-bit ones; {_CONVERT}")
    check_format(sample_rate, channels, path)
    if len(header) > MAX_HEADER:
        raise UserError(f"{path}: has {len(header):,} bytes before its samples; {_CONVERT}")
    if channels > MAX_CHANNELS:
        raise UserError(f"{path}: has {channels} channels; split them, as with: sox IN OUT.wav remix 1")
    frames = data_size // (2 * channels)
    trailer_size = size - len(header) - 2 * channels * frames
    if trailer_size > MAX_TRAILER:
        raise UserError(f"{path}: has {trailer_size:,} bytes after its samples; split it into files below 4 GiB")
    return Wav(path, header, sample_rate, channels, frames, trailer_size)
