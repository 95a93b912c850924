"""An audio file decoded from its first sample to its last, in one pass and without a seek."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from wavegen.audio import decoder_messages, headers
from wavegen.audio.headers import Layout
from wavegen.audio.piping import piped
from wavegen.errors import UserError, unreadable
from wavegen.system.contents import HEAD, kind

if TYPE_CHECKING:
    import soundfile

UNKNOWN_LENGTH = 2**62
LARGEST = 1e100  # of full scale: sums and squares of more overflow
# Bits of a sample in the codings where it has a fixed size.
_WIDTHS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64, "ULAW": 8,
           "ALAW": 8, "DPCM_8": 8, "DPCM_16": 16, "G721_32": 4, "G723_24": 3, "G723_40": 5}  # fmt: skip
MAX_SDS = 2**21  # samples that a MIDI sample dump can declare
WHOLE = {"PCM_S8", "PCM_16", "PCM_24", "PCM_32"}  # codings of integers
_UNREADABLE = ("unsupported encoding", "unimplemented format", "Malformed 'fmt ' chunk", "unknown encoding")


class SampleMd5:
    """The MD5 of samples that come in blocks, as integers of `width` bits, 8, 16, 24 or 32."""

    def __init__(self, width: int):
        self.bytes = width // 8
        self.scale = float(1 << width - 1)
        self.found = hashlib.md5(usedforsecurity=False)

    def add(self, block: np.ndarray) -> None:
        """The next samples, (frames, channels) float64 of full scale 1."""
        codes = (block * self.scale).astype("<i2" if self.bytes == 2 else "<i4")
        if codes.itemsize != self.bytes:
            codes = np.ascontiguousarray(codes.view(np.uint8).reshape(-1, 4)[:, : self.bytes])
        self.found.update(codes.data)

    def digest(self) -> bytes:
        return self.found.digest()


@dataclass(eq=False)
class Decoder:
    """An open audio file: what it is, and its samples, once, in order.

    `warnings` says what is odd about the file though it could be read, one line each without the file's name,
    complete once `blocks` has ended.
    """

    path: Path
    sound: soundfile.SoundFile
    layout: Layout
    descriptor: int
    warnings: list[str] = field(default_factory=list)

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.sound.samplerate

    @property
    def channels(self) -> int:
        return self.sound.channels

    @property
    def subtype(self) -> str:
        """libsndfile's name of the coding."""
        return self.sound.subtype

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """All samples in blocks of up to `frames`, (frames, channels) float64 of full scale 1, one at a time.

        The samples do not depend on `frames`. Raises UserError if some that the header declares cannot be read, or
        one is NaN, infinite or beyond LARGEST.
        """
        declared = self._declared()
        if self.sound.format == "SDS":  # libsndfile loses the rest of the last packet if a read ends within it
            frames = min(declared, MAX_SDS)
        buffer = np.empty((frames, self.channels))
        read = 0
        md5 = self._md5()
        while len(block := self._read(buffer[: min(frames, declared - read)])):
            read += len(block)
            if not (np.abs(block) <= LARGEST).all():  # NaN is not
                what = f"NaN or infinite values, or some beyond {LARGEST:g}"
                raise UserError(f"{self.path}: holds {what}; write it again with values between -1 and 1")
            if md5 is not None:
                md5.add(block)
            yield block
        if read < declared < UNKNOWN_LENGTH:
            raise UserError(
                f"{self.path}: truncated or damaged: {declared} samples are declared, {read} can be read; copy it again"
            )
        if self.layout.after is not None:
            self.layout.after(os.lseek(self.descriptor, 0, os.SEEK_CUR))
        if md5 is not None and md5.digest() != self.layout.md5:
            said = "damaged: the samples are not those whose MD5 its header has; copy it again"
            raise UserError(f"{self.path}: {said}, or check it with: flac -t")

    def _md5(self) -> SampleMd5 | None:
        """The bytes that are to have the MD5 in the header; None without one."""
        return SampleMd5(_WIDTHS[self.subtype]) if self.layout.md5 and self.subtype in WHOLE else None

    def _declared(self) -> int:
        """The samples to read: libsndfile's count, without the padding and what follows that it takes for samples."""
        frames = self.sound.frames
        layout = self.layout
        width = _WIDTHS.get(self.subtype)
        if layout.data_bytes is not None and width:
            frames = min(frames, 8 * layout.data_bytes // (width * self.channels))
        if layout.max_samples is not None:
            frames = min(frames, layout.max_samples)
        return frames if layout.samples is None else self._without_padding(frames, layout.samples)

    def _without_padding(self, frames: int, counted: int) -> int:
        """Of `frames` decoded samples those that the header counts, if what is more can be the last block's padding."""
        block = self.layout.block
        channels = self.channels
        # Some programs count packets, or all channels together, or each block as one of a single channel.
        others = (frames, frames * channels, frames // channels, frames // block, frames // (block * channels))
        if counted in others:
            return frames
        if 0 < frames - counted < 2 * block and block > 1:
            return counted
        self.warnings.append(f"its header counts {counted} samples, but {frames} are there; all of them were read")
        return frames

    def _read(self, buffer: np.ndarray) -> np.ndarray:
        if not self.subtype.startswith("MPEG"):
            return self.sound.read(out=buffer)
        said: list[str] = []
        with decoder_messages.caught(said):
            block = self.sound.read(out=buffer)
        self.heed(said)
        return block

    def heed(self, said: list[str]) -> None:
        """Makes a warning, one for the file, of the lines that the decoder wrote to stderr."""
        if said and not any(warning.startswith("damaged") for warning in self.warnings):
            self.warnings.append(f"damaged: its decoder says '{said[0]}'; samples there may be wrong")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Decoder]:
    """`path` opened by libsndfile, after our own look at its header. Raises UserError, also for errors in the block.

    What comes from a pipe, as /dev/stdin may, is copied to a temporary file first.
    """
    import soundfile

    layout = Layout()
    head = b""
    try:
        with _file(path) as file, contextlib.ExitStack() as stack:
            layout = headers.examine(file, os.fstat(file.fileno()).st_size, path)
            head = os.pread(file.fileno(), HEAD, 0)
            # By descriptor, because given a name libsndfile guesses from the suffix.
            pieces = layout.pieces
            descriptor = stack.enter_context(piped(file, pieces)) if pieces else file.fileno()
            said: list[str] = []
            with decoder_messages.caught(said):
                sound = stack.enter_context(_straight()(descriptor, closefd=False))
            headers.check_format(sound.samplerate, sound.channels, path)
            if sound.frames > UNKNOWN_LENGTH and not pieces:  # libsndfile reads no such FLAC to its end
                raise UserError(f"{path}: declares no length, as if written into a pipe; write it into a file again")
            decoder = Decoder(path, sound, layout, descriptor, list(layout.warnings))
            decoder.heed(said)
            yield decoder
    except OSError as error:
        raise unreadable(path, error) from error
    except soundfile.LibsndfileError as error:
        raise _refused(path, layout, head, " ".join(error.error_string.split()).rstrip(".")) from error


def _straight() -> type[soundfile.SoundFile]:
    import soundfile

    class Straight(soundfile.SoundFile):
        """python-soundfile seeks after each read of a file that can be sought in, which restarts an MP3's decoder."""

        def seekable(self) -> bool:
            return False

    return Straight


@contextlib.contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    """The file to read, unbuffered; a copy of it where it is a pipe."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        with open(path, "rb", buffering=0) as file:
            yield file
        return
    # A pipe that this process holds; to open one with a name might wait for ever.
    if not (stat.S_ISFIFO(mode) and os.path.realpath(path).startswith(("/proc/", "/dev/"))):
        if stat.S_ISFIFO(mode):
            raise UserError(f"{path}: is a FIFO; make it a file first: cat {path} >file.wav")
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise UserError(f"{path}: is {kind}; name an audio file")
    copy = _copy(path)
    copy.seek(0)
    yield copy


_COPIES: dict[tuple[int, int], BinaryIO] = {}  # of pipes, which give what they hold once, though it is read again


def _copy(path: Path) -> BinaryIO:
    with open(path, "rb") as pipe:
        about = os.fstat(pipe.fileno())
        which = about.st_dev, about.st_ino
        if which not in _COPIES:
            _COPIES[which] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (kept while the process lives)
            shutil.copyfileobj(pipe, _COPIES[which])
    return _COPIES[which]


def _refused(path: Path, layout: Layout, head: bytes, reason: str) -> UserError:
    if reason == "Format not recognised":
        if (what := headers.UNREADABLE.get(path.suffix.lower())) is not None:
            return UserError(f"{path}: its name says {what}, which cannot be read; {headers.CONVERT}")
        if path.suffix.lower() in headers.RAW:
            return UserError(f"{path}: has no header to say its sample rate and coding; {headers.GIVE_HEADER}")
        if (what := kind(head)) is not None:
            return UserError(f"{path}: is {what}, not an audio file; {headers.READABLE}")
        return UserError(f"{path}: is not an audio file; {headers.READABLE}")
    if any(words in reason for words in _UNREADABLE):
        coding = layout.coding or "a coding"
        return UserError(f"{path}: holds {coding} that cannot be read ({reason}); {headers.CONVERT}")
    return UserError(f"{path}: damaged or truncated ({reason}); copy it again")
