"""Kills trainings with SIGKILL at drawn instants, resumes them, and compares them with one that was never killed.

    PYTHONPATH=tests/fixtures python tests/training/kill_and_resume.py --kills 200

Instants are drawn evenly over the whole life of an uninterrupted training, its start and its saving included.
After each kill the folder must hold nothing damaged; each training that comes to its end must have left the bits that
the reference left. Children are forked, so that a start takes no time to import anything.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))
import small_trainings
import workspace

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.models import checkpoint
from wavegen.training import train
from wavegen.training.folder import STATE, read_state
from wavegen.training.recipe import load_recipe

RECIPE = """
[codec]
name = "linear"
[distribution]
name = "mixture-of-logistics"
num_mixtures = 3
[predictor]
name = "linear"
taps = 8
[network]
name = "wavenet"
residual_channels = 6
gate_channels = 8
skip_channels = 6
dilations = [1, 2, 4]
[training]
steps = 48
validate_every = 6
batch_size = 3
window = 64
threads = 1
bfloat16 = false
"""
MODELS = ("model.safetensors", "last.safetensors")


def make_corpus(folder: Path) -> None:
    (folder / "source").mkdir()
    for number in range(24):
        audio_files.write(
            folder / "source" / f"{number}.wav", workspace.wander(1000 + 37 * number, number), workspace.RATE
        )
    prepare(folder / "source", folder / "corpus")


def start(work: Path, run: Path) -> int:
    """The process id of a child that trains in `run`, from where it stands."""
    if child := os.fork():
        return child
    try:
        train(load_recipe(work / "recipe.toml"), open_corpus(work / "corpus"), run, resume=True, progress=False)
        os._exit(0)
    except BaseException as error:
        print(f"{run.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def ended(child: int, seconds: float | None = None) -> bool:
    """Whether a child came to its end rather than being killed, after `seconds`. Raises AssertionError if it failed."""
    done = 0
    status = 0
    deadline = None if seconds is None else time.monotonic() + seconds
    while not done:
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)  # which is there until it has been waited for
            deadline = None
        time.sleep(0.002)
        done, status = os.waitpid(child, os.WNOHANG)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"a training ended with {code}"
    return code == 0


def place(run: Path) -> str:
    """What a killed training was doing. Raises UserError or AssertionError if it left anything damaged."""
    for name in MODELS:
        if (run / name).exists():
            checkpoint.load(run / name)
    writing = any(run.glob(".*.part*"))
    if not (run / STATE).exists():
        return "writing its first state" if writing else "starting"
    steps = read_state(run)[2]["step"]
    if writing:
        return "writing"
    return "training or validating" if steps else "training, nothing saved but the start"


def kill_and_resume(work: Path, kills: int, seed: int) -> dict[str, object]:
    """Kills that many times, over as many runs as that takes; says how many, and what was killed."""
    maker = os.fork()
    if not maker:
        make_corpus(work)
        os._exit(0)
    assert ended(maker)
    (work / "recipe.toml").write_text(RECIPE)
    draw = random.Random(seed)
    reference = work / "reference"
    runs = 0
    corpus = open_corpus(work / "corpus")
    train(load_recipe(work / "recipe.toml"), corpus, work / "warm-up", progress=False)  # children inherit its imports
    begun = time.monotonic()
    assert ended(start(work, reference))
    life = time.monotonic() - begun
    run = work / "run-0"
    places = collections.Counter[str]()
    while places.total() < kills:
        if ended(start(work, run), draw.uniform(0, life)):
            small_trainings.check_same_end(run, reference)
            runs += 1
            run = work / f"run-{runs}"
        elif run.exists():
            places[place(run)] += 1
    assert ended(start(work, run))
    small_trainings.check_same_end(run, reference)
    return {"kills": places.total(), "runs": runs + 1, "life_seconds": round(life, 2), "killed_while": dict(places)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(kill_and_resume(Path(folder), given.kills, given.seed)))
