"""What a comparison's page shows beside its table: how the runs trained, held-out recordings, and drawn ones."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.data.corpus import Corpus, Recording
from wavegen.engine import open_engine
from wavegen.evaluation.baselines.flac_samples import flac_bits_per_sample
from wavegen.evaluation.feeding import Take, chunks, most_at_once, windowed
from wavegen.evaluation.teacher_forcing import feed_of
from wavegen.models.audio import AudioModel
from wavegen.reports.html import Sound
from wavegen.reports.plots import WINDOW, adorning, surprise_over_spectrogram
from wavegen.sampling.audio import generate

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLACES = (0.5, 0.75, 0.95)  # of the recordings shown among all of the split, the shortest first
MOST_SECONDS = 12.0  # of a recording
KINDS = {"test": "Held out", "validation": "Held out for validation", "train": "Trained on"}
DRAWN_MODELS, DRAWN_SECONDS, SEED = 3, 3.0, 1


def training_course(model: str | Path) -> list[tuple[float, float]]:
    """(seconds trained, validation bits) along the run that a model lies in, a run folder or a file of one.

    Empty where there is no metrics.jsonl beside the model; a line that is damaged is left out.
    """
    if not Path(model).exists():  # a model that comes with the package is known by its name
        return []
    folder = Path(model) if Path(model).is_dir() else Path(model).parent
    points = []
    with contextlib.suppress(OSError):
        for line in (folder / "metrics.jsonl").read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                record = json.loads(line)
                points.append((float(record["seconds"]), float(record["validation_bits"])))
    return points


def sounds(
    models: Mapping[str, AudioModel], comparison: Mapping[str, Any], corpus: Corpus, folder: Path
) -> Iterator[Sound]:
    """Writes WAV files and pictures into `folder`: recordings of the comparison's split with the surprise of the best
    model and of FLAC over their spectrograms, then what the best models draw, those that have a fast engine.
    """
    ranked = [row["name"] for row in comparison["rows"] if row["name"] in models]
    for index, recording in enumerate(_chosen(corpus.split(comparison["split"]))):
        pcm = np.ascontiguousarray(corpus.pcm(recording)[: round(MOST_SECONDS * corpus.sample_rate)])
        bits = {name: _bits(models[name], pcm) for name in ranked[:1]}
        bits["FLAC"] = flac_bits_per_sample(pcm, corpus.sample_rate)
        cut = "" if len(pcm) == recording.samples else f", the first {MOST_SECONDS:g} s"
        title = f"{KINDS[comparison['split']]}: {recording.id}{cut}"
        yield _sound(folder, f"recording-{index}", title, pcm, bits, corpus.sample_rate)
    fast = [name for name in ranked if open_engine(models[name]).name != "torch"]
    for index, name in enumerate(fast[:DRAWN_MODELS]):
        (draw,) = generate(models[name], round(DRAWN_SECONDS * corpus.sample_rate), [SEED], progress=True).draws
        bits = {name: -draw.log2_prob, "FLAC": flac_bits_per_sample(draw.pcm, corpus.sample_rate)}
        title = f"Drawn by {name} from silence, seed {SEED}"
        yield _sound(folder, f"drawn-{index}", title, draw.pcm, bits, corpus.sample_rate)


def _chosen(recordings: Sequence[Recording]) -> list[Recording]:
    ordered = sorted(recordings, key=lambda recording: recording.samples)
    return [ordered[place] for place in dict.fromkeys(int(share * len(ordered)) for share in PLACES)]


def _bits(model: AudioModel, pcm: NDArray[np.int16]) -> NDArray[np.floating]:
    """The bits of each sample, (samples,), by the arithmetic of the table."""
    take = Take("", len(pcm), lambda: pcm)
    return -np.concatenate([log2_prob for _, log2_prob in chunks(feed_of(model), [take], most_at_once(model), None)])


def _sound(
    folder: Path, name: str, title: str, pcm: NDArray[np.int16], bits: Mapping[str, NDArray[np.floating]], rate: int
) -> Sound:
    wav, png, length = folder / f"{name}.wav", folder / f"{name}.png", round(WINDOW * rate)
    audio_files.write(wav, pcm, rate)
    curves = {coder: windowed(values, length) for coder, values in bits.items()}
    drawn = adorning(lambda: surprise_over_spectrogram(png, pcm, rate, curves, length / rate, title))
    return Sound(title, wav, drawn)
