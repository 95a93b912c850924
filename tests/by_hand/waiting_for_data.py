"""Measures the share of a training loop's time that goes into cutting windows. Not a test: run it by hand.

    python tests/by_hand/waiting_for_data.py CORPUS RECIPE… [--set KEY=VALUE …]

Trains every recipe for some steps on the corpus, with one thread, and prints what a step and its batch take.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from wavegen.data.corpus import open_corpus
from wavegen.training import train
from wavegen.training.recipe import load_recipe
from wavegen.training.windows import Batch, Window, Windows


def share(recipe: str, corpus: str, overrides: list[str], steps: int) -> str:
    """A line for one recipe; the first steps, in which torch and the disk warm up, do not count."""
    ends: list[float] = []
    spent: list[float] = []
    of_step, read = Windows.of_step, Windows.read

    def timed_of_step(self: Windows, step: int) -> list[Window]:
        begun = time.perf_counter()
        found = of_step(self, step)
        spent.append(time.perf_counter() - begun)
        return found

    def timed_read(self: Windows, found: Sequence[Window]) -> Batch:
        begun = time.perf_counter()
        cut = read(self, found)
        ends.append(time.perf_counter())
        spent[-1] += ends[-1] - begun
        return cut

    length = [f"training.{key}={steps}" for key in ("steps", "validate_every")] + ["training.threads=1"]
    settings = load_recipe(recipe, [*length, *overrides])
    with tempfile.TemporaryDirectory() as run, mock.patch.multiple(Windows, of_step=timed_of_step, read=timed_read):
        train(settings, open_corpus(corpus), Path(run) / "run", progress=False)
    half = steps // 2
    waiting = sum(spent[half:])
    whole = ends[-1] - ends[half - 1]
    per_step = f"{1e3 * whole / (steps - half):8.2f} ms a step, {1e3 * waiting / (steps - half):6.3f} ms its batch"
    return f"{recipe}: {per_step}, {waiting / whole:.2%}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    for recipe in args.recipes:
        print(share(recipe, args.corpus, args.set, args.steps), flush=True)


if __name__ == "__main__":
    main()
