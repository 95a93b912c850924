"""Trainings of pictures: exact resume, previews, and that what is drawn scores as what was learned."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import small_picture_models
import small_trainings
import torch
from board_events import events

from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.pictures import prepare_pictures
from wavegen.evaluation.baselines.pixels import PixelHistograms
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models import checkpoint
from wavegen.models.pictures import PictureModel
from wavegen.sampling.pictures import generate_pictures
from wavegen.training import train
from wavegen.training.recipe import Recipe, parse_recipe
from wavegen.training.trainer import Trainer


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "corpus"
    prepare_pictures("digits", None, folder, levels=2)
    return open_corpus(folder)


def recipe(network: str, network_settings: dict[str, Any] | None = None, **training: Any) -> Recipe:
    """Twelve steps with three validations, unless `training` says otherwise."""
    settings = {"steps": 12, "batch_size": 8, "threads": 1, "validate_every": 4, "bfloat16": False}
    tables = {
        "density": {"name": "pictures"},
        "network": {"name": network, **(network_settings or small_picture_models.SETTINGS[network])},
        "training": settings | training,
    }
    return parse_recipe(tables, "test")


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_a_killed_training_of_pictures_ends_with_the_same_bits(name, corpus, tmp_path, monkeypatch):
    step_of = Trainer._train_step

    def killed(self, log, started):
        if self.learner.step == 7:
            raise SystemExit
        return step_of(self, log, started)

    asked = recipe(name)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", killed)
        with pytest.raises(SystemExit):
            train(asked, corpus, tmp_path / "cut", progress=False)
    assert checkpoint.read_tensors(tmp_path / "cut" / "resume.safetensors")[1]["step"] == 4
    small_trainings.ends_as_if_never_stopped(asked, corpus, tmp_path / "cut", tmp_path / "whole")


def test_a_training_starts_from_another_models_weights(corpus, tmp_path):
    first = train(recipe("nade"), corpus, tmp_path / "first", progress=False)
    train(recipe("nade", steps=1, learning_rate=1e-9), corpus, tmp_path / "second", init=first, progress=False)
    a, b = (checkpoint.load(tmp_path / run, PictureModel).state_dict() for run in ("first", "second"))
    assert all(torch.allclose(a[key], b[key], atol=1e-6) for key in a)


def test_progress_counts_dimensions_and_says_that_nothing_is_validated(corpus, tmp_path, capfd, caplog):
    train(recipe("nade"), corpus, tmp_path / "whole", progress=True)
    assert re.search(r"\d\.\d{3} bits/dimension, [\d ]+ dimensions/s", capfd.readouterr().err.splitlines()[-1])
    assert not caplog.messages
    fewer = replace(corpus, recordings=corpus.split("train"))
    train(recipe("nade"), fewer, tmp_path / "fewer", progress=False)
    assert caplog.messages == [
        f"wavegen: {corpus.path}: the validation split is empty: the last model counts as the best"
    ]


def test_previews_are_tiles_of_pictures_and_change_nothing(corpus, tmp_path, monkeypatch):
    train(recipe("pixelcnn"), corpus, tmp_path / "plain", progress=False)
    monkeypatch.setattr("wavegen.training.previews.SHARE", math.inf)
    train(recipe("pixelcnn"), corpus, tmp_path / "shown", progress=False)
    small_trainings.check_same_end(tmp_path / "plain", tmp_path / "shown")
    shown = [value for event in events(tmp_path / "shown") for value in event.summary.value if value.HasField("image")]
    assert [(value.tag, value.image.height, value.image.width) for value in shown] == [("drawn", 32, 32)] * 3
    assert not [
        value for event in events(tmp_path / "plain") for value in event.summary.value if value.HasField("image")
    ]


def test_a_window_is_a_picture(corpus):
    trainer = Trainer(recipe("nade", batch_size=50), corpus, corpus.path)
    windows = trainer.learner.windows
    known = {picture.tobytes() for picture in corpus.pcms("train")}
    batch = windows.batch(3)
    assert batch.scored.all()
    assert all(row.numpy().astype(np.int16).tobytes() in known for row in batch.pcm)
    ends = np.array([window.recording for window in windows.of_step(3)])
    assert (np.diff(ends) > 0).all(), "a step draws from all of the corpus"


def test_a_trained_model_is_below_independent_pixels_and_its_pictures_score_as_data_do(corpus, tmp_path):
    asked = recipe(
        "nade",
        {"hidden_size": 40},
        steps=300,
        validate_every=300,
        batch_size=64,
        learning_rate=0.02,
        average_decay=0.95,
    )
    model = checkpoint.load(train(asked, corpus, tmp_path / "run", progress=False), PictureModel)
    test = list(corpus.pcms("test"))
    nats = bits_per_file(model, test) * math.log(2)
    independent = PixelHistograms().bits(test, model.form, corpus.pcms("train")) * math.log(2)
    assert nats.mean() < independent.mean() - 3
    drawn = generate_pictures(model, seeds=range(300))
    scored = bits_per_file(model, list(drawn.pictures.reshape(300, -1)))
    assert scored == pytest.approx(drawn.bits, abs=1e-3)
    # The mean surprisal of a model's own pictures is its entropy, which a good model of these data has near their nats.
    spread = math.hypot(nats.std() / len(nats) ** 0.5, drawn.bits.std() * math.log(2) / 300**0.5)
    assert abs(drawn.bits.mean() * math.log(2) - nats.mean()) < 1.5 + 3 * spread
    assert drawn.pictures.mean() == pytest.approx(np.mean(test), abs=0.04)


def test_independent_pixels_are_what_was_counted(corpus):
    train_pictures, test = np.stack(list(corpus.pcms("train"))), np.stack(list(corpus.pcms("test")))
    share = train_pictures.mean(0)
    floor = 2.0**-14 / 2
    log2_prob = np.log2(np.where(test == 1, share, 1 - share) * (1 - 2.0**-14) + floor)
    grid: Any = corpus.form
    assert PixelHistograms().bits(list(test), grid, corpus.pcms("train")) == pytest.approx(-log2_prob.sum(1))
