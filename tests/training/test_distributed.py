"""Several processes that train one model: what one would do alone, and what becomes of them when one is lost."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import small_trainings
import torch
import workspace

from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.training.agreement import check_alike
from wavegen.training.distributed import Processes
from wavegen.training.folder import read_state
from wavegen.training.learner import BitsOf
from wavegen.training.trainer import Trainer

STEPS, FATAL = 30, 17
THREE = ["--set", "training.batch_size=3"]
ONE = ["--set", "training.batch_size=1"]
FAST = ["--set", "training.learning_rate=0.01"]
SCENARIOS = [  # run, recipe, processes, step at which one is lost, options
    ("alone", "wavenet", 1, None, THREE),
    ("two", "wavenet", 2, None, THREE),
    ("lost", "wavenet", 2, FATAL, THREE),
    ("lost", "wavenet", 2, None, [*THREE, "--resume"]),
    ("nade-alone", "nade", 1, None, FAST),
    ("nade-three", "nade", 3, None, [*FAST, "--set", "training.accumulate=2"]),
    ("voices-alone", "voices", 1, None, THREE),
    ("voices-two", "voices", 2, None, THREE),
    ("spectral-alone", "spectral", 1, None, THREE),
    ("spectral-two", "spectral", 2, None, THREE),
    ("nothing-alone", "wavenet", 1, None, ONE),
    ("nothing-to-do", "wavenet", 2, None, ONE),
]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder of all runs, and the exit codes of each scenario's processes."""
    folder = tmp_path_factory.mktemp("processes")
    small_trainings.make_corpus(folder)
    small_trainings.make_voices(folder)
    conditions = {"speakers": ["*"], "mel": "librosa", "bands": 2, "hop": 64, "fmax": 4000}
    recipes = {name: small_trainings.recipe(name) for name in ("wavenet", "nade")}
    recipes["voices"] = small_trainings.recipe("wavenet", conditions)
    recipes["spectral"] = small_trainings.spectral_recipe()
    for name, recipe in recipes.items():
        (folder / f"{name}.toml").write_text(recipe.to_toml())
    scenarios = []
    for run, network, processes, fatal, options in SCENARIOS:
        corpus = folder / ("voices-corpus" if network == "voices" else "corpus")
        arguments = ["train", str(folder / f"{network}.toml"), "--corpus", str(corpus), "--json", *options]
        scenarios.append({"arguments": arguments, "run": str(folder / run), "processes": processes, "fatal": fatal})
    (folder / "scenarios.json").write_text(json.dumps(scenarios))
    command = [sys.executable, str(Path(__file__).with_name("processes.py")), str(folder / "scenarios.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("one", "several", "processes"),
    [
        ("alone", "two", 2),
        ("nade-alone", "nade-three", 3),
        ("voices-alone", "voices-two", 2),
        ("spectral-alone", "spectral-two", 2),
        ("nothing-alone", "nothing-to-do", 2),
    ],
)
def test_several_processes_learn_what_one_does(one, several, processes, played):
    """Of three windows one process has one and the other two, or there is one window for two; no window weighs more."""
    folder, codes = played
    assert codes[[run for run, *_ in SCENARIOS].index(several)] == [0] * processes
    curves = [small_trainings.metrics(folder / run) for run in (one, several)]
    for a, b in zip(*curves, strict=True):
        assert a.keys() == b.keys()
        assert all(a[key] == pytest.approx(b[key], rel=2e-6) for key in a)
    bits = [line["validation_bits"] for line in curves[0] if "validation_bits" in line]
    assert bits[0] - bits[-1] > 0.02, "or anything would be the same curve"
    learned = {(folder / several / f"process-{rank}").read_text() for rank in range(processes)}
    assert len(learned) == 1, "weights and optimisers are the same in every process, bit for bit"
    a, b = (checkpoint.read_tensors(folder / run / "resume.safetensors")[0] for run in (one, several))
    assert all(torch.allclose(a[key], b[key], rtol=1e-3, atol=1e-4) for key in a)


def test_one_process_speaks_for_all(played):
    folder, _ = played
    lines = (folder / "two.txt").read_text().splitlines()
    assert [json.loads(line)["processes"] for line in lines if line.startswith("{")] == [2]


def test_a_lost_process_ends_the_others_with_a_line_and_the_run_goes_on(played):
    folder, codes = played
    first = [run for run, *_ in SCENARIOS].index("lost")
    assert codes[first] == [2, -signal.SIGKILL]
    assert "wavegen: process 0: lost another process of this training" in (folder / "lost.txt").read_text()
    assert codes[first + 1] == [0, 0]
    small_trainings.check_same_end(folder / "lost", folder / "two")


def test_torchrun_starts_it_and_sigterm_saves(tmp_path):
    workspace.furnish(tmp_path)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "wavegen", "train"]
    command += ["recipe.toml", "--run-folder", "run", "--set", "training.steps=1000000"]
    command += ["--set", "training.validate_every=500000"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with running:
        log = tmp_path / "run" / "metrics.jsonl"
        while running.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate()
    assert out == ""
    assert err.count("wavegen: interrupted") == 2, err
    assert running.returncode != 0
    logged = json.loads(log.read_text().splitlines()[-1])["step"]
    assert read_state(tmp_path / "run")[2]["step"] >= logged > 0


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_a_step_in_parts_has_the_gradient_of_the_whole(batch_size, tmp_path):
    corpus = small_trainings.make_corpus(tmp_path)
    gradients, bits = [], []
    for accumulate in (1, 2, 5):
        asked = small_trainings.recipe(batch_size=batch_size, accumulate=accumulate)
        learner = Trainer(asked, corpus, tmp_path).learner
        learner.connect()
        bits.append(learner.backward(learner.windows.of_step(3)))
        found = [weight.grad for weight in learner.model.parameters() if weight.grad is not None]
        assert len(found) == len(list(learner.model.parameters()))
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    for other in (1, 2):
        assert bits[other] == pytest.approx(bits[0], rel=1e-6)
        assert torch.allclose(gradients[other], gradients[0], rtol=1e-4, atol=1e-6 * float(gradients[0].abs().max()))
    assert gradients[0].abs().max() > 0


def test_each_part_is_moved_in_its_turn(tmp_path, monkeypatch):
    learner = Trainer(small_trainings.recipe(accumulate=3), small_trainings.make_corpus(tmp_path), tmp_path).learner
    learner.connect()
    happened: list[str] = []
    read = learner.windows.read
    forward = BitsOf.forward

    class Elsewhere(NamedTuple):
        tensor: torch.Tensor

        def to(self, device):
            happened.append("moved")
            return self.tensor.to(device)

    def computed(self, *batch):
        happened.append("computed")
        return forward(self, *batch)

    monkeypatch.setattr(learner.windows, "read", lambda part: list(map(Elsewhere, read(part))))
    monkeypatch.setattr(BitsOf, "forward", computed)
    learner.backward(learner.windows.of_step(3))
    assert happened == 3 * ["moved", "moved", "moved", "computed"]


def test_shares_are_all_windows_once():
    for world in range(1, 6):
        for size in range(8):
            shares = [Processes(rank, world).share(range(size)) for rank in range(world)]
            assert [item for share in shares for item in share] == list(range(size))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Differing(Processes):
    """Process 0 of two, of which the other was given something else."""

    what = "corpus"

    def gathered(self, value):
        self.given = value
        return [value, value | {self.what: "another"}]


@pytest.mark.parametrize("what", ["recipe", "corpus", "model to `init` from"])
def test_processes_that_were_given_different_things_do_not_train_together(what, tmp_path):
    trainer = Trainer(small_trainings.recipe(), small_trainings.make_corpus(tmp_path), tmp_path)
    trainer.processes = Differing()
    trainer.processes.what, trainer.init = what, "a hash"
    with pytest.raises(UserError, match=f"process 1 has another {what} than process 0") as error:
        check_alike(trainer.processes, trainer.recipe, trainer.corpus, trainer.init)
    assert error.value.parameters == (("init",) if "`init`" in what else ())
    own = {"recipe": trainer.recipe.to_toml(), "corpus": trainer.corpus.fingerprint, "model to `init` from": "a hash"}
    assert trainer.processes.given == own
