"""Parses the headers of WAV files: RIFF, RIFX, RF64 and BW64."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path

from wavegen.audio.headers import foreign, mpeg
from wavegen.audio.headers.chunks import Chunk, Order, chunks, stray_after
from wavegen.audio.headers.layout import WRITE_AGAIN, Bytes, Layout, Piece, check_format, cut, data_bytes, judged
from wavegen.errors import UserError

MAGIC = (b"RIFF", b"RIFX", b"RF64", b"BW64")
PCM, MS_ADPCM, FLOAT, ALAW, ULAW, IMA_ADPCM, GSM, NMS, G721 = 1, 2, 3, 6, 7, 0x11, 0x31, 0x38, 0x40
MPEG, MP3, EXTENSIBLE = 0x50, 0x55, 0xFFFE
READABLE = {PCM, MS_ADPCM, FLOAT, ALAW, ULAW, IMA_ADPCM, GSM, NMS, G721}
LONGEST_FORM = 256  # bytes of a format chunk that are looked at
WRAPPED = (1 << 32) - 100  # bytes of samples whose size, with the header's, no longer has 32 bits
BLOCKS = {NMS: 160, G721: 120}  # samples that are coded together where the header does not say how many
CODINGS = {
    0x20: "Yamaha ADPCM", 0x22: "TrueSpeech", 0x28: "G.722", 0x42: "G.723.1", 0x45: "G.726", 0x57: "AMR", 0x58: "AMR",
    0x61: "DK4 ADPCM", 0x62: "DK3 ADPCM", 0x64: "G.726", 0x65: "G.722", 0x83: "G.729", 0x92: "AC-3", 0xFF: "AAC",
    0x160: "Windows Media", 0x161: "Windows Media", 0x162: "Windows Media", 0x163: "Windows Media", 0x1600: "AAC",
    0x1602: "AAC", 0x1610: "AAC", 0x2000: "AC-3", 0x2001: "DTS", 0x2048: "Sonic", 0x28F: "G.722", 0x4143: "AAC",
    0x566F: "Vorbis", 0x5346: "Flash ADPCM", 0x674F: "Vorbis", 0x6750: "Vorbis", 0x6751: "Vorbis", 0x676F: "Vorbis",
    0x6770: "Vorbis", 0x6771: "Vorbis", 0x6C61: "ALAC", 0x704F: "Opus", 0xA106: "AAC", 0xA109: "Speex", 0xF1AC: "FLAC",
}  # fmt: skip


@dataclass
class _Header:
    """What the chunks before the samples say: the format, samples by `fact`, bytes by `ds64`.

    libsndfile loses its way where it is `odd`: BW64, which it does not know, a chunk without its padding, two formats.
    """

    order: Order
    odd: bool
    form: bytes = b""
    fact: int | None = None
    long_size: int | None = None

    def add(self, name: bytes, start: bytes, path: Path) -> None:
        """The next chunk, by its name and its first LONGEST_FORM bytes."""
        if name == b"fmt ":
            if self.form not in (b"", start):
                raise UserError(f"{path}: holds two formats that differ; {WRITE_AGAIN}")
            self.odd |= self.form != b""
            self.form = start
            if len(start) >= 8:
                check_format(_integer(start, 4, 4, self.order), _integer(start, 2, 2, self.order), path)
        elif name == b"LIST" and start[:4] == b"wavl":
            raise UserError(f"{path}: its samples lie in a wave list, which cannot be read; {WRITE_AGAIN}")
        elif name == b"ds64" and len(start) >= 16:
            self.long_size = _integer(start, 8, 8, self.order)
        elif name == b"fact" and len(start) >= 4:
            self.fact = _integer(start, 0, 4, self.order)


def layout(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of the WAV file at `position`. Raises UserError for a coding that cannot be read, and by the rule."""
    magic = data.at(position, 4)
    header = _Header("big" if magic == b"RIFX" else "little", odd=magic == b"BW64")
    end = position + 12
    for chunk in chunks(data, position + 12, header.order):
        header.odd |= chunk.start - 8 == end and end % 2 != position % 2
        end = chunk.start + chunk.size
        if chunk.name == b"data":
            return _samples(data, chunk, header, path)
        header.add(chunk.name, data.at(chunk.start, min(chunk.size, LONGEST_FORM)), path)
    raise cut(path)


