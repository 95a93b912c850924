"""The models that come with wavegen."""

import pytest

import wavegen
from wavegen.assets import pretrained, speech
from wavegen.errors import UserError
from wavegen.evaluation.audio import find_takes
from wavegen.models.training_provenance import Provenance


@pytest.mark.parametrize("name", pretrained.names())
def test_is_small_has_a_card_and_can_be_heard_and_scored(name):
    path = pretrained.find(name)
    assert path is not None
    assert path.stat().st_size < 500_000
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    model = wavegen.load(name)
    assert model.metadata["weights_hash"] in card
    assert f"{model.num_parameters:,}".replace(",", " ") in card
    draws = wavegen.generate(model, num_samples=400, seeds=[1])
    assert len(draws.draws[0].pcm) == 400


def test_allison_is_there():
    assert "allison" in pretrained.names()


def test_a_file_of_that_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "allison").write_bytes(b"mine")
    with pytest.raises(UserError, match="allison"):
        wavegen.load("allison")


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(UserError, match="allison"):
        wavegen.load("alison")


def test_it_is_not_compared_on_what_it_was_trained_on(tmp_path):
    """The embedded speech, prepared from within its folder: other ids, so another split of the same recordings."""
    wavegen.prepare(speech.folder() / "en_US_f_Allison", tmp_path / "corpus")
    corpus = wavegen.open_corpus(tmp_path / "corpus")
    with pytest.raises(UserError, match=r"allison was trained or validated on .* leave it out"):
        wavegen.compare({"allison": wavegen.load("allison")}, corpus)
    warnings = find_takes([corpus.path], wavegen.open_model("allison")).warnings
    assert any("trained on" in warning for warning in warnings)


def test_it_has_not_heard_what_a_quickstart_holds_out(tmp_path):
    wavegen.prepare(speech.folder(), tmp_path / "corpus")
    recordings = wavegen.open_corpus(tmp_path / "corpus")
    model = wavegen.load("allison")
    known = Provenance.of(model.metadata)
    assert known.whole
    held_out = [*recordings.split("test"), *recordings.split("validation")]
    assert not any(known.seen(recording.content_hash) for recording in held_out)
    assert sum(known.trained_on(recording.content_hash) for recording in recordings.split("train")) > 50
