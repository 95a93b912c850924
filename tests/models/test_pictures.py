"""Probabilities of pictures: that they sum to one, are those of the scored levels, and are floored."""

import itertools
import math

import pytest
import small_picture_models
import torch

from wavegen.constants import UNIFORM_SHARE
from wavegen.models.forms import PictureForm
from wavegen.models.pictures import codes_per_level


def every_picture(grid: PictureForm) -> torch.Tensor:
    """(levels ** dimensions, dimensions) int64."""
    return torch.tensor(list(itertools.product(range(grid.levels), repeat=grid.dimensions)))


@pytest.mark.parametrize("name", small_picture_models.NAMES)
@pytest.mark.parametrize("grid", [PictureForm(2, 3, 1, 2), PictureForm(3, 2, 1, 2), PictureForm(1, 2, 3, 3)], ids=str)
@pytest.mark.parametrize("distribution", ["categorical", "mixture-of-logistics"])
def test_the_probabilities_of_all_pictures_sum_to_one(name, grid, distribution):
    model = small_picture_models.model(name, grid, distribution)
    log2_prob, _ = model.log2_prob(every_picture(grid))
    probabilities = log2_prob.sum(1).exp2()
    assert abs(float(probabilities.sum().detach()) - 1) <= 1e-9
    assert probabilities.max() > 2 * probabilities.mean()  # far from uniform


@pytest.mark.parametrize("distribution", ["categorical", "mixture-of-logistics", "mixture-of-gaussians"])
def test_the_cumulative_function_is_the_sum_of_the_scored_probabilities(distribution):
    model = small_picture_models.model("nade", PictureForm(2, 2, 1, 5), distribution)
    params = model.params(torch.zeros(1, 4, dtype=torch.int64))[0]
    each = torch.stack([model.symbol_log2_prob(params, torch.full((4,), k)).exp2() for k in range(5)])
    for k in range(6):
        assert torch.allclose(model.cumulative(params, torch.full((4,), k)), each[:k].sum(0), rtol=0, atol=1e-12)


def test_two_levels_are_a_bernoulli_and_the_floor_is_uniform_over_levels():
    model = small_picture_models.model("nade", PictureForm(1, 1, 1, 2))
    odds = 3.0
    params = torch.tensor([[-odds / 2, odds / 2]], dtype=torch.float64)
    share = (1 - UNIFORM_SHARE) / (1 + math.exp(-odds)) + UNIFORM_SHARE / 2
    assert float(model.symbol_log2_prob(params, torch.tensor([1]))) == pytest.approx(math.log2(share), abs=1e-12)
    certain = torch.tensor([[-1e4, 1e4]], dtype=torch.float64)
    assert float(model.symbol_log2_prob(certain, torch.tensor([0]))) == pytest.approx(-15, abs=1e-9)


@pytest.mark.parametrize("levels", [2, 17, 255, 256])
def test_levels_share_the_codes_evenly(levels):
    codes = codes_per_level(levels)
    assert len(codes) == levels
    assert int(codes.sum()) == 65536
    assert codes.max() - codes.min() <= 1


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_settings_build_the_model_again(name):
    model = small_picture_models.model(name, PictureForm(3, 4, 1, 3))
    again = type(model).from_settings(model.settings, model.form)
    assert again.settings == model.settings
    assert [weight.shape for weight in again.parameters()] == [weight.shape for weight in model.parameters()]


def test_multiply_adds_are_counted_without_what_masks_hide():
    model = small_picture_models.model("pixelcnn", PictureForm(6, 5, 1, 3))
    first = 12 * 14  # twelve places of the 5 x 5 before the pixel
    layer = 14 * 7 + 5 * 7 * 7 + 7 * 14
    assert model.network.macs_per_picture == 30 * (first + 2 * layer + 14 * 14 + 14 * 3)
    assert model.macs_per_sample == model.network.macs_per_picture // 30
