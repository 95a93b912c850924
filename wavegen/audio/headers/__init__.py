"""Checks the declarations in an audio file's header and structure against the file.

libsndfile shortens damaged files, and reads what follows the samples as samples, in silence.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from wavegen.audio.headers import chunked, flac, foreign, headers, mpeg, ogg, tags, wav
from wavegen.audio.headers.foreign import CONVERT, GIVE_HEADER, RAW, READABLE, UNREADABLE
from wavegen.audio.headers.layout import (
    MAX_CHANNELS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    Bytes,
    Layout,
    Piece,
    check_format,
)
from wavegen.errors import UserError

__all__ = ["CONVERT", "GIVE_HEADER", "MAX_CHANNELS", "MAX_SAMPLE_RATE", "MIN_SAMPLE_RATE", "RAW", "READABLE",
           "UNREADABLE", "Layout", "Piece", "check_format", "examine"]  # fmt: skip


def examine(file: BinaryIO, size: int, path: Path) -> Layout:
    """The layout of an open file of `size` bytes; its position is left at the start.

    Raises UserError if it is empty, its header is absurd, it declares more samples than there are, or fewer, or its
    coding is known and cannot be read. A kind of file that is not known here has a layout that says nothing.
    """
    if size == 0:
        raise UserError(f"{path}: is empty (0 bytes); copy it again")
    data = Bytes(file.fileno(), size)
    found = _examined(data, tags.leading(data), path)
    file.seek(0)
    return found


def _examined(data: Bytes, start: int, path: Path) -> Layout:
    head = data.at(start, 32)
    if head[:4] in wav.MAGIC and head[8:12] == b"WAVE":
        return wav.layout(data, start, path)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return chunked.aiff(data, start, path)
    if head[:4] == b"FORM" and head[8:12] in (b"8SVX", b"16SV"):
        return chunked.svx(data, start, path)
    if head[:4] == b"caff":
        return chunked.caf(data, start, path)
    if head[:8] == chunked.W64_HEAD:
        return chunked.w64(data, start, path)
    if head[:4] == b"OggS":
        return ogg.layout(data, start, path)
    if head[:4] == b"fLaC":
        return flac.layout(data, start, path)
    for magic, layout in headers.BY_MAGIC:
        if start == 0 and re.match(magic, head, re.DOTALL):
            return layout(data, path)
    if not _is_htk(data):
        foreign.refuse(data, start, path)
        if mpeg.begins(data, start):
            return mpeg.layout(data, start, data.size, path)
    return Layout()


def _is_htk(data: Bytes) -> bool:
    """Files of the HMM Toolkit have no name in their header; it counts the samples of two bytes after it."""
    return data.at(8, 4) == b"\0\2\0\0" and 2 * int.from_bytes(data.at(0, 4), "big") + 12 == data.size
