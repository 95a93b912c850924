"""A signal ends a command with its own exit code, keeps what can be kept, and leaves nothing hidden."""

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import small_picture_models
import workspace

import wavegen
from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.data.picture_files import read_tiles
from wavegen.engine.torch import TorchEngine
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm
from wavegen.models.pictures import PictureModel
from wavegen.sampling.audio import PartDrawn, generate
from wavegen.system import signals
from wavegen.training.host import interrupt_noted

pytestmark = pytest.mark.usefixtures("in_the_folder")


@pytest.fixture(scope="module")
def furnished(furnished):
    # Of some seconds, so that a busy machine cannot get to its end before the signal.
    audio_files.write(furnished / "long.wav", workspace.wander(8_000_000, 7), workspace.RATE)
    return furnished


@pytest.fixture
def ended_at(monkeypatch, plain_signals):
    """Has a signal come in the n-th piece that the torch engine draws, of ten samples each."""

    def ended_at(number, at):
        calls = []

        def interrupted(engine, *arguments):
            calls.append(arguments)
            if len(calls) == at:
                signal.raise_signal(number)
            return whole(engine, *arguments)

        whole = TorchEngine.generate
        monkeypatch.setattr(TorchEngine, "generate", interrupted)
        monkeypatch.setattr("wavegen.sampling.audio.SAMPLES_PER_CALL", 10)

    return ended_at


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
DRAW = ("generate", "gru", "--engine", "torch", "--seconds", "0.05", "--seed", "5")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("options", [(), ("-n", "3"), ("--prime", "a.wav")])
def test_a_signal_in_generate_keeps_what_was_drawn_as_whole_files(tmp_path, capsys, ended_at, number, code, options):
    assert main([*DRAW, str(tmp_path / "whole.wav"), *options]) == 0
    capsys.readouterr()
    ended_at(number, 4)
    assert main([*DRAW, str(tmp_path / "part.wav"), *options]) == code
    primed = 900 if options[:1] == ("--prime",) else 0
    names = ["-0", "-1", "-2"] if options[:1] == ("-n",) else [""]
    files = ", ".join(str(tmp_path / f"part{name}.wav") for name in names)
    assert capsys.readouterr().err.endswith(f"wavegen: interrupted: {files}: 0.004 of 0.050 s were drawn\n")
    for name in names:
        part, whole = (audio_files.read(tmp_path / f"{which}{name}.wav").pcm for which in ("part", "whole"))
        np.testing.assert_array_equal(part, whole[: primed + 30])
    assert len(os.listdir(tmp_path)) == 2 * len(names), "nothing hidden"


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_second_signal_ends_what_swallowed_the_first(tmp_path, monkeypatch, capsys, plain_signals, number, code):
    """As C code does that drops errors: torch's, while it is imported."""

    def check_amount(*_: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)

    monkeypatch.setattr("wavegen.sampling.audio.check_amount", check_amount)
    assert main([*DRAW, str(tmp_path / "o.wav"), "--seconds", "0.01"]) == code
    assert "interrupted" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_second_signal_does_not_disturb_the_saving(tmp_path, monkeypatch, capsys, ended_at, number, code):
    write = audio_files.write

    def interrupted(*arguments) -> None:
        signal.raise_signal(number)
        write(*arguments)

    monkeypatch.setattr(audio_files, "write", interrupted)
    ended_at(number, 3)
    assert main([*DRAW, str(tmp_path / "o.wav"), "-n", "2"]) == code
    assert sorted(os.listdir(tmp_path)) == ["o-0.wav", "o-1.wav"]
    assert "0.003 of 0.050 s were drawn" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_before_anything_is_drawn_leaves_nothing(tmp_path, capsys, ended_at, number, code):
    ended_at(number, 1)
    assert main([*DRAW, str(tmp_path / "o.wav")]) == code
    assert capsys.readouterr().err == "wavegen: interrupted\n"
    assert os.listdir(tmp_path) == []


def test_a_library_gets_what_was_drawn_with_the_interrupt(ended_at):
    model = checkpoint.load("gru")
    whole = generate(model, 40, seeds=[3], engine="torch").draws[0]
    ended_at(signal.SIGINT, 3)
    with pytest.raises(KeyboardInterrupt) as caught:
        generate(model, 40, seeds=[3], engine="torch")
    assert isinstance(caught.value, PartDrawn)
    (part,) = caught.value.draws.draws
    assert part.pcm.tolist() == whole.pcm[:20].tolist() != [0] * 20
    assert part.log2_prob.tolist() == whole.log2_prob[:20].tolist()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_keeps_the_rows_of_pictures_that_are_drawn(tmp_path, monkeypatch, capsys, plain_signals, number, code):
    grid = PictureForm(6, 5, 1, 4)
    checkpoint.save(small_picture_models.model("nade", grid).float(), tmp_path / "m.safetensors", {})
    command = ["generate", str(tmp_path / "m.safetensors"), "-n", "2", "--seed", "3"]
    assert main([*command, str(tmp_path / "whole.png")]) == 0
    calls = []
    row_params = PictureModel.row_params

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 4 * 6 + 3:  # a row of five pixels takes six
            signal.raise_signal(number)
        return row_params(*arguments)

    monkeypatch.setattr(PictureModel, "row_params", interrupted)
    capsys.readouterr()
    part = tmp_path / "part.png"
    assert main([*command, str(part)]) == code
    assert f"{part} holds the first 4 of 6 rows; to go on: --prime {part} --rows 4" in capsys.readouterr().err
    monkeypatch.undo()
    kept, whole = (read_tiles(tmp_path / f"{name}.png", grid) for name in ("part", "whole"))
    assert kept[:, :4].tolist() == whole[:, :4].tolist()
    assert not kept[:, 4:].any()
    assert whole[:, 4:].any()
    assert sorted(os.listdir(tmp_path)) == ["m.safetensors", "part.png", "whole.png"]
    assert main([*command, str(tmp_path / "on.png"), "--prime", str(part), "--rows", "4"]) == 0
    assert read_tiles(tmp_path / "on.png", grid).tolist() == whole.tolist()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("command", ["compress gru long.wav {}/o.wgn", "score gru long.wav --csv {}/o.csv"])
