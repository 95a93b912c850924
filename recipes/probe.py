"""Accuracy of a linear classifier on a model's features, beside raw pixels or log-mels of the same recordings.

    wavegen features MODEL CORPUS features.npz [--window S]
    python recipes/probe.py CORPUS [features.npz …] [--of speaker|transcript] [--window S] [--drawn CORPUS]

Fits multinomial logistic regression to the training split of each file's rows and prints its accuracy on the test
split, with a 95 % interval over recordings. `--of` names the classes: speakers, or transcripts, which of pictures
are the labels. Give the window that the features were made with; without features rows are whole recordings. `--drawn`
names a corpus of what a model has drawn for each of the speakers: the classifier by log-mels says how many of its
recordings are of whom they should be. scikit-learn must be installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from wavegen import open_corpus
from wavegen.data.corpus import Corpus
from wavegen.data.splits import SPLITS
from wavegen.data.verification import verify
from wavegen.evaluation.intervals import bootstrap_interval
from wavegen.models.forms import PICTURES

MELS, FRAME, FLOOR = 40, 0.032, 1e-6  # of the log-mels: bands, seconds of a frame, power below which all is silence


def pixels(corpus: Corpus, _: np.ndarray, __: int | None) -> np.ndarray:
    return np.stack([corpus.pcm(recording) for recording in corpus.recordings]).astype(np.float32)


def mel_bands(sample_rate: int, size: int) -> torch.Tensor:
    """The weights of triangular bands, (MELS, size / 2 + 1), evenly spaced on the mel scale of HTK, peaks of 1."""
    highest = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, MELS + 2) / 2595) - 1)
    frequencies = np.linspace(0, sample_rate / 2, size // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling)).astype(np.float32))


def log_mels(corpus: Corpus, starts: np.ndarray, window: int | None) -> np.ndarray:
    """Means and deviations of log-mel bands over each window, (rows, 2 · MELS)."""
    size = 2 ** round(np.log2(FRAME * corpus.sample_rate))
    bank = mel_bands(corpus.sample_rate, size)
    rows = []
    row = 0
    for recording in corpus.recordings:
        pcm = torch.from_numpy(corpus.pcm(recording).astype(np.float32) / 32768)
        first = row
        while row < len(starts) and (row == first or starts[row]):
            part = pcm[starts[row] : None if window is None else starts[row] + window]
            padded = torch.nn.functional.pad(part, (0, max(0, size - len(part))))
            spectrum = torch.stft(padded, size, size // 2, window=torch.hann_window(size), return_complex=True)
            bands = torch.log(bank @ spectrum.abs().square() + FLOOR)
            rows.append(torch.cat([bands.mean(1), bands.std(1, correction=0)]).numpy())
            row += 1
    return np.stack(rows)


def classifier(values: np.ndarray, wanted: np.ndarray) -> Pipeline:
    """Fitted to values (rows, numbers) and their classes, (rows,)."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300, tol=1e-3)).fit(values, wanted)


def drawn_rightly(corpus: Corpus, drawn: Corpus, probe: Pipeline, known: set[str]) -> Iterator[str]:
    """For each speaker of `drawn`, the share of recordings that the probe of log-mels takes for that speaker's."""
    speakers = np.array([recording.speaker for recording in drawn.recordings])
    if drawn.sample_rate != corpus.sample_rate or not set(speakers) <= known:
        raise SystemExit(f"{drawn.path}: another sample rate or other speakers than those of {corpus.path}")
    found = probe.predict(log_mels(drawn, np.zeros(len(speakers), np.int64), None))
    for speaker in sorted(set(speakers)):
        mine = found[speakers == speaker]
        yield f"drawn as {speaker}: {(mine == speaker).mean():.0%} of {len(mine)} recordings"
    yield f"drawn as any: {(found == speakers).mean():.1%} of {len(found)} recordings"


def accuracy(values: np.ndarray, wanted: np.ndarray, split: np.ndarray, names: np.ndarray) -> str:
    """The share of the test rows that are classified correctly, and its interval over recordings."""
    probe = classifier(values[split == "train"], wanted[split == "train"])
    test = split == "test"
    right = probe.predict(values[test]) == wanted[test]
    _, recording = np.unique(names[test], return_inverse=True)
    correct = np.bincount(recording, right).astype(np.float64)
    low, high = bootstrap_interval(correct, np.bincount(recording))
    interval = "" if low is None or high is None else f" [{low:.2%}, {high:.2%}]"
    return f"{right.mean():.2%}{interval}"


def whole_recordings(corpus: Corpus) -> dict[str, np.ndarray]:
    """The labels of the rows of a file of features, one a recording in the corpus's order."""
    splits = {recording.id: split for split in SPLITS for recording in corpus.split(split)}
    columns = {
        "name": [recording.id for recording in corpus.recordings],
        "split": [splits[recording.id] for recording in corpus.recordings],
        "speaker": [recording.speaker or "" for recording in corpus.recordings],
        "transcript": [recording.transcript or "" for recording in corpus.recordings],
    }
    found = {name: np.array(column) for name, column in columns.items()}
    return found | {"start": np.zeros(len(corpus.recordings), np.int64)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("features", nargs="*", type=Path)
    parser.add_argument("--of", choices=["speaker", "transcript"], help="default: speaker, of pictures transcript")
    parser.add_argument("--window", type=float)
    parser.add_argument("--drawn", metavar="CORPUS", help="of recordings that were drawn, by speaker")
    args = parser.parse_args()
    corpus = open_corpus(args.corpus)
    verify(corpus, SPLITS)
    pictures = corpus.form.kind == PICTURES
    files = {path: np.load(path) for path in args.features}
    first = files[args.features[0]] if files else whole_recordings(corpus)
    known = {recording.id for recording in corpus.recordings}
    for path, file in files.items():
        if not set(file["name"]) <= known or file["name"].tolist() != first["name"].tolist():
            raise SystemExit(f"{path}: its rows are not those of {args.corpus}; make it again with the same window")
    wanted = first[args.of or ("transcript" if pictures else "speaker")]
    split = first["split"]
    if len(set(wanted)) < 2:
        raise SystemExit(f"{args.corpus}: there is one class only; try the other of --of speaker and --of transcript")
    if not pictures and args.window is None and first["start"].any():
        raise SystemExit(
            f"{args.features[0]}: has several windows a recording; give the --window that it was made with"
        )
    commonest = max((wanted[split == "train"] == value).mean() for value in set(wanted))
    print(f"{len(set(wanted))} classes, the commonest {commonest:.1%}; {(split == 'test').sum()} test rows")
    window = None if args.window is None else round(args.window * corpus.sample_rate)
    plain = (pixels if pictures else log_mels)(corpus, first["start"], window)
    table = {"raw pixels" if pictures else "log-mels": plain} | {
        str(path): file["features"] for path, file in files.items()
    }
    for name, values in table.items():
        print(f"{name}: {values.shape[1]} numbers, {accuracy(values, wanted, split, first['name'])}", flush=True)
    if args.drawn is not None:
        drawn = open_corpus(args.drawn)
        verify(drawn, SPLITS)
        probe = classifier(plain[split == "train"], wanted[split == "train"])
        print(*drawn_rightly(corpus, drawn, probe, set(wanted)), sep="\n")


if __name__ == "__main__":
    main()
