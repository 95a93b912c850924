"""What the two forms answer, alike for a header and for what is hashed as before there were forms."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.audio.files import content_hash
from wavegen.data.format import is_corpus, write_description
from wavegen.data.index import Fingerprint, Recording
from wavegen.errors import UserError
from wavegen.models.forms import KINDS, AudioForm, PictureForm, check_kind, form_of
from wavegen.models.ranges import STRETCH, picture_figures, sound_figures

AUDIO_FORMS = st.builds(AudioForm, st.integers(100, 1_000_000))
PICTURE_FORMS = st.builds(PictureForm, st.integers(1, 512), st.integers(1, 512), st.integers(1, 4), st.integers(2, 256))
FORMS = st.one_of(AUDIO_FORMS, PICTURE_FORMS)
RECORDING = Recording("a", "train", None, 0, 3, "0123", "a.wav")


@settings(deadline=None)
@given(form=FORMS)
def test_a_header_gives_the_form_back(form):
    entry = json.loads(json.dumps({"version": 1} | form.entry))
    assert form_of(entry) == form
    assert type(form_of(entry)) is type(form)


@settings(deadline=None)
@given(rate=st.integers(100, 1_000_000))
def test_sound_is_hashed_by_its_rate_alone(rate):
    form = AudioForm(rate)
    assert f"{form}" == f"{rate}"
    assert form.name == f"{rate} Hz"
    assert form.entry == {"sample_rate": rate}


@settings(deadline=None)
@given(form=PICTURE_FORMS)
def test_pictures_are_hashed_and_called_by_their_sizes(form):
    sizes = f"{form.height} x {form.width} x {form.channels} of {form.levels} levels"
    assert f"{form}" == form.name == sizes
    assert list(form.entry["picture_shape"]) == ["height", "width", "channels", "levels"]


@pytest.mark.parametrize(
    ("form", "expected"), [(AudioForm(8000), "6db391039028efa8"), (PictureForm(8, 8, 1, 17), "267d40b0f2a500de")]
)
def test_fingerprints_are_those_of_old_corpora(form, expected):
    fingerprint = Fingerprint(form)
    fingerprint.add(RECORDING)
    assert fingerprint.hex() == expected


@settings(deadline=None)
@given(one=FORMS, other=FORMS)
def test_forms_are_equal_by_what_a_header_says(one, other):
    assert (one == other) == (one.entry == other.entry)


DAMAGES = [
    {},
    {"sample_rate": "8000"},
    {"sample_rate": 8000.0},
    {"sample_rate": True},
    {"sample_rate": 99},
    {"sample_rate": 1_000_001},
    {"picture_shape": None},
    {"picture_shape": {"height": 8, "width": 8, "channels": 1}},
    {"picture_shape": {"height": 8, "width": 8, "channels": 1, "levels": 1}},
    {"picture_shape": {"height": 8, "width": 8, "channels": 5, "levels": 2}},
    {"picture_shape": {"height": 0, "width": 8, "channels": 1, "levels": 2}},
    {"picture_shape": {"height": 8, "width": 1025, "channels": 1, "levels": 2}},
    {"picture_shape": {"height": 1024, "width": 1024, "channels": 2, "levels": 2}},
    {"picture_shape": {"height": 8, "width": 8, "channels": 1, "levels": 2, "depth": 1}},
    {"picture_shape": {"height": 8, "width": 8, "channels": 1, "levels": 257}, "sample_rate": 8000},
    {"picture_shape": None, "sample_rate": 8000},
    {"grid": None, "sample_rate": 8000},
]


@settings(deadline=None)
@given(form=PICTURE_FORMS)
def test_pictures_have_their_form_by_either_name_of_the_key(form):
    (sizes,) = form.entry.values()
    assert form_of(form.entry) == form_of({"grid": sizes}) == form


@pytest.mark.parametrize("entry", DAMAGES, ids=str)
def test_a_damaged_header_has_no_form(entry):
    with pytest.raises((KeyError, TypeError, ValueError)):
        form_of(entry)


@settings(deadline=None)
@given(form=FORMS)
def test_a_form_has_models_of_one_kind(form):
    (other,) = set(KINDS) - {form.kind}
    check_kind(form.kind, form, "corpus")
    with pytest.raises(UserError, match=f"corpus: holds {form.kind}, and the recipe's density.name is '{other}'"):
        check_kind(other, form, "corpus")


@settings(deadline=None)
@given(form=PICTURE_FORMS, data=st.data())
def test_levels_are_checked(form, data):
    level = data.draw(st.integers(-32768, 32767))
    samples = np.array([0, form.levels - 1, level], np.int16)
    if 0 <= level < form.levels:
        form.check(samples)
        return
    with pytest.raises(ValueError, match=f"has a level of {level % 65536} where the pictures have 0 to"):
        form.check(samples)


def test_every_code_is_a_sample_and_no_samples_are_right():
    AudioForm(8000).check(np.array([-32768, 32767], np.int16))
    PictureForm(1, 1, 1, 2).check(np.zeros(0, np.int16))


def test_samples_are_counted_by_what_the_form_knows():
    assert AudioForm(8000).num_samples(40, 7) == 320_000
    assert PictureForm(3, 5, 2, 4).num_samples(40, 7) == 7 * 30
    assert (AudioForm(8000).element, PictureForm(3, 5, 2, 4).element) == ("sample", "dimension")
    assert (AudioForm(8000).sample_rate, PictureForm(3, 5, 2, 4).sample_rate) == (8000, None)


def test_of_a_long_sound_stretches_are_measured_and_of_a_picture_all():
    sound = np.random.default_rng(0).integers(-3000, 3000, 20 * STRETCH).astype(np.int16)
    sound[STRETCH : 19 * STRETCH] = 0
    form = AudioForm(8000)
    whole = sound_figures(sound, 8000)
    assert form.figures(sound) == form.figures(sound, len(sound)) == whole
    ends = np.concatenate([sound[:STRETCH], sound[-STRETCH:]])
    assert form.figures(sound, 2 * STRETCH) == pytest.approx(sound_figures(ends, 8000), rel=1e-9)
    assert form.figures(sound, 2 * STRETCH) != pytest.approx(whole, rel=0.01)
    picture = np.arange(16, dtype=np.int16)
    assert PictureForm(4, 4, 1, 16).figures(picture, 2) == picture_figures(picture, 16) == {"mean": 0.5}


def test_sound_is_cut_and_pictures_are_not():
    samples = np.random.default_rng(0).integers(0, 2, 40_000).astype(np.int16)
    pieces = AudioForm(8000).pieces(samples, 1.0)
    assert len(pieces) == 5
    assert content_hash(np.concatenate(pieces)) == content_hash(samples)
    assert [len(piece) for piece in PictureForm(200, 200, 1, 2).pieces(samples, 1.0)] == [40_000]


def test_a_description_makes_a_folder_a_corpus(tmp_path):
    assert not is_corpus(tmp_path)
    write_description(tmp_path, AudioForm(8000).entry | {"recordings": 1})
    assert is_corpus(tmp_path)
    text = '{\n "format": "wavegen corpus",\n "version": 1,\n "sample_rate": 8000,\n "recordings": 1\n}\n'
    assert (tmp_path / "corpus.json").read_text(encoding="ascii") == text
