"""The models that come with wavegen."""

import numpy as np
import pytest

import wavegen
from wavegen.assets import pretrained, speech
from wavegen.audio import files as audio_files
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.evaluation.audio import find_takes
from wavegen.models.training_provenance import Provenance

MAX_BYTES = {"allison": 500_000, "allison-vocoder": 700_000}


def test_these_are_there():
    assert pretrained.names() == list(MAX_BYTES)


@pytest.mark.parametrize("name", MAX_BYTES)
def test_is_small_has_a_card_and_can_be_heard(name):
    path = pretrained.find(name)
    assert path is not None
    assert path.stat().st_size < MAX_BYTES[name]
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    model = wavegen.load(name)
    assert model.metadata["weights_hash"] in card
    assert f"{model.num_parameters:,}".replace(",", " ") in card
    if model.config.conditioning is None:
        draw = wavegen.generate(model, num_samples=400, seeds=[1]).draws[0]
    else:
        draw = wavegen.vocode(model, np.zeros((5, 42), np.float32)).spoken[0].draw
    assert draw is not None
    assert len(draw.pcm) == 400


def test_a_vocoder_is_told_more_than_nothing():
    """Given its own frames, a recording costs it less than given those of another."""
    recordings = audio_files.find(speech.folder())[:2]
    model = wavegen.load("allison-vocoder")
    pcm = audio_files.read(recordings[0], 8000).pcm[:8000]
    other = audio_files.read(recordings[1], 8000).pcm[:8000]
    assert model.config.conditioning is not None
    settings = FrameSettings.of(model.config.conditioning, 8000)
    bits = []
    for told in (pcm, other):
        engine = open_engine(model, 1)
        engine.condition(0, None, frames(told, settings))
        bits.append(-engine.feed(pcm[None]).mean())
    assert bits[0] < bits[1] - 1


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


@pytest.mark.parametrize("name", MAX_BYTES)
def test_it_has_not_heard_what_a_quickstart_holds_out(name, tmp_path):
    wavegen.prepare(speech.folder(), tmp_path / "corpus")
    recordings = wavegen.open_corpus(tmp_path / "corpus")
    model = wavegen.load(name)
    known = Provenance.of(model.metadata)
    assert known.whole
    held_out = [*recordings.split("test"), *recordings.split("validation")]
    assert not any(known.seen(recording.content_hash) for recording in held_out)
    assert sum(known.trained_on(recording.content_hash) for recording in recordings.split("train")) > 50
