"""Speakers and frames on the command line: every command names its condition, or refuses it in one line."""

import csv
import filecmp
import json
from pathlib import Path

import numpy as np
import pytest
import voices
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.engine import native

compressing = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")
MEL = "mel (hifigan, 5 bands of 0 to 4000 Hz, hop 64)"


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conditions")
    voices.furnish(folder)
    workspace.furnish(folder)
    return folder


@pytest.fixture(autouse=True)
def inside(furnished, monkeypatch):
    monkeypatch.chdir(furnished)


def ran(capsys, *argv):
    """What a command that is to do well printed as JSON."""
    capsys.readouterr()
    assert main([*map(str, argv), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys, *argv):
    """The one line of a command that refuses."""
    capsys.readouterr()
    assert main(list(map(str, argv))) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if not line.startswith("wavegen: warning")]
    return line.removeprefix("wavegen: ")


def test_generate_as_a_speaker(capsys, tmp_path):
    drawn = {}
    for who in ("anna", "ben"):
        out = tmp_path / f"{who}.wav"
        result = ran(capsys, "generate", "voices", out, "--seconds", 0.03, "--speaker", who)
        assert result["condition"] == f"speaker {who}"
        drawn[who] = audio_files.read(out).pcm
        scored = ran(capsys, "score", "voices", out, "--speaker", who)
        assert scored["bits_per_sample"] == result["files"][0]["bits_per_sample"], "what it was drawn by"
        assert scored["condition"] == f"speaker {who}"
    assert (drawn["anna"] != drawn["ben"]).any()
    assert ran(capsys, "generate", "voices", tmp_path / "c.wav", "--seconds", 0.03)["condition"] is None
    assert main(["generate", "voices", str(tmp_path / "d.wav"), "--seconds", "0.03", "--speaker", "ben"]) == 0
    assert "bits/sample given speaker ben" in capsys.readouterr().out


def test_generate_without_frames_says_so(capsys, tmp_path):
    result = ran(capsys, "generate", "vocoder", tmp_path / "a.wav", "--seconds", 0.03)
    said = "vocoder: is conditioned on frames, and was given none; `wavegen vocode` speaks them"
    assert result["warnings"] == [said]
    assert result["condition"] is None


def test_vocode_a_recording_again_and_a_folder(capsys, tmp_path):
    result = ran(capsys, "vocode", "both", "a.wav", tmp_path / "a.wav", "--speaker", "cleo", "--seed", 5)
    assert result["condition"] == f"speaker cleo, {MEL}"
    assert result["seed"] == 5
    (file,) = result["files"]
    assert file["samples"] == len(audio_files.read(tmp_path / "a.wav").pcm) == len(audio_files.read("a.wav").pcm)
    assert (file["file"], file["source"]) == (str(tmp_path / "a.wav"), "a.wav")
    result = ran(capsys, "vocode", "vocoder", "spoken/ben", tmp_path / "many")
    names = {path.name for path in Path("spoken/ben").iterdir()}
    assert {path.name for path in (tmp_path / "many").iterdir()} == names
    assert len(result["files"]) == len(names)
    assert main(["vocode", "vocoder", "b.wav", str(tmp_path / "b.wav")]) == 0
    text = capsys.readouterr().out
    line = refused(capsys, "vocode", "vocoder", "b.wav", tmp_path / "b.wav")
    assert "exists already; name another file, or give --force to replace it" in line
    assert f"bits/sample given {MEL}" in text
    assert "x real time" in text


def test_vocode_spoken_in_one_piece_or_side_by_side(capsys, tmp_path):
    """A file is spoken as it is alone."""
    ran(capsys, "vocode", "vocoder", "a.wav", "b.wav", tmp_path / "two")
    ran(capsys, "vocode", "vocoder", "b.wav", tmp_path / "b.wav", "--threads", 1)
    assert filecmp.cmp(tmp_path / "two" / "b.wav", tmp_path / "b.wav", shallow=False)


def test_score_names_what_it_was_given(capsys, tmp_path):
    result = ran(capsys, "score", "both", "voices-corpus")
    assert result["condition"] == f"speaker, {MEL}"
    frames_alone = ran(capsys, "score", "both", "voices-corpus", "--given", "frames")
    assert frames_alone["condition"] == MEL
    assert frames_alone["bits_per_sample"] != result["bits_per_sample"]
    assert main(["score", "voices", "a.wav", "--speaker", "anna", "--csv", str(tmp_path / "a.csv")]) == 0
    assert "bits/sample given speaker anna" in capsys.readouterr().out
    rows = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert rows.fieldnames == ["file", "start_seconds", "bits_per_sample", "flac_bits_per_sample", "condition"]
    assert {row["condition"] for row in rows} == {"speaker anna"}
    assert main(["score", "voices", "a.wav", "--csv", str(tmp_path / "b.csv")]) == 0
    assert "condition" not in (tmp_path / "b.csv").read_text()


