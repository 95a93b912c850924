"""Draws audio from a model: seeds in, PCM with the log-probability of every sample out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.examination.findings import QUIET
from wavegen.audio.wav import plain_header
from wavegen.constants import DIGITS
from wavegen.engine import open_engine
from wavegen.engine.base import Engine
from wavegen.errors import UserError
from wavegen.models.condition_kinds import NOTHING, SPEAKER, kind_of
from wavegen.models.model import AnyAudio
from wavegen.sampling.results import GenerateResult
from wavegen.system import pipes
from wavegen.system.atomic import Output, check_suffix
from wavegen.system.progress import progress_bar
from wavegen.system.signals import Ended, number_of
from wavegen.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_RECORDINGS = 4096
SAMPLES_PER_CALL = 512  # of an engine; the clock is read and an interrupt noticed between two calls
MAX_SAMPLES = 2**28  # of all recordings of a call, primes included, which memory holds until they are written
SILENT_SECONDS = 2.0  # drawn, from which silence is more than the pause that a recording begins with
HEADER = len(plain_header(8000, 1, 0))  # bytes of a WAV file before its samples


@dataclass(frozen=True)
class Draw:
    """One generated recording: int16 PCM, the prime included, and log2 p of every sample, float64."""

    seed: int
    pcm: NDArray[np.int16]
    log2_prob: NDArray[np.float64]

    @property
    def bits_per_sample(self) -> float:
        """The recording's bits per sample, as `score` gives them."""
        return float(-self.log2_prob.sum() / len(self.pcm))


@dataclass(frozen=True)
class Draws:
    """The recordings of `generate`, with engine and speed; the prime is not counted."""

    engine: str
    precision: str
    exact: bool
    draws: list[Draw]
    sample_rate: int
    primed: int
    generated: int
    seconds: float
    condition: str | None = None  # what the model was given

    @property
    def samples_per_second(self) -> float:
        return len(self.draws) * self.generated / self.seconds

    @property
    def real_time_factor(self) -> float:
        """Seconds of audio made ÷ seconds taken: above one is faster than real time."""
        return self.samples_per_second / self.sample_rate

    def write(self, out: str | Path, force: bool = False) -> list[Path]:
        """Writes OUT.wav, or OUT-0.wav, OUT-1.wav, … for several, and gives the paths.

        Raises UserError if one cannot be written, or exists and `force` is not given.
        """
        with contextlib.ExitStack() as opened:
            paths = out_paths(out, len(self.draws))
            return self.write_to([opened.enter_context(Output(path, force)) for path in paths])

    def write_to(self, outputs: Sequence[Output]) -> list[Path]:
        """Writes each recording into its output and gives their paths. Raises UserError."""
        for output, draw in zip(outputs, self.draws, strict=True):
            audio_files.write(output, draw.pcm, self.sample_rate)
        return [output.path for output in outputs]

    def warnings(self, paths: Sequence[Path]) -> list[str]:
        """A line on the recordings at `paths` in which nothing was drawn but silence."""
        if self.generated < SILENT_SECONDS * self.sample_rate:
            return []
        peaks = [int(np.abs(draw.pcm[self.primed :].astype(np.int32)).max()) for draw in self.draws]
        silent = {str(path): peak for path, peak in zip(paths, peaks, strict=True) if peak < QUIET}
        if not silent:
            return []
        said = f"silence was drawn, with a peak of {max(silent.values())} codes of 32768"
        return [f"{listed(list(silent))}: {said}; draw longer, at a temperature nearer to 1, or go on from a prime"]

    def describe(self, paths: Sequence[Path]) -> GenerateResult:
        """The JSON of `wavegen generate`, which wrote the recordings to `paths`."""
        return {
            "engine": self.engine,
            "precision": self.precision,
            "exact": self.exact,
            "condition": self.condition,
            "files": [
                {
                    "file": str(path),
                    "samples": len(draw.pcm),
                    "seed": draw.seed,
                    "bits_per_sample": round(draw.bits_per_sample, DIGITS),
                }
                for path, draw in zip(paths, self.draws, strict=True)
            ],
            "samples_per_second": round(self.samples_per_second, 1),
            "real_time_factor": round(self.real_time_factor, 4),
            "sample_rate": self.sample_rate,
            "primed_samples": self.primed,
            "warnings": self.warnings(paths),
        }


class PartDrawn(Ended):
    """Ctrl-C or another signal ended `generate`: `draws` holds the samples drawn until then, at least one each."""

    def __init__(self, number: int, draws: Draws):
        super().__init__(number)
        self.draws = draws


def out_paths(out: str | Path, number: int) -> list[Path]:
    """OUT.wav for one file; OUT-0.wav, OUT-1.wav, … for several. Raises UserError for names that cannot be used."""
    out = Path(out)
    if number > MAX_RECORDINGS:
        raise UserError(f"{number} recordings: at most {MAX_RECORDINGS} at once")
    if pipes.is_stream(out):
        if number > 1:
            raise UserError(
                f"{out}: takes one recording, not {number}; name a file, or leave out `seeds`", parameter="seeds"
            )
        return [out]
    check_suffix(out, ".wav", "WAV")
    return [out] if number == 1 else [out.with_name(f"{out.stem}-{index}{out.suffix}") for index in range(number)]


