"""The extent of the samples in an audio file, and the one rule that every container's declaration is held to.

A container says how many bytes, or samples, it holds. Fewer are there: the file was cut. More are there than it says,
and they are no tag, chunk or padding of that container: they may be samples, so they are not passed over in silence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wavegen.errors import UserError

WRITE_AGAIN = "write the file again with the program that it is from"
MAX_CHANNELS = 256
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 100, 1_000_000
# Programs that write into a pipe (sox, arecord, ffmpeg) cannot go back to fill in the size and leave one of these, some
# of them less the header's length: such a file's samples go on to its end.
STREAMED_SIZES = (0x7F000008, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LONGEST_HEADER = 256
LONG_STREAMED = 1 << 62  # a 64-bit size from here on means the same
MAX_STRAY = 4096  # bytes of unknown kind after the samples that are warned of; more, and more than 1 %, are refused
MAX_ZEROS = 1 << 16  # zeros after the samples that are padding, as to a sector's or a cluster's end

Piece = bytes | tuple[int, int]
"""Bytes of a stream as they are, or the file's from one offset up to another."""


@dataclass(frozen=True)
class Layout:
    """The findings of a look at a file's header and structure.

    data_bytes: the bytes of samples; None if only the decoder can tell.
    samples: the samples a channel that the header counts besides; None if it does not.
    block: the samples of one coded block; a decoder may append up to that many less one.
    max_samples: the samples that fit into the bytes, where libsndfile reads on beyond them.
    coding: what the samples are coded in, for the line about a file that libsndfile refuses; None if that is plain.
    pieces: the stream to decode where it is not the file as it is.
    warnings: one line each, without the file's name.
    after: to be called with the file's position when all samples have been read; raises UserError.
    md5: of all samples, interleaved, little-endian, of whole bytes; empty if the file has none.
    """

    data_bytes: int | None = None
    samples: int | None = None
    block: int = 1
    max_samples: int | None = None
    coding: str | None = None
    pieces: tuple[Piece, ...] = ()
    warnings: tuple[str, ...] = ()
    after: Callable[[int], None] | None = None
    md5: bytes = b""


class Bytes:
    """The bytes of an open file, read in windows wherever they are asked for.

    Not mapped into memory: a file that shrinks meanwhile would end the process.
    """

    WINDOW = 1 << 16

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor, self.size = descriptor, size
        self._start = 0
        self._window = b""

    def at(self, position: int, length: int) -> bytes:
        """Up to `length` bytes from `position` on; fewer at the file's end."""
        offset = position - self._start
        if not 0 <= offset <= len(self._window) - length:
            self._start = position
            offset = 0
            self._window = os.pread(self.descriptor, max(length, self.WINDOW), position)
        return self._window[offset : offset + length]

    def finditer(self, pattern: bytes, start: int, stop: int | None = None) -> Iterator[int]:
        """Where the regular expression `pattern` matches from `start` on, matches of up to 64 bytes."""
        compiled = re.compile(pattern, re.DOTALL)
        stop = stop or self.size
        block = 1 << 20
        overlap = 64
        while start < stop:
            text = os.pread(self.descriptor, min(block + overlap, stop - start), start)
            yield from (start + match.start() for match in compiled.finditer(text) if match.start() < block)
            start += block


def check_format(sample_rate: int, channels: int, path: Path) -> None:
    """Raises UserError for a sample rate or a number of channels that no recording has."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        limits = f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz"
        raise UserError(f"{path}: its header declares {sample_rate} Hz; rates from {limits} can be read")
    if not 1 <= channels <= MAX_CHANNELS:
        raise UserError(f"{path}: its header declares {channels} channels; 1 to {MAX_CHANNELS} can be read")


def data_bytes(declared: int, present: int, path: Path, *, wide: bool = False) -> int:
    """The bytes of samples: those declared, or those present where a program left the size open.

    `wide` says that the size has 64 bits. Raises UserError if more are declared than present.
    """
    if declared <= present:
        return declared
    streamed = any(size - LONGEST_HEADER <= declared <= size for size in STREAMED_SIZES)
    if declared >= LONG_STREAMED if wide else streamed:
        return present
    raise UserError(
        f"{path}: truncated: its header declares {declared} bytes of audio, {present} are there; copy it again"
    )


def unexplained(data: Bytes, position: int) -> int:
    """The bytes from `position` to the file's end, but 0 if they are no more zeros than padding has."""
    length = max(0, data.size - position)
    if length <= MAX_ZEROS and not data.at(position, length).strip(b"\0"):
        return 0
    return length


def judged(stray: int, audio: int, path: Path) -> tuple[str, ...]:
    """A warning if `stray` bytes of unknown kind follow `audio` bytes of samples. Raises UserError if they are many."""
    if not stray:
        return ()
    if audio == 0:
        raise UserError(
            f"{path}: its header declares no samples though {stray} bytes follow, as after an interrupted recording; "
            "mend it with: sox --ignore-length BROKEN WHOLE.wav"
        )
    if stray > max(MAX_STRAY, audio // 100):
        wrapped = stray % (1 << 32) < LONGEST_HEADER
        kind = "no chunk or tag (a size beyond 4 GiB wrapped round)" if wrapped else "no chunk or tag"
        raise UserError(
            f"{path}: its header declares {audio} bytes of audio, but {stray} more follow that are {kind}; if they are "
            f"audio, mend it with: sox --ignore-length BROKEN WHOLE{'.w64' if wrapped else '.wav'}"
        )
    return (f"{stray} bytes after its samples are no chunk or tag; they were passed over",)


def joined(position: int, what: str, path: Path) -> UserError:
    """The error for a file in which another one begins at `position`."""
    return UserError(
        f"{path}: another {what} begins at byte {position}, as if two were joined end to end; take it apart: "
        f"head -c {position} IN > FIRST, tail -c +{position + 1} IN > SECOND"
    )


def cut(path: Path) -> UserError:
    return UserError(f"{path}: truncated or damaged: it ends before its samples begin; copy it again")
