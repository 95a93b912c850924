"""MPEG audio (MP3, MP2): a chain of frames, of which the first may say how many there are (Xing, Info)."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path

from wavegen.audio.headers import tags
from wavegen.audio.headers.layout import Bytes, Layout, joined, judged, unexplained
from wavegen.errors import UserError

JUNK = 1 << 20  # bytes before the first frame that are searched for it
PADDING = 4  # frames that coder and decoder may have put around the samples that another container counts
CHAIN = 4  # frames in a row that no other kind of file has
SYNC = rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]"
_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}  # (version, layer)
_RATES = (44100, 48000, 32000)
_DIVISORS = {3: 1, 2: 2, 0: 4}  # of the rates, by the two bits of the version: 1, 2 and 2.5


@dataclass(frozen=True)
class Frame:
    """The contents of a frame's header: its bytes, its samples a channel, and what no recording changes on the way."""

    size: int
    samples: int
    sample_rate: int
    channels: int
    version: int
    layer: int

    @property
    def kind(self) -> tuple[int, int, int]:
        return self.sample_rate, self.channels, self.layer


@dataclass
class _Walk:
    """Frames in a file: how many, the stretches (start, stop) of those that touch, the bytes between that are no tags.

    `end` is where the last one ends, or the tags after it; `cut_short` says that another one begins there.
    """

    number: int = 0
    stretches: list[tuple[int, int]] = field(default_factory=list)
    junk: int = 0
    end: int = 0
    cut_short: bool = False


def begins(data: Bytes, start: int) -> bool:
    """Whether MPEG audio begins at `start`, or after some junk there."""
    return _is_free(data, start) or _next_frame(data, start, min(data.size, start + JUNK), CHAIN) is not None


def layout(data: Bytes, start: int, stop: int, path: Path, counted: int | None = None) -> Layout:
    """The frames in bytes `start` to `stop` as one stream, without the tags and the junk before and between them.

    `counted` are the samples a channel that a container around them declares; a count that they cannot have is no
    matter. Raises UserError if the first frame declares fewer or more of them, another recording follows, or the rate
    or the number of channels changes on the way.
    """
    if _is_free(data, start):  # frames of a size that no header gives
        return Layout(pieces=((start, stop),))
    walk = _walk(data, start, stop, path)
    if not walk.number:
        raise UserError(f"{path}: damaged: holds no frame of MPEG audio; copy it again")
    warnings: tuple[str, ...] = ()
    first = walk.stretches[0][0]
    declared = _declared(data, first)
    if declared is not None:
        if (later := _another(data, first + 48, walk.stretches[-1][1])) is not None:
            raise joined(later, "MP3 recording", path)
        warnings += _checked(declared, walk.number - 1, path)
    if walk.junk:
        warnings += (f"{walk.junk} bytes before or between its frames are no MPEG audio; they were passed over",)
    if walk.cut_short:
        warnings += ("its last frame is cut short; its end may be missing",)
    elif stop == data.size:
        warnings += judged(unexplained(data, walk.end), walk.end - start, path)
    return Layout(max_samples=_plausible(counted, data, walk), pieces=tuple(walk.stretches), warnings=warnings)


def _plausible(counted: int | None, data: Bytes, walk: _Walk) -> int | None:
    """`counted` if the frames hold so many samples and no more padding than coders make."""
    frame = frame_of(data.at(walk.stretches[0][0], 4))
    if counted is None or frame is None:
        return None
    return counted if 0 <= walk.number * frame.samples - counted <= PADDING * frame.samples else None


def _walk(data: Bytes, start: int, stop: int, path: Path) -> _Walk:
    walk = _Walk()
    kind = None
    position = start
    while position < stop:
        frame = frame_of(data.at(position, 4))
        if kind is None and frame is not None and _chain(data, position, stop, CHAIN):
            kind = frame.kind
        if kind is not None and frame is not None and frame.kind == kind:
            end, number = _run(data, position, stop, kind)
            if number:
                walk.number += number
                walk.stretches.append((position, end))
                position = end
                continue
            walk.cut_short = True
            break
        if kind is not None and frame is not None and _chain(data, position, stop, CHAIN):
            raise UserError(
                f"{path}: its sample rate or number of channels changes at byte {position}, as if two recordings "
                "were joined end to end; convert it, as with: ffmpeg -i IN OUT.wav"
            )
        if length := tags.at(data, position):
            position += length
            continue
        limit = stop if kind else min(stop, start + JUNK)
        resumed = _next_frame(data, position, limit, 2 if kind else CHAIN)
        if resumed is None:
            break
        walk.junk += resumed - position if data.at(position, resumed - position).strip(b"\0") else 0
        position = resumed
    walk.end = min(position, stop)
    return walk


