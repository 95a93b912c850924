"""Any audio file to 16-bit mono PCM, and PCM to a WAV file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wavegen.audio import decoding, headers
from wavegen.audio.examination import Examiner, Figures, Mix, mean_of_all, pcm_figures
from wavegen.audio.names import is_junk, order
from wavegen.audio.wav import plain_header
from wavegen.errors import UserError, unreadable
from wavegen.system.atomic import Target, replacing

# Suffixes of the containers that `read` can hold to what they declare; `headers.UNREADABLE` has others of sound.
SUFFIXES = {
    ".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".mpga", ".aif",
    ".aiff", ".aifc", ".caf", ".au", ".snd", ".sph", ".nist", ".voc",
}  # fmt: skip
LOSSLESS_SUBTYPES = ("PCM_", "FLOAT", "DOUBLE", "ALAC_")
BLOCK = 2**18  # values read at a time, all channels counted


@dataclass(frozen=True, eq=False)
class Audio:
    """One recording as mono PCM, and what its file was.

    pcm is (samples,) int16 at `sample_rate`; `source_rate`, `channels`, `subtype` (libsndfile's name of the coding)
    and `lossy` describe the file; `clipped` counts the samples beyond full scale that were set to the nearest code;
    `warnings` says what is odd about the file's container, one line each without its name; `examined` has the figures
    of `wavegen.audio.examination.Examiner`, none for a recording that was not read from a file.
    """

    pcm: np.ndarray
    sample_rate: int
    channels: int
    subtype: str
    lossy: bool
    source_rate: int
    clipped: int
    warnings: tuple[str, ...] = ()
    examined: Figures = field(default_factory=Figures)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / self.sample_rate

    @property
    def figures(self) -> Figures:
        """Everything that is known of the signal and its file."""
        about = Figures(
            channels=self.channels,
            subtype=self.subtype,
            lossy=self.lossy,
            source_rate=self.source_rate,
            clipped=self.clipped,
        )
        if self.warnings:
            about["noticed"] = list(self.warnings)
        return about | self.examined | pcm_figures(self.pcm, self.sample_rate)


def read(path: str | Path, sample_rate: int | None = None) -> Audio:
    """The recording in `path`, mixed to mono, resampled (soxr HQ) if `sample_rate` is given and differs.

    Mono is the mean of the channels; channels without a signal are left out, and of channels with opposite polarity
    only the first is taken (`wavegen.audio.examination.Mix`). A value v of full scale 1 becomes the code ⌊32768 v + ½⌋,
    clipped to 16 bits: 16-bit mono files at the right rate come through unchanged, and the mean of two odd codes is as
    often odd as even. (Version 0.1.0 rounded ties to even; corpora prepared by it keep their samples.)
    Decoded in blocks, so that memory is bounded by the result; a file whose channels are not simply averaged is
    decoded twice.
    Raises UserError, naming the file, if it is missing, unreadable, no audio, truncated, empty, holds NaN, infinite
    or absurd values, has most of its samples beyond full scale, has an absurd header, or holds much after its samples
    that is no tag or chunk. (A cut leaves no trace in an MP3 without a length, between two frames, and in containers
    that declare none: IRCAM, PAF, PVF, XI.)
    """
    path = Path(path)
    if sample_rate is not None:
        check_sample_rate(sample_rate)
    sound, mix = _decoded(path, sample_rate)
    if mix == mean_of_all(sound.channels):
        return sound
    del sound  # frees its samples before they are decoded again
    return _decoded(path, sample_rate, mix)[0]


def _decoded(path: Path, sample_rate: int | None, mix: Mix | None = None) -> tuple[Audio, Mix]:
    """The recording mixed as `mix` says, the mean of all channels if it is None, and the mix that is right for it."""
    codes = _Codes()
    with decoding.opened(path) as source:
        mix = mix or mean_of_all(source.channels)
        examiner = Examiner(source.channels, source.sample_rate, source.subtype)
        resample = _resampler(source.sample_rate, sample_rate or source.sample_rate)
        for block in source.blocks(max(1, BLOCK // source.channels)):
            examiner.add(block)
            codes.append(resample(mix.of(block), False))
        codes.append(resample(np.empty(0), True))
    if not codes.pcm:
        raise UserError(f"{path}: holds no samples; leave it out")
    pcm = np.frombuffer(codes.pcm, np.int16)
    if 2 * codes.clipped > len(pcm):
        what = "most of its samples lie beyond full scale, which is 1: codes that were not divided by theirs"
        raise UserError(f"{path}: {what}; write it again with values between -1 and 1")
    sound = Audio(
        pcm=pcm,
        sample_rate=sample_rate or source.sample_rate,
        channels=source.channels,
        subtype=source.subtype,
        lossy=not source.subtype.startswith(LOSSLESS_SUBTYPES),
        source_rate=source.sample_rate,
        clipped=codes.clipped,
        warnings=tuple(source.warnings),
        examined=examiner.figures(),
    )
    return sound, examiner.mix()


class _Codes:
    """16-bit codes of a mono signal that comes in blocks, and how many values lay beyond full scale."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.clipped = 0

    def append(self, mono: np.ndarray) -> None:
        """`mono` is (samples,) float64 of full scale 1."""
        codes = _rounded(mono)
        self.clipped += int(np.count_nonzero((codes < -32768) | (codes > 32768)))
        self.pcm += np.clip(codes, -32768, 32767, out=codes).astype(np.int16).tobytes()


def codes_of(mono: np.ndarray) -> np.ndarray:
    """The 16-bit codes, (samples,) int16, of a signal, (samples,) float64 of full scale 1: as `read` makes them."""
    return np.clip(_rounded(mono), -32768, 32767).astype(np.int16)


def _rounded(mono: np.ndarray) -> np.ndarray:
    codes = mono * 32768
    codes += 0.5
    return np.floor(codes, out=codes)


def sample_rate_of(path: str | Path) -> int:
    """The sample rate in Hz that the header of `path` declares; raises UserError as `read` does for a bad header."""
    with decoding.opened(Path(path)) as source:
        return source.sample_rate


def check_sample_rate(sample_rate: int) -> None:
    """Raises UserError unless audio can be resampled to `sample_rate`."""
    low, high = headers.MIN_SAMPLE_RATE, headers.MAX_SAMPLE_RATE
    if not low <= sample_rate <= high:
        raise UserError(f"sample rate {sample_rate}: give one between {low} and {high} Hz, as 16000")


def write(path: Target, pcm: np.ndarray, sample_rate: int) -> None:
    """Writes `pcm`, (samples,) int16, as a 16-bit mono WAV file, whole or not at all; it replaces a file at a path.

    Raises UserError if the folder cannot be written, the disk is full, or the samples exceed a WAV file's 4 GiB.
    """
    if pcm.ndim != 1 or pcm.dtype != np.int16:
        raise ValueError(f"pcm must be (samples,) int16, is {pcm.shape} {pcm.dtype}")
    size = 2 * len(pcm)
    if size + 36 > 0xFFFFFFFF:
        raise UserError(f"{path}: {size} bytes of audio exceed the 4 GiB of a WAV file; write it in parts")
    with replacing(path) as temporary, open(temporary, "r+b") as file:  # keeps the bytes that are reserved
        file.write(plain_header(sample_rate, 1, len(pcm)))
        file.write(np.ascontiguousarray(pcm, "<i2").data)
        file.truncate()


def find(source: str | Path) -> list[Path]:
    """The audio files in the folder `source` and the folders below, as `walk` gives them."""
    return list(walk(source))


def walk(source: str | Path, passed_over: Counter[str] | None = None) -> Iterator[Path]:
    """The audio files in the folder `source` and the folders below, by their suffix, sorted; a single file is itself.

    Hidden files and folders are passed over; links are followed, each folder being visited once. The suffixes of
    other files are counted in `passed_over`.
    Raises UserError if `source` is missing, a folder in it cannot be listed, or there is no audio in it.
    """
    source = Path(source)
    if source.exists() and not source.is_dir():  # a pipe too; what cannot be read is refused when it is
        yield source
        return
    others = Counter()
    visited = set()
    found = False
    folders = [iter([str(source) + os.sep])]  # a stack: what is still to come, folder within folder
    while folders:
        path = next(folders[-1], None)
        if path is None:
            folders.pop()
        elif path.endswith(os.sep):
            if (real := os.path.realpath(path)) not in visited:
                visited.add(real)
                folders.append(iter(_sorted_names(path)))
        elif (suffix := os.path.splitext(path)[1].lower()) in SUFFIXES:
            found = True
            yield Path(path)
        else:
            others[suffix or os.path.basename(path)] += 1
            if passed_over is not None and not is_junk(os.path.basename(path)):
                passed_over[suffix] += 1
    if not found:
        most = [f"{count} {suffix}" for suffix, count in others.most_common(3)]
        raise UserError(f"{source}: no audio file in it ({', '.join(most) or 'it is empty'}); {headers.READABLE}")


def _sorted_names(folder: str) -> list[str]:
    """The paths in `folder` but hidden ones, those of folders ending in a slash, so that all paths below sort alike."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
            # Of os.path, since a link that leads nowhere is no reason to refuse the folder.
            paths = (entry.path + os.sep if os.path.isdir(entry.path) else entry.path for entry in shown)
            return sorted(paths, key=order)
    except OSError as error:
        raise unreadable(Path(folder), error) from error


def content_hash(pcm: np.ndarray) -> str:
    """The SHA-256 of PCM, (samples,) int16, in hex digits: equal for equal recordings, whatever their names."""
    return hashlib.sha256(np.ascontiguousarray(pcm, "<i2").data).hexdigest()


def count_codes(pcm: np.ndarray) -> np.ndarray:
    """Counts each PCM code in `pcm`, (samples,) int16: (65536,) int64, code −32768 first."""
    counts = np.zeros(65536, np.int64)
    for start in range(0, len(pcm), BLOCK):
        counts += np.bincount(pcm[start : start + BLOCK].astype(np.int64) + 32768, minlength=65536)
    return counts


def _resampler(source_rate: int, sample_rate: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    if source_rate == sample_rate:
        return lambda block, last: block
    import soxr

    stream = soxr.ResampleStream(source_rate, sample_rate, 1, dtype="float64", quality="HQ")
    return lambda block, last: stream.resample_chunk(block, last=last)
