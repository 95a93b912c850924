"""Definitions of mel spectrograms by toolkits: facts of their sources, from which `melspectrogram.py` computes each.

All of them window the signal, take the magnitudes |X| of its discrete Fourier transform, sum them into mel bands, and
store a logarithm of the sums. The bands are always those of `librosa.filters.mel`: triangles over Hz between equal
steps of Slaney's mel scale, each of area 1 (none of them uses its HTK scale). All the rest differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wavegen.audio.spectral.framing import CENTRED, CENTRED_IN_ZEROS, INNER, WHOLE, Framing
from wavegen.audio.spectral.names import ALIASES, CONVENTIONS, Convention
from wavegen.errors import UserError, nearest


@dataclass(frozen=True)
class Analysis:
    """From samples to mel bands, which nobody can change afterwards: spectrograms convert only within one analysis.

    `framing` says where frames lie. `power` sums |X|² instead of |X|; `epsilon` is added to |X|² before the root.
    `root_hann` weights each frame by the square root of a Hann window, made a tight frame of 1/hop a sample, instead
    of by a periodic Hann window.
    """

    framing: Framing
    power: bool = False
    epsilon: float = 0.0
    root_hann: bool = False


@dataclass(frozen=True)
class Scale:
    """From a mel band m to the number that is stored: slope · log10(max(m, floor)) + offset, `ceiling` at most."""

    slope: float
    floor: float
    offset: float = 0.0
    ceiling: float = math.inf

    @property
    def lowest(self) -> float:
        """The number that stands for the floor and all below it."""
        return self.slope * math.log10(self.floor) + self.offset


@dataclass(frozen=True)
class Settings:
    """The sizes that a toolkit's own recipe has: samples, bands, Hz; `fmax` None is half the sample rate."""

    hop: int
    n_fft: int
    win_length: int
    bands: int
    fmin: int
    fmax: int | None


@dataclass(frozen=True)
class Mel:
    """A convention: analysis, scale, and files of (bands, frames) if `bands_first`, else of (frames, bands)."""

    analysis: Analysis
    scale: Scale
    bands_first: bool
    usual: Settings


CENTRED_HANN = Analysis(CENTRED)
NATURAL = Scale(slope=math.log(10), floor=1e-5)

MELS: dict[Convention, Mel] = {
    # librosa/feature/spectral.py, melspectrogram, and core/spectrum.py, power_to_db(S, ref=1, amin=1e-10, top_db=None).
    # Decibels, since the powers themselves span ten decades. The reference and the range that power_to_db would take
    # from a file's own maximum (ref=np.max, top_db=80) are left out: no file is scaled by itself.
    "librosa": Mel(
        Analysis(CENTRED_IN_ZEROS, power=True),
        Scale(slope=10.0, floor=1e-10),
        bands_first=True,
        usual=Settings(hop=512, n_fft=2048, win_length=2048, bands=128, fmin=0, fmax=None),
    ),
    # ParallelWaveGAN, parallel_wavegan/bin/preprocess.py, logmelfilterbank; the same as ESPnet 1's. ESPnet 2's TTS
    # (espnet2/tts/feats_extract/log_mel_fbank.py) sets |X|² to 1e-10 at least, so that digital silence, and nothing
    # louder, is about -6 there instead of -10.
    "parallel-wavegan": Mel(
        CENTRED_HANN,
        Scale(slope=1.0, floor=1e-10),
        bands_first=False,
        usual=Settings(hop=256, n_fft=1024, win_length=1024, bands=80, fmin=80, fmax=7600),
    ),
    # HiFi-GAN, meldataset.py, mel_spectrogram. Its training scales every file to a peak of 0.95; inference.py does not.
    "hifigan": Mel(
        Analysis(INNER, epsilon=1e-9),
        NATURAL,
        bands_first=True,
        usual=Settings(hop=256, n_fft=1024, win_length=1024, bands=80, fmin=0, fmax=8000),
    ),
    # NVIDIA tacotron2, layers.py (TacotronSTFT), stft.py and audio_processing.py; WaveGlow's mel2samp.py uses them too.
    "tacotron2": Mel(
        CENTRED_HANN,
        NATURAL,
        bands_first=True,
        usual=Settings(hop=256, n_fft=1024, win_length=1024, bands=80, fmin=0, fmax=8000),
    ),
    # r9y9/wavenet_vocoder, audio.py, melspectrogram, until August 2019 (its pretrained models; later it is ESPnet's):
    # the transform is that of the package lws. 20 log10(m) less ref_level_db = 20, mapped from min_level_db = -100
    # to 0…1: 0.2 log10(m) + 0.8, which is 0 at 1e-4.
    "r9y9": Mel(
        Analysis(WHOLE, root_hann=True),
        Scale(slope=0.2, floor=1e-4, offset=0.8, ceiling=1.0),
        bands_first=False,
        usual=Settings(hop=256, n_fft=1024, win_length=1024, bands=80, fmin=125, fmax=7600),
    ),
}


def convention_named(name: str) -> Convention:
    """The convention of that name or alias. Raises UserError, naming the nearest."""
    name = ALIASES.get(name, name)
    for known in MELS:
        if known == name:
            return known
    said = f"{name!r} is no convention of mel spectrograms{nearest(name, [*CONVENTIONS, *ALIASES])}"
    raise UserError(said, parameter="convention")
