"""Conditions in words: what callers ask for, and what reports call it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegen.errors import UserError
from wavegen.models.condition_kinds import SPEAKER, WORDS, WRONG_SPEAKER, Kind, check_taken, kind_given, kind_of
from wavegen.models.configs.conditioning import ConditioningConfig
from wavegen.models.given import Given

SPEAKERS = ConditioningConfig(speakers=["anna", "ben"])
MEL: Any = ConditioningConfig(mel="hifigan", bands=4, fmin=0, fmax=4000, hop=64)
BOTH: Any = ConditioningConfig(speakers=["anna", "ben"], mel="hifigan", f0=True, hop=64)
KINDS = [Kind(speaker, frames) for speaker in ("", SPEAKER, WRONG_SPEAKER) for frames in (False, True)]


@pytest.mark.parametrize("kind", KINDS)
def test_words_say_a_kind(kind):
    assert Kind.parsed(kind.words) == kind
    assert Kind.parsed("+".join(reversed(kind.words.split("+")))) == kind
    assert bool(kind) == (kind.words != "nothing")


@given(st.lists(st.sampled_from(WORDS), max_size=4))
def test_only_sets_that_make_sense_are_parsed(words):
    sensible = len(set(words)) == len(words) and len({"speaker", "wrong-speaker"} & set(words)) < 2
    sensible = sensible and bool(words) and ("nothing" not in words or len(words) == 1)
    try:
        found = Kind.parsed("+".join(words))
    except UserError:
        assert not sensible
    else:
        assert sensible
        assert {*found.words.split("+")} == {*words}


def test_a_misspelt_condition_is_told():
    with pytest.raises(UserError, match=r"no such condition as 'speakers'; did you mean speaker\?") as error:
        Kind.parsed("speakers")
    assert error.value.parameters == ("given",)


@pytest.mark.parametrize("config", [None, SPEAKERS, MEL, BOTH])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_takes_what_it_is_conditioned_on(config, kind):
    takes_speakers, takes_frames = config in (SPEAKERS, BOTH), config in (MEL, BOTH)
    assert kind.is_taken(config) == ((takes_speakers or not kind.speaker) and (takes_frames or not kind.frames))
    if kind.is_taken(config):
        check_taken(config, kind)
        assert kind_of(config, kind.words) == kind
    else:
        with pytest.raises(UserError, match=r"^the model takes .*, not "):
            kind_of(config, kind.words)
    assert kind_of(config, None) == Kind.all_of(config) == Kind(SPEAKER if takes_speakers else "", takes_frames)


def test_there_is_no_wrong_one_of_one_speaker():
    with pytest.raises(UserError, match="MINE knows one speaker, and no wrong one"):
        check_taken(ConditioningConfig(speakers=["anna"]), Kind(WRONG_SPEAKER), "MINE")


@pytest.mark.parametrize(
    ("config", "how", "said"),
    [
        (None, {"speaker": "anna"}, "the model is not conditioned on speakers; leave `speaker` out"),
        (MEL, {"speaker": "anna"}, "the model is not conditioned on speakers; leave `speaker` out"),
        (SPEAKERS, {"speaker": "ana"}, "`speaker` 'ana' is not one of the model's; did you mean anna?"),
        (BOTH, {"speaker": "anna", "given": "frames"}, "`speaker='anna'` and `given='frames'` contradict each other"),
        (SPEAKERS, {"speaker": "anna", "given": "wrong-speaker"}, "contradict each other; leave one out"),
    ],
)
def test_contradictions_are_told(config, how, said):
    with pytest.raises(UserError) as error:
        kind_of(config, how.get("given"), how["speaker"])
    assert said in str(error.value)
    assert "speaker" in error.value.parameters


@pytest.mark.parametrize(
    ("config", "kind", "speaker", "name", "condition"),
    [
        (None, Kind(), None, "nothing", None),
        (BOTH, Kind(), None, "nothing", None),
        (SPEAKERS, Kind(SPEAKER), None, "speaker", "speaker"),
        (SPEAKERS, Kind(SPEAKER), "anna", "speaker anna", "speaker anna"),
        (SPEAKERS, Kind(WRONG_SPEAKER), None, "wrong speaker", "wrong speaker"),
        (MEL, Kind(frames=True), None, "mel", "mel (hifigan, 4 bands of 0 to 4000 Hz, hop 64)"),
        (
            BOTH,
            Kind(SPEAKER, True),
            "ben",
            "speaker ben, mel and F0",
            "speaker ben, mel and F0 (hifigan, 80 bands of 80 to 7600 Hz, hop 64)",
        ),
        (ConditioningConfig(f0=True), Kind(frames=True), None, "F0", "F0 (hop 128)"),
    ],
)
def test_reports_name_a_condition(config, kind, speaker, name, condition):
    assert kind.name(config, speaker) == name
    assert kind.condition(config, speaker) == condition


def test_what_a_recording_is_given_has_a_kind():
    frames: Any = [[0.0]]
    assert kind_given(Given()) == Kind()
    assert kind_given(Given("anna")) == Kind(SPEAKER)
    assert kind_given(Given(None, frames)) == Kind(frames=True)
