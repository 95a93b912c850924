"""Pictures through every command: the recipe's own on a miniature, what is drawn, and what is refused."""

import contextlib
import io
import json
import math
import shutil
from pathlib import Path

import miniature_corpora
import numpy as np
import pytest
import small_picture_models
from PIL import Image
from recipe_commands import RECIPES, commands

from wavegen.cli.main import main
from wavegen.data.picture_files import read_tiles
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm
from wavegen.models.pictures import PictureModel
from wavegen.training.recipe import load_recipe

TRAINING = {"steps": 4, "batch_size": 4, "validate_every": 2, "threads": 1}


def tiny(argv: list[str]) -> list[str]:
    """A command of wavegen that takes no time, and prints JSON."""
    argv = [*argv[1:], "--json"]
    if argv[0] == "train":
        argv += small_picture_models.settings_of(str(load_recipe(argv[1]).model["network"]["name"]))
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
    tiles, completed = (np.asarray(Image.open(name)) for name in ("digits.png", "completed.png"))
    assert tiles.shape == completed.shape == (4 * 28, 4 * 28)
    grid = PictureForm(28, 28, 1, 2)
    whole, half = read_tiles("digits.png", grid), read_tiles("completed.png", grid)
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
    grid = {"height": 2, "width": 3, "channels": 1, "levels": 2}
    for damage in ({"picture_shape": {"height": 2}}, {"picture_shape": grid | {"height": -2}}, {"picture_shape": 7}):
        checkpoint.write_tensors(tmp_path / "bad.safetensors", tensors, header | damage)
        with pytest.raises(UserError, match="header is damaged"):
            checkpoint.load(tmp_path / "bad.safetensors", PictureModel)
    checkpoint.write_tensors(tmp_path / "bad.safetensors", tensors, header | {"picture_shape": grid | {"height": 3}})
    with pytest.raises(UserError, match="do not belong together"):
        checkpoint.load(tmp_path / "bad.safetensors", PictureModel)
