"""A model as a vocoder: frames in, speech out, many recordings side by side."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.constants import DIGITS
from wavegen.engine import open_engine
from wavegen.engine.base import Engine, cpus
from wavegen.errors import UserError
from wavegen.evaluation.feeding import side_by_side
from wavegen.evaluation.results import Refused
from wavegen.models.condition_kinds import SPEAKER, Kind
from wavegen.models.frame_sources import FrameReader, FrameSource
from wavegen.models.model import AnyAudio
from wavegen.sampling.audio import HEADER, Draw
from wavegen.sampling.results import ConventionCheck, VocodeResult
from wavegen.sampling.vocoder_inputs import Found, Input, find_inputs
from wavegen.system.atomic import Output, check_room, check_suffix
from wavegen.system.folders import folders_made
from wavegen.system.progress import Bar, progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = 32  # recordings side by side on a CPU
PIECE = 512  # samples between two looks at the keyboard

OpenStreams = Callable[[int], Engine]  # the number of streams to an engine, whose streams are at the start of a file
_Piece: TypeAlias = "tuple[NDArray[np.int16], NDArray[np.float64]]"  # samples, and log2 p of each


@dataclass(frozen=True)
class Spoken:
    """One recording that was spoken; `draw` is None where it has been written to a file."""

    source: str
    samples: int
    bits_per_sample: float  # of the recording given its condition
    draw: Draw | None


@dataclass(frozen=True)
class Vocoded:
    """The recordings of `vocode`, in the order of their sources, with engine and speed.

    `condition` says what the model was given; `refused` names the files of folders that were left out.
    """

    engine: str
    precision: str
    exact: bool
    condition: str
    seed: int
    spoken: list[Spoken]
    sample_rate: int
    seconds: float
    warnings: list[str]
    refused: list[Refused]
    check: ConventionCheck | None = None

    @property
    def samples_per_second(self) -> float:
        return sum(one.samples for one in self.spoken) / self.seconds

    @property
    def real_time_factor(self) -> float:
        """Seconds of audio made ÷ seconds taken: above one is faster than real time."""
        return self.samples_per_second / self.sample_rate

    def describe(self, paths: Sequence[Path]) -> VocodeResult:
        """The JSON of `wavegen vocode`, which wrote the recordings to `paths`."""
        described: VocodeResult = {
            "engine": self.engine,
            "precision": self.precision,
            "exact": self.exact,
            "condition": self.condition,
            "seed": self.seed,
            "files": [
                {
                    "file": str(path),
                    "source": one.source,
                    "samples": one.samples,
                    "bits_per_sample": round(one.bits_per_sample, DIGITS),
                }
                for path, one in zip(paths, self.spoken, strict=True)
            ],
            "samples_per_second": round(self.samples_per_second, 1),
            "real_time_factor": round(self.real_time_factor, 4),
            "sample_rate": self.sample_rate,
            "warnings": self.warnings,
            "refused": self.refused,
        }
        return described if self.check is None else {**described, "check": self.check}


def vocode(
    model: AnyAudio,
    source: FrameSource | Sequence[FrameSource],
    out: str | Path | None = None,
    *,
    speaker: str | None = None,
    temperature: float | None = None,
    seed: int = 0,
    convention: str | None = None,
    statistics: str | Path | None = None,
    check: str | Path | None = None,
    engine: str = "auto",
    threads: int | None = None,
    top_p: float | None = None,
    precision: str | None = None,
    exact: bool = False,
    resample: bool = False,
    force: bool = False,
    progress: bool = False,
) -> Vocoded:
    """Speaks frames: a recording for each source, the same whatever other sources it is spoken with.

    A recording among the sources is spoken again from its own frames (copy synthesis), as long as it is; frames of a
    feature file or an array are as long as their hops together.

    Args:
        model: one that is conditioned on frames, as data or as a torch module.
        source: a recording, a file of frames (.npy, .npz, .h5, .pt), a folder of these, an array of frames, (frames, F)
            float32, or a sequence of them.
        out: the new WAV file; of a folder or of several sources a folder, which is made, and in which each gets the
            name of its source. Without it the recordings stay in memory.
        speaker: one of the model's; unknown unless given.
        temperature: the model's own unless given.
        seed: of every recording, from 0 to 2⁶⁴ − 1.
        convention: of the files of frames, if it is not the model's: see `wavegen mel`.
        statistics: a file of the mean and deviation by which their bands are normalised, if they are.
        check: the recording of which the source, a file of frames, is: its likelihood decides of what convention these
            are (`Vocoded.check`).
        engine: see `wavegen.open_engine`, as for `threads` and `precision`.
        threads: of the cpu engine.
        top_p: for categorical distributions only; the model's own unless given.
        precision: of the layers' weights; the model's own unless given.
        exact: draws from the density that is scored: see `wavegen.generate`.
        resample: converts recordings of another rate than the model's.
        force: replaces files that exist.
        progress: shows a bar on stderr.

    Raises:
        UserError: the model takes no frames, does not know the speaker, a source cannot be used, an output cannot be
            written, or an argument is out of range.
    """
    sources = [source] if isinstance(source, str | Path | np.ndarray) else source
    folder = out is not None and check_out(Path(out), sources)
    open_streams = functools.partial(open_engine, model, engine=engine, threads=threads, precision=precision)
    reader = FrameReader.of(model.data(), convention, statistics)
    found = find_inputs(reader, sources, speaker, resample, check, open_streams)
    manner = Manner.of(model, speaker, seed, temperature, top_p, exact)
    if out is None:
        return speak(model, found, None, manner, open_streams, progress)
    paths = out_paths(Path(out), folder, found.inputs)
    with folders_made({path.parent for path in paths} if folder else ()), contextlib.ExitStack() as opened:
        outputs = [opened.enter_context(Output(path, force)) for path in paths]
        return speak(model, found, outputs, manner, open_streams, progress)


def check_out(out: Path, sources: Sequence[FrameSource]) -> bool:
    """Whether OUT is a folder for recordings, as several sources, or a folder of them, need.

    Raises UserError if it should be, and cannot, or else cannot be a WAV file.
    """
    several = len(sources) != 1 or (isinstance(sources[0], str | Path) and Path(sources[0]).is_dir())
    if several and not out.is_dir() and (out.exists() or out.suffix.lower() == ".wav"):
        raise UserError(f"{out}: several recordings go into a folder; name one")
    if several or out.is_dir():
        return True
    check_suffix(out, ".wav", "WAV")
    return False


def out_paths(out: Path, folder: bool, inputs: Sequence[Input]) -> list[Path]:
    """The file of each recording: OUT, or OUT/NAME.wav if OUT is a folder."""
    return [out / each.out.with_name(f"{each.out.name}.wav") if folder else out for each in inputs]


@dataclass(frozen=True)
class Manner:
    """How recordings are drawn, all alike: see `vocode`."""

    speaker: str | None
    seed: int
    temperature: float
    top_p: float
    exact: bool

    @classmethod
    def of(
        cls,
        model: AnyAudio,
        speaker: str | None,
        seed: int,
        temperature: float | None,
        top_p: float | None,
        exact: bool,
    ) -> Manner:
        """With what the model's file says of temperature and `top_p` where they are None."""
        temperature = float(model.metadata.get("temperature", 1.0)) if temperature is None else temperature
        top_p = float(model.metadata.get("top_p", 1.0)) if top_p is None else top_p
        return cls(speaker, seed, temperature, top_p, exact)


