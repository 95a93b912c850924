"""Examines the bytes after the samples of a file made of chunks: chunks, tags, padding, or something stray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wavegen.audio.headers import tags
from wavegen.audio.headers.layout import Bytes, joined, unexplained
from wavegen.errors import UserError

# Chunks that stand after the samples of real files; one that is cut short there loses no sample.
_USUAL = {
    b"LIST", b"id3 ", b"ID3 ", b"bext", b"fact", b"cue ", b"smpl", b"inst", b"JUNK", b"junk", b"PAD ", b"PEAK",
    b"iXML", b"axml", b"_PMX", b"afsp", b"cart", b"DISP", b"acid", b"plst", b"ltxt", b"note", b"FLLR", b"LGWV",
    b"ANNO", b"NAME", b"AUTH", b"(c) ", b"MARK", b"INST", b"COMT", b"APPL", b"AESD", b"CHAN", b"FVER",
}  # fmt: skip
Order = Literal["little", "big"]
_FILES = {b"RIFF": b"WAVE", b"RIFX": b"WAVE", b"RF64": b"WAVE", b"BW64": b"WAVE", b"FORM": b"AIF"}


@dataclass(frozen=True)
class Chunk:
    """A chunk's name, where its contents start, and the bytes that it declares."""

    name: bytes
    start: int
    size: int


def chunks(data: Bytes, position: int, order: Order) -> Iterator[Chunk]:
    """The chunks of a RIFF or FORM file from `position` on; the last may declare more than there is."""
    while len(head := data.at(position, 8)) == 8:
        chunk = Chunk(head[:4], position + 8, int.from_bytes(head[4:], order))
        yield chunk
        position = _next(data, chunk, order)


def stray_after(data: Bytes, chunk: Chunk, order: Order, path: Path) -> int:
    """The bytes after the samples in `chunk` that are no chunks, tags or padding.

    Raises UserError if they are a second chunk of samples, or another file.
    """
    stray, another, position = after(data, chunk, order)
    if another is not None and another.endswith("file"):
        raise joined(position, another, path)
    if another is not None:
        raise UserError(
            f"{path}: holds two '{another}' chunks, of which only the first would be read; join them, as with: "
            "ffmpeg -i IN OUT.wav, and look at what comes out"
        )
    return stray


def after(data: Bytes, chunk: Chunk, order: Order) -> tuple[int, str | None, int]:
    """The rest of a file after the samples in `chunk`: bytes of unknown kind, another chunk or file, and its offset."""
    position = _next(data, chunk, order)
    while position < data.size:
        if length := tags.at(data, position):
            position += length
            continue
        head = data.at(position, 12)
        if head[8:].startswith(_FILES.get(head[:4], b"?")):
            return data.size - position, "AIFF file" if head[:4] == b"FORM" else "WAV file", position
        if not _plausible(data, position, order):
            return unexplained(data, position), None, position
        following = Chunk(head[:4], position + 8, int.from_bytes(head[4:8], order))
        if following.name == chunk.name:
            return data.size - position, chunk.name.decode().strip(), position
        position = _next(data, following, order)
    return 0, None, position


def _next(data: Bytes, chunk: Chunk, order: Order) -> int:
    """Where the next chunk begins: after a byte of padding if this one is odd, which some programs leave out."""
    end = chunk.start + chunk.size
    unpadded = chunk.size % 2 and _plausible(data, end, order) and not _plausible(data, end + 1, order)
    return end + chunk.size % 2 - bool(unpadded)


def _plausible(data: Bytes, position: int, order: Order) -> bool:
    head = data.at(position, 8)
    if len(head) < 8 or not all(0x20 <= byte < 0x7F for byte in head[:4]):
        return False
    return head[:4] in _USUAL or position + 8 + int.from_bytes(head[4:], order) <= data.size
