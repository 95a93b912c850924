"""Commands warn of recordings that are far from all that a model was trained on."""

import shutil

import numpy as np
import pytest
import small_models
import small_trainings
from warnings_of_commands import paths, run, warned

from wavegen.audio import files as audio_files
from wavegen.audio.wav import plain_header
from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.picture_files import write_tiles
from wavegen.models import checkpoint
from wavegen.models.familiarity import AboveFlac, far_above_flac
from wavegen.models.forms import PictureForm

RECIPE = small_trainings.recipe("gru", steps=2, validate_every=2)


def far(name: str, offset: int = 0, gain: float = 1.0) -> str:
    """A test recording with an offset and a gain, written to `name`."""
    pcm = audio_files.read(paths("test")[0]).pcm * gain + offset
    audio_files.write(name, np.clip(np.rint(pcm), -32768, 32767).astype(np.int16), 8000)
    return name


def test_score_says_what_is_far_from_the_training_recordings(folder, capsys):
    (warning,) = warned(capsys, "score", "run", far("dc.wav", -640), paths("test")[0])
    assert warning.startswith("dc.wav (-6")
    assert "codes): outside the training recordings' DC" in warning
    warnings = warned(capsys, "score", "run", far("loud.wav", gain=10.0), far("dc.wav", 640))
    assert ["DC" in warning for warning in warnings].count(True) == 1
    assert any(warning.startswith("loud.wav (") and "level (RMS)" in warning for warning in warnings)
    many = [far(f"{number}.wav", -640 - number) for number in range(5)]
    (warning,) = warned(capsys, "score", "run", *many)
    assert " and 2 more: outside" in warning


def test_an_offset_that_changes_its_sign_is_far_and_is_said_once(folder, capsys):
    audio_files.write("turns.wav", np.repeat(np.array([640, -640, 640, -640], np.int16), 8000), 8000)
    told = [line for line in run(capsys, "score", "run", "turns.wav")["warnings"] if "DC" in line]
    assert len(told) == 1
    assert "turns.wav (640 codes): outside the training recordings' DC" in told[0]


@pytest.mark.parametrize(
    "command",
    ["compress run dc.wav dc.wgn", "features run dc.wav f.npz", "generate run o.wav --prime dc.wav --seconds 0.01"],
)
def test_the_other_commands_say_it_too(command, folder, capsys):
    far("dc.wav", -640)
    assert "dc.wav (-6" in warned(capsys, *command.split())[0]
    far("dc.wav")
    again = command.replace("dc.wgn", "again.wgn").replace("f.npz", "g.npz").replace("o.wav", "p.wav")
    assert warned(capsys, *again.split()) == []


def test_compare_says_it_of_a_model_that_belongs_to_no_corpus(folder, capsys):
    model = checkpoint.load("run")
    checkpoint.save(model, "bundled.safetensors", {**model.metadata, "corpus_fingerprint": None})
    result = run(capsys, "compare", "bundled.safetensors", "--corpus", "other-corpus", "--without", "adaptive coder")
    assert any(warning.startswith("bundled: ") and "outside the training" in warning for warning in result["warnings"])
    result = run(capsys, "compare", "run", "--corpus", "corpus", "--without", "adaptive coder")
    assert not any("outside" in warning for warning in result["warnings"])


def test_a_model_without_figures_is_judged_by_its_bits():
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    rows: list[AboveFlac] = [
        {"file": f"{number}.wav", "above_flac": excess} for number, excess in enumerate([0.9, 1.1, -2.0, 12.0])
    ]
    (line,) = far_above_flac(model, rows)
    assert line.startswith("1.wav (+1.1), 3.wav (+12.0): over 1 bit per sample above FLAC")
    assert far_above_flac(model, rows[:1]) == []
    model.metadata = {"training_ranges": "known"}
    assert far_above_flac(model, rows) == []


def test_features_of_a_folder_with_a_file_that_is_none(folder, capsys):
    (folder / "speech/bad.wav").write_text("no audio")
    result = run(capsys, "features", "run", "speech", "f.npz")
    assert result["recordings"] == 30
    assert [one["file"] for one in result["refused"]] == ["speech/bad.wav"]
    assert "speech: 1 of its 31 files left out; speech/bad.wav: is text, not an audio file" in result["warnings"][0]
    assert main(["features", "run", "speech/bad.wav", "g.npz"]) == 2


PICTURES = """
[density]
name = "pictures"
[network]
name = "nade"
hidden_size = 4
[training]
steps = 2
batch_size = 4
threads = 1
"""


