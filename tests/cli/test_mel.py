"""`wavegen mel` writes a toolkit's file for a recording, or for each of a folder."""

import json
import signal
from typing import Any

import mel_definitions
import numpy as np
import pytest
import soundfile
import workspace
from mel_definitions import Sizes

import wavegen
from wavegen.audio import files as audio_files
from wavegen.audio.spectral.files import read_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.pitch import log_f0
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.cli.main import main

SIZES = Sizes(8000, 64, 256, 256, 20, 80, 3900)
IN_PYTHON: dict[str, Any] = {"hop": 64, "n_fft": 256, "win_length": 256, "bands": 20, "fmin": 80, "fmax": 3900}
FLAGS = "--hop 64 --n-fft 256 --win-length 256 --bands 20 --fmin 80 --fmax 3900"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """rec/one.wav, rec/deep/two.flac of another coding, and nothing else; the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rec" / "deep").mkdir(parents=True)
    audio_files.write(tmp_path / "rec" / "one.wav", workspace.wander(3000, 1), 8000)
    soundfile.write(tmp_path / "rec" / "deep" / "two.flac", workspace.wander(2000, 2), 8000)
    return tmp_path


def run(command: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> tuple[str, list[str]]:
    """What the command printed, and its lines on stderr."""
    assert main(["mel", *command.split()]) == code
    out, err = capsys.readouterr()
    return out, err.splitlines()


@pytest.mark.parametrize("convention", [*CONVENTIONS, "espnet"])
def test_the_file_is_the_toolkits(folder, convention, capsys):
    out, lines = run(f"rec/one.wav a.npy --convention {convention} {FLAGS}", capsys)
    name = convention.replace("espnet", "parallel-wavegan")
    expected = mel_definitions.FILES[name](workspace.wander(3000, 1), SIZES)
    np.testing.assert_allclose(np.load("a.npy"), expected, atol=1e-3)
    number = len(expected) if name in ("parallel-wavegan", "r9y9") else expected.shape[1]
    sizes = "20 bands from 80 to 3900 Hz, one each 64 samples at 8000 Hz"
    assert out == f"a.npy: {number} frames of {name}, {sizes}, n_fft 256, window 256\n"
    assert all(line.startswith("wavegen: warning: rec/one.wav: ") for line in lines)
    in_python = wavegen.mel("rec/one.wav", convention, **IN_PYTHON)
    np.testing.assert_array_equal(in_python, np.load("a.npy"))


def test_f0_and_all_settings(folder, capsys):
    out, _ = run(f"rec/one.wav a.npz --convention hifigan --f0 --json {FLAGS}", capsys)
    printed = json.loads(out)
    assert printed["files"] == [{"file": "a.npz", "source": "rec/one.wav", "samples": 3000, "frames": 46}]
    assert printed["settings"]["channels"] == 22
    settings = FrameSettings("hifigan", *SIZES, f0=True)
    np.testing.assert_array_equal(read_frames("a.npz", settings).values, frames(workspace.wander(3000, 1), settings))
    assert wavegen.mel("rec/one.wav", "hifigan", **IN_PYTHON, f0=True).shape == (22, 46)


def test_another_rate_and_statistics(folder, capsys):
    run(f"rec/one.wav a.npy --convention espnet --sample-rate 16000 {FLAGS}", capsys)
    values = np.load("a.npy")
    assert len(values) == 1 + 6000 // 64
    np.save("stats.npy", np.stack([values.mean(axis=0), values.std(axis=0)]))
    run(f"rec/one.wav b.npy --convention espnet --sample-rate 16000 --statistics stats.npy {FLAGS}", capsys)
    np.testing.assert_allclose(np.load("b.npy").std(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(
        wavegen.mel("rec/one.wav", "espnet", sample_rate=16000, **IN_PYTHON, statistics="stats.npy"),
        np.load("b.npy"),
    )


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_folder_becomes_a_folder(folder, capsys, suffix):
    out, _ = run(f"rec new/mels --convention hifigan {FLAGS} {'--npz' * (suffix == 'npz')}", capsys)
    assert out.startswith("new/mels: 2 files: 77 frames of hifigan")
    found = sorted(str(path.relative_to(folder / "new/mels")) for path in (folder / "new/mels").rglob("*.np*"))
    assert found == [f"deep/two.{suffix}", f"one.{suffix}"]
    two = read_frames(f"new/mels/deep/two.{suffix}", FrameSettings("hifigan", *SIZES), samples=2000)
    np.testing.assert_array_equal(two.values, frames(workspace.wander(2000, 2), FrameSettings("hifigan", *SIZES)))
    (folder / "there").mkdir()
    run(f"rec/one.wav there --convention hifigan {FLAGS}", capsys)
    assert (folder / "there" / "one.npy").exists()


def test_what_is_wrong_with_a_folder(folder, capsys):
    (folder / "rec" / "broken.wav").write_bytes(b"RIFF")
    out, lines = run(f"rec mels --convention hifigan --json {FLAGS}", capsys)
    printed = json.loads(out)
    assert [one["file"] for one in printed["refused"]] == ["rec/broken.wav"]
    assert lines == [f"wavegen: warning: {warning}" for warning in printed["warnings"]]
    assert "rec: 1 of its 3 files left out" in printed["warnings"][0]
    assert sorted(path.name for path in (folder / "mels").iterdir()) == ["deep", "one.npy"]
    audio_files.write(folder / "rec" / "fast.wav", workspace.wander(3000, 1), 16000)
    _, lines = run(f"rec other --convention hifigan {FLAGS}", capsys, code=2)
    assert lines == [
        "wavegen: rec: files of different sample rates (2 of 8000 Hz, 1 of 16000 Hz); choose one, as --sample-rate 8000"
    ]
    assert not (folder / "other").exists()
    run(f"rec other --convention hifigan --sample-rate 8000 {FLAGS}", capsys)
    assert np.load("other/fast.npy").shape == (20, 1500 // 64)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rec/one.wav a.wav --convention espnet", "a.wav: what is written is npy; name it a.npy"),
        ("rec/one.wav a.npy --npz --convention espnet", "a.npy: what is written is npz; name it a.npz"),
        ("rec a.npy --convention espnet", "a.npy: the recordings of a folder go into a folder; name one"),
        ("rec rec/one.wav --convention espnet", "rec/one.wav: the recordings of a folder go into a folder; name one"),
        ("rec/one.wav a.npy --convention espne", "'espne' is no convention of mel spectrograms; did you mean espnet?"),
        (
            "rec/one.wav a.npy --convention espnet --fmax 7600",
            "--fmax 7600 is above half of 8000 Hz",
        ),
        (
            "rec/one.wav a.npy --convention espnet --n-fft 64 --win-length 64 --hop 32",
            "give a larger --n-fft or fewer --bands",
        ),
        ("rec/one.wav a.npy --convention espnet --hop 0", "argument --hop: 0 is not a whole number from 1 on"),
        ("rec/one.wav a.npy", "the following arguments are required: --convention"),
        ("none.wav a.npy --convention espnet", "none.wav: "),
        ("rec none/a.npy --convention espnet", "none/a.npy: the recordings of a folder"),
        ("rec /proc/mels --convention espnet", "/proc/mels: cannot be made"),
        ("rec/one.wav a.npy --convention espnet --statistics rec/one.wav", "rec/one.wav: is no file of features"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(folder, capsys, command, said):
    before = workspace.tree(folder)
    _, lines = run(command, capsys, code=2)
    assert len(lines) == 1
    assert said in lines[0]
    assert workspace.tree(folder) == before


def test_a_file_in_the_way_is_kept(folder, capsys):
    (folder / "mels").mkdir()
    (folder / "mels" / "one.npy").write_text("precious")
    _, (line,) = run(f"rec mels --convention hifigan {FLAGS}", capsys, code=2)
    said = "exists already, and is not what would be made of rec/one.wav; name another folder, or give --force"
    assert line == f"wavegen: mels/one.npy: {said} to replace it"
    assert [path.name for path in (folder / "mels").iterdir()] == ["one.npy"]
    run(f"rec mels --convention hifigan --force {FLAGS}", capsys)
    assert np.load("mels/one.npy").shape == (20, 46)
    _, (line,) = run(f"rec/one.wav mels/one.npy --convention hifigan {FLAGS}", capsys, code=2)
    assert line == "wavegen: mels/one.npy: exists already; name another file, or give --force to replace it"


def test_an_interruption_keeps_what_is_whole(folder, capsys, monkeypatch):
    import wavegen.audio.spectral.frames as module

    def interrupted(pcm, settings, in_file):
        if len(pcm) == 3000:  # the second
            signal.raise_signal(signal.SIGINT)
        return frames(pcm, settings, in_file)

    monkeypatch.setattr(module, "frames", interrupted)
    _, (line,) = run(f"rec mels --convention hifigan {FLAGS}", capsys, code=130)
    said = "1 of 2 files written, those are whole and kept; give the same command again to go on"
    assert line == f"wavegen: interrupted: {said}"
    assert sorted(path.name for path in (folder / "mels").rglob("*")) == ["deep", "two.npy"]


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("flags", ["", "--f0", "--npz", "--f0 --npz", "--statistics stats.npy"])
@pytest.mark.parametrize("convention", ["hifigan", "parallel-wavegan"])
def test_the_same_command_again_goes_on(folder, capsys, flags, convention):
    """What is whole stays, and its F0 is not computed again; what cannot be read is warned of as before."""
    np.save("stats.npy", np.stack([np.full(20, -2.0), np.full(20, 3.0)]))
    (folder / "rec" / "broken.wav").write_bytes(b"RIFF")
    again = f"rec mels --convention {convention} {FLAGS} {flags}"
    _, first = run(again, capsys)
    before = contents(folder / "mels")
    (lost,) = (folder / "mels").glob("one.*")
    lost.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wavegen.audio.spectral.frames.log_f0", of_length(3000))
        out, lines = run(f"{again} --json", capsys)
    (kept,) = (folder / "mels" / "deep").iterdir()
    printed = json.loads(out)
    assert printed["skipped"] == [str(kept.relative_to(folder))]
    assert [file["file"] for file in printed["files"]] == [f"mels/{lost.name}"]
    skipped = f"wavegen: 1 of 3 files skipped: what would be written is there, as {kept.relative_to(folder)}"
    assert lines[:2] == [skipped, first[0]]
    assert "1 of its 3 files left out" in first[0]
    after = contents(folder / "mels")
    assert after[kept.name] == before[kept.name]
    assert after[lost.name][0] == before[lost.name][0]
    out, lines = run(again, capsys)
    assert out == "mels: nothing left to do\n"
    assert lines[0].startswith("wavegen: 2 of 3 files skipped")
    assert contents(folder / "mels") == after


def of_length(samples):
    """F0 of recordings of that length alone."""

    def pitch(pcm, settings, span):
        assert len(pcm) == samples
        return log_f0(pcm, settings, span)

    return pitch


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def changed(path):
    values = np.load(path)
    values[3, 5] += 0.1
    np.save(path, values)


@pytest.mark.parametrize("spoil", [cut, changed, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_is_refused_before_the_work(folder, capsys, spoil):
    again = f"rec mels --convention hifigan {FLAGS}"
    run(again, capsys)
    spoil(folder / "mels" / "one.npy")
    (folder / "mels" / "deep" / "two.npy").unlink()
    before = contents(folder / "mels")
    _, (line,) = run(again, capsys, code=2)
    assert line.startswith("wavegen: mels/one.npy: exists already, and is not what would be made of rec/one.wav; name")
    assert contents(folder / "mels") == before


@pytest.mark.parametrize("change", ["input", "--convention tacotron2", "--fmax 3800", "--statistics stats.npy", "--f0"])
@pytest.mark.parametrize("suffix", ["", "--npz"])
def test_what_other_settings_or_another_input_made_is_refused(folder, capsys, change, suffix):
    np.save("stats.npy", np.stack([np.full(20, -2.0), np.full(20, 3.0)]))
    again = f"rec mels --convention hifigan {FLAGS} {suffix}"
    run(again, capsys)
    before = contents(folder / "mels")
    if change == "input":
        audio_files.write(folder / "rec" / "one.wav", workspace.wander(3000, 3), 8000)
    _, (line,) = run(f"{again} {change if change != 'input' else ''}", capsys, code=2)
    assert ": exists already, and is not what would be made of rec/" in line
    assert contents(folder / "mels") == before