def speak(
    model: AnyAudio,
    found: Found,
    outputs: Sequence[Output] | None,
    manner: Manner,
    open_streams: OpenStreams,
    progress: bool = False,
) -> Vocoded:
    """Speaks the inputs of `find_inputs`, each into its output as soon as it is whole. Raises UserError."""
    data = model.data()
    if outputs is not None:
        pairs = zip(outputs, found.inputs, strict=True)
        check_room({output.path: HEADER + 2 * each.samples for output, each in pairs})
    running = open_streams(1)
    spoken: dict[int, Spoken] = {}
    begun = time.monotonic()
    with progress_bar(sum(each.samples for each in found.inputs), "speaking" if progress else None) as bar:
        for group in side_by_side([each.samples for each in found.inputs], STREAMS * cpus()):
            inputs = {index: found.inputs[index] for index in group}
            for index, draw in _drawn(inputs, manner, open_streams, bar):
                if outputs is not None:
                    audio_files.write(outputs[index], draw.pcm, data.sample_rate)
                kept = draw if outputs is None else None
                spoken[index] = Spoken(inputs[index].name, len(draw.pcm), draw.bits_per_sample, kept)
    seconds = max(time.monotonic() - begun, 1e-9)
    kind = Kind("" if manner.speaker is None else SPEAKER, frames=True)
    condition = kind.condition(data.conditioning, manner.speaker) or kind.words
    about = (running.name, running.precision, manner.exact, condition, manner.seed)
    in_order = [spoken[index] for index in range(len(found.inputs))]
    return Vocoded(*about, in_order, data.sample_rate, seconds, found.warnings, found.refused, found.check)


def _drawn(
    inputs: Mapping[int, Input], manner: Manner, open_streams: OpenStreams, bar: Bar
) -> Iterator[tuple[int, Draw]]:
    """Draws recordings side by side; each comes with its key as soon as it is whole."""
    engine = open_streams(len(inputs))
    for stream, each in enumerate(inputs.values()):
        engine.condition(stream, manner.speaker, each.frames())
    pieces: dict[int, list[_Piece]] = {key: [] for key in inputs}
    rows: list[int] = list(inputs)
    drawn = 0
    while rows:
        count = min(PIECE, *(inputs[key].samples - drawn for key in rows))
        seeds = [manner.seed] * len(rows)
        pcm, log2_prob = engine.generate(count, seeds, manner.temperature, manner.top_p, manner.exact)
        drawn += count
        bar.update(pcm.size)
        for key, codes, values in zip(rows, pcm, log2_prob, strict=True):
            pieces[key].append((codes, values))
        kept = [stream for stream, key in enumerate(rows) if inputs[key].samples > drawn]
        for key in rows:
            if inputs[key].samples == drawn:
                yield key, _draw(manner.seed, pieces.pop(key))
        if kept and len(kept) < len(rows):
            engine = engine.resized(len(kept), kept)
        rows = [rows[stream] for stream in kept]


def _draw(seed: int, pieces: Sequence[_Piece]) -> Draw:
    return Draw(seed, np.concatenate([pcm for pcm, _ in pieces]), np.concatenate([values for _, values in pieces]))
