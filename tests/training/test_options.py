"""Starting from another model, going beyond the end, stopping early, trying without training, previews."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import small_trainings
import torch
import workspace
from board_events import events

from wavegen.cli.main import main
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.training import plan, train
from wavegen.training.board import Board
from wavegen.training.folder import check_minutes, read_state
from wavegen.training.learner import FINAL_RATE, WARM_UP_STEPS, Learner, schedule
from wavegen.training.trainer import Trainer


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_corpus(tmp_path_factory.mktemp("training"))


def test_the_rate_warms_up_and_falls_along_a_cosine():
    steps = 10_000
    rates = [schedule(step, steps) for step in range(steps + 1)]
    assert rates[0] == pytest.approx(1 / WARM_UP_STEPS)
    assert rates[WARM_UP_STEPS - 1] == pytest.approx(1, abs=1e-3)
    assert rates[:WARM_UP_STEPS] == sorted(rates[:WARM_UP_STEPS])
    assert rates[WARM_UP_STEPS:] == sorted(rates[WARM_UP_STEPS:], reverse=True)
    assert rates[steps // 2] == pytest.approx((1 + FINAL_RATE) / 2)
    assert rates[steps] == pytest.approx(FINAL_RATE)


def test_a_finished_run_is_extended_at_the_rates_of_the_longer_run(corpus, tmp_path):
    """Whether it is interrupted on the way or not, and the first part is that of the shorter run."""
    run, cut = tmp_path / "run", tmp_path / "cut"
    for folder in (run, cut):
        train(small_trainings.recipe(steps=20), corpus, folder, progress=False)
    short = small_trainings.metrics(run)
    train(small_trainings.recipe(steps=40), corpus, run, resume=True, progress=False)
    trainer = Trainer(small_trainings.recipe(steps=40), corpus, cut)
    trainer.open()  # and is killed
    train(small_trainings.recipe(steps=40), corpus, cut, resume=True, progress=False)
    small_trainings.check_same_end(cut, run)
    assert small_trainings.metrics(run)[: len(short)] == short
    rates = {line["step"]: line["learning_rate"] for line in small_trainings.metrics(run) if "learning_rate" in line}
    assert rates[20] == pytest.approx(0.004 * schedule(19, 20))
    assert rates[40] == pytest.approx(0.004 * schedule(39, 40))
    assert [line["step"] for line in small_trainings.metrics(run) if "validation_bits" in line] == [10, 20, 30, 40]
    assert read_state(run)[0].training.steps == 40
    assert read_state(run)[2]["step"] == 40
    assert "steps = 40" in (run / "recipe.toml").read_text()
    train(small_trainings.recipe(steps=None, minutes=1), corpus, run, resume=True, progress=False)  # as many as it has


def test_only_a_finished_run_takes_more_steps(corpus, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    Trainer(small_trainings.recipe(steps=20), corpus, tmp_path / "run").open()
    before = workspace.tree(tmp_path)
    with pytest.raises(UserError, match=r"training.steps = 20, not 40, and is at 0; only a run that has all its steps"):
        train(small_trainings.recipe(steps=40), corpus, tmp_path / "run", resume=True, progress=False)
    assert workspace.tree(tmp_path) == before


def test_patience_ends_a_run_that_gets_no_better_and_the_best_and_last_are_kept(corpus, tmp_path, monkeypatch, caplog):
    told = iter([9.0, 8.0, 8.5, 8.0, 7.0])
    monkeypatch.setattr("wavegen.training.trainer.validate", lambda *_: next(told))
    asked = small_trainings.recipe(steps=100, patience=2)
    path = train(asked, corpus, tmp_path / "run", progress=False)
    assert [line["step"] for line in small_trainings.metrics(tmp_path / "run") if "validation_bits" in line] == [
        10,
        20,
        30,
        40,
    ]
    best, last = (checkpoint.load(path.with_name(name)).metadata for name in ("model.safetensors", "last.safetensors"))
    assert (best["steps"], best["validation_bits"]) == (20, 8.0)
    assert (last["steps"], last["validation_bits"]) == (40, 8.0)
    train(asked, corpus, tmp_path / "run", resume=True, progress=False)
    assert read_state(tmp_path / "run")[2]["step"] == 40, "it stays stopped"
    check_minutes(tmp_path / "run", small_trainings.recipe(steps=None, minutes=7))
    assert caplog.messages[-1].endswith("; training.patience = 2 has ended it for good")


def test_more_steps_come_with_more_patience(corpus, tmp_path, monkeypatch):
    told = iter([8.0, 8.5, 8.5, 7.0, 7.0])
    monkeypatch.setattr("wavegen.training.trainer.validate", lambda *_: next(told))
    train(small_trainings.recipe(steps=30, patience=2), corpus, tmp_path / "run", progress=False)
    train(small_trainings.recipe(steps=50, patience=2), corpus, tmp_path / "run", resume=True, progress=False)
    assert read_state(tmp_path / "run")[2]["step"] == 50


@pytest.mark.parametrize("minutes", [None, 2])
def test_a_dry_run_that_diverges_names_the_recordings_of_its_own_step(minutes, corpus, monkeypatch):
    whole = Learner.backward
    monkeypatch.setattr(Learner, "backward", lambda self, at: whole(self, at) * (math.nan if self.step == 2 else 1))
    asked = (
        small_trainings.recipe()
        if minutes is None
        else small_trainings.recipe(steps=None, minutes=minutes, validate_every=None)
    )
    with pytest.raises(UserError, match="diverged at step 2") as error:
        plan(asked, corpus)
    trainer = Trainer(small_trainings.recipe(), corpus, corpus.path)
    named = {recording.id for recording in corpus.recordings if recording.id in str(error.value)}
    assert named == {trainer.trained_on[window.recording].id for window in trainer.learner.windows.of_step(2)}


def test_a_run_starts_from_the_weights_of_another(corpus, tmp_path):
    first = train(small_trainings.recipe(), corpus, tmp_path / "first", progress=False)
    asked = small_trainings.recipe(learning_rate=1e-9, average_decay=0.0, steps=1, seed=5)
    path = train(asked, corpus, tmp_path / "second", init=first, progress=False)
    a, b = checkpoint.load(first), checkpoint.load(path)
    assert b.metadata["init"] == a.metadata["weights_hash"]
    pairs = list(zip(a.parameters(), b.parameters(), strict=True))
    assert all(torch.allclose(x, y, atol=1e-7) for x, y in pairs)
    assert any(not torch.equal(x, y) for x, y in pairs), "a step was taken"
    train(asked, corpus, tmp_path / "second", init=first, resume=True, progress=False)
    with pytest.raises(UserError, match="did not start from the model that `init` names"):
        train(asked, corpus, tmp_path / "second", init=path, resume=True, progress=False)


@pytest.mark.parametrize(
    ("network", "changed", "words"),
    [
        ("gru", {}, r"network\.name = wavenet, the recipe says gru; `init` takes a model of the recipe's settings"),
        ("wavenet", {"skip_channels": 9}, r"network\.skip_channels = 8, the recipe says 9; `init` takes"),
    ],
)
def test_a_model_of_other_settings_is_no_start(network, changed, words, corpus, tmp_path):
    first = train(small_trainings.recipe(steps=1), corpus, tmp_path / "first", progress=False)
    asked = small_trainings.recipe(network)
    asked = asked.model_copy(update={"model": asked.model | {"network": asked.model["network"] | changed}})
    with pytest.raises(UserError, match=rf"first/model.safetensors: {words}"):
        train(asked, corpus, tmp_path / "second", init=first, progress=False)
    assert not (tmp_path / "second").exists()


def test_the_line_of_progress_says_how_far_how_fast_and_how_well(corpus, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # which pytest-xdist narrows
    train(small_trainings.recipe(), corpus, tmp_path / "run", progress=True)
    line = capfd.readouterr().err.splitlines()[-1]
    assert re.search(
        r"wavenet: 100%.* 30/30 \[\d+:\d+<\d+:\d+, .*\d\.\d{3} bits/sample, [\d ]+ samples/s, gradient \d", line
    )
    logged = [line for line in small_trainings.metrics(tmp_path / "run") if "train_bits" in line]
    assert [line["step"] for line in logged] == [20]
    assert logged[0].keys() == {"step", "samples", "train_bits", "gradient_norm", "learning_rate"}


def test_a_dry_run_says_what_it_would_take_and_leaves_nothing(corpus, tmp_path, monkeypatch, capsys):
    workspace.furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = workspace.tree(tmp_path)
    monkeypatch.setattr("wavegen.training.calibration.TIMED_SECONDS", 0.01)
    assert main(["train", "recipe.toml", "--dry-run", "--json", "--set", "training.steps=700"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert workspace.tree(tmp_path) == before
    page = (Path(__file__).parents[2] / "docs/json.md").read_text(encoding="utf-8")
    section = page.partition("## train --dry-run\n")[2].partition("\n## ")[0]
    assert list(told) == re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    assert told["recipe"]["training"]["steps"] == 700
    assert told["recipe"]["training"]["validate_every"] <= 700
    assert told["recipe"]["network"] == {"name": "gru", "hidden_size": 4, "num_layers": 1}
    assert main(["train", "recipe.toml", "--json"]) == 0
    capsys.readouterr()
    assert main(["info", "runs/recipe", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert {key: about[key] for key in ("parameters", "macs_per_sample")} == {
        key: told[key] for key in ("parameters", "macs_per_sample")
    }
    assert told["memory_bytes"] > 4 * told["parameters"]
    assert told["training_seconds"] >= 700 * told["seconds_per_step"] - 0.1


def test_minutes_are_planned_to_take_as_long(corpus, monkeypatch):
    monkeypatch.setattr("wavegen.training.calibration.step_seconds", lambda *_: 0.05)
    monkeypatch.setattr("wavegen.training.dry_run.step_seconds", lambda *_: 0.05)
    told = plan(small_trainings.recipe(steps=None, minutes=2, validate_every=None), corpus)
    assert 0.9 * 120 <= told["training_seconds"] <= 1.05 * 120
    assert math.isclose(told["seconds_per_step"], 0.05)


@pytest.mark.parametrize(("threads", "said"), [(1, 0), (2, 0), (3, 1)])
def test_more_threads_than_cpus_are_said_to_slow_it_down(threads, said, corpus, monkeypatch, caplog):
    monkeypatch.setattr("wavegen.training.choices.cpus", lambda: 2)
    plan(small_trainings.recipe(threads=threads), corpus)
    assert caplog.messages == ["wavegen: training.threads = 3 on 2 CPUs, which slows it down"] * said


@pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
def test_previews_sound_and_show_and_change_nothing(corpus, tmp_path, monkeypatch):
    asked = small_trainings.recipe(steps=20)
    train(asked, corpus, tmp_path / "plain", progress=False)
    monkeypatch.setattr("wavegen.training.previews.SHARE", math.inf)
    train(asked, corpus, tmp_path / "shown", progress=False)
    small_trainings.check_same_end(tmp_path / "plain", tmp_path / "shown")
    kinds: dict[str, list[int]] = {}
    for event in events(tmp_path / "shown"):
        for value in event.summary.value:
            kinds.setdefault(f"{value.WhichOneof('value')} {value.tag}", []).append(event.step)
            if value.HasField("audio"):
                assert value.audio.sample_rate == corpus.sample_rate
                assert value.audio.length_frames > 1000
            if value.HasField("image"):
                assert min(value.image.height, value.image.width) > 100
    previews = {kind: steps for kind, steps in kinds.items() if not kind.startswith("simple_value")}
    names = ("audio drawn", "image drawn", "audio validation", "image validation")
    assert previews == {name: [10, 20] for name in names}
    assert kinds["simple_value validation_bits"] == [10, 20]
    assert kinds["simple_value gradient_norm"] == [20]
    assert not any(value.HasField("audio") for event in events(tmp_path / "plain") for value in event.summary.value)


def test_previews_take_a_small_share_of_the_time(corpus, tmp_path, monkeypatch):
    made = []
    trainer = Trainer(small_trainings.recipe(), corpus, tmp_path)
    monkeypatch.setattr(trainer.previews._preview, "_add", lambda *_: made.append(1))
    monkeypatch.setattr("wavegen.training.previews.native.missing", lambda: None)
    monkeypatch.setattr("wavegen.training.previews.open_engine", lambda *_, **__: Silent())
    trainer.previews._last, board = 4.0, Board(tmp_path, 0)
    for seconds, shown in ((0.0, 0), (199.0, 0), (201.0, 2)):
        trainer.previews.show(trainer.learner.average, board, 0, seconds)
        assert len(made) == shown
    trainer.previews._spent = trainer.previews._last = 5.0
    for seconds, shown in ((499.0, 2), (501.0, 4)):
        trainer.previews.show(trainer.learner.average, board, 0, seconds)
        assert len(made) == shown
    trainer.previews.begin(501.0)
    trainer.previews.show(trainer.learner.average, board, 0, 700.0)
    assert len(made) == 4, "what another process trained is not this one's to spend"
    board.close()


class Silent:
    """An engine that takes no time."""

    def generate(self, num_samples, seeds):
        return np.zeros((1, num_samples), np.int16), np.zeros((1, num_samples))

    def feed(self, pcm):
        return np.zeros(pcm.shape)


def test_a_finished_run_says_that_minutes_add_nothing(corpus, tmp_path, caplog):
    (tmp_path / "r.toml").write_text(small_trainings.recipe(steps=None, minutes=7).to_toml())
    command = ["train", str(tmp_path / "r.toml"), "--corpus", str(corpus.path), "--resume", "--run"]
    train(small_trainings.recipe(steps=10), corpus, tmp_path / "done", progress=False)
    assert main([*command, str(tmp_path / "done")]) == 0
    (line,) = caplog.messages
    said = "is finished, with 10 steps behind it; training.minutes = 7 adds none"
    assert line.endswith(f"done: {said}; to go on, set training.steps to more than 10")
    caplog.clear()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ".lock").touch()
    Trainer(small_trainings.recipe(steps=10), corpus, tmp_path / "killed").open()
    assert main([*command, str(tmp_path / "killed")]) == 0
    assert "is finished" not in caplog.text


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["model.safetensors", "last.safetensors", "recipe.toml", "metrics.jsonl"])
def test_what_a_run_would_replace_is_kept(corpus, tmp_path, name, resume):
    (tmp_path / "notes").touch()
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=f"holds {name} of something else, which training would replace; give another"):
        train(small_trainings.recipe(steps=10), corpus, tmp_path, resume=resume, progress=False)
    assert (tmp_path / name).read_text() == "mine"
    assert not (tmp_path / "resume.safetensors").exists()
