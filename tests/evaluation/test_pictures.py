"""Scores of pictures against the model's own log-probabilities."""

import math

import numpy as np
import pytest
import small_picture_models
import torch

from wavegen.data.picture_files import write_tiles
from wavegen.evaluation.pictures import score_pictures
from wavegen.models.forms import PictureForm


def test_bits_per_dimension_are_not_of_rounded_nats(tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.evaluation.pictures.bits_per_file", lambda *_, **__: np.array([0.2000003]))
    write_tiles(tmp_path / "one.png", np.zeros((1, 1, 1, 1), np.int16), 2)
    result = score_pictures(small_picture_models.model("nade", PictureForm(1, 1, 1, 2)).float(), tmp_path)
    assert result["nats"] == 0.13863
    assert result["bits_per_dimension"] == result["files"][0]["bits_per_dimension"] == 0.2


def test_the_score_of_a_picture_is_minus_the_sum_of_its_log_probabilities(tmp_path):
    model = small_picture_models.model("pixelcnn", PictureForm(3, 5, 1, 2)).float()
    pictures = np.random.default_rng(1).integers(0, 2, (3, 3, 5, 1)).astype(np.int16)
    write_tiles(tmp_path / "three.png", pictures, 2)
    result = score_pictures(model, tmp_path)
    log2_prob = model.log2_prob(torch.from_numpy(pictures.reshape(3, 15)))[0].sum(1)
    nats = (-log2_prob * math.log(2)).tolist()
    assert [file["nats"] for file in result["files"]] == pytest.approx(nats, abs=1e-4)
    assert result["nats"] == pytest.approx(sum(nats) / 3, abs=1e-4)
    low, high = result["low"], result["high"]
    assert low is not None
    assert high is not None
    assert low < result["nats"] < high