def _run(data: Bytes, start: int, stop: int, kind: tuple[int, int, int]) -> tuple[int, int]:
    """Where the whole frames of one kind end that follow one another from `start` on, and how many there are."""
    sizes: dict[bytes, int] = {}
    position = start
    number = 0
    while True:
        window = data.at(position, Bytes.WINDOW)
        offset = 0
        room = min(len(window) - 4, stop - position)
        while offset <= room:
            header = window[offset : offset + 4]
            size = sizes.get(header)
            if size is None:
                frame = frame_of(header)
                if frame is None or frame.kind != kind:
                    return position + offset, number
                size = sizes[header] = frame.size
            if position + offset + size > stop:
                return position + offset, number
            offset += size
            number += 1
        if not offset:
            return position, number
        position += offset


def _next_frame(data: Bytes, start: int, stop: int, length: int) -> int | None:
    """Where the first chain of `length` frames from `start` on begins."""
    return next((found for found in data.finditer(SYNC, start, stop) if _chain(data, found, data.size, length)), None)


def _chain(data: Bytes, position: int, stop: int, length: int) -> bool:
    """Whether `length` frames of one kind follow one another from `position` on, or as many as there is room for."""
    kind = None
    for count in range(length):
        frame = frame_of(data.at(position, 4))
        if frame is None or kind not in (None, frame.kind):
            return bool(count) and (position == stop or tags.at(data, position) > 0)
        kind = frame.kind
        position += frame.size
    return True


def _declared(data: Bytes, start: int) -> int | None:
    """The number of frames that the frame at `start` declares, None if it is no Xing or Info frame with one."""
    head = data.at(start, 48)
    frame = frame_of(head[:4])
    if frame is None:
        return None
    found = 4 + _side_information(frame)
    if head[found : found + 4] not in (b"Xing", b"Info") or len(head) < found + 12 or not head[found + 7] & 1:
        return None
    return int.from_bytes(head[found + 8 : found + 12], "big")


def _another(data: Bytes, start: int, stop: int) -> int | None:
    """Where a later frame declares a number of frames: the start of another recording."""
    for name in (b"Xing", b"Info"):  # one by one, which is several times faster
        for found in data.finditer(name, start, stop):
            for before in (36, 21, 13):
                if _declared(data, found - before) is not None and _chain(data, found - before, stop, 2):
                    return found - before
    return None


def _checked(declared: int, number: int, path: Path) -> tuple[str, ...]:
    if number < declared:
        raise UserError(
            f"{path}: truncated: its first frame declares {declared} frames, {number} are there; copy it again"
        )
    if number > declared + max(1, declared // 100):
        raise UserError(
            f"{path}: its first frame declares {declared} frames, but {number} are there; "
            "mend it with: ffmpeg -i BROKEN -c copy WHOLE.mp3"
        )
    more = number - declared
    return (f"its first frame declares {declared} frames, {more} more were passed over",) if more else ()


def _side_information(frame: Frame) -> int:
    """The bytes between a layer III frame's header and its Xing tag."""
    one, two = (17, 32) if frame.version == 3 else (9, 17)
    return two if frame.channels == 2 else one


def _is_free(data: Bytes, position: int) -> bool:
    """Whether a frame of the free format begins here: its bit rate is 0, and the next one looks alike."""
    head = data.at(position, 4)
    if len(head) < 4 or head[2] & 0xF0 or frame_of(head[:2] + bytes([head[2] | 0x10]) + head[3:]) is None:
        return False
    pattern = b"".join(b"\\x%02x" % byte for byte in head[:2]) + b"[%b]" % b"".join(
        b"\\x%02x" % (head[2] & ~2 | padding) for padding in (0, 2)
    )
    return next(data.finditer(pattern, position + 24, min(data.size, position + 8192)), None) is not None


@functools.lru_cache(maxsize=4096)
def frame_of(header: bytes) -> Frame | None:
    """The frame whose header these four bytes are, None if they are none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version = header[1] >> 3 & 3
    layer = 4 - (header[1] >> 1 & 3)
    bit_rate = header[2] >> 4
    rate = header[2] >> 2 & 3
    padding = header[2] >> 1 & 1
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    sample_rate = _RATES[rate] // _DIVISORS[version]
    table = (1, layer) if version == 3 else (2, min(layer, 2))
    bits = 1000 * _KBITS[table][bit_rate - 1]
    slot, samples = (4, 384) if layer == 1 else (1, 1152)
    if layer == 3 and version != 3:
        samples = 576
    size = (samples // (8 * slot) * bits // sample_rate + padding) * slot
    return Frame(size, samples, sample_rate, 1 if header[3] >> 6 == 3 else 2, version, layer)
