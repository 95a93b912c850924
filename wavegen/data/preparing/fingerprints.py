"""Recordings of one sound that differ in level, microphone or coding, found by where their spectrograms peak.

A landmark is two nearby peaks of the spectrogram: the frequency of the first, and how far off the second is in time
and frequency (Wang, 2003, "An industrial-strength audio search algorithm"). Neither gain nor a filter nor a codec
moves most peaks. A recording keeps the landmarks of the smallest hashes, a sample of its set of them (Broder, 1997,
"On the resemblance and containment of documents"): recordings that share some, at one offset, are compared peak by
peak.
"""

from __future__ import annotations

import numpy as np

RATE = 8000  # Hz, of what is analysed at least: samples of higher rates are averaged in twos, threes …
HOP, FRAME, HIGHEST = 0.016, 0.064, 4000  # seconds between spectra, seconds a spectrum, Hz
LOWEST_BIN = 8  # 125 Hz: hum and rumble lie below
REACH = (4, 8)  # frames, bins: a peak is the greatest as far as this to either side
RANGE_DB = 40  # below the loudest: weaker peaks are noise of the room or the codec
ROUNDING = 30 / 12  # power of rounding to 16 bits, times what it takes to be no chance
BLOCK, PEAKS_AT_ONCE = 256, 2**14  # spectra, peaks at a time
FAN, LONGEST = 8, 32  # a peak is paired with so many that follow it, in less than so many frames
LANDMARKS = 32  # of a recording
HASH_BITS, TIME_BITS = 40, 24
CHECKED_SECONDS = 20  # of each
SLACK = 2  # frames by which offsets may differ
MIN_OVERLAP, MIN_PEAKS, MIN_SHARED = 0.6, 16, 0.45  # of the shorter recording; peaks of each; of them in both


def landmarks(pcm: np.ndarray, sample_rate: int) -> str:
    """The fingerprint of `pcm`, (samples,) int16, in hex digits: 16 for each of at most 32 landmarks."""
    peaks = _peaks(pcm, sample_rate)
    kept = np.empty(0, np.uint64)
    for start in range(0, len(peaks), PEAKS_AT_ONCE):
        for step in range(1, FAN + 1):
            second = peaks[start + step : start + step + PEAKS_AT_ONCE]
            found = _hashed(peaks[start : start + len(second)], second)
            kept = np.sort(np.concatenate([kept, found]))
            _, firsts = np.unique(kept >> np.uint64(TIME_BITS), return_index=True)
            kept = kept[firsts[:LANDMARKS]]
    return kept.astype(">u8").tobytes().hex()


def _hashed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The landmarks of pairs of peaks, (pairs, 2) each, that are near enough, (landmarks,) uint64: hash, then frame."""
    (frame, bin_), (later, other) = first.T, second.T
    apart = later - frame
    near = (apart > 0) & (apart < LONGEST)
    code = (bin_ * LONGEST + apart) * 2048 + other - bin_ + 1024
    return _mixed(code[near]) << np.uint64(TIME_BITS) | frame[near].astype(np.uint64)


def _mixed(code: np.ndarray) -> np.ndarray:
    """The upper bits of SplitMix64's finaliser: different codes become different numbers, evenly spread."""
    z = code.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(64 - HASH_BITS)


def _peaks(pcm: np.ndarray, sample_rate: int) -> np.ndarray:
    """The peaks of the spectrogram, (peaks, 2) int64: frame and bin, sorted."""
    hop, size = _sizes(sample_rate)
    fold = _fold(sample_rate)
    window = np.hanning(size)
    # White noise of variance v has spectra of mean power v · Σ window²; that of rounding is 1/12, less if averaged.
    rounding = ROUNDING * float(window @ window) / fold
    loudest = 0.0
    bins = slice(LOWEST_BIN, 1 + int(HIGHEST * size * fold / sample_rate))
    frames = max(0, 1 + (len(pcm) // fold - size) // hop)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, frames, BLOCK):
        first = max(0, start - REACH[0])
        end = min(frames, start + BLOCK + REACH[0])
        samples = pcm[first * hop * fold : ((end - 1) * hop + size) * fold].reshape(-1, fold).mean(axis=1)
        spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * window, axis=1)[:, bins]
        power = np.square(spectra.real) + np.square(spectra.imag)
        loudest = max(loudest, float(power.max(initial=0)))
        least = max(rounding, loudest * 10 ** (-RANGE_DB / 10))
        peaks = np.argwhere((power > least) & (power == _greatest(_greatest(power, 0), 1)))
        peaks[:, 0] += first
        found.append(peaks[(peaks[:, 0] >= start) & (peaks[:, 0] < start + BLOCK)])
    return np.concatenate(found)


def _fold(sample_rate: int) -> int:
    """How many samples are averaged into one before the analysis."""
    return max(1, sample_rate // RATE)


def _sizes(sample_rate: int) -> tuple[int, int]:
    """Hop and length of a spectrum in samples, after averaging."""
    folded = sample_rate / _fold(sample_rate)
    return max(1, round(HOP * folded)), max(LOWEST_BIN * 4, round(FRAME * folded))


def _greatest(power: np.ndarray, axis: int) -> np.ndarray:
    """The greatest value as far as REACH to either side along an axis."""
    reach = REACH[axis]
    greatest = np.moveaxis(np.pad(power, [(reach, reach) if each == axis else (0, 0) for each in (0, 1)]), axis, 0)
    width = 1
    wanted = 2 * reach + 1
    while width < wanted:
        more = min(width, wanted - width)
        greatest = np.maximum(greatest[:-more], greatest[more:])
        width += more
    return np.moveaxis(greatest, 0, axis)


def unpacked(fingerprint: str) -> np.ndarray:
    """A fingerprint's landmarks, (landmarks,) uint64, in the order of their hashes."""
    return np.frombuffer(bytes.fromhex(fingerprint), ">u8").astype(np.uint64)


def is_one_sound(first: np.ndarray, second: np.ndarray, sample_rate: int, offset: int) -> bool:
    """Whether two recordings, (samples,) int16, have their peaks in common where they overlap.

    `offset` is how many frames later things happen in the first.
    """
    step = _sizes(sample_rate)[0] * _fold(sample_rate)
    shorter = min(len(first), len(second))
    first = first[max(0, offset) * step :]
    second = second[max(0, -offset) * step :]
    overlap = min(len(first), len(second))
    if overlap < MIN_OVERLAP * shorter:
        return False
    length = min(overlap, CHECKED_SECONDS * sample_rate)
    one, other = (_peaks(each[:length], sample_rate) for each in (first, second))
    if min(len(one), len(other)) < MIN_PEAKS:
        return False
    return max(_shared(one, other, shift) for shift in range(-SLACK, SLACK + 1)) >= MIN_SHARED


def _shared(one: np.ndarray, other: np.ndarray, shift: int) -> float:
    """How many peaks, (peaks, 2), have one of the other side within a frame and a bin, as a share of all of both."""
    here = one + np.array([shift, 0])
    there = other
    found = np.isin(_cells(here), _around(there)).sum() + np.isin(_cells(there), _around(here)).sum()
    return float(found) / (len(here) + len(there))


def _cells(peaks: np.ndarray) -> np.ndarray:
    return peaks[:, 0] * 4096 + peaks[:, 1]


def _around(peaks: np.ndarray) -> np.ndarray:
    """The cells of peaks and of those beside them."""
    beside = np.arange(-1, 2)
    return (_cells(peaks)[:, None, None] + 4096 * beside[:, None] + beside).ravel()
