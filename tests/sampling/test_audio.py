"""Recordings drawn from seeds: each its seed's own, with the bits that scoring gives, primed or not."""

import json
from pathlib import Path

import numpy as np
import pytest
import sensitive_models
import small_models

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.evaluation.audio import score
from wavegen.sampling.audio import Draw, Draws, generate, out_paths

MODELS = {
    "gru": small_models.mu_law_model(name="gru", hidden_size=5),
    "nade": small_models.mu_law_model(name="nade", frame_size=4, hidden_size=6),
    "wavenet": small_models.mu_law_model(name="wavenet", **small_models.SETTINGS["wavenet"]),
    "logistics": sensitive_models.combined("logistics"),
}
ENGINES = [("gru", "torch"), ("nade", "torch"), ("wavenet", "torch"), ("wavenet", "cpu"), ("logistics", "cpu")]
PRIME = np.random.default_rng(0).normal(0, 3000, 130).round().astype(np.int16)


@pytest.fixture(autouse=True)
def _needs_the_extension(request):
    if "cpu" in request.node.name and native.missing():
        pytest.skip("the C++ engine is not installed")


@pytest.mark.parametrize(("name", "engine"), ENGINES)
def test_each_recording_is_the_one_its_seed_gives_alone(name, engine):
    together = generate(MODELS[name], 60, seeds=[3, 4, 5], engine=engine)
    assert (together.engine, [draw.seed for draw in together.draws]) == (engine, [3, 4, 5])
    for draw in together.draws:
        (alone,) = generate(MODELS[name], 60, seeds=[draw.seed], engine=engine).draws
        np.testing.assert_array_equal(draw.pcm, alone.pcm)
    assert not np.array_equal(together.draws[0].pcm, together.draws[1].pcm)


@pytest.mark.parametrize("piece", [1, 7, 59, 60])
def test_pieces_do_not_show(monkeypatch, piece):
    whole = generate(MODELS["gru"], 60, seeds=[1, 2], prime=PRIME)
    monkeypatch.setattr("wavegen.sampling.audio.SAMPLES_PER_CALL", piece)
    pieces = generate(MODELS["gru"], 60, seeds=[1, 2], prime=PRIME)
    for one, other in zip(whole.draws, pieces.draws, strict=True):
        np.testing.assert_array_equal(one.pcm, other.pcm)
        np.testing.assert_allclose(one.log2_prob, other.log2_prob, atol=1e-9)


@pytest.mark.parametrize("prime", [None, PRIME])
@pytest.mark.parametrize(("name", "engine"), ENGINES)
def test_score_gives_the_bits_that_generate_gave(name, engine, prime, tmp_path):
    draws = generate(MODELS[name], 90, seeds=[7, 8], prime=prime, engine=engine, temperature=0.8)
    paths = draws.write(tmp_path / "out.wav")
    assert [path.name for path in paths] == ["out-0.wav", "out-1.wav"]
    described = draws.describe(paths)
    scored = score(MODELS[name], paths, engine=engine)
    assert [file["bits_per_sample"] for file in described["files"]] == [
        pytest.approx(file["bits_per_sample"], abs=1e-6) for file in scored["files"]
    ]
    assert [file["samples"] for file in described["files"]] == [file["samples"] for file in scored["files"]]


def test_a_primed_recording_starts_with_its_prime_and_depends_on_it():
    (draw,) = generate(MODELS["gru"], 50, seeds=[1], prime=PRIME).draws
    np.testing.assert_array_equal(draw.pcm[: len(PRIME)], PRIME)
    assert (len(draw.pcm), len(draw.log2_prob)) == (180, 180)
    (other,) = generate(MODELS["gru"], 50, seeds=[1], prime=-PRIME).draws
    assert draw.log2_prob[len(PRIME)] != other.log2_prob[len(PRIME)]


def test_speed_counts_what_was_drawn_of_all_recordings():
    draws = generate(MODELS["gru"], 80, seeds=[0, 1], prime=PRIME)
    assert draws.samples_per_second == pytest.approx(160 / draws.seconds)
    assert draws.real_time_factor == pytest.approx(160 / 8000 / draws.seconds)


