"""The recordings of a quickstart: drawn by a model, a held-out one, and that one spoken again by a vocoder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.assets import pretrained
from wavegen.audio import files as audio_files
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.griffin_lim import griffin_lim
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data.corpus import Corpus, Recording
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.evaluation.feeding import windowed
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import load
from wavegen.reports.html import Sound
from wavegen.reports.plots import WINDOW, adorning, picture
from wavegen.sampling.audio import generate
from wavegen.sampling.vocoding import vocode

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS = (1, 2, 3)
SECONDS = {"cpu": 4.0, "torch": 0.5}  # of each drawn recording: the torch engine is slow
PRIME_SECONDS = 1.5
VOCODER = "allison-vocoder"  # a pretrained model, not trained on the recordings that are held out here


def held_out(corpus: Corpus) -> Recording:
    """The test recording of middle length."""
    ordered = sorted(corpus.split("test"), key=lambda recording: recording.samples)
    return ordered[len(ordered) // 2]


def drawn(model: AudioModel, corpus: Corpus, out: Path) -> Iterator[Sound]:
    """Writes recordings with their pictures: drawn from silence, drawn from a held-out one, and that one itself."""
    rate = corpus.sample_rate
    recording = held_out(corpus)
    pcm = np.ascontiguousarray(corpus.pcm(recording))
    engine = open_engine(model, 1)
    samples = round(SECONDS[engine.name] * rate)
    for draw in generate(model, samples, seeds=SEEDS, progress=True).draws:
        title = f"Drawn by the WaveNet from silence, seed {draw.seed}"
        yield _sound(out, f"speech-{draw.seed}", title, draw.pcm, {"WaveNet": draw.log2_prob}, rate)
    prime = pcm[: round(PRIME_SECONDS * rate)]
    (draw,) = generate(model, samples, seeds=SEEDS[:1], prime=prime, progress=True).draws
    title = f"The first {len(prime) / rate:.1f} s of a real recording, and how the WaveNet goes on"
    yield _sound(out, "continued", title, draw.pcm, {"WaveNet": draw.log2_prob}, rate)
    title = f"The real recording, {recording.id}; no model was trained on it"
    yield _sound(out, "real", title, pcm, {"WaveNet": engine.feed(pcm[None])[0]}, rate)


def spoken_again(listener: AudioModel, corpus: Corpus, out: Path) -> Iterator[Sound]:
    """Writes the held-out recording as the bundled vocoder, and Griffin-Lim, say it from its mel spectrogram.

    Neither is written, and a line says why, if librosa cannot be used. `listener` is the WaveNet that says how
    surprising the one is that no model has drawn.
    """
    rate = corpus.sample_rate
    pcm = np.ascontiguousarray(corpus.pcm(held_out(corpus)))
    model = load(pretrained.FOLDER / f"{VOCODER}.safetensors")  # not a folder of that name in the working folder
    table = model.config.conditioning
    assert table is not None, "it is a vocoder"
    settings = FrameSettings.of(table, model.sample_rate)
    try:
        given = frames(pcm, settings)
        by_griffin_lim = griffin_lim(frames(pcm, replace(settings, f0=False)), settings, len(pcm))
    except UserError as error:
        print(f"wavegen: warning: what a vocoder makes of a recording is left out: {error}", file=sys.stderr)
        return
    draw = vocode(model, given, progress=True).spoken[0].draw
    assert draw is not None, "it was not written to a file"
    hop = 1000 * settings.hop / rate
    title = f"Spoken again by {VOCODER}, which is told {settings.channels} numbers each {hop:g} ms: mel bands and F0"
    yield _sound(out, "vocoded", title, draw.pcm[: len(pcm)], {VOCODER: draw.log2_prob[: len(pcm)]}, rate)
    title = "The same by Griffin-Lim, from the mel bands alone and without a model"
    log2_prob = open_engine(listener, 1).feed(by_griffin_lim[None])[0]
    yield _sound(out, "griffin-lim", title, by_griffin_lim, {"WaveNet": log2_prob}, rate)


def _sound(
    out: Path, name: str, title: str, pcm: NDArray[np.int16], log2_prob: dict[str, NDArray[np.floating]], rate: int
) -> Sound:
    wav, png = out / f"{name}.wav", out / f"{name}.png"
    audio_files.write(wav, pcm, rate)
    length = round(WINDOW * rate)
    curves = {model: windowed(-values, length) for model, values in log2_prob.items()}
    below = f"{wav.name}: {title[0].lower()}{title[1:]}"
    return Sound(title, wav, adorning(lambda: picture(png, pcm, rate, curves, length / rate, below)))