def test_pictures(tmp_path, monkeypatch, capsys):
    """Of a model of digits its own ones, inverted ones, and a file that is no picture."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.toml").write_text(PICTURES)
    assert main(["prepare", "digits", "corpus"]) == 0
    assert main(["train", "r.toml", "--corpus", "corpus", "--run", "run"]) == 0
    corpus = open_corpus("corpus")
    grid = corpus.form
    assert isinstance(grid, PictureForm)
    (tmp_path / "png").mkdir()
    train_pictures = np.stack(list(corpus.pcms("train")[:3])).reshape(3, *grid.shape)
    write_tiles(tmp_path / "png/a.png", train_pictures[:1], grid.levels)
    write_tiles(tmp_path / "png/b.png", train_pictures[1:2], grid.levels)
    (tmp_path / "png/c.png").write_text("no picture")
    capsys.readouterr()
    result = run(capsys, "score", "run", "png")
    assert result["pictures"] == 2
    assert [one["file"] for one in result["refused"]] == ["png/c.png"]
    left_out, seen = result["warnings"]
    assert "1 of its 3 files left out; png/c.png" in left_out
    assert seen.startswith("this model was trained on 2 of these 2 pictures: png/a.png, png/b.png;")
    assert main(["score", "run", "png/c.png"]) == 2
    capsys.readouterr()
    write_tiles(tmp_path / "inverted.png", grid.levels - 1 - train_pictures[:1], grid.levels)
    warnings = warned(capsys, "score", "run", "inverted.png")
    assert any("outside the training recordings' mean level" in warning for warning in warnings)
    assert warned(capsys, "score", "run", "corpus") == []


@pytest.mark.parametrize("kind", ["folder", "file", "corpus"])
def test_what_hides_a_bundled_model_is_said(kind, folder, capsys):
    if kind == "folder":
        (folder / "allison").mkdir()
    elif kind == "file":
        (folder / "allison").write_text("notes")
    else:
        shutil.copytree("corpus", "allison")
    assert main(["score", "allison", paths("test")[0]]) == 2
    error = capsys.readouterr().err
    assert (
        f"this {'file' if kind == 'file' else 'folder'} hides the bundled model allison: rename it, or give /" in error
    )
    bundled = error.split(" or give ")[1].strip()
    assert main(["score", bundled, paths("test")[0]]) == 0


def facts(capsys, name: str, *words: object) -> list[str]:
    """The warnings that name a file, but for that of its channels."""
    return [one for one in run(capsys, *words)["warnings"] if name in one and "channels" not in one]


@pytest.mark.parametrize(("name", "offset", "gain"), [("dc.wav", 640, 1), ("quiet.wav", 0, 0.004), ("none.wav", 0, 0)])
def test_a_fact_is_said_once(folder, capsys, name, offset, gain):
    far(name, offset, gain)
    for command in (["score", "run", name], ["features", "run", name, "a.npz"], ["compress", "run", name, "a.wgn"]):
        (warning,) = facts(capsys, name, *command)
        assert "outside the training recordings'" in warning
    (warning,) = facts(capsys, name, "generate", "run", "b.wav", "--prime", name, "--seconds", 0.01)
    assert gain or f"{name} (silence): outside" in warning


def test_what_one_file_alone_has_is_said_of_the_others(folder, capsys):
    """Two have an offset, of one of which the other line tells."""
    far("far.wav", 640)
    pcm = audio_files.read(paths("test")[0]).pcm
    audio_files.write("near.wav", (pcm // 64 + 20).astype(np.int16), 8000)
    offsets = [one for one in run(capsys, "score", "run", "far.wav", "near.wav")["warnings"] if "DC" in one]
    assert len(offsets) == 2
    assert [("far.wav" in one, "near.wav" in one) for one in offsets] == [(False, True), (True, False)]


@pytest.mark.parametrize("channels", ["empty", "cancelling"])
def test_compress_takes_the_channels_that_score_takes(folder, capsys, channels):
    pcm = audio_files.read(paths("train")[0]).pcm
    other = np.zeros_like(pcm) if channels == "empty" else -pcm // 2
    stereo = np.stack([pcm, other], axis=1).astype("<i2").tobytes()
    (folder / "two.wav").write_bytes(plain_header(8000, 2, len(pcm)) + stereo)
    expected = ["two.wav: this model was trained on it; a new recording costs more bits"]
    assert warned(capsys, "score", "run", "two.wav") == expected
    assert warned(capsys, "compress", "run", "two.wav", "two.wgn") == expected
