"""The models that come with wavegen."""

import pytest

import wavegen
from wavegen import models
from wavegen.errors import UserError


@pytest.mark.parametrize("name", models.names())
def test_is_small_has_a_card_and_can_be_heard_and_scored(name):
    path = models.find(name)
    assert path is not None
    assert path.stat().st_size < 500_000
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    model = wavegen.load(name)
    assert model.metadata["weights_hash"] in card
    assert f"{model.num_parameters:,}".replace(",", " ") in card
    draws = wavegen.generate(model, num_samples=400, seeds=[1])
    assert len(draws.draws[0].pcm) == 400


def test_allison_is_there():
    assert "allison" in models.names()


def test_a_file_of_that_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "allison").write_bytes(b"mine")
    with pytest.raises(UserError, match="allison"):
        wavegen.load("allison")


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(UserError, match="allison"):
        wavegen.load("alison")
