"""The file of a corpus's frames: what is in it, and where it may lie.

Its name and its header say what made it: the corpus's fingerprint, every setting and, where that changes a number,
librosa's version. Another setting makes another file. It gets its name when it is whole; what an interrupted process
has computed lies in a hidden file until the next one goes on with it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data.corpus import Corpus
from wavegen.system.optional import LIBROSA, version

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT, VERSION = "wavegen frames", 1
REVISION = 1  # of our own arithmetic; raised when a number of the frames changes
HEADER = 4096  # bytes: one line of JSON, then zeros; what follows is aligned for the memory map
ITEM = np.dtype("<f4")


@dataclass(frozen=True)
class Plan:
    """The file of a corpus's frames: what is to be in it, and where it may lie."""

    corpus: Corpus
    settings: FrameSettings

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of frames of each recording, (recordings,)."""
        samples, which = np.unique(self.corpus.recordings.rows["samples"], return_inverse=True)
        return np.array([self.settings.number_of_frames(each) for each in samples.tolist()], np.int64)[which]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first frame of each recording, (recordings,)."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.lengths.sum()), self.settings.channels

    @property
    def size(self) -> int:
        """Bytes of the file."""
        frames, channels = self.shape
        return HEADER + ITEM.itemsize * frames * channels

    @cached_property
    def header(self) -> bytes:
        """The first HEADER bytes of the file: what made it."""
        about = {"format": FORMAT, "version": VERSION, "fingerprint": self.corpus.fingerprint, "revision": REVISION}
        # The mel bands are sums that are written down; what pyin decides has changed between versions.
        librosa = ".".join((version(LIBROSA.name) or "").split(".")[:2]) if self.settings.f0 else None
        line = json.dumps({**about, "librosa": librosa, "settings": asdict(self.settings)}).encode("ascii") + b"\n"
        return line.ljust(HEADER, b"\0")

    @property
    def name(self) -> str:
        """Of the file."""
        return f"frames-{hashlib.sha256(self.header).hexdigest()[:16]}.f32"

    def candidates(self) -> Iterator[Path]:
        """Where the file may lie, the corpus's folder first."""
        yield self.corpus.path / self.name
        if (cache := cache_folder()) is not None:
            yield cache / self.name

    def opened(self, file: Path) -> NDArray[np.float32] | None:
        """The values in `file`; None if it is not there, or is not what this plan makes."""
        try:
            with open(file, "rb") as opened:
                if opened.read(HEADER) != self.header or os.fstat(opened.fileno()).st_size != self.size:
                    return None
            return self.mapped(file)
        except OSError:
            return None

    def mapped(self, file: Path) -> NDArray[np.float32]:
        """The values in a whole file, (frames, F)."""
        return np.memmap(file, ITEM, "r", HEADER, self.shape).view(np.ndarray)


def cache_folder() -> Path | None:
    """The user's folder for what can be computed again, which need not exist; None if the system tells of none."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return Path(base, "wavegen") if os.path.isabs(base) else None
