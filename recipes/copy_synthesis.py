"""Copy synthesis: how much of a recording is left when a vocoder speaks it again from its mel spectrogram.

    python recipes/copy_synthesis.py MODEL CORPUS [--files N] [--temperatures 0.6 0.8 1] [--json OUT] [--sounds DIR]

Takes the corpus's test files of half a second and more, N of them evenly, and prints a row for each way back: the
original in 256 mu-law levels, WORLD, Griffin-Lim (60 iterations) from the same mel spectrogram, and MODEL in float32,
bfloat16 and int8 at the first of the temperatures, then in float32 at the others. Columns are means over files with
95 % intervals:

    mel      root mean square of the log-mel difference, in dB, by the model's own bands
    PESQ     ITU-T P.862, narrow band at 8 kHz, wide band at 16 kHz; a higher one is better, 4.5 is the most
    STOI     short-time objective intelligibility, 0 to 1
    F0       root mean square of F0's difference in cents, over frames that are voiced in both
    voicing  share of frames that are voiced in one of the two only
    real time  seconds of sound ÷ seconds of one core, one recording at a time; empty for the first row

PESQ finds no speech in some outputs: how many is said, and they are left out of its mean. Needs pesq, pystoi and
pyworld, which imports pkg_resources: pip install pesq pystoi pyworld 'setuptools<81'
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyworld
import soxr
from pesq import PesqError, pesq
from pystoi import stoi

from wavegen import open_corpus, open_model
from wavegen.audio import files as audio_files
from wavegen.audio.files import codes_of
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.griffin_lim import ITERATIONS, griffin_lim, is_invertible
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data.corpus import Corpus
from wavegen.data.verification import verify
from wavegen.engine import open_engine
from wavegen.evaluation.intervals import bootstrap_interval
from wavegen.models.codecs import MuLaw
from wavegen.models.model import Model

SHORTEST = 0.5  # seconds; PESQ takes no less than a quarter
PRECISIONS = ("float32", "bfloat16", "int8")
BANDS = {8000: "nb", 16000: "wb"}  # PESQ's, by sample rate
COLUMNS = ("mel", "PESQ", "STOI", "F0", "voicing")


class Take(NamedTuple):
    """A recording: its name, its speaker as the model knows it or None, and its PCM, (samples,) int16."""

    name: str
    speaker: str | None
    pcm: np.ndarray


class Way(NamedTuple):
    """A way back to sound: the PCM of each take, and how many times faster than real time."""

    sounds: list[np.ndarray]
    speed: float | None


def takes_of(corpus: Corpus, model: Model, number: int | None) -> list[Take]:
    verify(corpus, ["test"])
    long_enough = [r for r in corpus.split("test") if r.samples >= SHORTEST * corpus.sample_rate]
    step = 1 if number is None else max(1, len(long_enough) // number)
    conditioning = model.config.conditioning
    known = () if conditioning is None else conditioning.speakers
    return [
        Take(r.id, r.speaker if r.speaker in known else None, np.asarray(corpus.pcm(r)))
        for r in long_enough[::step][:number]
    ]


def timed(takes: list[Take], sample_rate: int, synthesis: Callable[[Take], np.ndarray]) -> Way:
    """Each take by itself."""
    started = time.process_time()
    sounds = [synthesis(take) for take in takes]
    return Way(sounds, sum(len(take.pcm) for take in takes) / sample_rate / (time.process_time() - started))


def world(sample_rate: int) -> Callable[[Take], np.ndarray]:
    """At 16 kHz at least: at 8 kHz it whispers, as findings/world-whispers-at-8-khz.sh shows."""
    at = max(16000, sample_rate)

    def synthesis(take: Take) -> np.ndarray:
        sound = soxr.resample(take.pcm / 32768.0, sample_rate, at)
        f0, envelope, aperiodicity = pyworld.wav2world(sound, at)
        sound = codes_of(soxr.resample(pyworld.synthesize(f0, envelope, aperiodicity, at), at, sample_rate))
        return np.pad(sound, (0, len(take.pcm)))[: len(take.pcm)]

    return synthesis


def by_griffin_lim(settings: FrameSettings) -> Callable[[Take], np.ndarray]:
    """From the mel spectrogram that the model gets."""
    bands = replace(settings, f0=False)
    return lambda take: griffin_lim(frames(take.pcm, bands), settings, len(take.pcm))


def drawn(
    model: Model, takes: list[Take], settings: FrameSettings, precision: str, temperature: float, streams: int = 32
) -> Way:
    """By the model, side by side; the speed is that of the longest take alone."""
    sounds: dict[str, np.ndarray] = {}
    order = sorted(takes, key=lambda take: -len(take.pcm))
    for start in range(0, len(order), streams):
        group = order[start : start + streams]
        engine = open_engine(model, len(group), engine="cpu", threads=1, precision=precision)
        for stream, take in enumerate(group):
            engine.condition(stream, take.speaker, frames(take.pcm, settings))
        pcm, _ = engine.generate(len(group[0].pcm), range(start, start + len(group)), temperature)
        sounds |= {take.name: pcm[stream, : len(take.pcm)] for stream, take in enumerate(group)}
    engine = open_engine(model, 1, engine="cpu", threads=1, precision=precision)
    engine.condition(0, order[0].speaker, frames(order[0].pcm, settings))
    started = time.process_time()
    engine.generate(len(order[0].pcm), [0], temperature)
    speed = len(order[0].pcm) / model.sample_rate / (time.process_time() - started)
    return Way([sounds[take.name] for take in takes], speed)


def ways(
    model: Model, takes: list[Take], settings: FrameSettings, temperatures: list[float]
) -> Iterator[tuple[str, Way]]:
    rate = model.sample_rate
    codec = MuLaw()
    yield (
        "original, 256 mu-law levels",
        Way([codec.decode(codec.encode(take.pcm)).astype(np.int16) for take in takes], None),
    )
    yield "WORLD", timed(takes, rate, world(rate))
    if is_invertible(settings.mel):
        yield f"Griffin-Lim, {ITERATIONS} iterations", timed(takes, rate, by_griffin_lim(settings))
    first, *others = temperatures
    for precision in PRECISIONS:
        yield f"model, {precision}, temperature {first:g}", drawn(model, takes, settings, precision, first)
    for other in others:
        yield f"model, float32, temperature {other:g}", drawn(model, takes, settings, "float32", other)


def measured(original: np.ndarray, sound: np.ndarray, settings: FrameSettings) -> dict[str, float]:
    """The columns of one file; NaN where a measure finds nothing to compare."""
    rate, mel = settings.sample_rate, settings.mel
    assert mel is not None, "it is checked before"
    own, again = (frames(pcm, replace(settings, f0=True)) for pcm in (original, sound))
    difference = (again - own)[:, : settings.bands]
    decibels = 20 / mel.scale.slope * difference / (2 if mel.analysis.power else 1)
    (a, there), (b, heard) = own[:, settings.bands :].T, again[:, settings.bands :].T
    both = (there > 0) & (heard > 0)
    cents = 1200 / np.log(2) * (a - b)[both]
    try:
        quality = pesq(rate, original, sound, BANDS[rate])
    except PesqError:
        quality = np.nan
    return {
        "mel": float(np.sqrt(np.mean(decibels.astype(np.float64) ** 2))),
        "PESQ": float(quality),
        "STOI": float(stoi(original / 32768, sound / 32768, rate)),
        "F0": float(np.sqrt(np.mean(cents**2))) if both.any() else np.nan,
        "voicing": float(np.mean(there != heard)),
    }


def estimate(values: np.ndarray) -> tuple[float, float | None, float | None]:
    """Mean and 95 % interval over the files that have a value."""
    there = values[np.isfinite(values)]
    low, high = bootstrap_interval(there, np.ones(len(there), np.int64))
    return float(there.mean()) if len(there) else np.nan, low, high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--files", type=int)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.8, 0.6, 0.7, 0.9, 1.0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sounds", type=Path, help="a folder for the sounds of the first file")
    args = parser.parse_args()
    model = open_model(args.model).data()
    corpus = open_corpus(args.corpus)
    table = model.config.conditioning
    if table is None or not table.mel:
        raise SystemExit(f"{args.model}: is not conditioned on a mel spectrogram, so it is no vocoder")
    if model.sample_rate not in BANDS or corpus.sample_rate != model.sample_rate:
        raise SystemExit(f"{args.corpus}: {corpus.sample_rate} Hz; model and corpus must both be of {list(BANDS)} Hz")
    settings = FrameSettings.of(table, model.sample_rate)
    takes = takes_of(corpus, model, args.files)
    report: dict[str, object] = {"files": len(takes), "seconds": sum(len(t.pcm) for t in takes) / model.sample_rate}
    print(f"{len(takes)} files, {report['seconds']:.1f} s", flush=True)
    print(f"{'':34}" + "".join(f"{column:>22}" for column in COLUMNS) + f"{'real time':>12}")
    for name, way in ways(model, takes, settings, args.temperatures):
        rows = [measured(take.pcm, sound, settings) for take, sound in zip(takes, way.sounds, strict=True)]
        found = {column: estimate(np.array([row[column] for row in rows])) for column in COLUMNS}
        unheard = sum(not np.isfinite(row["PESQ"]) for row in rows)
        report[name] = {**found, "without PESQ": unheard, "real time": way.speed}
        cells = "".join(
            f"{mean:8.3f} [{low:5.3g}, {high:5.3g}]".rjust(22) if low is not None else f"{mean:22.3f}"
            for mean, low, high in found.values()
        )
        speed = "" if way.speed is None else f"{way.speed:12.1f}"
        print(f"{name:34}{cells}{speed}" + (f"  PESQ heard nothing in {unheard}" if unheard else ""), flush=True)
        if args.sounds is not None:
            args.sounds.mkdir(parents=True, exist_ok=True)
            file = args.sounds / f"{name.replace(',', '').replace(' ', '-')}.wav"
            audio_files.write(file, way.sounds[0], model.sample_rate)
    if args.json is not None:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
