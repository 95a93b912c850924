import fcntl
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
import small_trainings
import workspace
from small_trainings import NETWORKS, ends_as_if_never_stopped, recipe

from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.training import train
from wavegen.training.folder import read_state
from wavegen.training.host import interrupt_noted
from wavegen.training.recipe import parse_recipe
from wavegen.training.trainer import Trainer


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_corpus(tmp_path_factory.mktemp("training"))


class Interrupted(Trainer):
    """A trainer whose user loses patience: at `place`, once `at` steps are behind."""

    place = ""
    at = 0
    number = signal.SIGINT

    def _cut(self, place):
        if (place, self.learner.step) == (self.place, self.at):
            signal.raise_signal(self.number)

    def _train_step(self, log, started):
        self._cut("before a step")
        adam = self.learner.optimizers[0].step

        def then_cut():
            adam()
            self._cut("in a step")

        with mock.patch.object(self.learner.optimizers[0], "step", then_cut):
            return super()._train_step(log, started)

    def _validate(self, give_up, log, started):
        self._cut("in a validation")
        return super()._validate(give_up, log, started)


class Killed(Trainer):
    """A trainer that is killed once 27 steps are behind."""

    def _train_step(self, log, started):
        if self.learner.step == 27:
            raise SystemExit
        return super()._train_step(log, started)


