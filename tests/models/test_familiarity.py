"""Commands say which recordings a model was trained or validated on."""

import shutil
from pathlib import Path

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
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm
from wavegen.training import train
from wavegen.training.recipe import parse_recipe

RECIPE = small_trainings.recipe("gru", steps=2, validate_every=2)
PICTURES = parse_recipe(
    {
        "density": {"name": "pictures"},
        "network": {"name": "nade", "hidden_size": 5},
        "training": {"steps": 2, "batch_size": 4, "validate_every": 2, "threads": 1},
    },
    "test",
)


def test_score_says_what_a_model_was_trained_and_validated_on(folder, capsys):
    trained, validated, test = map(paths, ("train", "validation", "test"))
    every = len(trained) + len(validated) + len(test)
    all_of_it = len(trained) + len(validated)
    (warning,) = warned(capsys, "score", "run", "speech")
    assert warning.startswith(
        f"this model was trained or validated on {all_of_it} ({len(trained)} and {len(validated)}) of these {every} "
        f"files: {trained[0]}, {trained[1]}, {trained[2]} and {all_of_it - 3} more; "
    )
    assert warned(capsys, "score", "run", *test) == []
    assert warned(capsys, "score", "run", trained[4]) == [
        f"{trained[4]}: this model was trained on it; a new recording costs more bits"
    ]
    (warning,) = warned(capsys, "score", "run", *validated, *test)
    assert warning.startswith(
        f"this model was validated on {len(validated)} of these {len(validated) + len(test)} files"
    )
    assert warned(capsys, "score", "run", "corpus") == []


def test_it_is_the_content_that_counts_and_not_the_name(folder, capsys):
    pcm = audio_files.read(paths("train")[0]).pcm
    audio_files.write(folder / "renamed.wav", pcm, 8000)
    assert "was trained on it" in warned(capsys, "score", "run", "renamed.wav")[0]
    audio_files.write(folder / "changed.wav", np.append(pcm[:-1], pcm[-1] + 1).astype(np.int16), 8000)
    assert warned(capsys, "score", "run", "changed.wav") == []


def test_another_corpus_is_looked_at_recording_by_recording(folder, capsys):
    """The same recordings under other names fall into other splits."""
    shutil.copytree("speech", "again/renamed")
    prepare("again", "again-corpus")
    test = [recording.content_hash for recording in open_corpus("again-corpus").split("test")]
    own = [recording.content_hash for recording in open_corpus("corpus").split("test")]
    known = len(set(test) - set(own))
    assert known > 0
    (warning,) = warned(capsys, "score", "run", "again-corpus")
    assert f"on {known} of these {len(test)} files" in warning or f"on {known} (" in warning
    assert [w for w in warned(capsys, "score", "run", "other-corpus") if "this model was" in w] == []


def test_compress_says_so_too(folder, capsys):
    (folder / "out").mkdir()
    trained, (test, *_) = paths("train"), paths("test")
    (warning,) = warned(capsys, "compress", "run", trained[0], test, "out")
    assert warning.startswith(f"this model was trained on 1 of these 2 files: {trained[0]};")


def test_a_prime_says_so_too(folder, capsys):
    for split, said in (("train", ["trained on it"]), ("validation", ["validated on it"]), ("test", [])):
        prime = paths(split)[0]
        warnings = warned(capsys, "generate", "run", "new.wav", "--prime", prime, "--seconds", 0.01, "--force")
        assert [one.split("this model was ")[1].split(";")[0] for one in warnings] == said
        assert all(one.startswith(f"{prime}: ") for one in warnings)


def test_features_say_so_too_but_for_the_models_own_corpus(folder, capsys):
    trained, (test, *_) = paths("train"), paths("test")
    (warning,) = warned(capsys, "features", "run", trained[0], test, "f.npz", "--force")
    assert warning.startswith(f"this model was trained on 1 of these 2 files: {trained[0]};")
    assert warned(capsys, "features", "run", "corpus", "f.npz", "--force") == []
    shutil.copytree("speech", "again/renamed")
    prepare("again", "again-corpus")
    (warning,) = warned(capsys, "features", "run", "again-corpus", "f.npz", "--force")
    seen = len(trained) + len(paths("validation"))
    assert warning.startswith(f"this model was trained or validated on {seen} (")


def test_pictures_that_a_model_was_trained_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(capsys, "prepare", "digits", "digits")
    corpus = open_corpus("digits")
    train(PICTURES, corpus, "run", progress=False)
    form = corpus.form
    assert isinstance(form, PictureForm)
    for split in ("train", "test"):
        tiles = np.stack([corpus.pcm(one).reshape(form.shape) for one in corpus.split(split)[:2]])
        write_tiles(Path(f"{split}.png"), tiles, form.levels)
    for command in (["generate", "run", "new.png", "-n", 3, "--prime"], ["features", "run"], ["score", "run"]):
        after = ["f.npz", "--force"] if command[0] == "features" else ["--force"] if "-n" in command else []
        (warning,) = warned(capsys, *command, "train.png", *after)
        assert warning.startswith("this model was trained on 2 of these 2 pictures: train.png[0], train.png[1];")
        assert warned(capsys, *command, "test.png", *after) == []


