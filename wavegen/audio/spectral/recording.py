"""The mel spectrogram of an audio file, as the program of a toolkit would write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.audio.spectral.statistics import read_statistics
from wavegen.audio.spectral.stored import in_file, normalised
from wavegen.system.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mel(
    source: str | Path,
    convention: str,
    *,
    sample_rate: int | None = None,
    hop: int | None = None,
    n_fft: int | None = None,
    win_length: int | None = None,
    bands: int | None = None,
    fmin: int | None = None,
    fmax: int | None = None,
    f0: bool = False,
    statistics: str | Path | None = None,
    progress: bool = False,
) -> NDArray[np.float32]:
    """The mel spectrogram of a recording by the convention of a toolkit, in the order of its files.

    (frames, bands) for parallel-wavegan, espnet and r9y9, (bands, frames) for librosa, hifigan and tacotron2. Sizes
    default to those of the toolkit's own recipe, `fmax` to half the sample rate at most; `wavegen.audio.spectral` has
    what the conventions mean.

    Args:
        source: an audio file; channels are mixed as `prepare` does.
        convention: librosa, parallel-wavegan or espnet, hifigan, tacotron2, r9y9.
        sample_rate: in Hz, to which the recording is resampled; by default its own.
        hop: samples from one frame to the next.
        n_fft: samples of a frame.
        win_length: samples of the window inside a frame.
        bands: of the mel spectrogram.
        fmin, fmax: its limits in Hz.
        f0: adds two channels after the bands: the natural logarithm of F0, 0 where unvoiced, and 1 where voiced.
        statistics: a file with mean and deviation of each band, by which they are normalised.
        progress: shows a bar on stderr.

    Raises UserError for a recording that cannot be read, and for sizes that cannot be.
    """
    sound = audio_files.read(source, sample_rate)
    sizes = {"hop": hop, "n_fft": n_fft, "win_length": win_length, "bands": bands, "fmin": fmin, "fmax": fmax}
    settings = FrameSettings.usual(convention, sound.sample_rate, f0, **sizes)
    with progress_bar(1, f"mel spectrogram of {source}" if progress else None, " files", delay=1) as bar:
        values = frames(sound.pcm, settings, in_file=True)
        bar.update(1)
    if statistics is not None:
        values = normalised(values, settings, read_statistics(statistics, settings.bands))
    return in_file(values, settings)
