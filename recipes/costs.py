"""What each recipe's model costs to train and to sample, untrained, on one thread of this machine.

    python recipes/costs.py CORPUS RECIPE.toml …

Prints for each: parameters, multiply-adds a sample, samples a second that a training takes in, and samples a second
that are drawn, one recording or a sheet of 25 pictures at a time. A sample is a PCM code, or a channel of a pixel.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from wavegen import generate, load_recipe, open_corpus
from wavegen.models.pictures import PictureModel
from wavegen.models.registry import untrained
from wavegen.sampling.pictures import generate_pictures
from wavegen.training import plan

SECONDS, PICTURES = 4, 25  # that are drawn: of sound; and at once


def drawn_a_second(recipe: str, corpus_path: str) -> float:
    corpus = open_corpus(corpus_path)
    torch.manual_seed(0)
    model = untrained(load_recipe(recipe).model, corpus.form, corpus_path).eval()
    begun = time.perf_counter()
    samples = corpus.form.num_samples(SECONDS, PICTURES)
    if isinstance(model, PictureModel):
        generate_pictures(model, range(PICTURES))
    else:
        generate(model, samples, [0], threads=1)  # pyright: ignore[reportArgumentType]
    return samples / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("recipes", nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| recipe | parameters | multiply-adds a sample | trained a second | drawn a second |\n|---|---|---|---|---|")
    for recipe in args.recipes:
        told = plan(load_recipe(recipe, ["training.threads=1"]), open_corpus(args.corpus))
        rate = told["samples_per_step"] / told["seconds_per_step"]
        row = [f"{told[key]:,}" for key in ("parameters", "macs_per_sample")]
        row += [f"{speed:,.0f}" for speed in (rate, drawn_a_second(recipe, args.corpus))]
        print(f"| {Path(recipe).stem} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
