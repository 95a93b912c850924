"""Bits given a condition: which recording is given what, who is ranked with whom, and what everything is called."""

import csv
import io
import itertools

import numpy as np
import pytest
import sensitive_models
import small_models
import voices
import workspace

from wavegen.audio import files as audio_files
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.evaluation import comparison
from wavegen.evaluation.audio import score
from wavegen.evaluation.baselines.base import Baseline, without_training
from wavegen.evaluation.baselines.flac import flac_bits
from wavegen.evaluation.comparison import compare
from wavegen.evaluation.conditions import Giver
from wavegen.evaluation.quantization import quantize
from wavegen.models.condition_kinds import Kind
from wavegen.models.frames import frames_of
from wavegen.models.given import Given
from wavegen.reports.html import page
from wavegen.reports.tables import comparison_text, parts, score_csv, score_text

MEL = "mel (hifigan, 5 bands of 0 to 4000 Hz, hop 64)"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return voices.furnish(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def models(corpus):
    return {name: voices.model(name, corpus) for name in voices.CONDITIONS}


@pytest.fixture(autouse=True)
def one_baseline(monkeypatch):
    monkeypatch.setattr(comparison, "BASELINES", (Baseline("FLAC", without_training(flac_bits)),))


def exact_bits(model, corpus, given):
    """Bits per sample of the test split by teacher forcing in float64, each recording given what `given` says of it."""
    recordings = corpus.split("test")
    pcms = [corpus.pcm(recording) for recording in recordings]
    told = [given(recording, pcm) for recording, pcm in zip(recordings, pcms, strict=True)]
    found = [sensitive_models.teacher_forced(model, p[None], [g]) for p, g in zip(pcms, told, strict=True)]
    return -sum(each.sum() for each in found) / sum(map(len, pcms))


def test_a_corpus_tells_speakers_and_frames_are_those_of_each_recording(corpus, models):
    expected = {
        "voices": lambda recording, pcm: Given(recording.speaker),
        "vocoder": lambda recording, pcm: Given(None, frames_of(models["vocoder"].data(), pcm)),
        "both": lambda recording, pcm: Given(recording.speaker, frames_of(models["both"].data(), pcm)),
    }
    conditions = {"voices": "speaker", "vocoder": MEL, "both": f"speaker, {MEL}"}
    for name, model in models.items():
        scored = score(model, corpus.path)
        assert scored["bits_per_sample"] == pytest.approx(exact_bits(model, corpus, expected[name]), abs=2e-5)
        assert scored["condition"] == conditions[name]
        assert f"bits/sample given {conditions[name]}" in score_text(scored)
        without = score(model, corpus.path, given="nothing")
        assert without["bits_per_sample"] == pytest.approx(exact_bits(model, corpus, lambda *_: Given()), abs=2e-5)
        assert without["condition"] is None
        assert "given" not in score_text(without)
        assert abs(without["bits_per_sample"] - scored["bits_per_sample"]) > 0.01, "or the test could not fail"
        assert scored["warnings"] == without["warnings"] == []


def test_conditions_are_told_apart(corpus, models):
    """Each kind of condition gives other bits, in the engine and in the forward pass of a model without one."""
    kinds = ["nothing", "speaker", "wrong-speaker", "frames", "speaker+frames", "wrong-speaker+frames"]
    bits = {kind: score(models["both"], corpus.path, given=kind)["bits_per_sample"] for kind in kinds}
    for one, other in itertools.combinations(kinds, 2):
        assert abs(bits[one] - bits[other]) > 1e-3, (one, other)


def test_a_wrong_speaker_is_another_one_the_same_each_time(corpus, models):
    model = models["voices"].data()
    takes = Giver(model, Kind.parsed("wrong-speaker")).takes(corpus, corpus.recordings)
    named = [take.given().speaker for take in takes]
    assert all(name in voices.SPEAKERS for name in named)
    assert not [1 for name, recording in zip(named, corpus.recordings, strict=True) if name == recording.speaker]
    assert len({(r.speaker, name) for r, name in zip(corpus.recordings, named, strict=True)}) == 6, "either wrong one"
    again = Giver(model, Kind.parsed("wrong-speaker")).takes(corpus, list(corpus.recordings)[7:9])
    assert [take.given().speaker for take in again] == named[7:9]


def test_a_named_speaker_is_that_of_all_recordings(corpus, models, tmp_path):
    model = models["voices"]
    scored = score(model, corpus.path, speaker="ben")
    assert scored["condition"] == "speaker ben"
    assert scored["bits_per_sample"] == pytest.approx(exact_bits(model, corpus, lambda *_: Given("ben")), abs=2e-5)
    audio_files.write(tmp_path / "a.wav", workspace.wander(500, 3), 8000)
    named, unknown = (score(model, tmp_path / "a.wav", speaker=name) for name in ("ben", None))
    assert (named["condition"], unknown["condition"]) == ("speaker ben", None)
    assert abs(named["bits_per_sample"] - unknown["bits_per_sample"]) > 0.01
    assert named["warnings"] == unknown["warnings"]
    assert not any("unknown ones" in line for line in named["warnings"]), "it is unknown since nobody names it"


def test_speakers_that_a_model_does_not_know_are_counted(corpus, models):
    stranger = sensitive_models.conditioned({"name": "gru", "hidden_size": 7}, {"speakers": ["anna", "dora"]})
    stranger.metadata = models["voices"].metadata
    test = corpus.split("test")
    strangers = sum(recording.speaker != "anna" for recording in test)
    assert 0 < strangers < len(test)
    scored = score(stranger, corpus.path)
    said = f"{strangers} of {len(test)} recordings are of speakers that it does not know; scored as of unknown ones"
    assert scored["warnings"] == [f"the model: {said}"]
    assert scored["condition"] == "speaker"
    nobody = sensitive_models.conditioned({"name": "gru", "hidden_size": 7}, {"speakers": ["dora", "emil"]})
    nobody.metadata = models["voices"].metadata
    scored = score(nobody, corpus.path)
    assert scored["condition"] is None
    assert "the model: all recordings are of speakers that it does not know" in scored["warnings"][0]
    result = compare({"nobody": nobody}, corpus)
    assert [(row["name"], row["condition"]) for row in result["rows"] if row["model"]] == [
        ("nobody given nothing", None)
    ]
    assert any(line.startswith("nobody: all recordings are of speakers") for line in result["warnings"])
    with pytest.raises(UserError, match="nobody knows none of the speakers of these recordings; leave speaker out"):
        compare({"nobody": nobody}, corpus, given=["speaker"])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"speaker": "bin"}, "`speaker` 'bin' is not one of the model's; did you mean ben?"),
        ({"given": "frames"}, "the model takes speaker, not frames"),
        ({"given": "speaker", "file": True}, "name the `speaker`"),
        ({"given": "wrong-speaker", "file": True}, "is for corpora, which say who speaks; name"),
        ({"given": "nothing", "speaker": "ben"}, "contradict each other"),
    ],
)
def test_score_says_which_condition_cannot_be(how, said, models, corpus, tmp_path):
    audio_files.write(tmp_path / "a.wav", workspace.wander(500, 3), 8000)
    file = tmp_path / "a.wav" if how.pop("file", False) else corpus.path
    with pytest.raises(UserError) as error:
        score(models["voices"], file, **how)
    assert said in str(error.value)


