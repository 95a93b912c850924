"""What an audio file's header declares, checked against the file: libsndfile shortens damaged files in silence."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wavegen.errors import UserError

MAX_CHANNELS = 256
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 100, 1_000_000
# Programs that write a WAV file into a pipe (sox, arecord, ffmpeg) cannot go back to fill in its size and leave one of
# these, some of them less the header's length: such a file's samples go on to its end.
STREAMED_SIZES = (0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LONGEST_HEADER = 256


def check(file: BinaryIO, path: Path) -> None:
    """Raises UserError if the header of `file` is absurd or declares more audio than the file holds.

    Knows RIFF, RIFX and RF64 (WAV), FORM (AIFF) and the pages of Ogg; what else libsndfile reads passes, as do
    MP3 and FLAC, whose decoders say how many samples were declared.
    """
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise UserError(f"{path}: is empty (0 bytes); copy it again")
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:] == b"WAVE":
        _check_chunks(file, size, "<" if head[:4] != b"RIFX" else ">", path)
    elif head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        _check_chunks(file, size, ">", path)
    elif head[:4] == b"OggS":
        _check_pages(file, size, path)
    file.seek(0)


def check_format(sample_rate: int, channels: int, path: Path) -> None:
    """Raises UserError for a sample rate or a number of channels that no recording has."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        limits = f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz"
        raise UserError(f"{path}: its header declares {sample_rate} Hz; rates from {limits} can be read")
    if not 1 <= channels <= MAX_CHANNELS:
        raise UserError(f"{path}: its header declares {channels} channels; 1 to {MAX_CHANNELS} can be read")


def _check_chunks(file: BinaryIO, size: int, order: str, path: Path) -> None:
    """Walks the chunks of a RIFF or FORM file up to its samples."""
    file.seek(4)
    (riff_size,) = struct.unpack(order + "I", file.read(4))
    position, long_size = 12, None
    while position + 8 <= size:
        file.seek(position)
        name, declared = struct.unpack(order + "4sI", file.read(8))
        start = file.read(24)
        if name == b"fmt " and len(start) >= 8:
            channels, sample_rate = struct.unpack_from(order + "HI", start, 2)
            check_format(sample_rate, channels, path)
        elif name == b"ds64" and len(start) >= 16:
            (long_size,) = struct.unpack_from(order + "Q", start, 8)
        elif name in (b"data", b"SSND"):
            if declared == 0xFFFFFFFF and long_size is not None:
                declared = long_size
            _check_data(declared, size - position - 8, riff_size + 8 < size, path)
            return
        position += 8 + declared + declared % 2
    raise UserError(f"{path}: truncated or damaged: it ends before its samples begin; copy it again")


def _check_data(declared: int, present: int, more_follows: bool, path: Path) -> None:
    streamed = any(size - LONGEST_HEADER <= declared <= size for size in STREAMED_SIZES)
    if declared > present and not streamed:
        raise UserError(
            f"{path}: truncated: its header declares {declared} bytes of audio, {present} are there; copy it again"
        )
    if declared == 0 and present > 0 and more_follows:
        raise UserError(
            f"{path}: its header declares no samples though {present} bytes follow, as after an interrupted recording; "
            "mend it with: sox --ignore-length BROKEN.wav WHOLE.wav"
        )


def _check_pages(file: BinaryIO, size: int, path: Path) -> None:
    """An Ogg file is a chain of whole pages, each headed by the lengths of its segments; a tag may follow the last."""
    position, at_end = 0, False
    while position < size:
        file.seek(position)
        header = file.read(27 + 255)
        lengths = header[27 : 27 + header[26]] if len(header) > 27 else b""
        if not header.startswith(b"OggS"):
            if at_end:
                return
            raise UserError(f"{path}: damaged: no Ogg page begins at byte {position}, where one should; copy it again")
        position += 27 + len(lengths) + sum(lengths)
        if len(header) < 27 or len(lengths) < header[26] or position > size:
            raise UserError(f"{path}: truncated: its last Ogg page is cut short; copy it again")
        at_end = bool(header[5] & 4)


def is_mp3_of_unknown_length(file: BinaryIO) -> bool:
    """Whether `file` is an MP3 without a header that gives its length; libsndfile then guesses, often too short."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(2048)
    file.seek(0)
    is_mp3 = len(frame) > 2 and frame[0] == 0xFF and frame[1] & 0xE6 in (0xE2, 0xE4, 0xE6)
    return is_mp3 and not any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))


@contextlib.contextmanager
def piped(file: BinaryIO) -> Iterator[int]:
    """A file descriptor of a pipe through which the whole of `file` comes: libsndfile guesses no length for a pipe."""
    reader, writer = os.pipe()

    def pump() -> None:
        with contextlib.suppress(OSError), open(writer, "wb") as pipe:
            while block := file.read(65536):
                pipe.write(block)

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)  # a pump that still writes gets EPIPE and ends
        thread.join()
