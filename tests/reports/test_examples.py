"""What a page shows beside the table: learning curves, recordings with their surprisal, and drawn ones."""

import json
from typing import Any

import numpy as np
import pytest
import small_models
import workspace

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.engine import native, open_engine
from wavegen.evaluation.feeding import takes_of
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.checkpoint import load
from wavegen.reports import examples
from wavegen.reports.examples import learning_curve, sounds


def test_the_course_of_a_run(tmp_path):
    lines = [
        {"step": 20, "seconds": 1.5, "samples": 80, "train_bits": 12.0},
        {"step": 40, "seconds": 3.0, "samples": 160, "train_bits": 11.0, "validation_bits": 11.5},
        {"step": 60, "seconds": 4.5, "samples": 240, "validation_bits": None},
        {"step": 80, "seconds": 6.0, "samples": 320, "validation_bits": 10.5},
    ]
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "metrics.jsonl").write_text(text + '\n[1, 2]\n{"step": 100, "sec')
    (tmp_path / "model.safetensors").touch()
    assert learning_curve(tmp_path) == learning_curve(tmp_path / "model.safetensors") == [(3.0, 11.5), (6.0, 10.5)]
    assert learning_curve(tmp_path / "a-name") == []


def test_held_out_recordings_are_shown_and_drawn_ones_where_drawing_is_fast(furnished, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "DRAWN_SECONDS", 0.05)
    monkeypatch.setattr(examples, "MAX_SECONDS", 0.15)
    drawn = []
    monkeypatch.setattr(examples, "surprisal_over_spectrogram", lambda path, *args: drawn.append(args))
    corpus = open_corpus(furnished / "corpus")
    models = {name: load(furnished / name) for name in ("gru", "wavenet")}
    rows = [{"name": "FLAC", "model": None}, *({"name": name, "model": name, "given": "nothing"} for name in models)]
    comparison: Any = {"rows": rows, "split": "test"}
    shown = list(sounds(models, comparison, corpus, tmp_path))
    held_out = [sound for sound in shown if sound.title.startswith("Held out")]
    assert 1 <= len(held_out) <= 3
    by_id = {recording.id: recording for recording in corpus.split("test")}
    for sound, (pcm, rate, curves, window, title) in zip(held_out, drawn, strict=False):
        recording = by_id[sound.title.removeprefix("Held out: ").partition(", the first 0.15 s")[0]]
        whole = corpus.pcm(recording)
        np.testing.assert_array_equal(audio_files.read(sound.wav).pcm, whole[:1200])
        np.testing.assert_array_equal(pcm, whole[:1200])
        assert ("the first" in sound.title) == (len(whole) > 1200)
        assert (rate, window, title) == (8000, 0.05, sound.title)
        assert list(curves) == ["gru", "FLAC"], "the best model, and FLAC"
        assert [len(curve) for curve in curves.values()] == [-(-len(pcm) // 400)] * 2
    others = [sound.title for sound in shown[len(held_out) :]]
    fast = [] if native.missing() else ["gru", "wavenet"]
    assert others == [f"Drawn by {name} from silence, seed 1" for name in fast]


def test_the_surprisal_shown_is_the_tables(furnished):
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    pcm = workspace.wander(700, 3)
    whole = bits_per_file(model, [pcm])[0]
    assert examples._bits(model, takes_of([pcm])[0]).sum() == pytest.approx(whole, rel=1e-5)
    if native.missing() is None:
        model.metadata = {"precision": "int8"}
        rounded = -open_engine(model).feed(pcm[None]).sum()
        assert rounded != pytest.approx(whole, rel=1e-8)
        assert examples._bits(model, takes_of([pcm])[0]).sum() == pytest.approx(rounded, rel=1e-9)


def test_what_was_trained_on_is_not_called_held_out(furnished, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "surprisal_over_spectrogram", lambda path, *args: None)
    corpus = open_corpus(furnished / "corpus")
    for split, title in [("train", "Trained on: "), ("validation", "Held out for validation: ")]:
        comparison: Any = {"rows": [{"name": "FLAC", "model": None}], "split": split}
        shown = list(sounds({}, comparison, corpus, tmp_path))
        assert shown
        assert all(sound.title.startswith(title) for sound in shown)