def test_rows_with_conditions_stand_apart(corpus, models):
    plain = small_models.mu_law_model(name="gru", hidden_size=5)
    result = compare({"plain": plain, **models}, corpus)
    found = [(row["name"], row["model"], row["given"], row["condition"]) for row in result["rows"]]
    assert {*found[:2]} == {("plain", "plain", "nothing", None), ("FLAC", None, None, None)}
    assert found[2:] == [
        ("voices given speaker", "voices", "speaker", "speaker"),
        ("vocoder given mel", "vocoder", "frames", MEL),
        ("both given speaker, mel", "both", "speaker+frames", f"speaker, {MEL}"),
    ]
    assert [(each["a"], each["b"]) for each in result["differences"]] == [("plain", "FLAC")]
    text = comparison_text(result)
    assert f"\ngiven {MEL} " in text
    assert "given mel" in page(result).replace("\n", " ")
    by_name = {row["name"]: row["bits_per_sample"] for row in result["rows"]}
    assert by_name["both given speaker, mel"] == score(models["both"], corpus.path)["bits_per_sample"]


def test_what_a_condition_is_worth_is_paired_on_the_same_model(corpus, models):
    result = compare({"voices": models["voices"]}, corpus, given=["speaker", "nothing", "wrong-speaker"])
    assert list(parts(result)) == [None, "speaker", "wrong speaker"]
    by_name = {row["name"]: row for row in result["rows"]}
    assert {*by_name} == {"FLAC", "voices given nothing", "voices given speaker", "voices given wrong speaker"}
    assert by_name["voices given nothing"]["condition"] is None, "which is ranked with all others"
    differences = {(each["a"], each["b"]): each for each in result["differences"]}
    base = "voices given nothing"
    assert {*differences} == {(base, "FLAC"), ("voices given speaker", base), ("voices given wrong speaker", base)}
    for name in ("voices given speaker", "voices given wrong speaker"):
        worth = by_name[name]["bits_per_sample"] - by_name[base]["bits_per_sample"]
        assert differences[name, base]["bits_per_sample"] == pytest.approx(worth, abs=1e-5)
        low, high = differences[name, base]["low"], differences[name, base]["high"]
        assert low is not None
        assert high is not None
        assert low < high


