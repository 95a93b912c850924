"""Containers with a header of fixed fields and the samples after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from wavegen.audio.headers import foreign, tags
from wavegen.audio.headers.layout import Bytes, Layout, cut, data_bytes, joined, judged, unexplained
from wavegen.errors import UserError

VOC_HEADERS = {b"\1": (2, 1, 1), b"\11": (12, 6, 2)}  # of blocks of sound: bytes, and where the coding is, in how many
VOC_READABLE = {0, 4, 6, 7}  # of the codings of a block: integers, A-law, mu-law
AU_READABLE = {*range(1, 8), 23, 25, 26, 27}
AU_CODINGS = {24: "G.722 ADPCM"}


def au(data: Bytes, path: Path) -> Layout:
    """Sun and NeXT: where the samples begin, and their bytes, of which all ones say that they go on to the end."""
    order = "big" if data.at(0, 4) == b".snd" else "little"
    start, declared, coding = (int.from_bytes(data.at(offset, 4), order) for offset in (4, 8, 12))
    if coding not in AU_READABLE:
        raise foreign.coded(f"{AU_CODINGS.get(coding, f'coding {coding}')} in AU", path)
    return _whole(data, start, declared, path)


def nist(data: Bytes, path: Path) -> Layout:
    """NIST SPHERE: a text of 1024 bytes that counts samples, channels and bytes a sample."""
    text = data.at(0, 1024).decode("latin-1")
    size = re.match(r"NIST_1A\r?\n\s*(\d+)", text)
    coding = re.search(r"sample_coding -s\d+ (\S+)", text)
    if coding and "shorten" in coding[1]:
        raise UserError(
            f"{path}: holds NIST SPHERE compressed by Shorten, which cannot be read; "
            "convert it, as with: sph2pipe -f wav IN OUT.wav"
        )
    if coding and coding[1] not in ("pcm", "ulaw", "mu-law", "alaw"):
        raise foreign.coded(f"{coding[1]} in NIST SPHERE", path)
    fields = (re.search(rf"{name} -i (\d+)", text) for name in ("sample_count", "channel_count", "sample_n_bytes"))
    count, channels, width = (int(field[1]) if field else None for field in fields)
    if size is None or count is None:
        return Layout()
    return _whole(data, int(size[1]), count * (channels or 1) * (width or 1), path)


def avr(data: Bytes, path: Path) -> Layout:
    """Audio Visual Research: frames of 8 or 16 bits after 128 bytes."""
    mono, bits = (int.from_bytes(data.at(offset, 2), "big") for offset in (12, 14))
    return _whole(data, 128, int.from_bytes(data.at(26, 4), "big") * (mono % 2 + 1) * (bits // 8), path)


def mpc2k(data: Bytes, path: Path) -> Layout:
    """Akai MPC 2000: frames of 16 bits after 42 bytes."""
    return _whole(data, 42, int.from_bytes(data.at(30, 4), "little") * (data.at(21, 1)[0] % 2 + 1) * 2, path)


def wve(data: Bytes, path: Path) -> Layout:
    """Psion: A-law bytes after 32 bytes."""
    return _whole(data, 32, int.from_bytes(data.at(18, 4), "big"), path)


def sds(data: Bytes, path: Path) -> Layout:
    """MIDI sample dump: packets of 127 bytes, whose number follows from that of the samples, after 21 bytes."""
    head = data.at(0, 21)
    bits = head[6]
    count = head[10] | head[11] << 7 | head[12] << 14
    each = 120 // -(-bits // 7) if bits else 60
    return _whole(data, 21, -(-count // each) * 127, path, decoded=True)


def mat4(data: Bytes, path: Path) -> Layout:
    """MATLAB 4: the rate as one matrix, the samples as the next, a row a channel."""
    order = "big" if data.at(2, 2) == b"\x03\xe8" else "little"
    start = size = 0
    for _ in range(2):
        header = start + size
        kind, rows, columns, _imaginary, name = (
            int.from_bytes(data.at(header + offset, 4), order) for offset in range(0, 20, 4)
        )
        start = header + 20 + name
        size = rows * columns * {0: 8, 1: 4, 2: 4, 3: 2, 4: 2, 5: 1}.get(kind // 10 % 10, 1)
    return _whole(data, start, size, path)


def mat5(data: Bytes, path: Path) -> Layout:
    """MATLAB 5: elements after 128 bytes, each headed by its bytes; the last holds the samples, which end with it."""
    order = "little" if data.at(126, 2) == b"IM" else "big"
    position = 128
    for _ in range(2):
        size = int.from_bytes(data.at(position + 4, 4), order)
        data_bytes(max(0, size - 8), data.size - position - 8, path)  # libsndfile counts the head of 8 bytes
        position += 8 + size
    if unexplained(data, position) > 8:
        raise UserError(f"{path}: {data.size - position} bytes follow its samples; cut them off, or leave it out")
    return Layout()


def paf(data: Bytes, path: Path) -> Layout:
    """Ensoniq PARIS, which declares no length; libsndfile garbles its 24-bit samples at the borders of blocks."""
    order = "big" if data.at(0, 4) == b" paf" else "little"
    if int.from_bytes(data.at(16, 4), order) == 1:
        raise foreign.coded("24-bit samples in PAF", path)
    return Layout()


def _voc_size(data: Bytes, start: int, size: int) -> int:
    """The bytes of a block of sound with its head, of which some programs count others."""
    rest = data.size - start - size
    if rest in (8, 9) and not _voc_blocks(data, start + size):
        return size + 8  # as SoX counts
    narrow = data.at(start + 4, 1) == b"\x08"
    # libsndfile counts the terminator, a byte of zero, as a sample of A-law and mu-law.
    return size - 1 if rest == 0 and narrow and data.at(start + size - 1, 1) == b"\0" else size


def _voc_blocks(data: Bytes, position: int) -> bool:
    """Whether blocks, and their terminator if there is one, are all from `position` to the file's end."""
    while (kind := data.at(position, 1)) not in (b"", b"\0"):
        if kind[0] > 9:
            return False
        position += 4 + int.from_bytes(data.at(position + 1, 3), "little")
    return data.size - position in (0, 1)


