"""Makes the file of a corpus's frames in a way that can stop anywhere and go on, in one process or in several."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavegen.audio.spectral.frames import frames
from wavegen.data.frame_plan import HEADER, Plan
from wavegen.data.frame_workers import compute
from wavegen.data.splits import SPLITS
from wavegen.data.verification import verify
from wavegen.errors import UserError
from wavegen.system.atomic import check_room
from wavegen.system.locks import hold
from wavegen.system.progress import progress_bar
from wavegen.system.signals import Ended, number_of

REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)  # of a folder that this process may not write
LOOK_AGAIN = 0.2  # seconds
_log = logging.getLogger("wavegen")


def make(plan: Plan, progress: bool = False) -> Path:
    """Computes the frames of all recordings; gives the file, which is then whole.

    Raises UserError as `wavegen.data.frames.open_frames` does; an interruption says that the work goes on from there.
    """
    # Of one sample: what cannot be is refused at once, and what librosa compiles is there for all processes.
    frames(np.zeros(1, np.int16), plan.settings)
    verify(plan.corpus, SPLITS, progress)
    refused: list[str] = []
    for file in plan.candidates():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with _partial(plan, file) as partial:
                if partial is not None:
                    _fill(plan, partial, progress)
                    partial.put_in_place(file)
        except OSError as error:
            if error.errno not in REFUSALS:
                raise UserError(f"{file}: cannot be written: {error.strerror or error}") from error
            refused.append(str(file.parent))
            continue
        if refused:
            _log.warning("wavegen: %s: cannot be written; its frames are kept in %s", plan.corpus.path, file)
        return file
    said = f"{' and '.join(refused)}: cannot be written, and the frames of the corpus are kept there"
    raise UserError(f"{said}; change permissions, or name another folder in XDG_CACHE_HOME")


@dataclass(frozen=True)
class Partial:
    """A file that is being made, and beside it a byte for each recording, 1 where its frames are in the file."""

    values: Path
    done: Path

    @classmethod
    def of(cls, file: Path) -> Partial:
        """That of a file to be."""
        return cls(file.with_name(f".{file.stem}.part"), file.with_name(f".{file.stem}.done"))

    def begin(self, plan: Plan) -> None:
        """Makes both files unless they are there. Raises UserError if the disk is too small."""
        recordings = len(plan.lengths)
        if not self.done.exists() or self.values.stat().st_size != plan.size or self.done.stat().st_size != recordings:
            self.done.unlink(missing_ok=True)
            check_room({self.values: plan.size})
            with open(self.values, "r+b") as file:
                file.write(plan.header)
                file.truncate(plan.size)
            self.done.write_bytes(bytes(recordings))

    def left(self) -> list[int]:
        """Numbers of the recordings whose frames are not there yet."""
        return np.flatnonzero(np.frombuffer(self.done.read_bytes(), np.uint8) == 0).tolist()

    def put_in_place(self, file: Path) -> None:
        with open(self.values, "rb") as values:
            os.fsync(values.fileno())
        if self.values.exists() or not file.exists():  # without locks, another process may have been as quick
            self.values.replace(file)
        self.done.unlink(missing_ok=True)

    def remove(self) -> None:
        for path in (self.done, self.values):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def _partial(plan: Plan, file: Path) -> Iterator[Partial | None]:
    """Gives the files to work on, locked; None once another process has made `file`. Raises OSError, UserError."""
    partial = Partial.of(file)
    told = False
    while plan.opened(file) is None:
        with open(partial.values, "ab") as lock:
            # Locked is what others may have renamed or removed in the meantime.
            if hold(lock, file.parent) and _is_still(partial.values, lock.fileno()):
                if plan.opened(file) is None:
                    with _kept(partial):
                        partial.begin(plan)
                        yield partial
                    _remove_others(plan, file.parent)
                else:
                    partial.remove()
                return
        if not told:
            _log.warning("wavegen: %s: another process computes its frames; waiting for it", plan.corpus.path)
            told = True
        time.sleep(LOOK_AGAIN)
    yield None


def _is_still(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    return False


@contextlib.contextmanager
def _kept(partial: Partial) -> Iterator[None]:
    """Keeps what is computed, however the block ends; removes the files if that is nothing."""
    try:
        yield
    except KeyboardInterrupt as error:
        if str(error):
            raise
        what = f"interrupted: {partial.values.parent}: the same command goes on with its frames from here"
        raise Ended(number_of(error), what) from error
    except (UserError, OSError):
        with contextlib.suppress(OSError):
            if any(partial.done.read_bytes()):
                raise
        partial.remove()
        raise


def _fill(plan: Plan, partial: Partial, progress: bool) -> None:
    """Computes what is left."""
    left, samples = partial.left(), plan.corpus.recordings.rows["samples"]
    label = f"frames of {plan.corpus.path}" if progress else None
    with (
        progress_bar(int(samples[left].sum()), label, delay=1) as bar,
        contextlib.closing(compute(plan, partial.values, partial.done, left)) as computed,
    ):
        for number in computed:
            bar.update(int(samples[number]))


def _remove_others(plan: Plan, folder: Path) -> None:
    """Removes the frames of a corpus that lay in this folder before it was prepared again."""
    if folder != plan.corpus.path:
        return  # of all corpora
    for path in [*folder.glob("frames-*.f32"), *folder.glob(".frames-*.part")]:
        with contextlib.suppress(OSError, ValueError), open(path, "ab+") as file:
            file.seek(0)
            about = json.loads(file.read(HEADER).rstrip(b"\0"))
            if about["fingerprint"] != plan.corpus.fingerprint and hold(file, folder):
                path.unlink()
                path.with_suffix(".done").unlink(missing_ok=True)
