"""A model as a vocoder: frames in, speech out, many recordings side by side."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.constants import DIGITS
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.evaluation.results import Refused
from wavegen.models.condition_kinds import SPEAKER, Kind
from wavegen.models.frame_sources import FrameReader, FrameSource
from wavegen.models.model import AnyAudio
from wavegen.sampling.audio import HEADER, Draw
from wavegen.sampling.results import ConventionCheck, VocodeResult
from wavegen.sampling.speaking import Clock, Manner, OpenStreams, draws
from wavegen.sampling.vocoder_inputs import Found, Input, find_inputs
from wavegen.system.atomic import Output, check_room, check_suffix
from wavegen.system.folders import folders_made
from wavegen.system.progress import progress_bar


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
    seconds: float  # of drawing alone
    warnings: list[str]
    refused: list[Refused]
    check: ConventionCheck | None = None

    @property
    def samples_per_second(self) -> float:
        return sum(one.samples for one in self.spoken) / max(self.seconds, 1e-9)

    @property
    def real_time_factor(self) -> float:
        """Seconds of audio made ÷ seconds of drawing: above one is faster than real time."""
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
    convention: str | None = None,
    statistics: str | Path | None = None,
    check: str | Path | None = None,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    exact: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    precision: str | None = None,
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
        convention: of the files of frames, if it is not the model's: see `wavegen mel`.
        statistics: a file of the mean and deviation by which their bands are normalised, if they are.
        check: the recording of which the source, a file of frames, is: its likelihood decides of what convention these
            are (`Vocoded.check`).
        seed: of every recording, from 0 to 2⁶⁴ − 1.
        temperature: the model's own unless given.
        top_p: for categorical distributions only; the model's own unless given.
        exact: draws from the density that is scored: see `wavegen.generate`.
        engine: see `wavegen.open_engine`, as for `threads` and `precision`.
        threads: of the cpu engine.
        precision: of the layers' weights; the model's own unless given.
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
    running, clock = open_streams(1), Clock()
    spoken: dict[int, Spoken] = {}
    with progress_bar(sum(each.samples for each in found.inputs), "speaking" if progress else None) as bar:
        for index, draw in draws(found.inputs, manner, open_streams, clock, bar):
            if outputs is not None:
                audio_files.write(outputs[index], draw.pcm, data.sample_rate)
            kept = draw if outputs is None else None
            spoken[index] = Spoken(found.inputs[index].name, len(draw.pcm), draw.bits_per_sample, kept)
    kind = Kind("" if manner.speaker is None else SPEAKER, frames=True)
    condition = kind.condition(data.conditioning, manner.speaker) or kind.words
    about = (running.name, running.precision, manner.exact, condition, manner.seed)
    in_order = [spoken[index] for index in range(len(found.inputs))]
    return Vocoded(*about, in_order, data.sample_rate, clock.seconds, found.warnings, found.refused, found.check)
