"""Corpora of pictures: binarisation, splits, and damage to what was written."""

import json
import re

import miniature_corpora
import numpy as np
import pytest

from wavegen.assets import digits
from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.pictures import prepare_pictures, quantised
from wavegen.errors import UserError
from wavegen.models.forms import PictureForm


def test_stochastic_binarisation_draws_each_pixel_with_its_grey_value(tmp_path):
    grey = np.tile(np.array([0, 1, 64, 128, 254, 255], np.uint8), (20000, 1))
    drawn = quantised(grey, 256, 2, np.random.Philox(key=0))
    share = grey[0] / 255
    assert (drawn[:, 0] == 0).all()
    assert (drawn[:, -1] == 1).all()
    assert np.all(np.abs(drawn.mean(0) - share) <= 4 * np.sqrt(share * (1 - share) / len(grey)))
    again = quantised(grey, 256, 2, np.random.Philox(key=0))
    assert np.array_equal(drawn, again)
    assert np.array_equal(quantised(grey, 256, 256, np.random.Philox(key=0)), grey)
    assert quantised(grey, 256, 4, np.random.Philox(key=0))[0].tolist() == [0, 0, 1, 2, 3, 3]


def test_the_draw_of_mnist_is_the_same_on_every_machine():
    """Results under another binarisation cannot be compared, so its first numbers are held here."""
    grey = (np.arange(1, 33, dtype=np.uint8) * 7).reshape(1, -1)
    drawn = quantised(grey, 256, 2, np.random.Philox(key=0))[0]
    assert "".join(map(str, drawn)) == "10000000010101001101111011101011"


def test_prepared_pictures_are_those_of_the_files(tmp_path):
    miniature_corpora.mnist(tmp_path / "data", 5, 13)
    prepare_pictures("mnist", tmp_path / "data", tmp_path / "grey", levels=256)
    corpus = open_corpus(tmp_path / "grey")
    assert corpus.form == PictureForm(5, 13, 1, 256)
    raw = (tmp_path / "data" / "train-images-idx3-ubyte").read_bytes()[16:]
    pictures = np.frombuffer(raw, np.uint8).reshape(36, -1)
    assert [recording.id for recording in corpus.split("train")] == [f"train/{index:05}" for index in range(30)]
    assert np.array_equal(np.stack(list(corpus.pcms("train"))), pictures[:30])
    assert np.array_equal(np.stack(list(corpus.pcms("validation"))), pictures[30:])
    assert [recording.id for recording in corpus.split("test")] == [f"test/{index:05}" for index in range(8)]
    for recording in corpus.split("train"):
        bar = int(recording.transcript or "")
        assert (corpus.pcm(recording).reshape(5, 13)[:, bar : bar + 3] == 250).all()
    binary = prepare_pictures("mnist", tmp_path / "data", tmp_path / "binary")
    assert binary["picture_shape"]["levels"] == 2
    grey = np.stack([*corpus.pcms("test"), *corpus.pcms("train"), *corpus.pcms("validation")])
    drawn = quantised(grey, 256, 2, np.random.Philox(key=0)).reshape(-1)
    assert np.array_equal(np.fromfile(tmp_path / "binary" / "pcm.i16", "<i2"), drawn)


def test_the_digits_come_along_and_equal_ones_lie_in_one_split(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", "digits", "corpus"]) == 0
    assert re.match(
        r"1797 pictures, 8 x 8 x 1 of 17 levels \(train \d+, validation \d+, test \d+\)", capsys.readouterr().out
    )
    assert 150 < len(open_corpus("corpus").split("test")) < 210
    pictures, labels = digits.load()
    monkeypatch.setattr(digits, "load", lambda: (np.tile(pictures[:200], (3, 1, 1)), np.tile(labels[:200], 3)))
    assert len(prepare_pictures("digits", None, "thrice")["duplicates"]) == 400
    corpus = open_corpus("thrice")
    splits: dict[bytes, set[str]] = {}
    for name in ("train", "validation", "test"):
        for picture in corpus.pcms(name):
            splits.setdefault(picture.tobytes(), set()).add(name)
    assert len(splits) == 200
    assert all(len(found) == 1 for found in splits.values())


@pytest.mark.parametrize("shape", [{"height": 8}, {"levels": 1}, 8, None], ids=str)
def test_a_corpus_whose_picture_shape_is_damaged_gets_one_line(tmp_path, shape):
    prepare_pictures("digits", None, tmp_path / "corpus")
    file = tmp_path / "corpus" / "corpus.json"
    about = json.loads(file.read_text())
    damaged = shape if not isinstance(shape, dict) or "levels" not in shape else about["picture_shape"] | shape
    file.write_text(json.dumps(about | {"picture_shape": damaged}))
    with pytest.raises(UserError, match=r"corpus\.json: damaged, or not written by wavegen"):
        open_corpus(tmp_path / "corpus")
    file.write_text(json.dumps(about | {"picture_shape": about["picture_shape"] | {"levels": 3}}))
    with pytest.raises(UserError, match="does not fit corpus"):
        open_corpus(tmp_path / "corpus")


@pytest.mark.parametrize("level", [17, -1])
def test_a_corpus_with_a_level_that_there_is_not_gets_one_line(tmp_path, level):
    prepare_pictures("digits", None, tmp_path / "corpus")
    with open(tmp_path / "corpus" / "pcm.i16", "r+b") as file:
        file.seek(2 * 64 * 1000)
        file.write(level.to_bytes(2, "little", signed=True))
    with pytest.raises(
        UserError, match=rf"pcm\.i16: damaged, has a level of {level % 65536} where the pictures have 0 to 16"
    ):
        open_corpus(tmp_path / "corpus").pcms("train")
