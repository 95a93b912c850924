"""How well a model of one voice tells other sounds from it, by its bits per sample and by its bits above FLAC's.

    recipes/asterisk/get.sh en sounds
    wavegen prepare sounds corpus
    wavegen train recipes/asterisk/wavenet.toml --corpus corpus --run runs/wavenet
    python recipes/asterisk/anomalies.py runs/wavenet corpus others

Normal are excerpts of the speech in the corpus's test split, which the model was not trained on. Odd are the other
voices, languages and the music that get.sh downloads, into others/NAME where they are missing, and the normal
excerpts themselves, damaged. All excerpts last 1.5 s and are scored from the state that a file starts from. The area
under the ROC curve (AUROC) is the probability that an odd excerpt scores above a normal one of another recording: ½ is
chance, below ½ the score takes what is odd for more normal than the normal. Bits per sample alone measure how complex
a sound is as much as how odd; bits above FLAC's of the same excerpt correct for that (Serrà et al., 2020, "Input
complexity and out-of-distribution detection with likelihood-based generative models").
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
from damages import DAMAGES
from select_speech import NOT_SPEECH

from wavegen import load, open_corpus
from wavegen.audio import files as audio_files
from wavegen.data.corpus import Corpus
from wavegen.data.verification import verify
from wavegen.errors import UserError
from wavegen.evaluation.baselines import flac_bits
from wavegen.evaluation.checks import check_fit, check_held_out
from wavegen.evaluation.provenance import provenance
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.audio import AudioModel
from wavegen.reports.tables import bits, interval, table

OTHERS = ("es", "fr", "it", "ru", "it-menardi", "music")
OTHERS_HELP = "a folder for the other sounds, which get.sh fills where it has none"
SECONDS = 1.5
EXCERPTS = 80  # of each set at most, from as many recordings as there are
MAX_PER_RECORDING = 4  # excerpts; more of one recording say little that is new
RESAMPLES = 2000  # of the bootstrap
SEED = 0  # of the choice of excerpts, of the damages and of the bootstrap


@dataclass(frozen=True)
class Excerpts:
    """Excerpts of one kind, (excerpts, samples) int16, and which recording each is of, (excerpts,)."""

    name: str
    pcm: np.ndarray
    recording: np.ndarray


class Auroc(TypedDict):
    """The area under a ROC curve, with its 95 % interval."""

    auroc: float
    low: float
    high: float


class Row(TypedDict):
    """The scores of one set; without AUROCs for the normal one, None where no two excerpts can be compared."""

    set: str
    recordings: int
    excerpts: int
    bits_per_sample: float
    above_flac: float
    auroc_bits: NotRequired[Auroc | None]
    auroc_above_flac: NotRequired[Auroc | None]


def damaged(normal: Excerpts, name: str, rate: int) -> Excerpts:
    """The normal excerpts, each damaged in its own way of the same kind."""
    random = np.random.default_rng([SEED, list(DAMAGES).index(name)])
    return Excerpts(name, np.stack([DAMAGES[name](pcm, rate, random) for pcm in normal.pcm]), normal.recording)


def cut(name: str, pcms: Iterable[np.ndarray], rate: int) -> Excerpts:
    """At most 80 excerpts that do not overlap: one of each recording in random order, then a second, up to a fourth.

    Of `pcms` no more are taken than are needed. Raises UserError if none is long enough.
    """
    random = np.random.default_rng(SEED)
    samples = round(SECONDS * rate)
    recordings = list(itertools.islice((pcm for pcm in pcms if len(pcm) >= samples), EXCERPTS))
    if not recordings:
        raise UserError(f"{name}: no recording of {SECONDS} s or more in it")
    order = random.permutation(len(recordings))
    starts = [list(random.permutation(len(pcm) // samples)[:MAX_PER_RECORDING] * samples) for pcm in recordings]
    chosen: list[tuple[int, int]] = []
    while len(chosen) < EXCERPTS and any(starts):
        chosen += [(index, starts[index].pop()) for index in order if starts[index]]
    chosen = chosen[:EXCERPTS]
    pcm = np.stack([recordings[index][start : start + samples] for index, start in chosen])
    return Excerpts(name, pcm, np.array([index for index, _ in chosen]))


def speech(corpus: Corpus) -> Iterable[np.ndarray]:
    """The test recordings that are speech: the sets of prompts hold silence, tones and an ape, too."""
    for recording in corpus.split("test"):
        # The corpus may have been prepared from the voice's folder, or from the one that it lies in.
        if not any(name.startswith(NOT_SPEECH) for name in (recording.id, recording.id.partition("/")[2])):
            yield corpus.pcm(recording)


def others(folder: Path, rate: int) -> Iterable[Excerpts]:
    """The excerpts of each set in `folder`, which get.sh fetches first where they are missing."""
    for name in OTHERS:
        yield cut(name, (_read(path, rate) for path in shuffled(folder, name)), rate)


def shuffled(folder: Path, name: str) -> list[Path]:
    """The recordings of one set in `folder`, in an order that is always the same; get.sh fetches what is missing."""
    if not (folder / name).exists():
        script = Path(__file__).with_name("get.sh")
        if subprocess.run(["sh", str(script), name, str(folder / name)], stdout=sys.stderr).returncode:
            raise UserError(f"{folder / name}: could not be got, see above; fill it with WAV files of that kind")
    files = audio_files.find(folder / name)
    return [files[index] for index in np.random.default_rng(SEED).permutation(len(files))]


def _read(path: Path, rate: int) -> np.ndarray:
    try:
        return audio_files.read(path, rate).pcm
    except UserError as error:  # `ru` has a file that holds no samples
        print(f"left out: {error}", file=sys.stderr)
        return np.zeros(0, np.int16)


def scores(model: AudioModel, excerpts: Excerpts) -> np.ndarray:
    """Bits per sample of the model, and above FLAC's, of each excerpt: (2, excerpts) float64."""
    own = bits_per_file(model, list(excerpts.pcm), label=f"scoring {excerpts.name}")
    flac = np.array([flac_bits(pcm, model.sample_rate) for pcm in excerpts.pcm], np.float64)
    return np.stack([own, own - flac]) / excerpts.pcm.shape[1]


