"""Pictures through every command: the recipe's own on a miniature, what is drawn, and what is refused."""

import contextlib
import io
import json
import math
import re
import shutil
from pathlib import Path

import miniature_corpora
import numpy as np
import pytest
import small_picture_models
import torch
from PIL import Image
from recipe_commands import RECIPES, commands
from scipy.stats import chisquare

from wavegen.assets import digits
from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.picture_files import read_sheet, write_sheet
from wavegen.data.preparing.pictures import prepare_pictures, quantised
from wavegen.errors import UserError
from wavegen.evaluation.pictures import score_pictures
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm
from wavegen.models.pictures import PictureModel
from wavegen.sampling.pictures import generate_pictures
from wavegen.training.recipe import load_recipe

TRAINING = {"steps": 4, "batch_size": 4, "validate_every": 2, "threads": 1}


def tiny(argv: list[str]) -> list[str]:
    """A command of wavegen that takes no time, and prints JSON."""
    argv = [*argv[1:], "--json"]
    if argv[0] == "train":
        argv += small_picture_models.settings_of(load_recipe(argv[1]).model["network"]["name"])
        argv += [word for key, value in TRAINING.items() for word in ("--set", f"training.{key}={value}")]
    return argv


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder in which the recipe's commands were run on a miniature, what each printed, and what can be wrong."""
    folder, done = tmp_path_factory.mktemp("pictures"), {}
    with contextlib.chdir(folder):
        Path("recipes").symlink_to(RECIPES)
        miniature_corpora.mnist(Path("data"))
        for argv in commands("mnist"):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                assert main(tiny(argv)) == 0, argv
            done["complete" if "--prime" in argv else argv[1]] = json.loads(out.getvalue())
        furnish_mistakes()
    return folder, done


@pytest.fixture
def place(workshop, monkeypatch):
    monkeypatch.chdir(workshop[0])
    return workshop[0]


def test_the_recipes_commands(place, workshop, capsys):
    done = workshop[1]
    assert list(done) == ["prepare", "train", "generate", "score", "compare", "complete", "features"]
    assert {path.stem for path in (RECIPES / "mnist").glob("*.toml")} == {path.name for path in Path("runs").iterdir()}
    assert done["prepare"]["splits"] == {
        "train": {"pictures": 30},
        "validation": {"pictures": 6},
        "test": {"pictures": 8},
    }
    assert done["features"]["rows"] == done["features"]["recordings"] == 30 + 6 + 8
    rows = {row["name"]: row for row in done["compare"]["rows"]}
    assert rows.keys() == {*small_picture_models.NAMES, "pixel histograms"}
    assert done["score"]["pictures"] == done["compare"]["pictures"] == 8
    assert rows["pixelcnn"]["nats"] == pytest.approx(done["score"]["nats"], abs=1e-3)
    assert rows["pixelcnn"]["nats"] == pytest.approx(
        rows["pixelcnn"]["bits_per_dimension"] * 784 * math.log(2), abs=1e-2
    )
    assert {each["b"] for each in done["compare"]["differences"]} == {"pixel histograms"}
    sheet, completed = (np.asarray(Image.open(name)) for name in ("digits.png", "completed.png"))
    assert sheet.shape == completed.shape == (4 * 28, 4 * 28)
    grid = PictureForm(28, 28, 1, 2)
    whole, half = read_sheet("digits.png", grid), read_sheet("completed.png", grid)
    assert np.array_equal(half[:, :14], whole[:, :14])
    assert not np.array_equal(half[:, 14:], whole[:, 14:])
    for argv in (["info", "corpus"], ["info", "runs/nade"], ["score", "runs/nade", "digits.png"]):
        assert main(argv) == 0
        assert len(capsys.readouterr().out.splitlines()) >= 3
    assert main(["compare", "runs/nade", "runs/pixelcnn", "--corpus", "corpus", "--against", "nade"]) == 0
    assert "less nade, paired over pictures" in capsys.readouterr().out


