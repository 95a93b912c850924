"""Ogg: pages, each of one logical stream, numbered from its first to the one marked as its last (RFC 3533).

Each page has a checksum. A decoder drops a page that has another and what cannot be decoded without it, in silence.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from wavegen.audio.headers import foreign, tags
from wavegen.audio.headers.layout import Bytes, Layout, judged, unexplained
from wavegen.errors import UserError

FIRST, LAST = 2, 4  # flags of a page
CHECKSUM = slice(22, 26)  # bytes of a page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# How the first packet of a stream begins; None: libsndfile reads it.
_CODINGS = {
    b"\x01vorbis": None, b"OpusHead": None, b"\x7fFLAC": "FLAC in Ogg", b"fLaC": "FLAC in Ogg", b"Speex   ": "Speex",
    b"CELT    ": "CELT", b"PCM     ": "PCM in Ogg", b"fishead\0": "", b"\x80theora": "", b"BBCD": "", b"\x01video": "",
    b"\x80kate": "", b"CMML": "", b"\x01audio": "an OGM file",
}  # fmt: skip


@dataclass(frozen=True)
class _Page:
    position: int
    stop: int
    flags: int
    serial: int
    number: int
    first: bytes


def layout(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of an Ogg file of one stream of sound, whose pages must be whole and all there.

    Raises UserError for damage, several streams one after the other, and a coding that cannot be read.
    """
    if position:
        raise UserError(
            f"{path}: a tag of {position} bytes stands before its first Ogg page, where none may; "
            f"take it away: tail -c +{position + 1} IN > OUT.ogg"
        )
    numbers: dict[int, int] = {}
    sounds: set[int] = set()
    ended: set[int] = set()
    while position < data.size:
        page = _page(data, position, path)
        if page is None:
            if not ended:
                raise UserError(
                    f"{path}: damaged: no Ogg page begins at byte {position}, where one should; copy it again"
                )
            position = tags.after(data, position)
            break
        if page.flags & FIRST:
            if ended & sounds:
                raise _chained(page.position, path)
            if _coding(page, path):
                sounds.add(page.serial)
        elif page.number > numbers.get(page.serial, page.number) + 1:
            missing = page.number - numbers[page.serial] - 1
            raise UserError(f"{path}: damaged: {missing} Ogg pages are missing at byte {position}; copy it again")
        numbers[page.serial] = page.number
        if page.flags & LAST:
            ended.add(page.serial)
        position = page.stop
    warnings = judged(unexplained(data, position), max(position, 1), path)
    if not ended:
        warnings += ("no Ogg page is marked as its last; its end may be missing",)
    return Layout(warnings=warnings)


def _page(data: Bytes, position: int, path: Path) -> _Page | None:
    header = data.at(position, 27 + 255)
    if not header.startswith(b"OggS"):
        return None
    lengths = header[27 : 27 + header[26]] if len(header) > 27 else b""
    stop = position + 27 + len(lengths) + sum(lengths)
    if len(header) < 27 or len(lengths) < header[26] or stop > data.size:
        raise UserError(f"{path}: truncated: its last Ogg page is cut short; copy it again")
    serial, number = (int.from_bytes(header[at : at + 4], "little") for at in (14, 18))
    if _checksum(page := data.at(position, stop - position)) != int.from_bytes(page[CHECKSUM], "little"):
        raise UserError(f"{path}: damaged: the Ogg page at byte {position} has another checksum; copy it again")
    return _Page(position, stop, header[5], serial, number, page[27 + len(lengths) :][:8])


def _checksum(page: bytes) -> int:
    """The CRC of a page whose own is 0: zlib's polynomial, but from the highest bit on and with nothing inverted."""
    blank = page[: CHECKSUM.start] + bytes(4) + page[CHECKSUM.stop :]
    inverted = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(inverted.to_bytes(4, "big").translate(_REVERSED), "little")


def _coding(page: _Page, path: Path) -> bool:
    """Whether a stream's first page says that it is sound."""
    for magic, coding in _CODINGS.items():
        if page.first.startswith(magic):
            if coding:
                raise foreign.coded(coding, path)
            return coding is None
    return True


def _chained(position: int, path: Path) -> UserError:
    return UserError(
        f"{path}: another recording begins at byte {position}, a chain of Ogg streams of which only the first would be "
        f"read; take it apart: head -c {position} IN > FIRST.ogg, tail -c +{position + 1} IN > SECOND.ogg"
    )