@pytest.fixture
def ctrl_c():
    """Python's own handlers, which a shell may have replaced for what runs in the background."""
    before = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in before.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("network", "number", "place", "at"),
    [
        ("wavenet", signal.SIGINT, "before a step", 17),
        ("gru", signal.SIGTERM, "in a step", 17),
        ("gru", signal.SIGHUP, "in a step", 17),
        ("wavenet", signal.SIGTERM, "in a validation", 20),
        ("wavenet", signal.SIGINT, "in a validation", 30),
    ],
)
def test_an_interrupted_and_resumed_run_ends_with_the_same_bits(network, number, place, at, corpus, tmp_path, ctrl_c):
    run = tmp_path / "cut"
    run.mkdir()
    trainer = Interrupted(recipe(network), corpus, run)
    trainer.place, trainer.at, trainer.number = place, at, number
    trainer.open()
    with pytest.raises(KeyboardInterrupt):
        trainer.run_all(progress=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert trainer.learner.step == (at if place == "in a validation" else at + 1), "it stops at once"
    header = checkpoint.read_tensors(run / "resume.safetensors")[1]
    assert header["step"] == trainer.learner.step, "and no step is lost"
    assert header["validated"] == (at - 10 if place == "in a validation" else 10), "a validation is not waited for"
    ends_as_if_never_stopped(recipe(network), corpus, run, tmp_path / "whole")


def test_a_step_of_many_parts_is_given_up_between_them(corpus, tmp_path, ctrl_c):
    run = tmp_path / "cut"
    asked = recipe(accumulate=4)
    run.mkdir()
    trainer = Trainer(asked, corpus, run)
    trainer.open()
    parts = []

    def count(*_):
        parts.append(trainer.learner.step)
        if len(parts) == 4 * 17 + 2:
            signal.raise_signal(signal.SIGTERM)

    trainer.learner.model.network.register_forward_pre_hook(count)
    with pytest.raises(KeyboardInterrupt):
        trainer.run_all(progress=False)
    assert len(parts) == 4 * 17 + 2
    assert read_state(run)[2]["step"] == 17
    ends_as_if_never_stopped(asked, corpus, run, tmp_path / "whole")


def test_a_second_ctrl_c_does_not_wait_but_sigterm_after_it_does(ctrl_c):
    with interrupt_noted() as interrupted:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_ten_kills_at_drawn_instants_change_no_bit():
    """Over the whole life of a training, its start and its saving included; the script does more of them."""
    script = Path(__file__).with_name("kill_and_resume.py")
    command = [sys.executable, str(script), "--kills", "10", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == sum(told["killed_while"].values()) == 10


def test_sigterm_ends_a_process_with_143_and_another_process_cannot_train_beside_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace.furnish(tmp_path)
    arguments = ["train", "recipe.toml", "--run", "run", "--resume", "--set", "training.steps=1000000"]
    arguments += ["--set", "training.validate_every=500000"]
    running = subprocess.Popen([sys.executable, "-m", "wavegen", *arguments], stderr=subprocess.PIPE, text=True)
    with running:
        log = Path("run/metrics.jsonl")
        while running.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.05)
        assert main(arguments) == 2
        assert "run: another process is training here" in capsys.readouterr().err
        running.send_signal(signal.SIGTERM)
        assert running.stderr is not None
        assert running.stderr.read().splitlines()[-1] == "wavegen: interrupted"
        assert running.wait() == 143
    assert read_state(Path("run"))[2]["step"] >= json.loads(log.read_text().splitlines()[-1])["step"]


def test_what_was_decided_at_the_start_stays_decided(corpus, tmp_path, monkeypatch):
    """A run that is killed before its first step has written down how many there are."""
    asked = recipe(steps=None, minutes=0.01, threads=None, validate_every=None)
    for seconds in (0.1, 0.01):
        monkeypatch.setattr("wavegen.training.calibration.step_seconds", lambda *_, seconds=seconds: seconds)
        (tmp_path / "run").mkdir(exist_ok=True)
        trainer = Trainer(asked, corpus, tmp_path / "run")
        trainer.open()
        assert trainer.recipe.training.steps == int(0.01 * 60 * 0.95 / 0.1)


@pytest.mark.parametrize("validate_every", [10, 30])
def test_a_killed_run_goes_on_from_what_was_saved_or_from_the_start(validate_every, corpus, tmp_path):
    asked = recipe(validate_every=validate_every)
    run = tmp_path / "cut"
    run.mkdir()
    killed = Killed(asked, corpus, run)
    killed.open()
    with pytest.raises(SystemExit):
        killed.run_all(progress=False)
    with open(run / "metrics.jsonl", "a") as metrics:
        metrics.write('{"step": 2')  # the power failed
    ends_as_if_never_stopped(asked, corpus, run, tmp_path / "whole")


def test_resume_starts_where_there_is_nothing_and_does_nothing_when_done(corpus, tmp_path):
    path = train(recipe(), corpus, tmp_path / "run", resume=True, progress=False)
    before = path.read_bytes()
    train(recipe(), corpus, tmp_path / "run", resume=True, progress=False)
    assert path.read_bytes() == before


def test_a_run_is_not_overwritten_nor_resumed_with_another_recipe(corpus, tmp_path):
    run = tmp_path / "run"
    train(recipe(steps=2), corpus, run, progress=False)
    with pytest.raises(UserError, match="give `resume=True`"):
        train(recipe(steps=2), corpus, run, progress=False)
    with pytest.raises(UserError, match=r"was started with training.learning_rate = 0\.004, not 0\.1"):
        train(recipe(steps=2, learning_rate=0.1), corpus, run, resume=True, progress=False)
    with pytest.raises(
        UserError, match=r"was started with training.steps = 2, not 1, and is at 2; only a run that has"
    ):
        train(recipe(steps=1), corpus, run, resume=True, progress=False)
    with pytest.raises(UserError, match=r"was started with network.name = wavenet, not gru"):
        train(recipe("gru", steps=2), corpus, run, resume=True, progress=False)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_a_recipe_leaves_to_the_defaults_can_be_resumed(network, corpus, tmp_path):
    tables = {"network": {"name": network}, "training": {"steps": 1, "batch_size": 1, "window": 16, "warm_up": 1}}
    for resume in (False, True):
        train(parse_recipe(tables, "test"), corpus, tmp_path / "run", resume=resume, progress=False)


def test_a_resume_file_of_something_else_gets_one_line(corpus, tmp_path):
    run = tmp_path / "run"
    model = train(recipe(steps=2), corpus, run, progress=False)
    (run / "resume.safetensors").write_bytes(model.read_bytes())
    with pytest.raises(UserError, match=r"resume.safetensors: no state of a run, or of a wavegen before"):
        train(recipe(steps=2), corpus, run, resume=True, progress=False)


def test_two_processes_do_not_train_in_one_folder(corpus, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with open(run / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is training here"):
            train(recipe(), corpus, run, progress=False)


def test_a_resumed_run_keeps_its_best_model_until_there_is_a_better(corpus, tmp_path, ctrl_c):
    run = tmp_path / "run"
    run.mkdir()
    trainer = Interrupted(recipe(), corpus, run)
    trainer.place, trainer.at = "before a step", 17
    trainer.open()
    with pytest.raises(KeyboardInterrupt):
        trainer.run_all(progress=False)
    best = (run / "model.safetensors").read_bytes()
    tensors, header = checkpoint.read_tensors(run / "resume.safetensors")
    checkpoint.write_tensors(run / "resume.safetensors", tensors, header | {"best": 0.5})
    train(recipe(), corpus, run, resume=True, progress=False)
    assert (run / "model.safetensors").read_bytes() == best
