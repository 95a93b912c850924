"""An audio file decoded from its first sample to its last, in one pass and without a seek."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen import containers
from wavegen.errors import UserError

if TYPE_CHECKING:
    import soundfile

READABLE = "WAV, FLAC, OGG, MP3 and AIFF can be read"
UNKNOWN_LENGTH = 2**62


@dataclass(eq=False)
class Decoder:
    """An open audio file: what it is, and its samples, once, in order.

    sample_rate in Hz; `subtype` is libsndfile's name of the coding; `warnings` says what is odd about the file though
    it could be read, one line each without the file's name, complete once `blocks` has ended.
    """

    path: Path
    sound: soundfile.SoundFile
    sample_rate: int
    channels: int
    subtype: str
    warnings: list[str]

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """All samples in blocks of up to `frames`, (frames, channels) float64 of full scale 1, one at a time.

        The samples do not depend on `frames`. Raises UserError if some that the header declares cannot be read, or
        one is NaN or infinite.
        """
        buffer = np.empty((frames, self.channels))
        read, declared = 0, self.sound.frames
        while len(block := self.sound.read(min(frames, declared - read), out=buffer)):
            read += len(block)
            if not np.isfinite(block).all():
                raise UserError(
                    f"{self.path}: holds NaN or infinite values; write it again with values between -1 and 1"
                )
            yield block
        if read < declared < UNKNOWN_LENGTH:
            raise UserError(
                f"{self.path}: truncated or damaged: {declared} samples are declared, {read} can be read; copy it again"
            )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Decoder]:
    """`path` opened by libsndfile, after our own look at its header. Raises UserError, also for errors in the block."""
    import soundfile

    class Straight(soundfile.SoundFile):
        """python-soundfile seeks after each read of a file that can be sought in, which restarts an MP3's decoder."""

        def seekable(self) -> bool:
            return False

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path}: is {'a folder' if path.is_dir() else 'no regular file'}; name an audio file")
        with open(path, "rb", buffering=0) as file, contextlib.ExitStack() as stack:
            containers.check(file, path)
            piped = containers.is_mp3_of_unknown_length(file)
            # By descriptor, because given a name libsndfile guesses from the suffix.
            descriptor = stack.enter_context(containers.piped(file)) if piped else file.fileno()
            sound = stack.enter_context(Straight(descriptor, closefd=False))
            containers.check_format(sound.samplerate, sound.channels, path)
            if sound.frames > UNKNOWN_LENGTH and not piped:  # libsndfile reads no such FLAC to its end
                raise UserError(f"{path}: declares no length, as if written into a pipe; write it into a file again")
            yield Decoder(path, sound, sound.samplerate, sound.channels, sound.subtype, [])
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        reason = " ".join(error.error_string.split()).rstrip(".")
        if reason == "Format not recognised":
            raise UserError(f"{path}: is not an audio file; {READABLE}") from error
        raise UserError(f"{path}: damaged or truncated ({reason}); copy it again") from error
