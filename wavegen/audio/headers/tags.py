"""Tags that stand before or after the audio of any container: ID3, APE, Lyrics3."""

from __future__ import annotations

from wavegen.audio.headers.layout import Bytes

ID3V1 = 128


def leading(data: Bytes) -> int:
    """The bytes of ID3v2 tags, any number of them, at the start of the file."""
    position = 0
    while length := _id3v2(data.at(position, 10)):
        position += length
    return min(position, data.size)


def at(data: Bytes, position: int) -> int:
    """The length of the tag that begins at `position`, 0 if none does."""
    head = data.at(position, 32)
    if head[:3] == b"ID3":
        return _id3v2(head)
    if head[:8] == b"APETAGEX" and len(head) == 32:
        size, flags = int.from_bytes(head[12:16], "little"), int.from_bytes(head[20:24], "little")
        return size + 32 if flags & 1 << 29 else 32
    if head[:3] == b"TAG":
        return 227 if head[:4] == b"TAG+" else ID3V1
    if head[:11] == b"LYRICSBEGIN":
        end = next(data.finditer(b"LYRICS(END|200)", position), None)
        return 0 if end is None else end + 9 - position
    return 0


def after(data: Bytes, position: int) -> int:
    """Where the tags that follow one another from `position` on end."""
    while position < data.size and (length := at(data, position)):
        position += length
    return min(position, data.size)


def _id3v2(head: bytes) -> int:
    if head[:3] != b"ID3" or len(head) < 10 or head[3] > 9 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if head[5] & 0x10 else 0)