def test_compare_writes_a_page_that_names_conditions(capsys, tmp_path):
    html = tmp_path / "report.html"
    argv = ["compare", "X=voices", "both", "--corpus", "voices-corpus", "--html", str(html)]
    for words in ("speaker", "nothing", "wrong-speaker", "speaker+frames"):
        argv += ["--given", words]
    for baseline in ("WavPack -hhx6", "adaptive coder", "training histogram"):
        argv += ["--without", baseline]
    assert main(argv) == 0
    text = capsys.readouterr().out
    for expected in (
        "\ngiven speaker ",
        "\ngiven wrong speaker ",
        f"\ngiven speaker, {MEL}",
        "less X given nothing, paired over files",
        "X given wrong speaker  ",
    ):
        assert expected in text, expected
    page = html.read_text(encoding="utf-8")
    assert "given wrong speaker" in page
    assert "Spoken by both given" in page or "Drawn by X given" in page


def test_features_of_a_speaker(capsys, tmp_path):
    found = {}
    for name, how in {"own": [], "ben": ["--speaker", "ben"], "none": ["--given", "nothing"]}.items():
        result = ran(capsys, "features", "voices", "voices-corpus", tmp_path / f"{name}.npz", *how)
        found[name] = np.load(tmp_path / f"{name}.npz")
        assert result["condition"] == {"own": "speaker", "ben": "speaker ben", "none": None}[name]
    of_ben = found["own"]["speaker"] == "ben"
    same = np.isclose(found["own"]["features"], found["ben"]["features"], atol=1e-5).all(axis=1)
    np.testing.assert_array_equal(same, of_ben)
    assert not np.isclose(found["own"]["features"], found["none"]["features"], atol=1e-5).all(axis=1).any()
    result = ran(capsys, "features", "vocoder", "a.wav", tmp_path / "mel.npz")
    assert result["condition"] == MEL


@compressing
def test_compress_with_a_speaker_and_restore_without_being_told(capsys, tmp_path):
    small, back = tmp_path / "a.wgn", tmp_path / "a.wav"
    result = ran(capsys, "compress", "voices", "a.wav", small, "--speaker", "cleo")
    assert result["condition"] == "speaker cleo"
    ran(capsys, "decompress", "voices", small, back)
    assert filecmp.cmp("a.wav", back, shallow=False)
    assert main(["compress", "voices", "a.wav", str(tmp_path / "b.wgn"), "--speaker", "cleo"]) == 0
    assert "the model's claim given speaker cleo" in capsys.readouterr().out


@compressing
def test_compress_says_that_frames_must_be_given(capsys, tmp_path):
    line = refused(capsys, "compress", "vocoder", "a.wav", tmp_path / "a.wgn")
    said = "give files of them with --frames, or --given nothing to do without"
    assert line.endswith(said)
    assert not (tmp_path / "a.wgn").exists()
    assert ran(capsys, "compress", "vocoder", "a.wav", tmp_path / "a.wgn", "--given", "nothing")["condition"] is None
    ran(capsys, "decompress", "vocoder", tmp_path / "a.wgn", tmp_path / "a.wav")
    assert filecmp.cmp("a.wav", tmp_path / "a.wav", shallow=False)


@compressing
def test_compress_names_the_file_that_has_no_frames_or_two_of_them(capsys, tmp_path):
    given, out = tmp_path / "given", tmp_path / "out"
    given.mkdir()
    out.mkdir()
    command = ("compress", "vocoder", "a.wav", "b.wav", out, "--frames", given)
    sizes = {"hop": 64, "n-fft": 256, "win-length": 256, "bands": 5, "fmin": 0, "fmax": 4000}
    mel = ("--convention", "hifigan", *(word for name, size in sizes.items() for word in (f"--{name}", size)))
    ran(capsys, "mel", "a.wav", given / "a.npy", *mel)
    assert refused(capsys, *command) == f"{given}: has no frames of b.wav; their file would be b.npy or another"
    ran(capsys, "mel", "b.wav", given / "b.npy", *mel)
    ran(capsys, "mel", "b.wav", given / "b.npz", *mel)
    assert refused(capsys, *command) == f"{given}: has b.npy, b.npz for b.wav; keep one"
    (given / "b.npz").unlink()
    assert ran(capsys, *command)["condition"] == MEL
    assert refused(capsys, "decompress", "vocoder", out / "b.wgn", tmp_path / "b.wav", "--frames", given / "a.npy")