def auroc(odd: np.ndarray, normal: np.ndarray, odd_of: np.ndarray, normal_of: np.ndarray, paired: bool) -> Auroc | None:
    """P(odd > normal) + ½ P(odd = normal) over the pairs, with a 95 % bootstrap interval over recordings.

    `odd` and `normal` are scores, (odd,) and (normal,); `odd_of` and `normal_of` say of which recording each is:
    excerpts of one recording are drawn together. If `paired` the two sides have the same recordings, and only excerpts
    of different ones are compared: who meets a damaged recording does not have the whole one beside it. None if there
    are no two to compare.
    """
    wins = (odd[:, None] > normal) + 0.5 * (odd[:, None] == normal)
    compared = (odd_of[:, None] != normal_of) | (not paired)
    if not compared.any():
        return None
    low, high = np.percentile(resampled(wins, compared, odd_of, normal_of, paired), [2.5, 97.5])
    mean, low, high = (round(float(number), 4) for number in (wins[compared].mean(), low, high))
    return {"auroc": mean, "low": low, "high": high}


def resampled(
    wins: np.ndarray, compared: np.ndarray, odd_of: np.ndarray, normal_of: np.ndarray, paired: bool
) -> np.ndarray:
    """The mean of `wins` over the pairs `compared`, both (odd, normal), of each resample of the recordings.

    If `paired` both sides draw the same recordings. Resamples without any pair to compare are left out.
    """
    random = np.random.default_rng(SEED)
    drawn = []
    for _ in range(RESAMPLES):
        of_normal = _draw(normal_of.max() + 1, normal_of, random)
        of_odd = of_normal if paired else _draw(odd_of.max() + 1, odd_of, random)
        left, right = of_odd[odd_of], of_normal[normal_of]
        if pairs := left @ compared @ right:
            drawn.append(left @ (wins * compared) @ right / pairs)
    return np.array(drawn)


def _draw(recordings: int, used: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How often each recording is drawn, (recordings,), as many as are used, with replacement."""
    known = np.unique(used)
    return np.bincount(random.choice(known, size=len(known)), minlength=recordings)


def detect(model: AudioModel, normal: Excerpts, odd: Sequence[Excerpts]) -> list[Row]:
    """One row a set: how many excerpts, of how many recordings, their mean scores, and both AUROCs."""
    usual = scores(model, normal)
    rows = [_row(normal, usual)]
    for excerpts in odd:
        found = scores(model, excerpts)
        paired = excerpts.recording is normal.recording
        groups = excerpts.recording, normal.recording, paired
        both = [auroc(ours, theirs, *groups) for ours, theirs in zip(found, usual, strict=True)]
        row = _row(excerpts, found)
        row["auroc_bits"], row["auroc_above_flac"] = both
        rows.append(row)
    return rows


def _row(excerpts: Excerpts, found: np.ndarray) -> Row:
    bits_per_sample, above_flac = (round(float(each), 4) for each in found.mean(axis=1))
    return {
        "set": excerpts.name,
        "recordings": len(np.unique(excerpts.recording)),
        "excerpts": len(excerpts.pcm),
        "bits_per_sample": bits_per_sample,
        "above_flac": above_flac,
    }


def text(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    header = ["", "recordings", "excerpts", "bits/sample", "above FLAC"]
    header += ["AUROC, bits", "95 %", "AUROC, above FLAC", "95 %"]
    lines = []
    for row in rows:
        line = [row["set"], str(row["recordings"]), str(row["excerpts"])]
        line += [bits(row["bits_per_sample"]), f"{row['above_flac']:+.3f}"]
        for found in (row.get("auroc_bits"), row.get("auroc_above_flac")):
            line += [bits(found["auroc"]), interval(found["low"], found["high"])] if found else ["", ""]
        lines.append(line)
    return table(header, lines)


def parsed(doc: str | None, **folders: str) -> argparse.Namespace:
    """The command line of a script on a model and its corpus: both, `folders` by name and what they are, --json."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="a .safetensors file or a run folder")
    parser.add_argument("corpus", type=Path, help="the corpus that the model was trained on")
    for name, what in folders.items():
        parser.add_argument(name, type=Path, help=what)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


def opened(arguments: argparse.Namespace) -> tuple[AudioModel, Corpus]:
    """The model and its corpus. Raises UserError if they do not fit, or the model knows some of the test split."""
    model = load(arguments.model)
    corpus = open_corpus(arguments.corpus)
    check_fit({str(arguments.model): model}, corpus)
    check_held_out({str(arguments.model): model}, corpus, "test")
    verify(corpus, ["test"])
    return model, corpus


def main() -> int:
    arguments = parsed(__doc__, others=OTHERS_HELP)
    try:
        model, corpus = opened(arguments)
        rate = model.sample_rate
        normal = cut("normal", speech(corpus), rate)
        odd = [*others(arguments.others, rate), *(damaged(normal, name, rate) for name in DAMAGES)]
        rows = detect(model, normal, odd)
    except UserError as error:
        print(f"anomalies.py: {error}", file=sys.stderr)
        return 2
    result = {"seconds": SECONDS, "rows": rows, "model": provenance(model), "corpus_fingerprint": corpus.fingerprint}
    print(json.dumps(result, allow_nan=False) if arguments.json else text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