def test_compress_knows_recordings_in_both_channels(folder, capsys):
    pcm = audio_files.read(paths("train")[0]).pcm
    header = plain_header(8000, 2, len(pcm))
    (folder / "both.wav").write_bytes(header + np.repeat(pcm, 2).astype("<i2").tobytes())
    (warning,) = warned(capsys, "compress", "run", "both.wav", "both.wgn")
    assert warning.startswith("both.wav: this model was trained on it")
    (folder / "one.wav").write_bytes(header + np.stack([pcm, pcm[::-1]], axis=1).astype("<i2").tobytes())
    assert warned(capsys, "compress", "run", "one.wav", "one.wgn") == []


def test_a_recording_is_known_by_the_pieces_that_the_corpus_was_cut_into(folder, capsys):
    (folder / "long").mkdir()
    for number in range(12):
        pcm = np.random.default_rng(number).normal(0, 900, 40000).round().astype(np.int16)
        audio_files.write(folder / f"long/{number}.wav", pcm, 8000)
    assert main(["prepare", "long", "pieces", "--cut", "2"]) == 0
    corpus = open_corpus("pieces")
    train(RECIPE, corpus, "cut", progress=False)
    capsys.readouterr()
    whole = {recording.source for recording in corpus.split("train")}
    (folder / "out").mkdir()
    for command in (["score", "cut", "long"], ["compress", "cut", *sorted(map(str, folder.glob("long/*"))), "out"]):
        (warning,) = warned(capsys, *command)
        assert "this model was trained" in warning
        assert "of these 12 files: " in warning
        assert len(whole) >= 8
    audio_files.write(
        folder / "new.wav", np.random.default_rng(99).normal(0, 900, 40000).round().astype(np.int16), 8000
    )
    assert warned(capsys, "score", "cut", "new.wav") == []


def test_a_model_knows_what_the_one_that_it_started_from_was_trained_on(folder, capsys):
    warnings = warned(capsys, "score", "next", "speech")
    seen = len(paths("train")) + len(paths("validation"))
    assert any(f"this model was trained on {seen} of these 30 files" in warning for warning in warnings)
    info = run(capsys, "info", "next")
    assert info["init_trained_on"] == f"{seen} recordings"
    assert info["trained_on"] == f"{len(open_corpus('other-corpus').split('train'))} recordings"


def test_a_model_is_not_compared_on_what_its_first_weights_were_trained_on(folder, capsys):
    """Of two corpora with the same recordings, one holds out what the other trains on."""
    shutil.copytree("speech", "again/renamed")
    prepare("again", "again-corpus")
    train(RECIPE, open_corpus("again-corpus"), "last", init="run", progress=False)
    assert main(["compare", "last", "--corpus", "again-corpus"]) == 2
    assert "last was trained or validated on" in capsys.readouterr().err
    assert main(["compare", "run", "--corpus", "corpus", "--split", "train", "--without", "adaptive coder"]) == 0


def test_a_resumed_run_keeps_what_its_first_weights_were_trained_on(folder):
    before = checkpoint.load("next").metadata
    asked = small_trainings.recipe("gru", steps=4, validate_every=2)
    train(asked, open_corpus("other-corpus"), "next", resume=True, progress=False)
    after = checkpoint.load("next/last.safetensors").metadata
    assert after["steps"] == 4
    assert after["init_trained_on"] == before["init_trained_on"]


def test_quantize_keeps_what_is_known(folder, capsys):
    run(capsys, "quantize", "run", "q.safetensors", "--corpus", "corpus", "--max-cost", 9)
    before, after = checkpoint.load("run").metadata, checkpoint.load("q.safetensors").metadata
    for key in ("trained_on", "validated_on", "training_ranges"):
        assert after[key] == before[key]


def test_no_command_prints_the_hashes(folder, capsys):
    hashes = checkpoint.load("run").metadata["trained_on"]
    shutil.rmtree("next")
    (folder / "r.toml").write_text(RECIPE.to_toml())
    assert run(capsys, "train", "r.toml", "--corpus", "corpus", "--run", "next")["trained_on"].endswith(" recordings")
    assert main(["info", "run"]) == 0
    assert hashes[2:] not in capsys.readouterr().out


@pytest.mark.parametrize("key", ["trained_on", "init_trained_on", "training_ranges"])
def test_a_damaged_list_is_a_damaged_file(key, tmp_path):
    checkpoint.save(small_models.mu_law_model(name="gru", hidden_size=5), tmp_path / "m.safetensors", {key: "no list"})
    with pytest.raises(UserError, match="header is damaged"):
        checkpoint.load(tmp_path / "m.safetensors")