def check_amount(num_samples: int, primed: int, number: int) -> None:
    """Raises UserError unless that many recordings of `num_samples` after a prime of `primed` samples can be held."""
    if num_samples < 1:
        raise UserError(f"{num_samples} samples: give at least one")
    if (primed + num_samples) * number > MAX_SAMPLES:
        many = f" in each of {number} recordings" if number > 1 else ""
        prime = f" after a prime of {primed}" if primed else ""
        less = ["lower `num_samples`"] + ["or `seeds`"] * (number > 1) + ["or shorten `prime`"] * bool(primed)
        most = f"at most {MAX_SAMPLES} are drawn at once"
        said = f"{num_samples} samples{prime}{many}: {most}; {' '.join(less)}"
        raise UserError(said, parameter=("num_samples", "seeds", "prime"))


def generate(
    model: AnyAudio,
    num_samples: int,
    *,
    speaker: str | None = None,
    seeds: Sequence[int] = (0,),
    temperature: float | None = None,
    top_p: float | None = None,
    prime: NDArray[np.int16] | None = None,
    exact: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    precision: str | None = None,
    progress: bool = False,
) -> Draws:
    """Draws a recording for each seed, the same whatever other seeds it is drawn with.

    A model that is conditioned on frames is given none: see `wavegen.vocode`.

    Args:
        model: as data or as a torch module.
        num_samples: of each recording, after the prime.
        speaker: one of the model's; unknown unless given.
        seeds: 64-bit numbers.
        temperature: the model's own unless given.
        top_p: for categorical distributions only; the model's own unless given.
        prime: (samples,) int16, fed first; the start of every recording.
        exact: draws from the density that is scored, whose uniform share of 2⁻¹⁴ is heard as a click every two seconds
            at 8 kHz; otherwise from the model alone.
        engine: see `wavegen.open_engine`, as for `threads` and `precision`.
        threads: of the cpu engine.
        precision: of the layers' weights; the model's own unless given.
        progress: shows a bar on stderr.

    Returns:
        The recordings. Log-probabilities are those of the scored density at temperature and `top_p` 1, as `score` gives
        them for the recording.

    Raises:
        UserError: an argument is out of range, or the model does not know the speaker.
        PartDrawn: a signal ended the drawing; it is a KeyboardInterrupt that holds the samples drawn until then.
    """
    data = model.data()
    temperature = float(data.metadata.get("temperature", 1.0)) if temperature is None else temperature
    top_p = float(data.metadata.get("top_p", 1.0)) if top_p is None else top_p
    primed = 0 if prime is None else len(prime)
    check_amount(num_samples, primed, len(seeds))
    kind = kind_of(data.conditioning, NOTHING if speaker is None else SPEAKER, speaker)
    running = open_engine(model, len(seeds), engine=engine, threads=threads, precision=precision)
    drawing = _Drawing(running, list(seeds), data.sample_rate, kind.condition(data.conditioning, speaker))
    if speaker is not None:
        drawing.condition(speaker)
    if prime is not None:
        drawing.feed(prime)
    with progress_bar(num_samples * len(seeds), "generating" if progress else None) as bar:
        drawing.begun = time.monotonic()
        try:
            while drawing.generated < num_samples:
                count = min(SAMPLES_PER_CALL, num_samples - drawing.generated)
                bar.update(drawing.generate(count, temperature, top_p, exact))
        except KeyboardInterrupt as error:
            if not drawing.generated:
                raise
            raise PartDrawn(number_of(error), drawing.draws(exact)) from error
        return drawing.draws(exact)


class _Drawing:
    """Recordings under way: the pieces of each stream of an engine, fed and drawn."""

    def __init__(self, engine: Engine, seeds: list[int], sample_rate: int, condition: str | None):
        self.engine = engine
        self.seeds = seeds
        self.sample_rate = sample_rate
        self.condition_name = condition
        self.pieces: list[tuple[NDArray[np.int16], NDArray[np.float64]]] = []
        self.primed = 0
        self.generated = 0
        self.begun = time.monotonic()

    def condition(self, speaker: str) -> None:
        """Lets a speaker speak all recordings."""
        for stream in range(len(self.seeds)):
            self.engine.condition(stream, speaker)

    def feed(self, prime: NDArray[np.int16]) -> None:
        """Starts every recording with (samples,)."""
        for start in range(0, len(prime), SAMPLES_PER_CALL):
            piece = np.tile(prime[start : start + SAMPLES_PER_CALL], (len(self.seeds), 1))
            self.pieces.append((piece, self.engine.feed(piece)))
        self.primed = len(prime)

    def generate(self, count: int, temperature: float, top_p: float, exact: bool) -> int:
        """Draws `count` samples of each recording; the number of all."""
        piece = self.engine.generate(count, self.seeds, temperature, top_p, exact)
        self.pieces.append(piece)
        self.generated += count
        return piece[0].size

    def draws(self, exact: bool) -> Draws:
        seconds = max(time.monotonic() - self.begun, 1e-9)
        pcm = np.concatenate([piece for piece, _ in self.pieces], axis=1)
        log2_prob = np.concatenate([values for _, values in self.pieces], axis=1)
        draws = [Draw(*row) for row in zip(self.seeds, pcm, log2_prob, strict=True)]
        how = (self.engine.name, self.engine.precision, exact)
        return Draws(*how, draws, self.sample_rate, self.primed, self.generated, seconds, self.condition_name)
