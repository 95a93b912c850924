"""The cost of training and of sampling each recipe's model, untrained, on one thread of this machine.

    python recipes/costs.py CORPUS RECIPE.toml …

Prints for each: parameters, multiply-adds a sample, samples a second of training, and samples a second of drawing, one
recording or 25 pictures at a time. A sample is a PCM code, or a channel of a pixel.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from wavegen import generate, generate_pictures, load_recipe, open_corpus
from wavegen.models.forms import AUDIO, PICTURES
from wavegen.models.registry import untrained
from wavegen.training import plan

SECONDS = 4  # of audio
NUM_PICTURES = 25  # at once
DRAW: dict[str, Callable[..., object]] = {  # a model of each kind, and a number of samples
    AUDIO: partial(generate, seeds=[0], threads=1),
    PICTURES: lambda model, _: generate_pictures(model, seeds=range(NUM_PICTURES)),
}


def drawn_a_second(recipe: str, corpus_path: str) -> float:
    corpus = open_corpus(corpus_path)
    torch.manual_seed(0)
    model = untrained(load_recipe(recipe).model, corpus.form, corpus_path).eval()
    samples = corpus.form.num_samples(SECONDS, NUM_PICTURES)
    begun = time.perf_counter()
    DRAW[model.form.kind](model, samples)
    return samples / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("recipes", nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| recipe | parameters | multiply-adds a sample | trained a second | drawn a second |\n|---|---|---|---|---|")
    for recipe in args.recipes:
        about = plan(load_recipe(recipe, ["training.threads=1"]), open_corpus(args.corpus))
        rate = about["samples_per_step"] / about["seconds_per_step"]
        row = [f"{about[key]:,}" for key in ("parameters", "macs_per_sample")]
        row += [f"{speed:,.0f}" for speed in (rate, drawn_a_second(recipe, args.corpus))]
        print(f"| {Path(recipe).stem} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