def voc(data: Bytes, path: Path) -> Layout:
    """Creative Voice: blocks, of which the one with the sound must be the only one of its kind."""
    position = int.from_bytes(data.at(20, 2), "little")
    sound = None
    while (kind := data.at(position, 1)) not in (b"", b"\0"):
        size = int.from_bytes(data.at(position + 1, 3), "little")
        start = position + 4
        if kind in b"\1\2\3\6\7\11":
            if sound is not None:
                raise UserError(
                    f"{path}: holds several blocks of sound, of which only the first would be read; {foreign.CONVERT}"
                )
            header, at, width = VOC_HEADERS.get(kind, (0, 0, 0))
            if int.from_bytes(data.at(start + at, width), "little") not in VOC_READABLE:
                raise foreign.coded("ADPCM in VOC", path)
            if kind == b"\11":
                size = _voc_size(data, start, size)
            sound = data_bytes(size - header, data.size - start - header, path)
        elif kind[0] > 9:
            break
        position = start + size
    if sound is None:
        raise cut(path)
    return Layout(sound, warnings=judged(unexplained(data, tags.after(data, position + 1)), sound, path))


def _whole(data: Bytes, start: int, declared: int, path: Path, *, decoded: bool = False) -> Layout:
    if data.size < start:
        raise cut(path)
    size = data_bytes(declared, data.size - start, path)
    end = tags.after(data, start + size)
    if data.at(end, 8) == data.at(0, 8):
        raise joined(end, "file", path)
    return Layout(None if decoded else size, warnings=judged(unexplained(data, end), size, path))


BY_MAGIC: list[tuple[bytes, Callable[[Bytes, Path], Layout]]] = [
    (rb"\.snd|dns\.", au),
    (rb"NIST_1A", nist),
    (rb"Creative Voice File", voc),
    (rb" paf|fap ", paf),
    (rb"2BIT", avr),
    (rb"\x01\x04", mpc2k),
    (rb"ALawSoundFile", wve),
    (rb"\xf0\x7e.\x01", sds),
    (rb"\0\0\x03\xe8\0\0\0\x01\0\0\0\x01|\0\0\0\0\x01\0\0\0\x01\0\0\0", mat4),
    (rb"MATLAB 5", mat5),
    (
        rb"PVF1|Extended Instrument:|\x64\xa3[\0-\7]\0|\0[\0-\7]\xa3\x64",
        lambda data, path: Layout(),
    ),  # no length is declared
]
