"""The parts of a comparison's page beside its table: learning curves, held-out recordings, and drawn ones."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.data.corpus import Corpus, Recording
from wavegen.engine import open_engine
from wavegen.evaluation.baselines.flac_samples import flac_bits_per_sample
from wavegen.evaluation.conditions import Giver
from wavegen.evaluation.feeding import Take, chunks, max_samples_at_once, windowed
from wavegen.evaluation.feeds import feed_of
from wavegen.evaluation.results import CompareResult, ComparisonRow
from wavegen.models.condition_kinds import NOTHING, Kind
from wavegen.models.model import AnyAudio
from wavegen.reports.html import Sound
from wavegen.reports.plots import WINDOW, adorning, surprisal_over_spectrogram
from wavegen.sampling.audio import Draw, generate
from wavegen.sampling.vocoding import vocode

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTILES = (0.5, 0.75, 0.95)  # of length: the recordings of the split that are shown
MAX_SECONDS = 12.0  # of a recording
KINDS = {"test": "Held out", "validation": "Held out for validation", "train": "Trained on"}
DRAWN_MODELS = 3
DRAWN_SECONDS = 3.0
SEED = 1


def learning_curve(model: str | Path) -> list[tuple[float, float]]:
    """(seconds trained, validation bits) of the run of a model, which is given as a run folder or a file of one.

    Empty where there is no metrics.jsonl beside the model; a damaged line is left out.
    """
    if not Path(model).exists():  # a model that comes with the package is known by its name
        return []
    folder = Path(model) if Path(model).is_dir() else Path(model).parent
    points: list[tuple[float, float]] = []
    with contextlib.suppress(OSError):
        for line in (folder / "metrics.jsonl").read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                record = json.loads(line)
                points.append((float(record["seconds"]), float(record["validation_bits"])))
    return points


def sounds(models: Mapping[str, AnyAudio], comparison: CompareResult, corpus: Corpus, folder: Path) -> Iterator[Sound]:
    """Writes WAV files with pictures: recordings of the split, then draws of the best models that have a fast engine.

    A model that is given frames speaks those of a recording of the split.

    Args:
        models: by the names of their rows.
        comparison: of these models.
        corpus: that they were compared on.
        folder: of the files.

    Yields:
        Each recording with its picture: the surprisal of the best model and of FLAC over the spectrogram.
    """
    rows = [row for row in comparison["rows"] if row["model"] in models]
    chosen = _chosen(corpus.split(comparison["split"]))
    for index, recording in enumerate(chosen):
        pcm = np.ascontiguousarray(corpus.pcm(recording)[: round(MAX_SECONDS * corpus.sample_rate)])
        start = {"samples": len(pcm), "pcm": functools.partial(np.asarray, pcm)}
        bits: dict[str, NDArray[np.floating]] = {}
        for row in rows[:1]:
            model = models[str(row["model"])]
            bits[row["name"]] = _bits(model, _take(model, row, corpus, recording)._replace(**start))
        bits["FLAC"] = flac_bits_per_sample(pcm, corpus.sample_rate)
        cut = "" if len(pcm) == recording.samples else f", the first {MAX_SECONDS:g} s"
        title = f"{KINDS[comparison['split']]}: {recording.id}{cut}"
        yield _sound(folder, f"recording-{index}", title, pcm, bits, corpus.sample_rate)
    best = {str(row["model"]): row for row in reversed(rows)}
    ranked = dict.fromkeys(str(row["model"]) for row in rows)
    fast = [name for name in ranked if open_engine(models[name]).name != "torch"]
    for index, name in enumerate(fast[:DRAWN_MODELS]):
        title, draw = _drawn(models[name], best[name], corpus, chosen[0])
        bits = {best[name]["name"]: -draw.log2_prob, "FLAC": flac_bits_per_sample(draw.pcm, corpus.sample_rate)}
        yield _sound(folder, f"drawn-{index}", title, draw.pcm, bits, corpus.sample_rate)


def _drawn(model: AnyAudio, row: ComparisonRow, corpus: Corpus, recording: Recording) -> tuple[str, Draw]:
    """A draw of a row's model and its title: from silence, or from the frames of a recording if it is given some."""
    speaker, frames = _take(model, row, corpus, recording).given()
    who = "" if speaker is None else f", speaker {speaker}"
    if frames is None:
        samples = round(DRAWN_SECONDS * corpus.sample_rate)
        (draw,) = generate(model, samples, seeds=[SEED], progress=True, speaker=speaker).draws
        return f"Drawn by {row['name']} from silence, seed {SEED}{who}", draw
    longest = max(1, round(MAX_SECONDS * corpus.sample_rate) * len(frames) // recording.samples)
    (spoken,) = vocode(model, frames[:longest], speaker=speaker, seed=SEED, progress=True).spoken
    assert spoken.draw is not None, "it was not written to a file"
    return f"Spoken by {row['name']} from the frames of {recording.id}, seed {SEED}{who}", spoken.draw


def _chosen(recordings: Sequence[Recording]) -> list[Recording]:
    ordered = sorted(recordings, key=lambda recording: recording.samples)
    return [ordered[index] for index in dict.fromkeys(int(share * len(ordered)) for share in QUANTILES)]


def _take(model: AnyAudio, row: ComparisonRow, corpus: Corpus, recording: Recording) -> Take:
    """A recording with the condition of a row."""
    return Giver(model.data(), Kind.parsed(row["given"] or NOTHING)).takes(corpus, [recording])[0]


def _bits(model: AnyAudio, take: Take) -> NDArray[np.floating]:
    """The bits of each sample, (samples,), by the arithmetic of the table."""
    at_once = max_samples_at_once(model.data())
    return -np.concatenate([log2_prob for _, log2_prob in chunks(feed_of(model), [take], at_once, None)])


def _sound(
    folder: Path, name: str, title: str, pcm: NDArray[np.int16], bits: Mapping[str, NDArray[np.floating]], rate: int
) -> Sound:
    wav = folder / f"{name}.wav"
    png = folder / f"{name}.png"
    length = round(WINDOW * rate)
    audio_files.write(wav, pcm, rate)
    curves = {coder: windowed(values, length) for coder, values in bits.items()}
    drawn = adorning(lambda: surprisal_over_spectrogram(png, pcm, rate, curves, length / rate, title))
    return Sound(title, wav, drawn)
