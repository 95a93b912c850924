"""The mono signal of files whose channels are coded each by itself, as reading them would mix it."""

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
    """Gathers the content hash and the figures of the mono signal, block by block."""

    def __init__(self, mix: Mix, sample_rate: int):
        self.mix = mix
        self.content = hashlib.sha256()
        self.measured = Measurement(sample_rate)

    def add(self, pcm: NDArray[np.int16]) -> None:
        """The next (frames, channels)."""
        mono = mono_of(pcm, self.mix)
        self.content.update(mono.astype("<i2").tobytes())
        self.measured.add(mono)
