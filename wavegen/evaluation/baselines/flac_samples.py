"""The bits of each sample of a recording in its FLAC file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.evaluation.baselines.flac import FLAC_LEVEL, FLAC_MAX_RATE, metadata_bytes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer
    from numpy.typing import NDArray

SAMPLE_BITS = 16
BLOCK = 2**16  # samples handed to the encoder at a time
MAX_FRAME_BYTES = 2**17  # libFLAC's frames of 4096 samples have less than a tenth of it
FIXED: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (2, -1),
    (3, -3, 1),
    (4, -6, 4, -1),
)  # coefficients of the fixed predictors, newest sample first


def flac_bits_per_sample(pcm: NDArray[np.int16], sample_rate: int) -> NDArray[np.float64]:
    """The bits of the FLAC file of all of `pcm` that each sample takes, (samples,) int16 to (samples,) float64.

    A sample takes its Rice codeword, (zigzag(residual) >> k) + 1 + k bits, or its width where it is stored as it is.
    The rest of a frame (header, coefficients, Rice parameters, padding: about 0.1 bits a sample) is spread evenly over
    the frame. The sum is exactly `flac_bits(pcm)`, so that the windows of a recording average to the recording's own
    number whatever their length. FLAC files of single windows would not: they add up header, first samples and
    coefficients, fit a predictor to each window, and differ by a bit or two a sample, as much with the window's length
    as with its sound.

    RFC 9639, section 9.
    """
    return np.concatenate([np.zeros(0), *flac_bits_by_frame(pcm, sample_rate)])


def flac_bits_by_frame(pcm: NDArray[np.int16], sample_rate: int) -> Iterator[NDArray[np.float64]]:
    """`flac_bits_per_sample` frame by frame, in memory that does not grow with the recording."""
    import soundfile

    if not len(pcm):
        return
    file = _Unread()
    start = 0
    with soundfile.SoundFile(
        file, "w", min(sample_rate, FLAC_MAX_RATE), 1, "PCM_16", format="FLAC", compression_level=FLAC_LEVEL
    ) as encoder:
        for first in range(0, len(pcm), BLOCK):
            encoder.write(pcm[first : first + BLOCK])
            if not first:
                file.drop(metadata_bytes(bytes(file.data)))
            while len(file.data) > MAX_FRAME_BYTES:
                yield (bits := _next_frame(file, pcm[start:]))
                start += len(bits)
    while start < len(pcm):
        yield (bits := _next_frame(file, pcm[start:]))
        start += len(bits)


class _Unread(io.BytesIO):
    """A file in memory that libsndfile writes and seeks in; `data` is all but the bytes that were dropped."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.dropped = self.position = 0

    def drop(self, count: int) -> None:
        del self.data[:count]
        self.dropped += count

    def write(self, buffer: Buffer, /) -> int:
        data = bytes(buffer)
        start = self.position - self.dropped
        if start >= 0:  # the dropped header is written again at the end
            self.data[start : start + len(data)] = data
        self.position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        end = self.dropped + len(self.data)
        self.position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: end}[whence]
        return self.position

    def tell(self) -> int:
        return self.position


def _next_frame(file: _Unread, pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Drops the frame at the start of `file` and gives the bits of its samples, with which `pcm` begins."""
    reader = _Bits(file.data, 0)
    block = _read_header(reader)
    bits = _subframe(reader, np.asarray(pcm[:block], np.int64))
    reader.position += -reader.position % 8 + 16  # padding to a whole byte, and the frame's checksum
    bits += (reader.position - bits.sum()) / block
    file.drop(reader.position // 8)
    return bits


@dataclass
class _Bits:
    """Reads unsigned numbers, the highest bit first."""

    data: bytes | bytearray
    position: int  # in bits

    def take(self, count: int) -> int:
        first = self.position // 8
        last = (self.position + count + 7) // 8
        word = int.from_bytes(self.data[first:last], "big") >> (8 * last - self.position - count)
        self.position += count
        return word & ((1 << count) - 1)

    def signed(self, count: int) -> int:
        word = self.take(count)
        return word - ((word >> (count - 1)) << count)

    def zeros(self) -> int:
        """The number of zeros before the next one, which is read too."""
        count = 0
        while not self.take(1):
            count += 1
        return count


def _read_header(reader: _Bits) -> int:
    """Moves past a frame's header and gives how many samples the frame has."""
    reader.take(16)  # the sync code
    size = reader.take(4)
    rate = reader.take(4)
    reader.take(8)  # channels and depth
    ones = 8 - (reader.take(8) ^ 0xFF).bit_length()
    reader.take(8 * max(0, ones - 1))  # the frame's number, longer the larger it is
    if size == 1:
        block = 192
    elif size < 6:
        block = 576 << (size - 2)
    elif size < 8:
        block = reader.take(8 if size == 6 else 16) + 1
    else:
        block = 256 << (size - 8)
    reader.take({12: 8, 13: 16, 14: 16}.get(rate, 0) + 8)  # an odd sample rate; the header's checksum
    return block


def _subframe(reader: _Bits, samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """Moves past a subframe that holds `samples`, (block,), and gives the bits that each of them takes, (block,)."""
    kind = reader.take(7)  # a zero, then six bits
    wasted = reader.zeros() + 1 if reader.take(1) else 0
    depth = SAMPLE_BITS - wasted
    taken = np.zeros(len(samples))
    if kind == 0:  # all alike
        reader.take(depth)
        return taken
    if kind == 1:  # stored as they are
        reader.position += depth * len(samples)
        return taken + depth
    order = kind - 31 if kind >= 32 else kind - 8
    taken[:order] = depth
    reader.position += depth * order
    if kind < 32:
        shift = 0
        coefficients = FIXED[order]
    else:
        precision = reader.take(4) + 1
        shift = reader.signed(5)
        coefficients = tuple(reader.signed(precision) for _ in range(order))
    taken[order:] = _residual_bits(reader, _residuals(samples >> wasted, coefficients, shift), order)
    return taken


def _residuals(samples: NDArray[np.int64], coefficients: tuple[int, ...], shift: int) -> NDArray[np.int64]:
    """x_t − ⌊Σ_i c_i x_{t−i} / 2^shift⌋ from the first t on that has x_{t−i} for every i."""
    order = len(coefficients)
    if not order or len(samples) <= order:
        return samples[order:]
    predicted = np.convolve(samples[:-1], np.array(coefficients, np.int64), "valid") >> shift
    return samples[order:] - predicted


def _residual_bits(reader: _Bits, residuals: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Moves past coded residuals, and gives the length of each codeword."""
    width = 5 if reader.take(2) else 4
    partitions = 1 << reader.take(4)
    zigzag = (residuals << 1) ^ (residuals >> 63)
    lengths = np.empty(len(residuals), np.int64)
    size = (len(residuals) + order) // partitions
    for index in range(partitions):
        part = slice(max(0, index * size - order), (index + 1) * size - order)
        parameter = reader.take(width)
        if parameter == (1 << width) - 1:  # no Rice code: all of one width
            lengths[part] = reader.take(5)
        else:
            lengths[part] = (zigzag[part] >> parameter) + 1 + parameter
        reader.position += int(lengths[part].sum())
    return lengths