@pytest.mark.parametrize("flag", ["--convention hifigan", "--statistics stats.npy"])
def test_vocode_says_that_recordings_need_no_convention(flag, capsys, tmp_path):
    np.save(tmp_path / "stats.npy", np.ones((2, 5)))
    words = flag.replace("stats.npy", str(tmp_path / "stats.npy")).split()
    line = refused(capsys, "vocode", "vocoder", "a.wav", tmp_path / "new.wav", *words)
    assert line == f"{words[0]} is of files of features, and there is none; leave it out"
    assert not (tmp_path / "new.wav").exists()


def test_vocode_names_recordings_that_it_passes_over(capsys, tmp_path):
    """Of a folder with files of features only these are spoken, which was not said."""
    (tmp_path / "in/below").mkdir(parents=True)
    for name in ("one.wav", "below/two.wav", "a.wav"):
        (tmp_path / "in" / name).write_bytes(Path("a.wav").read_bytes())
    first = ran(capsys, "vocode", "vocoder", tmp_path / "in", tmp_path / "first")
    assert not any("passed over" in warning for warning in first["warnings"])
    np.save(tmp_path / "in/a.npy", np.full((5, 20), -5, np.float32) + np.random.default_rng(0).normal(size=20))
    result = ran(capsys, "vocode", "vocoder", tmp_path / "in", tmp_path / "second")
    passed = f"2 recordings passed over, as {tmp_path / 'in/below/two.wav'}, since there are files of features"
    assert f"{tmp_path / 'in'}: {passed}; name recordings to speak them" in result["warnings"]
    assert len(result["files"]) == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("generate voices new.wav --speaker anne", "--speaker 'anne' is not one of the model's; did you mean anna?"),
        ("generate gru new.wav --speaker anna", "the model is not conditioned on speakers; leave --speaker out"),
        ("vocode gru a.wav new.wav", "the model is not conditioned on frames, so that it is no vocoder"),
        ("vocode voices a.wav new.wav", "the model is not conditioned on frames, so that it is no vocoder"),
        ("vocode both a.wav new.wav --speaker anne", "--speaker 'anne' is not one of the model's; did you mean anna?"),
        ("vocode vocoder a.wav new.mp3", "new.mp3: what is written is WAV; name it new.wav"),
        ("vocode vocoder a.wav b.wav new.wav", "new.wav: several recordings go into a folder; name one"),
        ("vocode vocoder absent.wav new.wav", "absent.wav: cannot be read: No such file"),
        ("vocode vocoder 16k.wav new.wav", "16k.wav: 16000 Hz, the model was trained at 8000 Hz; give --resample to"),
        ("score gru a.wav --speaker anna", "the model is not conditioned on speakers; leave --speaker out"),
        ("score voices a.wav --speaker anne", "--speaker 'anne' is not one of the model's; did you mean anna?"),
        ("score gru a.wav --given frames", "the model takes nothing, not frames; give it --given nothing"),
        (
            "score voices a.wav --given speaker",
            "--given speaker is for corpora, which say who speaks; name the --speaker",
        ),
        ("score voices a.wav --given voice", "--given voice: no such condition as 'voice'"),
        ("features gru a.wav new.npz --speaker anna", "the model is not conditioned on speakers"),
        ("compare gru --corpus corpus --given speaker", "--given speaker: no model here takes that; leave it out"),
        (
            "compress voices a.wav new.wgn --speaker x",
            "--speaker 'x' is not one of the model's; known: anna, ben, cleo",
        ),
        ("compress voices a.wav new.wgn --given speaker", "name the --speaker"),
        ("compress gru a.wav new.wgn --speaker anna", "the model is not conditioned on speakers; leave --speaker out"),
    ],
)
def test_one_line_says_what_cannot_be(argv, said, capsys):
    if argv.startswith("compress") and native.missing() is not None:
        pytest.skip("the extension is not built")
    before = workspace.tree(Path())
    assert said in refused(capsys, *argv.split())
    assert workspace.tree(Path()) == before


def test_info_shows_what_a_model_is_conditioned_on(capsys):
    about = ran(capsys, "info", "both")
    assert about["conditioning"]["speakers"] == ["anna", "ben", "cleo"]
    assert about["conditioning"]["mel"] == "hifigan"
    assert (about["speaker_rows"], about["frame_ms"], about["look_ahead_ms"]) == (4, 8.0, 16.0)
    assert "speaker_rows" not in ran(capsys, "info", "vocoder")
    assert "frame_ms" not in ran(capsys, "info", "voices")
    assert not {"speaker_rows", "frame_ms"} & ran(capsys, "info", "gru").keys()
