"""Draws audio from a model: seeds in, PCM with the log-probability of every sample out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.wav import plain_header
from wavegen.constants import DIGITS
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.models.model import AnyAudio
from wavegen.system import pipes
from wavegen.system.atomic import Output, check_suffix
from wavegen.system.progress import progress_bar
from wavegen.system.signals import Ended, number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_RECORDINGS = 4096
PIECE = 512  # samples between two looks at the clock and the keyboard
MOST_SAMPLES = 2**28  # of all recordings of a call, primes included, which memory holds until they are written
HEADER = len(plain_header(8000, 1, 0))  # bytes of a WAV file before its samples


@dataclass(frozen=True)
class Draw:
    """One generated recording: int16 PCM, the prime included, and log2 p of every sample, float64."""

    seed: int
    pcm: NDArray[np.int16]
    log2_prob: NDArray[np.float64]

    @property
    def bits_per_sample(self) -> float:
        """What `score` says of this recording."""
        return float(-self.log2_prob.sum() / len(self.pcm))


@dataclass(frozen=True)
class Draws:
    """What `generate` made, by which engine and how fast; the prime is not counted."""

    engine: str
    precision: str
    exact: bool
    draws: list[Draw]
    sample_rate: int
    primed: int
    generated: int
    seconds: float

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

    def describe(self, paths: Sequence[Path]) -> dict[str, Any]:
        """What `wavegen generate --json` prints."""
        return {
            "engine": self.engine,
            "precision": self.precision,
            "exact": self.exact,
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
        }


class PartDrawn(Ended):
    """Ctrl-C or another signal ended `generate`: `draws` holds what had been drawn, at least one sample each."""

    def __init__(self, number: int, draws: Draws):
        super().__init__(number)
        self.draws = draws


def out_paths(out: str | Path, number: int) -> list[Path]:
    """OUT.wav for one file; OUT-0.wav, OUT-1.wav, … for several. Raises UserError for names that cannot be used."""
    out = Path(out)
    if number > MOST_RECORDINGS:
        raise UserError(f"{number} recordings: at most {MOST_RECORDINGS} at once")
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
    if (primed + num_samples) * number > MOST_SAMPLES:
        many = f" in each of {number} recordings" if number > 1 else ""
        prime = f" after a prime of {primed}" if primed else ""
        less = ["lower `num_samples`"] + ["or `seeds`"] * (number > 1) + ["or shorten `prime`"] * bool(primed)
        most = f"at most {MOST_SAMPLES} are drawn at once"
        said = f"{num_samples} samples{prime}{many}: {most}; {' '.join(less)}"
        raise UserError(said, parameter=("num_samples", "seeds", "prime"))


def generate(
    model: AnyAudio,
    num_samples: int,
    seeds: Sequence[int] = (0,),
    temperature: float | None = None,
    prime: NDArray[np.int16] | None = None,
    engine: str = "auto",
    threads: int | None = None,
    top_p: float | None = None,
    precision: str | None = None,
    exact: bool = False,
    progress: bool = False,
) -> Draws:
    """One recording a seed, each the same whatever other seeds it is made with.

    A `prime`, (samples,) int16, is heard first and stands at the start of every recording. Temperature,
    `top_p`, which only a categorical distribution takes, and `precision` are the model's own unless given.
    `exact` draws are from the density that is scored, whose uniform share of 2⁻¹⁴ is heard as a click every two
    seconds at 8 kHz; others are from the model alone. Log-probabilities are those of the scored density at
    temperature and `top_p` 1, which `score` gives for the recording.
    Raises UserError for arguments out of range, and PartDrawn, a KeyboardInterrupt that holds what was drawn
    until then, if a signal ends the drawing.
    """
    data = model.data()
    temperature = float(data.metadata.get("temperature", 1.0)) if temperature is None else temperature
    top_p = float(data.metadata.get("top_p", 1.0)) if top_p is None else top_p
    check_amount(num_samples, 0 if prime is None else len(prime), len(seeds))
    running = open_engine(model, len(seeds), engine, threads, precision=precision)
    heard = np.zeros((len(seeds), 0), np.int16) if prime is None else np.tile(prime, (len(seeds), 1))
    pieces = []
    for start in range(0, heard.shape[1], PIECE):
        prime = heard[:, start : start + PIECE]
        pieces.append((prime, running.feed(prime)))
    with progress_bar(num_samples * len(seeds), "generating" if progress else None) as bar:
        begun, drawn = time.monotonic(), 0

        def made() -> Draws:
            seconds = max(time.monotonic() - begun, 1e-9)
            whole, density = (np.concatenate(parts, axis=1) for parts in zip(*pieces, strict=True))
            draws = [Draw(*row) for row in zip(seeds, whole, density, strict=True)]
            primed = heard.shape[1]
            return Draws(running.name, running.precision, exact, draws, data.sample_rate, primed, drawn, seconds)

        try:
            while drawn < num_samples:
                piece = running.generate(min(PIECE, num_samples - drawn), list(seeds), temperature, top_p, exact)
                pieces.append(piece)
                drawn += piece[0].shape[1]
                bar.update(piece[0].size)
        except KeyboardInterrupt as error:
            if not drawn:
                raise
            raise PartDrawn(number_of(error), made()) from error
        return made()
