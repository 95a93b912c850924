"""Pictures that are drawn have the probabilities that are scored."""

import numpy as np
import pytest
import small_picture_models
import torch
from scipy.stats import chisquare

from wavegen.models.forms import PictureForm
from wavegen.sampling.pictures import generate_pictures


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_drawn_pictures_have_the_probabilities_that_are_scored(name):
    """All 64 pictures of 2 x 3 pixels, each drawn as often as its probability says."""
    grid = PictureForm(2, 3, 1, 2)
    model, number = small_picture_models.model(name, grid), 4000
    drawn = generate_pictures(model, seeds=range(number), temperature=1, top_p=1, exact=True)
    codes = drawn.pictures.reshape(number, 6) @ (1 << np.arange(6))
    every = (np.arange(64)[:, None] >> np.arange(6)) & 1
    probabilities = model.log2_prob(torch.from_numpy(every))[0].sum(1).exp2().detach().numpy()
    counts = np.bincount(codes, minlength=64)
    likely = probabilities * number >= 5
    observed = np.append(counts[likely], counts[~likely].sum())
    expected = np.append(probabilities[likely], probabilities[~likely].sum()) * number
    assert likely.sum() > 8
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3
    entropy = -(probabilities * np.log2(probabilities)).sum()
    assert abs(drawn.bits.mean() - entropy) < 4 * drawn.bits.std() / number**0.5


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_a_picture_depends_on_its_seed_alone(name):
    model = small_picture_models.model(name, PictureForm(5, 4, 3, 6))
    together = generate_pictures(model, seeds=[3, 9, 4])
    for index, seed in enumerate((3, 9, 4)):
        alone = generate_pictures(model, seeds=[seed])
        assert np.array_equal(alone.pictures[0], together.pictures[index])
        assert alone.bits[0] == pytest.approx(together.bits[index], rel=1e-12)
    assert len({picture.tobytes() for picture in together.pictures}) == 3


def test_given_rows_stay_and_the_rest_is_drawn_as_the_model_says():
    """Of 2 x 2 pictures with their first row given, the second row as often as its conditional probability says."""
    model, number = small_picture_models.model("pixelcnn", PictureForm(2, 2, 1, 2)), 3000
    given = np.array([1, 0, 1, 1]).reshape(1, 2, 2, 1)
    drawn = generate_pictures(model, seeds=range(number), prime=given, rows=1, exact=True)
    assert np.array_equal(drawn.pictures[:, 0], np.repeat(given[:, 0], number, axis=0))
    every = torch.tensor([[1, 0, a, b] for a in (0, 1) for b in (0, 1)])
    joint = model.log2_prob(every)[0].sum(1).exp2().detach().numpy()
    counts = np.bincount(drawn.pictures[:, 1].reshape(number, 2) @ [2, 1], minlength=4)
    assert chisquare(counts, joint / joint.sum() * number).pvalue > 1e-3


def test_temperature_and_top_p_make_the_likely_likelier():
    model = small_picture_models.model("nade", PictureForm(4, 4, 1, 5))
    plain, cold, top = (
        generate_pictures(model, seeds=range(200), temperature=temperature, top_p=top_p).bits.mean()
        for temperature, top_p in ((1.0, 1.0), (0.3, 1.0), (1.0, 0.5))
    )
    assert cold < plain - 1
    assert top < plain - 1