@pytest.mark.parametrize(("given", "alike"), [("speaker", False), ("frames", False), ("nothing", True)])
def test_bits_given_a_condition_are_not_held_against_those_of_flac(corpus, models, given, alike):
    scored = score(models["both"], corpus.path, given=given, window=0.05)
    for row in (scored, *scored["files"]):
        assert row["flac_bits_per_sample"] > 0
        expected = round(row["bits_per_sample"] - row["flac_bits_per_sample"], 6) if alike else None
        assert row["above_flac"] == pytest.approx(expected, abs=2e-6)
    assert all(("surprisal_above_flac" in row) == alike for row in scored["files"])
    text, (head, *rows) = score_text(scored, curves=True), csv.reader(io.StringIO(score_csv(scored)))
    assert ("above FLAC" in text) == ("above FLAC's" in text) == ("above_flac" in head) == alike
    assert "FLAC" in text
    assert {len(row) for row in rows} == {len(head)} == {5}


def test_against_a_row_with_a_condition_come_those_that_have_one_or_are_of_its_model(corpus, models):
    plain = small_models.mu_law_model(name="gru", hidden_size=5)
    given = ["speaker", "nothing", "frames"]
    how = {"given": given, "against": "BOTH given SPEAKER"}
    result = compare({"plain": plain, "voices": models["voices"], "both": models["both"]}, corpus, **how)
    base = "both given speaker"
    less = {each["a"] for each in result["differences"]}
    assert {each["b"] for each in result["differences"]} == {base}
    assert less == {"voices given speaker", "both given mel", "both given nothing"}


@pytest.mark.parametrize(("name", "row"), [("voices", "voices given speaker"), ("VOCODER", "vocoder given mel")])
def test_against_a_model_is_against_its_only_row(corpus, models, name, row):
    result = compare({each: models[each] for each in ("voices", "vocoder")}, corpus, against=name)
    assert {each["b"] for each in result["differences"]} == {row}
    assert result == compare({each: models[each] for each in ("voices", "vocoder")}, corpus, against=row) | {
        "seconds": result["seconds"]
    }


def test_against_a_model_with_several_rows_lists_them(corpus, models):
    with pytest.raises(UserError) as error:
        compare({"both": models["both"]}, corpus, given=["speaker", "nothing"], against="Both")
    said = "this model has 2 rows; name one: both given speaker, both given nothing"
    assert str(error.value) == f"`against='Both'`: {said}"
    assert error.value.parameters == ("against",)


