"""Settings of frames: a mel spectrogram of a convention and F0, with all sizes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

from wavegen.audio.headers import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from wavegen.audio.spectral.conventions import MELS, Mel, convention_named
from wavegen.audio.spectral.framing import CENTRED_IN_ZEROS, Framing, Span
from wavegen.errors import UserError

F0_CHANNELS = 2  # log F0, 0 where unvoiced, and 1 where voiced
MAX_FFT, MAX_BANDS = 2**16, 2**10
MIN_F0_RATE = 2000  # Hz; speech at a lower one has few harmonics left


class Table(Protocol):
    """The table `[conditioning]` of a recipe, as far as it is about frames; `mel` is "" for none."""

    @property
    def mel(self) -> str: ...
    @property
    def hop(self) -> int: ...
    @property
    def n_fft(self) -> int: ...
    @property
    def win_length(self) -> int: ...
    @property
    def bands(self) -> int: ...
    @property
    def fmin(self) -> int: ...
    @property
    def fmax(self) -> int: ...
    @property
    def f0(self) -> bool: ...


@dataclass(frozen=True)
class FrameSettings:
    """Frames of F = `channels` numbers, one for each `hop` samples: mel bands, then log F0 and whether it is voiced.

    Args:
        convention: of the mel spectrogram, "" for none, which needs `f0`; an alias becomes the name that it is for.
        sample_rate: in Hz.
        hop: samples from one frame to the next.
        n_fft: samples of a frame, even; at least `hop`, of which it is a multiple for r9y9.
        win_length: samples of the window in the middle of a frame; all of them for r9y9.
        bands: of the mel spectrogram.
        fmin, fmax: lower end of the first band and upper end of the last, in Hz.
        f0: adds the two channels of `wavegen.audio.spectral.pitch`.

    Raises UserError, naming parameters, for what cannot be.
    """

    convention: str
    sample_rate: int
    hop: int
    n_fft: int
    win_length: int
    bands: int
    fmin: int
    fmax: int
    f0: bool = False

    def __post_init__(self) -> None:
        if self.convention:
            object.__setattr__(self, "convention", convention_named(self.convention))
        elif not self.f0:
            raise UserError("frames of neither a mel spectrogram nor F0; give `convention`", parameter="convention")
        _check_sizes(self)
        if self.convention:
            _check_bands(self)
        if self.f0 and self.sample_rate < MIN_F0_RATE:
            raise UserError(f"`f0` needs {MIN_F0_RATE} Hz, and this is {self.sample_rate} Hz", parameter="f0")

    @classmethod
    def of(cls, table: Table, sample_rate: int) -> FrameSettings:
        """The settings of a recipe's table for recordings of that rate."""
        sizes = (table.hop, table.n_fft, table.win_length, table.bands, table.fmin, table.fmax)
        return cls(table.mel, sample_rate, *sizes, f0=table.f0)

    @classmethod
    def usual(cls, convention: str, sample_rate: int, f0: bool = False, **sizes: int | None) -> FrameSettings:
        """Those of the convention's own recipe, but for the `sizes` that are given; `fmax` fits the rate."""
        usual = MELS[convention_named(convention)].usual
        found = {each.name: getattr(usual, each.name) for each in fields(usual)}
        found["fmax"] = min(found["fmax"] or sample_rate // 2, sample_rate // 2)
        found |= {name: size for name, size in sizes.items() if size is not None}
        return cls(convention, sample_rate, **found, f0=f0)

    @property
    def mel(self) -> Mel | None:
        """The convention."""
        return MELS[convention_named(self.convention)] if self.convention else None

    @property
    def mel_channels(self) -> int:
        return self.bands if self.convention else 0

    @property
    def channels(self) -> int:
        """F, the numbers of a frame."""
        return self.mel_channels + (F0_CHANNELS if self.f0 else 0)

    @property
    def framing(self) -> Framing:
        """Where frames lie."""
        return CENTRED_IN_ZEROS if self.mel is None else self.mel.analysis.framing

    def number_of_frames(self, samples: int) -> int:
        """How many frames a recording of so many samples has, one at least."""
        return self.span(samples).number

    def span(self, samples: int, in_file: bool = False) -> Span:
        """Where the frames of such a recording lie; with `in_file`, all that a file of the convention has."""
        return self.framing.span(samples, self.hop, self.n_fft, in_file)


def _check_sizes(s: FrameSettings) -> None:
    if not MIN_SAMPLE_RATE <= s.sample_rate <= MAX_SAMPLE_RATE:
        raise UserError(f"a sample rate of {s.sample_rate} Hz; give one of {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz")
    if s.n_fft % 2 or not 2 <= s.n_fft <= MAX_FFT:
        raise UserError(f"`n_fft={s.n_fft}` is not an even number from 2 to {MAX_FFT}", parameter="n_fft")
    if not 1 <= s.hop <= s.n_fft:
        said = f"`hop={s.hop}` is not from 1 to `n_fft`, {s.n_fft}: samples would lie in no frame"
        raise UserError(said, parameter=("hop", "n_fft"))


def _check_bands(s: FrameSettings) -> None:
    if not 2 <= s.win_length <= s.n_fft:
        said = f"`win_length={s.win_length}` is not from 2 to `n_fft`, {s.n_fft}"
        raise UserError(said, parameter=("win_length", "n_fft"))
    if not 1 <= s.bands <= MAX_BANDS:
        raise UserError(f"`bands={s.bands}` is not from 1 to {MAX_BANDS}", parameter="bands")
    if not 0 <= s.fmin < s.fmax:
        said = f"`fmin={s.fmin}` is not from 0 Hz to below `fmax`, {s.fmax} Hz"
        raise UserError(said, parameter=("fmin", "fmax"))
    if 2 * s.fmax > s.sample_rate:
        said = f"`fmax={s.fmax}` is above half of {s.sample_rate} Hz, where there is nothing"
        raise UserError(f"{said}; give at most {s.sample_rate // 2}", parameter="fmax")
    if s.mel is not None and s.mel.analysis.root_hann:
        if s.n_fft % s.hop:
            said = f"`hop={s.hop}` does not divide `n_fft`, {s.n_fft}, as {s.convention} needs"
            raise UserError(said, parameter=("hop", "n_fft"))
        if s.win_length != s.n_fft:
            said = f"`win_length={s.win_length}` is not `n_fft`, {s.n_fft}, as it is for {s.convention}"
            raise UserError(said, parameter=("win_length", "n_fft"))
