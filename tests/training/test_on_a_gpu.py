"""Training on a GPU, where there is one: networks compiled, layers in bfloat16, and the CPU's loss all the same."""

import pytest
import small_picture_models
import small_trainings
import torch

from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.pictures import prepare_pictures
from wavegen.engine import open_engine
from wavegen.models.checkpoint import load
from wavegen.training import train
from wavegen.training.recipe import parse_recipe
from wavegen.training.trainer import Trainer

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU for PyTorch"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]
PICTURES = {
    "pixelcnn": {"hidden_channels": 16, "num_layers": 2},
    "diagonal-bilstm": {"hidden_channels": 8, "num_layers": 2},
    "row-lstm": {"hidden_channels": 8, "num_layers": 2},
    "gated-pixelcnn": {"hidden_channels": 16, "num_layers": 2},
    "nade": {"hidden_size": 20},
}
assert set(PICTURES) == set(small_picture_models.NAMES)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    prepare_pictures("digits", None, folder / "digits", levels=2)
    return {"sounds": small_trainings.make_corpus(folder), "pictures": open_corpus(folder / "digits")}


def recipe_of(kind: str, name: str, **training):
    if kind == "sounds":
        return small_trainings.recipe(name, **{"bfloat16": None, **training})
    settings = {"steps": 30, "batch_size": 8, "threads": 1, "validate_every": 10} | training
    tables = {"density": {"name": "pictures"}, "network": {"name": name, **PICTURES[name]}, "training": settings}
    return parse_recipe(tables, "test")


def first_bits(asked, corpus, folder) -> tuple[str, list[float]]:
    """Where it was computed, and the loss of the first steps."""
    trainer = Trainer(asked, corpus, folder)
    trainer.learner.fit()
    trainer.learner.connect()
    return trainer.learner.model.device.type, [trainer.learner.take_step(30).bits for _ in range(4)]


@pytest.mark.parametrize(
    ("kind", "name"),
    [*(("sounds", name) for name in small_trainings.NETWORKS), *(("pictures", name) for name in PICTURES)],
)
def test_the_first_steps_lose_what_a_cpus_do(kind, name, corpora, tmp_path, monkeypatch):
    on_gpu, bits = first_bits(recipe_of(kind, name), corpora[kind], tmp_path / "gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu, expected = first_bits(recipe_of(kind, name, bfloat16=False), corpora[kind], tmp_path / "cpu")
    assert (on_gpu, on_cpu) == ("cuda", "cpu")
    assert bits == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("kind", "name"), [("sounds", "wavenet"), ("pictures", "diagonal-bilstm")])
def test_a_training_goes_on_and_its_model_works_on_the_cpu(kind, name, corpora, tmp_path):
    train(recipe_of(kind, name, steps=10), corpora[kind], tmp_path, progress=False)
    path = train(recipe_of(kind, name, steps=20), corpora[kind], tmp_path, resume=True, progress=False)
    validated = [line["validation_bits"] for line in small_trainings.metrics(tmp_path) if "validation_bits" in line]
    assert len(validated) == 2
    assert validated[1] < validated[0]
    if kind == "sounds":
        assert open_engine(load(path)).generate(20, [1])[0].shape == (1, 20)