def test_equally_conditioned_models_are_subtracted(corpus, models):
    other = voices.model("voices", corpus, {"name": "markov", "order": 3, "hidden_sizes": [4]})
    result = compare({"one": models["voices"], "two": other}, corpus)
    conditioned = [row["name"] for row in result["rows"] if row["condition"] == "speaker"]
    assert sorted(conditioned) == ["one given speaker", "two given speaker"]
    bits = [row["bits_per_sample"] for row in result["rows"] if row["condition"] == "speaker"]
    assert bits == sorted(bits)
    assert [(each["a"], each["b"]) for each in result["differences"]] == [tuple(reversed(conditioned))]


def test_conditions_that_no_model_takes_are_refused(corpus, models):
    plain = small_models.mu_law_model(name="gru", hidden_size=5)
    with pytest.raises(UserError, match="`given='frames'`: no model here takes that"):
        compare({"voices": models["voices"]}, corpus, given=["speaker", "frames"])
    with pytest.raises(UserError, match="vocoder takes frames, not speaker; give it `given='frames'`"):
        compare({"voices": models["voices"], "vocoder": models["vocoder"]}, corpus, given=["speaker"])
    with pytest.raises(UserError, match="`given='speaker'`: no model here takes that"):
        compare({"plain": plain}, corpus, given=["speaker"])
    with pytest.raises(UserError, match="no such condition as 'voice'"):
        compare({"voices": models["voices"]}, corpus, given=["voice"])
    with pytest.raises(UserError, match="voices given speaker: two rows have this name"):
        compare({"voices given speaker": plain, "voices": models["voices"]}, corpus)


def test_a_condition_that_is_asked_for_in_two_orders_has_one_row(corpus, models):
    result = compare({"both": models["both"]}, corpus, given=["speaker+frames", "frames+speaker"])
    assert [row["given"] for row in result["rows"] if row["model"] == "both"] == ["speaker+frames"]


def test_the_proof_of_a_row_is_given_what_the_row_is(corpus, models):
    result = compare({"both": models["both"]}, corpus, given=["speaker+frames", "nothing"], proof=True)
    for row in result["rows"]:
        if row["model"] is None:
            continue
        size = row.get("compressed_bits_per_sample")
        assert size is not None
        assert row["bits_per_sample"] < size < row["bits_per_sample"] * 1.001 + 8 * 130 / 700


def test_an_engine_and_the_forward_pass_agree(corpus):
    """NADE has no C++ engine: its rows come of the module itself."""
    model = voices.model("both", corpus, {"name": "nade", "frame_size": 5, "hidden_size": 6})
    expected = exact_bits(model, corpus, lambda r, pcm: Given(r.speaker, frames_of(model.data(), pcm)))
    result = compare({"nade": model}, corpus)
    (row,) = [row for row in result["rows"] if row["model"]]
    assert row["bits_per_sample"] == pytest.approx(expected, abs=1e-4)
    assert score(model, corpus.path, engine="torch")["bits_per_sample"] == pytest.approx(expected, abs=1e-4)


def test_frames_are_computed_of_a_resampled_recording(models, tmp_path):
    sound = workspace.wander(1600, 3)
    audio_files.write(tmp_path / "a.wav", np.repeat(sound, 2), 16000)
    scored = score(models["vocoder"], tmp_path / "a.wav", resample=True)
    pcm = audio_files.read(tmp_path / "a.wav", 8000).pcm
    told = Given(None, frames_of(models["vocoder"].data(), pcm))
    exact = -sensitive_models.teacher_forced(models["vocoder"], pcm[None], [told]).mean()
    assert scored["bits_per_sample"] == pytest.approx(exact, abs=2e-5)


@pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")
def test_the_cost_of_rounding_is_that_given_all_conditions(corpus, models, tmp_path):
    result = quantize(models["both"], corpus, tmp_path / "small.safetensors", precision="int8", max_cost=1000)
    assert result["condition"] == f"speaker, {MEL}"
    exact = compare({"both": models["both"]}, corpus, split="validation")["rows"][-1]
    assert exact["condition"] == result["condition"]
    assert result["float32"]["bits_per_sample"] == exact["bits_per_sample"]
