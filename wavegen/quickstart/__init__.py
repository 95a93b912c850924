"""Trains three models on the bundled speech, compares them, draws from one and vocodes, in a few minutes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from wavegen.assets import pretrained, speech
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError
from wavegen.evaluation.comparison import compare
from wavegen.evaluation.results import CompareResult
from wavegen.models.checkpoint import load
from wavegen.quickstart.sounds import drawn, spoken_again
from wavegen.reports.examples import learning_curve
from wavegen.reports.html import Sound, write_page
from wavegen.reports.tables import duration
from wavegen.system.atomic import replacing
from wavegen.system.text import read_text
from wavegen.training import train
from wavegen.training.readiness import check_ready
from wavegen.training.recipe import load_recipe

RECIPES = Path(__file__).parent
MODELS = ("wavenet", "gru", "nade")  # a recipe of that name lies in RECIPES
BUNDLED = "allison"  # a pretrained model, not trained on the recordings that are held out here either
PREPARING, STARTING, SCORING, DRAWING, WRITING = 5.0, 10.0, 15.0, 15.0, 2.0  # seconds of each, on slow cores
SPEAKING = 45.0  # seconds of a first time, when librosa is compiled, and some later
REST_SECONDS = PREPARING + len(MODELS) * STARTING + SCORING + DRAWING + SPEAKING + WRITING
TRAINING_SHARE = 0.88  # of what remains: timing a few steps says only roughly how long many will take
MIN_TRAINING, MAX_MINUTES = 0.0001, 1e6  # of each model; of the whole
NOTES = "quickstart.json"
ROOM = 128 * 2**20  # bytes on the disk, five times the size of the results


class QuickstartResult(TypedDict):
    """The JSON of `wavegen quickstart`."""

    folder: str
    report: str  # HTML
    recordings: list[str]  # WAV files
    seconds: float
    training_minutes_each: float
    table: CompareResult  # of `wavegen.compare`


class _Progress:
    """Prints each step on stderr, with the time left, estimated by the plan and how it has held so far."""

    def __init__(self, plan: Sequence[float]):
        self.begun = time.monotonic()
        self.plan = plan
        self.step = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def __call__(self, step: str) -> None:
        behind = max(1.0, self.seconds / sum(self.plan[: self.step])) if self.step else 1.0
        left = duration(behind * sum(self.plan[self.step :]))
        self.step += 1
        print(f"step {self.step} of {len(self.plan)}: {step} (about {left} left)", file=sys.stderr, flush=True)


def quickstart(out: str | Path, minutes: float) -> QuickstartResult:
    """Trains, compares and samples on the bundled speech.

    An interrupted quickstart in the same folder goes on where it stopped, with its minutes.

    Args:
        out: folder of the results: corpus, runs, recordings, report.html, table.json.
        minutes: of the whole, training and scoring included, up to MAX_MINUTES.

    Raises UserError if `out` holds anything else, or for other minutes.
    """
    if not 0 < minutes <= MAX_MINUTES:
        raise UserError(f"{minutes:g} minutes: give `minutes` above 0, at most {MAX_MINUTES:g}", parameter="minutes")
    out = Path(out)
    check_ready(out, ROOM)
    minutes = _begin(out, minutes)
    each = training_minutes(minutes)
    say = _Progress([PREPARING, *[STARTING + 60 * each for _ in MODELS], SCORING, DRAWING, SPEAKING, WRITING])
    say("preparing the bundled speech")
    corpus = _corpus(out / "corpus")
    for name in MODELS:
        say(f"training {name} for {duration(60 * each)}")
        recipe = load_recipe(RECIPES / f"{name}.toml", [f"training.minutes={each:.4f}"])
        train(recipe, corpus, out / name, resume=True, progress=sys.stderr.isatty())
    trained = {name: load(out / name) for name in MODELS}
    bundled = load(pretrained.FOLDER / f"{BUNDLED}.safetensors")  # not a folder of that name in the working folder
    say("scoring the held-out recordings with each, with the bundled model and with classical coders")
    table = compare({**trained, f"{BUNDLED}, bundled": bundled}, corpus, progress=True)
    say("drawing speech from the WaveNet")
    sounds = list(drawn(trained["wavenet"], corpus, out))
    say("speaking a held-out recording again from its mel spectrogram")
    sounds += spoken_again(trained["wavenet"], corpus, out)
    say("writing the report")
    _write_report(out, table, sounds)
    return {
        "folder": str(out),
        "report": str(out / "report.html"),
        "recordings": [str(sound.wav) for sound in sounds],
        "seconds": round(say.seconds, 1),
        "training_minutes_each": round(each, 3),
        "table": table,
    }


def _write_report(out: Path, table: CompareResult, sounds: Sequence[Sound]) -> None:
    with replacing(out / "table.json") as temporary:
        temporary.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    runs = {name: learning_curve(out / name) for name in MODELS}
    write_page(out / "report.html", table, sounds, "wavegen quickstart: speech, and bits per sample", runs)


def training_minutes(minutes: float) -> float:
    """Minutes of training for each model, of `minutes` in all."""
    rest = min(REST_SECONDS / 60, minutes / 2)
    return max(MIN_TRAINING, TRAINING_SHARE * (minutes - rest) / len(MODELS))


def _begin(out: Path, minutes: float) -> float:
    """Marks the folder as a quickstart's. Gives the minutes of an interrupted one, else those that were given."""
    notes = out / NOTES
    if (out / "report.html").exists() and notes.exists():
        said = f"holds a finished quickstart, see {out / 'report.html'}; give another `out` for a new one"
        raise UserError(f"{out}: {said}", parameter="out")
    if notes.exists():
        try:
            begun = float(json.loads(read_text(notes))["minutes"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise UserError(f"{notes}: damaged; remove {out} or give another `out`", parameter="out") from error
        print(f"{out}: going on with the quickstart of {begun:g} minutes that was interrupted here", file=sys.stderr)
        return begun
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out}: exists and is no quickstart's folder; give another `out`", parameter="out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be made: {error.strerror}") from error
    with replacing(notes) as temporary:
        temporary.write_text(json.dumps({"minutes": minutes}) + "\n", encoding="utf-8")
    return minutes


def _corpus(path: Path) -> Corpus:
    if not path.exists():
        prepare(speech.folder(), path)
    return open_corpus(path)
