"""The one signal that reading makes of a file's channels, of files whose channels are coded each by itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wavegen.audio.examination.channels import Mix
from wavegen.audio.files import codes_of
from wavegen.models.ranges import Measurement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def mono_of(pcm: NDArray[np.int16], mix: Mix) -> NDArray[np.int16]:
    """The channels of `mix` as one, (frames, channels) to (frames,): as `wavegen.audio.files.read` gives them."""
    return codes_of(mix.of(pcm / 32768))


class Mono:
    """Gathers the content hash and the figures of that signal, block by block."""

    def __init__(self, mix: Mix):
        self.mix, self.content, self.measured = mix, hashlib.sha256(), Measurement()

    def add(self, pcm: NDArray[np.int16]) -> None:
        """The next (frames, channels)."""
        mono = mono_of(pcm, self.mix)
        self.content.update(mono.astype("<i2").tobytes())
        self.measured.add(mono)
