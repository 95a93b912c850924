"""Containers made of chunks other than WAV: AIFF, 8SVX, CAF and Wave64."""

from __future__ import annotations

import struct
from pathlib import Path

from wavegen.audio.headers import foreign, tags
from wavegen.audio.headers.chunks import Chunk, chunks, stray_after
from wavegen.audio.headers.layout import Bytes, Layout, check_format, cut, data_bytes, joined, judged, unexplained
from wavegen.errors import UserError

AIFC_READABLE = {b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"42ni", b"23ni", b"fl32", b"FL32", b"fl64",
                 b"FL64", b"ulaw", b"ULAW", b"alaw", b"ALAW", b"ima4", b"GSM ", b"DWVW"}  # fmt: skip
AIFC_BLOCKS = {b"ima4": 64, b"GSM ": 320}
CAF_CODINGS = {b"aac ": "AAC", b"aace": "AAC", b"aach": "AAC", b"aacl": "AAC", b"ima4": "IMA ADPCM", b"opus": "Opus",
               b".mp3": "MP3", b"ac-3": "AC-3", b"samr": "AMR", b"QDM2": "QDesign Music", b"flac": "FLAC"}  # fmt: skip
CAF_READABLE = {b"lpcm", b"ulaw", b"alaw", b"alac"}
W64_HEAD, W64_TAIL = b"riff\x2e\x91\xcf\x11", bytes.fromhex("f3acd3118cd100c04f8edb8a")


def aiff(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of an AIFF or AIFF-C file, whose size of samples stands in SSND and whose count of them in COMM."""
    samples = None
    coding = b"NONE"
    compressed = data.at(position + 8, 4) == b"AIFC"
    for chunk in chunks(data, position + 12, "big"):
        start = data.at(chunk.start, min(chunk.size, 22))
        if chunk.name == b"COMM" and len(start) >= 18:
            samples = int.from_bytes(start[2:6], "big")
            coding = start[18:22] if compressed and len(start) == 22 else coding
        elif chunk.name == b"SSND":
            size = data_bytes(chunk.size, data.size - chunk.start, path)
            chunk_size = chunk.size
            chunk = Chunk(chunk.name, chunk.start, size)
            if coding not in AIFC_READABLE:
                raise foreign.coded(f"{coding.decode('latin-1').strip()} in AIFF-C", path)
            audio = max(0, size - 8 - int.from_bytes(start[:4], "big"))
            warnings = judged(stray_after(data, chunk, "big", path), audio, path)
            counted = samples if size == chunk_size else None  # by a program that knew
            return Layout(audio, counted or None, AIFC_BLOCKS.get(coding, 1), warnings=warnings)
    raise cut(path)


def svx(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of an Amiga 8SVX or 16SV file."""
    for chunk in chunks(data, position + 12, "big"):
        if chunk.name == b"VHDR" and data.at(chunk.start + 15, 1) not in (b"\0", b""):
            raise foreign.coded("compressed samples in 8SVX", path)
        if chunk.name == b"BODY":
            size = data_bytes(chunk.size, data.size - chunk.start, path)
            return Layout(size, warnings=judged(stray_after(data, chunk, "big", path), size, path))
    raise cut(path)


def caf(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of an Apple CAF file. Raises UserError for a size of −1, which says that it is not known."""
    coding = None
    layout = None
    offset = position + 8
    while len(head := data.at(offset, 12)) == 12 and head[:4].isascii() and head[:4].isalnum():
        start = offset + 12
        size = int.from_bytes(head[4:], "big", signed=True)
        if head[:4] == b"desc":
            coding = data.at(start + 8, 4)
            if coding not in CAF_READABLE:
                name = CAF_CODINGS.get(coding, coding.decode("latin-1").strip())
                raise foreign.coded(f"{name} in CAF", path)
            (rate,) = struct.unpack(">d", data.at(start, 8).ljust(8, b"\0"))
            rate = int(rate) if 0 <= rate <= 1 << 32 else 0  # NaN is not
            check_format(rate, int.from_bytes(data.at(start + 24, 4), "big"), path)
        elif head[:4] == b"data" and layout is None:
            if size < 0:  # which libsndfile takes for damage
                raise UserError(f"{path}: declares no length, as if written into a pipe; write it into a file again")
            size = data_bytes(size, data.size - start, path)
            layout = Layout(max(0, size - 4), coding="ALAC in CAF" if coding == b"alac" else None)
        elif layout is not None and start + size > data.size:
            break
        offset = start + max(size, 0)
    if layout is None:
        raise cut(path)
    offset = tags.after(data, offset)
    if data.at(offset, 4) == b"caff":
        raise joined(offset, "CAF file", path)
    warnings = judged(unexplained(data, offset), layout.data_bytes or 0, path)
    return Layout(layout.data_bytes, coding=layout.coding, warnings=warnings)


def w64(data: Bytes, position: int, path: Path) -> Layout:
    """The layout of a Sony Wave64 file: chunks named by GUIDs, sizes of 64 bits that count the head, aligned to 8."""
    fact = None
    align = 1
    block = 1
    offset = position + 40
    size = None
    while len(head := data.at(offset, 24)) == 24 and _is_w64_chunk(data, offset):
        start = offset + 24
        length = max(0, int.from_bytes(head[16:], "little") - 24)
        if head[:4] == b"fmt ":
            form = data.at(start, 20)
            check_format(int.from_bytes(form[4:8], "little"), int.from_bytes(form[2:4], "little"), path)
            align = int.from_bytes(form[12:14], "little") or 1
            block = (int.from_bytes(form[18:20], "little") if length >= 20 else 0) or 1
        elif head[:4] == b"fact":
            fact = int.from_bytes(data.at(start, min(8, length)), "little")
        elif head[:4] == b"data" and size is None:
            length = size = data_bytes(length, data.size - start, path, wide=True)
        offset = start + (length + 7) // 8 * 8
    if size is None:
        raise cut(path)
    offset = tags.after(data, min(offset, data.size))
    if data.at(offset, 8) == W64_HEAD:
        raise joined(offset, "Wave64 file", path)
    warnings = judged(unexplained(data, offset), size, path)
    if block == 1:
        return Layout(size, warnings=warnings)
    max_samples = -(-size // align) * block
    # What libsndfile writes for MS ADPCM is no count.
    counted = fact if fact and max_samples - block < fact <= max_samples else None
    return Layout(size, counted, block, max_samples, warnings=warnings)


def _is_w64_chunk(data: Bytes, offset: int) -> bool:
    head = data.at(offset, 24)
    size = int.from_bytes(head[16:], "little")
    known = head[4:16] == W64_TAIL or head[:4] in (b"LIST", b"list", b"mark", b"summ")
    return known and (head[:4] == b"data" or 24 <= size <= data.size + 7 - offset)
