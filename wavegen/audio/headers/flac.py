"""FLAC (RFC 9639): what its STREAMINFO says of the samples: their number, held to that of its last frame, and MD5."""

from __future__ import annotations

from pathlib import Path

from wavegen.audio.headers.layout import Bytes, Layout, joined
from wavegen.errors import UserError

WINDOW = 1 << 19  # bytes at the end that are looked at; more than a decoder reads ahead
HEADER = 16  # bytes that a frame's header may have
BLOCK_SIZES = {1: 192} | {code: 144 << code for code in range(2, 6)} | {code: 1 << code for code in range(8, 16)}
_SYNC = rb"\xff[\xf8\xf9]"


def layout(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of a FLAC file. Raises UserError if more frames are there than it declares, or another file follows.

    That there are fewer the decoder says.
    """
    info = data.at(position, 42)
    if len(info) < 42 or info[4] & 0x7F:
        return Layout()
    block_size = int.from_bytes(info[8:10], "big")
    total = int.from_bytes(info[21:26], "big") & 0xFFFFFFFFF
    bits = ((info[20] & 1) << 4 | info[21] >> 4) + 1
    first = position + 42

    def check_no_other(read: int) -> None:
        """Raises UserError if another file begins near byte `read` or after it."""
        another = next(data.finditer(rb"fLaC[\0\x80]\0\0\x22", max(first, read - WINDOW)), None)
        if another is not None:
            raise joined(another, "FLAC file", path)

    check_no_other(data.size)
    there = _end_of_last_frame(data, first, block_size)
    if total and there is not None and there > total:
        check_no_other(first)
        raise UserError(
            f"{path}: its header declares {total} samples, but at least {there} are there; "
            "write it again, as with: flac -d --decode-through-errors IN -o OUT.wav, and look at what comes out"
        )
    return Layout(
        after=check_no_other, md5=info[26:42] if any(info[26:42]) else b"", coding=f"FLAC of {bits} bits a sample"
    )


def _end_of_last_frame(data: Bytes, first: int, block_size: int) -> int | None:
    """The number of the sample after the last frame near the file's end; None without two that follow one another.

    A header found by its sync code and checksum alone may be chance, two that agree are not. `first` is where frames
    may begin.
    """
    start = max(first, data.size - WINDOW)
    previous = (0, 0) if start == first else None
    last = None
    for offset in data.finditer(_SYNC, start):
        frame = _frame(data.at(offset, HEADER), block_size)
        if frame is None:
            continue
        if previous is not None and frame[0] == previous[1]:
            last = frame[1]
        previous = frame
    return last


def _frame(header: bytes, block_size: int) -> tuple[int, int] | None:
    """The first sample of the frame and the one after it; None if this is no frame's header."""
    if len(header) < 6 or header[3] & 1 or header[3] >> 4 > 10:
        return None
    length = 1 if header[4] < 0x80 else 8 - (header[4] ^ 0xFF).bit_length()
    if header[4] in range(0x80, 0xC0) or header[4] == 0xFF:
        return None
    number = header[4] & (0x7F >> length if length > 1 else 0x7F)
    for byte in header[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    size_code = header[2] >> 4
    rate_code = header[2] & 15
    offset = 4 + length
    size = BLOCK_SIZES.get(size_code)
    if size_code in (6, 7):
        size = int.from_bytes(header[offset : offset + size_code - 5], "big") + 1
        offset += size_code - 5
    offset += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if size is None or rate_code == 15 or len(header) <= offset or _crc8(header[:offset]) != header[offset]:
        return None
    first = number if header[1] & 1 else number * block_size
    return first, first + size


def _crc8(text: bytes) -> int:
    crc = 0
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc
