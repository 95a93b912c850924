"""The container of compressed recordings, around the words of the coder.

    4  magic "wgn\\n"         1  format version       1  numerics       1  precision, its index in PRECISIONS
    1  channels              4  sample rate          4  frames         4  length of the WAV header, 0: the plain one
    4  length of the trailer 8  digest of the model  16 digest of the restored file
    the condition; the WAV header; the blocks; the trailer

all little-endian, digests BLAKE2b. Only format 2, of models that take conditions, has a condition:

    2  length of the speaker's name in bytes, 0: unknown   16 digest of the frames, all zeros: none   the name, UTF-8

A block is BLOCK samples of one channel (the last one of each is shorter), the channels take turns: 4 bytes say how many
words follow, then the words, 4 bytes each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from wavegen.audio.headers import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wavegen.audio.wav import MAX_CHANNELS, MAX_HEADER, plain_header
from wavegen.constants import NUMERICS
from wavegen.engine.base import PRECISIONS
from wavegen.errors import UserError
from wavegen.modelfile import weights_hash
from wavegen.models.model import AnyAudio

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"wgn\n"
FORMAT, CONDITIONAL_FORMAT = 1, 2
BLOCK = 1 << 15
_FIXED = struct.Struct("<4sBBBBIIII8s16s")
_CONDITION = struct.Struct("<H16s")
_DIGEST_SIZE = 16
_MAX_NAME = 4 * 200  # bytes of a speaker's name
MAX_WORDS = 2 * BLOCK + 2  # of a block: at most one for a symbol, one for the code within its cell; the last state
_MIN_BLOCK = 12  # bytes: a length and the coder's last state
_DAMAGED = "damaged or cut short: copy it again, or compress the original again"


@dataclass(frozen=True)
class Condition:
    """A model's condition: the speaker, None for an unknown one, and the digest of frames, None without frames."""

    speaker: str | None = None
    frames: bytes | None = None

    def pack(self) -> bytes:
        name = (self.speaker or "").encode()
        return _CONDITION.pack(len(name), self.frames or bytes(_DIGEST_SIZE)) + name


@dataclass(frozen=True)
class Preamble:
    """The fields before the blocks; the restored file begins with `wav_header`.

    `condition` is None for a model without conditions.
    """

    precision: str
    channels: int
    sample_rate: int
    frames: int
    trailer_size: int
    model: bytes
    digest: bytes
    wav_header: bytes
    condition: Condition | None = None

    @property
    def restored(self) -> int:
        """The size in bytes of the file that comes back."""
        return len(self.wav_header) + 2 * self.channels * self.frames + self.trailer_size

    def pack(self) -> bytes:
        plain = self.wav_header == plain_header(self.sample_rate, self.channels, self.frames)
        wav_header = b"" if plain else self.wav_header
        condition = b"" if self.condition is None else self.condition.pack()
        version = FORMAT if self.condition is None else CONDITIONAL_FORMAT
        fixed = (MAGIC, version, NUMERICS, PRECISIONS.index(self.precision), self.channels, self.sample_rate)
        sizes = (self.frames, len(wav_header), self.trailer_size)
        return _FIXED.pack(*fixed, *sizes, self.model, self.digest) + condition + wav_header


def digest() -> hashlib.blake2b:
    """The digest of the restored file, before its first byte."""
    return hashlib.blake2b(digest_size=_DIGEST_SIZE)


def model_digest(model: AnyAudio) -> bytes:
    """8 bytes: a digest of all that a model's probabilities depend on, its settings and its weights."""
    data = model.data()
    about = json.dumps([data.sample_rate, data.settings, weights_hash(data.arrays)], sort_keys=True)
    return hashlib.blake2b(about.encode(), digest_size=8).digest()


def read_preamble(file: BinaryIO, size: int, path: Path) -> Preamble:
    """Reads the fields before the blocks of a compressed file, which is left at the first block.

    Args:
        file: at its start.
        size: of the file, in bytes.
        path: of the file, for messages.

    Raises:
        UserError: the file is foreign, damaged or newer. It is raised before anything is allocated by declared sizes.
    """
    fixed = file.read(_FIXED.size)
    if not fixed.startswith(MAGIC):
        raise UserError(f"{path}: is not a file that wavegen compressed")
    if len(fixed) > 4 and fixed[4] not in (FORMAT, CONDITIONAL_FORMAT):
        known = f"{FORMAT} and {CONDITIONAL_FORMAT}"
        raise UserError(f"{path}: format {fixed[4]} of another wavegen, this one reads {known}; install that")
    if len(fixed) > 5 and fixed[5] != NUMERICS:
        raise UserError(f"{path}: numerics {fixed[5]}, this wavegen has {NUMERICS}; install the one that made it")
    if len(fixed) < _FIXED.size:
        raise UserError(f"{path}: {_DAMAGED}")
    _, version, _, precision, channels, rate, frames, header_size, trailer_size, model, whole = _FIXED.unpack(fixed)
    blocks = -(-frames // BLOCK) * channels
    declared = _FIXED.size + header_size + trailer_size + blocks * _MIN_BLOCK
    known = precision < len(PRECISIONS) and 1 <= channels <= MAX_CHANNELS
    if not known or not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE or declared > size or header_size > MAX_HEADER:
        raise UserError(f"{path}: {_DAMAGED}")
    condition = _read_condition(file, path) if version == CONDITIONAL_FORMAT else None
    wav_header = file.read(header_size) if header_size else plain_header(rate, channels, frames)
    return Preamble(PRECISIONS[precision], channels, rate, frames, trailer_size, model, whole, wav_header, condition)


def _read_condition(file: BinaryIO, path: Path) -> Condition:
    """The condition, at which the file is. Raises UserError if it is damaged."""
    fixed = file.read(_CONDITION.size)
    if len(fixed) == _CONDITION.size:
        length, frames = _CONDITION.unpack(fixed)
        name = file.read(min(length, _MAX_NAME))
        with contextlib.suppress(UnicodeDecodeError):
            if len(name) == length:
                return Condition(name.decode() or None, frames if any(frames) else None)
    raise UserError(f"{path}: {_DAMAGED}")


def write_block(file: BinaryIO, words: NDArray[np.uint32]) -> None:
    """Writes the words of a block, (n,) uint32."""
    file.write(struct.pack("<I", len(words)) + words.astype("<u4").tobytes())


def read_block(file: BinaryIO, end: int) -> NDArray[np.uint32] | None:
    """The words of the next block, (n,) uint32, which ends at byte `end` or before; None where there is none."""
    if end - file.tell() < _MIN_BLOCK:
        return None
    prefix = file.read(4)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 4 or length > min(MAX_WORDS, (end - file.tell()) // 4):
        return None
    words = file.read(4 * length)
    return np.frombuffer(words, "<u4").astype(np.uint32) if len(words) == 4 * length else None


def skip_blocks(file: BinaryIO, preamble: Preamble) -> int:
    """The offset of the end of the blocks, by the lengths that they declare; `file` is at the first of them."""
    for _ in range(-(-preamble.frames // BLOCK) * preamble.channels):
        file.seek(4 * int.from_bytes(file.read(4), "little"), os.SEEK_CUR)
    return file.tell()


def damaged(path: Path) -> UserError:
    """The error for a compressed file that is damaged or cut short."""
    return UserError(f"{path}: {_DAMAGED}")