def test_the_temperature_is_the_models_own_unless_given():
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    model.metadata = {"temperature": 0.3}
    (own,), (given,), (other,) = (generate(model, 60, seeds=[1], temperature=t).draws for t in (None, 0.3, 1.0))
    np.testing.assert_array_equal(own.pcm, given.pcm)
    assert not np.array_equal(own.pcm, other.pcm)


def test_top_p_is_the_models_own_unless_given():
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    model.metadata = {"top_p": 0.2}
    (own,), (given,), (other,) = (generate(model, 60, seeds=[1], top_p=p).draws for p in (None, 0.2, 1.0))
    np.testing.assert_array_equal(own.pcm, given.pcm)
    assert not np.array_equal(own.pcm, other.pcm)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_samples": 0}, "at least one"),
        ({"num_samples": 2**32}, "at most"),
        ({"seeds": []}, "streams"),
        ({"seeds": [-1]}, "seed -1"),
        ({"seeds": [2**64]}, "seed"),
        ({"temperature": 0}, "temperature 0"),
        ({"top_p": 0}, "top_p 0"),
        ({"top_p": 1.1}, "top_p 1.1"),
        ({"engine": "gpu"}, "gpu"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(UserError, match=words):
        generate(MODELS["gru"], **{"num_samples": 5, **arguments})


def test_outputs_that_cannot_be_are_refused(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    draws = generate(MODELS["gru"], 5)
    for name, words in [("a.mp3", "WAV"), ("absent/a.wav", "no folder"), ("folder.wav", "is a folder")]:
        with pytest.raises(UserError, match=words):
            draws.write(tmp_path / name)
    assert out_paths(tmp_path / "a.wav", 1) == [tmp_path / "a.wav"]


def test_a_written_recording_is_what_was_drawn(tmp_path):
    draws = generate(MODELS["gru"], 40, seeds=[9])
    (path,) = draws.write(tmp_path / "a.wav")
    read = audio_files.read(path)
    np.testing.assert_array_equal(read.pcm, draws.draws[0].pcm)
    assert read.sample_rate == 8000


def drawn(peaks, seconds=2.0, primed=0):
    ramps = [np.linspace(0, peak, round(8000 * seconds)).astype(np.int16) for peak in peaks]
    pcms = [np.concatenate([np.full(primed, 9000, np.int16), ramp]) for ramp in ramps]
    draws = [Draw(seed, pcm, np.full(len(pcm), -1.0)) for seed, pcm in enumerate(pcms)]
    return Draws("cpu", "float32", False, draws, 8000, primed, len(pcms[0]) - primed, 1.0)


@pytest.mark.parametrize("primed", [0, 500])
def test_silence_that_was_drawn_is_said(primed):
    paths = [Path(f"{number}.wav") for number in range(3)]
    (said,) = drawn([3, 900, -127], primed=primed).describe(paths)["warnings"]
    assert said.startswith("0.wav, 2.wav: silence was drawn, with a peak of 127 codes of 32768; draw longer")
    assert drawn([128, 900, -128], primed=primed).warnings(paths) == []
    assert drawn([3, 3, 3], 1.9, primed).warnings(paths) == [], "the pause at the beginning"


@pytest.mark.parametrize("engine", ["cpu"])
def test_the_command_says_it_beside_what_it_says_of_the_prime(engine, tmp_path, capsys):
    prime, out = str(tmp_path / "prime.wav"), str(tmp_path / "o.wav")
    audio_files.write(prime, np.zeros(900, np.int16), 8000)
    assert main(["generate", "allison", out, "--prime", prime, "--seconds", "2", "--temperature", "0.5", "--json"]) == 0
    said = capsys.readouterr()
    assert f"wavegen: warning: {out}: silence was drawn" in said.err
    of_the_prime, of_silence = json.loads(said.out)["warnings"]
    assert of_the_prime == f"{prime}: is digital silence"
    assert of_silence.startswith(f"{out}: silence was drawn")