def test_what_generate_says_of_its_pictures_is_what_score_says(place, capsys):
    assert main(["generate", "runs/gated-pixelcnn", "four.png", "-n", "4", "--seed", "5", "--json"]) == 0
    drawn = json.loads(capsys.readouterr().out)["pictures"]
    assert main(["score", "runs/gated-pixelcnn", "four.png", "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)["files"]
    assert [picture["seed"] for picture in drawn] == [5, 6, 7, 8]
    for one, other in zip(drawn, scored, strict=True):
        assert one["nats"] == pytest.approx(other["nats"], abs=2e-3)
        assert other["file"].startswith("four.png[")


def test_dry_runs_say_what_it_takes(place, capsys):
    argv = tiny(["wavegen", "train", "recipes/mnist/nade.toml", "--corpus", "corpus", "--run", "none", "--dry-run"])
    assert main(argv) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["samples_per_step"] == 4 * 784
    assert "recorded_seconds" not in plan
    assert not Path("none").exists()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["compress", "runs/nade", "a.wav", "a.wgn"], "is a model of pictures; this takes models of audio"),
        (["quantize", "runs/nade", "q.safetensors", "--corpus", "corpus"], "this takes models of audio"),
        (["bench", "runs/nade"], "this takes models of audio"),
        (["generate", "runs/nade", "a.wav"], "a.wav: what is written is PNG; name it a.png"),
        (["generate", "runs/nade", "a.png", "--seconds", "3"], "--seconds is for sound"),
        (["generate", "runs/nade", "a.png", "--engine", "cpu"], "engine cpu does not run pictures"),
        (["generate", "runs/nade", "a.png", "--rows", "3"], "give the picture with --prime"),
        (["generate", "runs/nade", "a.png", "--prime", "digits.png", "--rows", "28"], "at most 27 of 28"),
        (["generate", "runs/nade", "a.png", "--prime", "odd.png"], "odd.png: 30 x 28 pixels; the model knows"),
        (["generate", "runs/nade", "a.png", "--prime", "text.png"], "text.png: not a readable picture"),
        (["generate", "runs/nade", "a.png", "--top-p", "1.5"], "not a number above 0"),
        (["generate", "allison", "a.wav", "--rows", "3"], "--rows is for pictures"),
        (["score", "runs/nade", "corpus", "--window", "1"], "--window is for sound"),
        (["score", "runs/nade", "empty"], "empty: no pictures to score"),
        (["score", "allison", "corpus"], "corpus: 28 x 28 x 1 of 2 levels, the model was trained at 8000 Hz"),
        (["compare", "runs/nade", "--corpus", "corpus", "--proof"], "--proof is for sound"),
        (["compare", "runs/nade", "--corpus", "corpus", "--against", "FLAC"], "no such row"),
        (["compare", "runs/nade", "allison", "--corpus", "corpus"], "allison of audio; name one kind"),
        (["compare", "allison", "--corpus", "corpus"], "the model was trained at 8000 Hz"),
        (["train", "sound.toml", "--corpus", "corpus"], "holds pictures, and the recipe's density.name is 'audio'"),
        (["train", "recipes/mnist/nade.toml", "--corpus", "corpus", "--set", "training.window=9"], "is for sound"),
        (["train", "recipes/mnist/nade.toml", "--corpus", "corpus", "--set", "codec.name='linear'"], "of pictures"),
        (["train", "recipes/mnist/nade.toml", "--corpus", "corpus", "--set", "network.name='gru'"], "is unknown"),
        (["train", "recipes/mnist/nade.toml", "--corpus", "corpus", "--set", "density.name='films'"], "is unknown"),
        (["train", "recipes/mnist/pixelcnn.toml", "--corpus", "corpus", "--set", "network.kernel_size=4"], "odd"),
        (["train", "recipes/mnist/nade.toml", "--corpus", "corpus", "--init", "runs/pixelcnn"], "the recipe says"),
        (["prepare", "mnist", "data", "new", "--levels", "300"], "give 2 to 256"),
        (["prepare", "digits", "data", "new"], "comes with wavegen"),
        (["prepare", "mnist", "empty", "new"], "it takes the four IDX files of MNIST"),
        (["prepare", "mnist", "cut", "new"], "damaged: its header says 36 x 28 x 28"),
        (["prepare", "mnist", "swapped", "new"], "is not an IDX file of pictures"),
        (["prepare", "data", "new", "--levels", "2"], "--levels is for sets of pictures"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_does_not_fit_gets_one_line(place, capsys, argv, words):
    before = sorted(map(str, place.rglob("*")))
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert words in line
    assert sorted(map(str, place.rglob("*"))) == before


def furnish_mistakes() -> None:
    Path("empty").mkdir()
    Path("sound.toml").write_text('[network]\nname = "gru"\n[training]\nsteps = 1\n')
    Image.new("L", (30, 28)).save("odd.png")
    Path("text.png").write_text("no picture")
    for name in ("cut", "swapped"):
        shutil.copytree("data", name)
    images = Path("cut/train-images-idx3-ubyte")
    images.write_bytes(images.read_bytes()[:-1])
    shutil.copy("swapped/t10k-labels-idx1-ubyte.gz", "swapped/t10k-images-idx3-ubyte")


def test_a_damaged_header_is_refused(tmp_path):
    model = small_picture_models.model("nade", PictureForm(2, 3, 1, 2)).float()
    checkpoint.save(model, tmp_path / "good.safetensors", {})
    again = checkpoint.load(tmp_path / "good.safetensors", PictureModel)
    assert again.form == model.form
    tensors, header = checkpoint.read_tensors(tmp_path / "good.safetensors")
    for damage in ({"grid": {"height": 2}}, {"grid": header["grid"] | {"height": -2}}, {"grid": 7}):
        checkpoint.write_tensors(tmp_path / "bad.safetensors", tensors, header | damage)
        with pytest.raises(UserError, match="header is damaged"):
            checkpoint.load(tmp_path / "bad.safetensors", PictureModel)
    checkpoint.write_tensors(tmp_path / "bad.safetensors", tensors, header | {"grid": header["grid"] | {"height": 3}})
    with pytest.raises(UserError, match="do not belong together"):
        checkpoint.load(tmp_path / "bad.safetensors", PictureModel)


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_drawn_pictures_have_the_probabilities_that_are_scored(name):
    """All 64 pictures of 2 x 3 pixels, each drawn as often as its probability says."""
    grid = PictureForm(2, 3, 1, 2)
    model, number = small_picture_models.model(name, grid), 4000
    drawn = generate_pictures(model, range(number), temperature=1, top_p=1, exact=True)
    codes = drawn.pictures.reshape(number, 6) @ (1 << np.arange(6))
    every = (np.arange(64)[:, None] >> np.arange(6)) & 1
    probabilities = model.log2_prob(torch.from_numpy(every))[0].sum(1).exp2().detach().numpy()
    counts = np.bincount(codes, minlength=64)
    likely = probabilities * number >= 5
    observed = np.append(counts[likely], counts[~likely].sum())
    expected = np.append(probabilities[likely], probabilities[~likely].sum()) * number
    assert likely.sum() > 8
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3
    entropy = -(probabilities * np.log2(probabilities)).sum()
    assert abs(drawn.bits.mean() - entropy) < 4 * drawn.bits.std() / number**0.5


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_a_picture_depends_on_its_seed_alone(name):
    model = small_picture_models.model(name, PictureForm(5, 4, 3, 6))
    together = generate_pictures(model, [3, 9, 4])
    for index, seed in enumerate((3, 9, 4)):
        alone = generate_pictures(model, [seed])
        assert np.array_equal(alone.pictures[0], together.pictures[index])
        assert alone.bits[0] == pytest.approx(together.bits[index], rel=1e-12)
    assert len({picture.tobytes() for picture in together.pictures}) == 3


def test_given_rows_stay_and_the_rest_is_drawn_as_the_model_says():
    """Of 2 x 2 pictures with their first row given, the second row as often as its conditional probability says."""
    model, number = small_picture_models.model("pixelcnn", PictureForm(2, 2, 1, 2)), 3000
    given = np.array([1, 0, 1, 1]).reshape(1, 2, 2, 1)
    drawn = generate_pictures(model, range(number), given=given, rows=1, exact=True)
    assert np.array_equal(drawn.pictures[:, 0], np.repeat(given[:, 0], number, axis=0))
    every = torch.tensor([[1, 0, a, b] for a in (0, 1) for b in (0, 1)])
    joint = model.log2_prob(every)[0].sum(1).exp2().detach().numpy()
    counts = np.bincount(drawn.pictures[:, 1].reshape(number, 2) @ [2, 1], minlength=4)
    assert chisquare(counts, joint / joint.sum() * number).pvalue > 1e-3


def test_temperature_and_top_p_make_the_likely_likelier():
    model = small_picture_models.model("nade", PictureForm(4, 4, 1, 5))
    plain, cold, top = (
        generate_pictures(model, range(200), temperature=temperature, top_p=top_p).bits.mean()
        for temperature, top_p in ((1.0, 1.0), (0.3, 1.0), (1.0, 0.5))
    )
    assert cold < plain - 1
    assert top < plain - 1


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
    assert binary["grid"]["levels"] == 2
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


@pytest.mark.parametrize("grid", [{"height": 8}, {"levels": 1}, 8, None], ids=str)
def test_a_corpus_whose_grid_is_damaged_gets_one_line(tmp_path, grid):
    prepare_pictures("digits", None, tmp_path / "corpus")
    file = tmp_path / "corpus" / "corpus.json"
    about = json.loads(file.read_text())
    damaged = grid if not isinstance(grid, dict) or "levels" not in grid else about["grid"] | grid
    file.write_text(json.dumps(about | {"grid": damaged}))
    with pytest.raises(UserError, match=r"corpus\.json: damaged, or not written by wavegen"):
        open_corpus(tmp_path / "corpus")
    file.write_text(json.dumps(about | {"grid": about["grid"] | {"levels": 3}}))
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


@pytest.mark.parametrize(("number", "channels"), [(1, 1), (6, 3), (7, 1), (12, 4)])
def test_sheets_are_read_as_they_were_written(tmp_path, number, channels):
    grid = PictureForm(3, 5, channels, 17)
    pictures = np.random.default_rng(0).integers(0, 17, (number, *grid.shape)).astype(np.int16)
    write_sheet(tmp_path / "sheet.png", pictures, 17)
    assert np.array_equal(read_sheet(tmp_path / "sheet.png", grid), pictures)


def test_the_score_of_a_picture_is_minus_the_sum_of_its_log_probabilities(tmp_path):
    model = small_picture_models.model("pixelcnn", PictureForm(3, 5, 1, 2)).float()
    pictures = np.random.default_rng(1).integers(0, 2, (3, 3, 5, 1)).astype(np.int16)
    write_sheet(tmp_path / "three.png", pictures, 2)
    result = score_pictures(model, tmp_path)
    log2_prob = model.log2_prob(torch.from_numpy(pictures.reshape(3, 15)))[0].sum(1)
    nats = (-log2_prob * math.log(2)).tolist()
    assert [file["nats"] for file in result["files"]] == pytest.approx(nats, abs=1e-4)
    assert result["nats"] == pytest.approx(sum(nats) / 3, abs=1e-4)
    low, high = result["low"], result["high"]
    assert low is not None
    assert high is not None
    assert low < result["nats"] < high