def _samples(data: Bytes, chunk: Chunk, header: _Header, path: Path) -> Layout:
    """The layout of a file whose samples `chunk` holds."""
    form, order = header.form, header.order
    if not form:
        raise UserError(f"{path}: no format stands before its samples; {WRITE_AGAIN}")
    wide = chunk.size == 0xFFFFFFFF and header.long_size is not None
    declared = header.long_size if wide and header.long_size is not None else chunk.size
    size = data_bytes(declared, data.size - chunk.start, path, wide=wide)
    warnings = judged(stray_after(data, Chunk(chunk.name, chunk.start, size), order, path), size, path)
    found = _coded(data, form, header.fact, (chunk.start, chunk.start + size), order, warnings, path)
    if not header.odd or found.pieces:
        return found
    if _integer(form, 0, 2, order) == GSM:  # which libsndfile does not read from a pipe
        raise foreign.coded("GSM behind an unusual header", path)
    return replace(found, pieces=_plain(form, chunk.start, size, order, path))


def _plain(form: bytes, start: int, size: int, order: Order, path: Path) -> tuple[Piece, ...]:
    """The file with no chunks but the format, up to LONGEST_FORM bytes of it, and the `size` bytes from `start` on."""
    if size >= WRAPPED:
        raise foreign.coded("more than 4 GiB behind such a header", path)
    shape = "<" if order == "little" else ">"
    form += bytes(len(form) % 2)
    head = struct.pack(f"{shape}4sI4s4sI", b"RIFF" if order == "little" else b"RIFX", size + 20 + len(form),
                       b"WAVE", b"fmt ", len(form))  # fmt: skip
    return head + form + struct.pack(f"{shape}4sI", b"data", size), (start, start + size)


def _coded(
    data: Bytes,
    form: bytes,
    fact: int | None,
    span: tuple[int, int],
    order: Order,
    warnings: tuple[str, ...],
    path: Path,
) -> Layout:
    """The layout of samples in the bytes `span`, whose coding is that of the format chunk `form`."""
    size = span[1] - span[0]
    if len(form) < 16:
        return Layout(data_bytes=size, warnings=warnings)
    tag, bits = _integer(form, 0, 2, order), _integer(form, 14, 2, order)
    if tag == EXTENSIBLE:
        if not any(form[24:40]):
            return _without_extension(form, span, order, warnings, path)
        tag = _integer(form, 24, 2, order)
    if tag in (MPEG, MP3):
        return mpeg.layout(data, *span, path, fact)
    if tag not in READABLE:
        raise foreign.coded(f"{CODINGS.get(tag, f'coding {tag:#06x}')} in WAV", path)
    if tag == PCM and bits > 32:
        raise foreign.coded(f"{bits}-bit integers", path)
    if tag == FLOAT and bits not in (32, 64):
        raise foreign.coded(f"{bits}-bit floating-point numbers", path)
    if tag in (PCM, FLOAT, ALAW, ULAW):
        return Layout(data_bytes=size, warnings=warnings)
    block = BLOCKS.get(tag) or (_integer(form, 18, 2, order) if len(form) >= 20 else 0) or 1
    return Layout(data_bytes=size, samples=fact or None, block=block, warnings=warnings)


def _without_extension(
    form: bytes, span: tuple[int, int], order: Order, warnings: tuple[str, ...], path: Path
) -> Layout:
    """A header that says that an extension names the coding, without the extension: read as PCM if that is clear."""
    channels, rate, align, bits = (_integer(form, at, size, order) for at, size in ((2, 2), (4, 4), (12, 2), (14, 2)))
    if bits not in (8, 16, 24) or align != channels * bits // 8:
        said = "its header names no coding (it is marked extensible, without an extension)"
        raise UserError(f"{path}: {said}; {WRITE_AGAIN}")
    size = span[1] - span[0]
    plain = struct.pack("<HHIIHH" if order == "little" else ">HHIIHH", PCM, channels, rate, rate * align, align, bits)
    said = f"its header names no coding (it is marked extensible, without an extension); read as {bits}-bit PCM"
    return Layout(data_bytes=size, pieces=_plain(plain, span[0], size, order, path), warnings=(*warnings, said))


def _integer(text: bytes, position: int, size: int, order: Order) -> int:
    return int.from_bytes(text[position : position + size], order)