def test_a_process_that_is_ended_leaves_nothing(tmp_path, plain_signals, number, code, command):
    """SIGTERM used to end it at once, with its temporary files left."""
    words = [sys.executable, "-m", "wavegen", *command.format(tmp_path).split()]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 120
        while not list(tmp_path.iterdir()):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not (tmp_path / "o.wgn").exists()
        running.send_signal(number)
        assert running.stderr is not None
        assert running.stderr.read().splitlines()[-1] == "wavegen: interrupted"
        assert running.wait() == code
    assert list(tmp_path.iterdir()) == []


def test_a_signal_in_prepare_says_where_its_work_is(furnished, tmp_path, monkeypatch, capsys, plain_signals):
    read = audio_files.read

    def interrupted(path, *arguments):
        if path.name == "12.wav":
            signal.raise_signal(signal.SIGHUP)
        return read(path, *arguments)

    monkeypatch.setattr(audio_files, "read", interrupted)
    monkeypatch.setattr("wavegen.data.preparing.audio.cpus", lambda: 1)
    assert main(["prepare", str(furnished / "source"), str(tmp_path / "c")]) == 129
    err = capsys.readouterr().err
    assert err.endswith(f"c: the same command goes on from here (the work is in {tmp_path / '.c.preparing'})\n")
    monkeypatch.undo()
    assert main(["prepare", str(furnished / "source"), str(tmp_path / "c")]) == 0
    assert os.listdir(tmp_path) == ["c"]


def test_nohup_and_a_host_keep_their_handlers(plain_signals):
    def own(number, frame):
        raise AssertionError

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, own)
    with signals.raising(), interrupt_noted() as noted:
        signal.raise_signal(signal.SIGHUP)
        assert not noted.is_set()
        assert signal.getsignal(signal.SIGTERM) is own
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.parametrize("number", signals.ENDING[1:])
def test_training_notes_what_a_command_would_raise(number, plain_signals):
    with signals.raising() as raiser:
        with interrupt_noted() as noted:
            signal.raise_signal(number)
            signal.raise_signal(signal.SIGTERM)
            assert noted.is_set()
            error = noted.error()
        assert isinstance(error, signals.Ended)
        assert error.number == number

        def twice() -> None:
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)  # does not disturb what cleans up after the first

        with pytest.raises(signals.Ended):
            twice()
        assert raiser.came == number


def test_a_hangup_saves_a_training(tmp_path, plain_signals):
    run = tmp_path / "run"
    words = ["train", "recipe.toml", "--run", str(run), "--set", "training.steps=1000000"]
    words += ["--set", "training.validate_every=500000"]
    with subprocess.Popen([sys.executable, "-m", "wavegen", *words], stderr=subprocess.PIPE, text=True) as running:
        log = run / "metrics.jsonl"
        while running.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.05)
        running.send_signal(signal.SIGHUP)
        assert running.stderr is not None
        assert running.stderr.read().splitlines()[-1] == "wavegen: interrupted"
        assert running.wait() == 129
    step = checkpoint.read_tensors(run / "resume.safetensors")[1]["step"]
    assert isinstance(step, int)
    assert step >= 20, "what the log has is saved, 480 000 steps before the first validation"
    assert not list(run.glob(".*.part"))


class Interrupting:
    """Ctrl-C comes while a module is imported."""

    def __init__(self, module):
        self.module = module

    def find_spec(self, name, *_):
        if name == self.module:
            raise KeyboardInterrupt


def test_ctrl_c_while_the_program_is_imported_ends_in_one_line(monkeypatch, capfd):
    entry = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]["wavegen"]
    module, function = entry.split(":")
    begin = getattr(importlib.import_module(module), function)
    monkeypatch.delitem(sys.modules, "wavegen.cli.main")
    monkeypatch.setattr(sys, "meta_path", [Interrupting("wavegen.cli.main"), *sys.meta_path])
    assert begin() == 130
    assert capfd.readouterr().err == "wavegen: interrupted\n"


def test_before_that_nothing_slow_is_imported():
    code = "import sys; before = set(sys.modules); import wavegen.cli.start; print(*(set(sys.modules) - before))"
    path = {**os.environ, "PYTHONPATH": str(Path(wavegen.__file__).parents[1])}  # which -S leaves out
    command = [sys.executable, "-S", "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=path).stdout.split()
    assert not {"argparse", "json", "pathlib", "tempfile", "numpy", "torch"} & set(found)
