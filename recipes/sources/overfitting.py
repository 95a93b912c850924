"""The KL divergence during overfitting, on a source whose density is known.

    python recipes/sources/overfitting.py CORPUS [SECONDS] [--plot OUT.png]

CORPUS is made by `wavegen prepare source:ar2 CORPUS`. Trains overfitting.toml on SECONDS of its training split, twenty
unless said otherwise, and prints every hundred steps how far the model's bits per sample are from the true density's:
on what it was trained on, and on the test split, where the difference estimates KL(truth ‖ model).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from wavegen import load_recipe, open_corpus
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.audio import AudioModel
from wavegen.models.density import Density
from wavegen.models.forms import AudioForm
from wavegen.training.batches import training_windows
from wavegen.training.learner import Learner

EVERY = 100
COLUMNS = ("step", "trained on", "others = KL(truth || model)")


def excess(model: Density, pcms: Sequence[np.ndarray], truth: float) -> float:
    """The model's bits per sample of recordings less the truth's bits of them, which are `truth` in all."""
    return (bits_per_file(model, pcms).sum() - truth) / sum(map(len, pcms))


def first_of(pcms: Sequence[np.ndarray], samples: int) -> list[np.ndarray]:
    """So many samples of recordings: whole ones from the first on, and the beginning of another."""
    ends = np.cumsum([len(pcm) for pcm in pcms])
    if samples > ends[-1]:
        raise SystemExit(f"the training split has {ends[-1]} samples, not {samples}")
    count = int(np.searchsorted(ends, samples)) + 1
    return [*pcms[: count - 1], pcms[count - 1][: samples - (ends[count - 2] if count > 1 else 0)]]


def run(corpus_path: str, seconds: float) -> list[tuple[int, float, float]]:
    """The step and the excess over training samples and over the test split, every EVERY steps; printed too."""
    corpus = open_corpus(corpus_path)
    recipe = load_recipe(Path(__file__).with_suffix(".toml"))
    if corpus.source is None:
        raise SystemExit(f"{corpus_path}: not a corpus of known density; make one with: wavegen prepare source:ar2 DIR")
    trained_on = first_of(list(corpus.pcms("train")), round(seconds * corpus.sample_rate))
    others = list(corpus.pcms("test"))
    truths = [-sum(float(corpus.source.log2_prob(pcm).sum()) for pcm in pcms) for pcms in (trained_on, others)]
    torch.set_num_threads(1)
    torch.manual_seed(recipe.training.seed)
    model = AudioModel.from_settings(recipe.model, AudioForm(corpus.sample_rate))
    learner = Learner(model, recipe.training, training_windows(trained_on, model, recipe.training))
    learner.connect()
    steps = recipe.training.steps or 0
    found = []
    print("  ".join(COLUMNS))
    for step in range(steps + 1):
        if step and step % EVERY == 0:
            here = [excess(learner.average, *pair) for pair in zip((trained_on, others), truths, strict=True)]
            found.append((step, *here))
            print(f"{step:4}  {here[0]:+10.3f}  {here[1]:+27.3f}", flush=True)
        if step < steps:
            learner.take_step(10 * steps)  # at almost full rate to the end: it is not meant to settle
    return found


def plot(path: Path, found: Sequence[tuple[int, float, float]]) -> None:
    """Draws both lines, and the truth at zero."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="steps", ylabel="bits per sample above the true density")
    for column in (1, 2):
        axes.plot([row[0] for row in found], [row[column] for row in found], label=COLUMNS[column])
    axes.axhline(0, color="black", linestyle=":", label="the true density")
    axes.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("seconds", type=float, nargs="?", default=20)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    found = run(args.corpus, args.seconds)
    if args.plot:
        plot(args.plot, found)


if __name__ == "__main__":
    main()
