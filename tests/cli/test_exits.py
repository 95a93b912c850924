"""How a command ends: its output, its exit code and its last line."""

import json
import subprocess
import sys

import pytest

from wavegen.cli.main import main

pytestmark = pytest.mark.usefixtures("in_the_folder")


def test_json_is_all_that_stdout_holds(capfd):
    assert main(["compare", "gru", "wavenet", "--corpus", "corpus", "--json"]) == 0
    out = capfd.readouterr().out
    assert json.loads(out)["unit"] == "bits/sample"
    assert len(out.splitlines()) == 1


def test_a_bug_of_ours_ends_with_1_and_a_line(monkeypatch, capsys):
    monkeypatch.setattr("wavegen.modelfile.read", lambda path: 1 / 0)
    monkeypatch.delenv("WAVEGEN_TRACEBACK", raising=False)
    assert main(["info", "gru"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "ZeroDivisionError" in lines[0]
    assert "WAVEGEN_TRACEBACK=1" in lines[0]
    monkeypatch.setenv("WAVEGEN_TRACEBACK", "1")
    assert main(["info", "gru"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_gets_no_complaint():
    command = [sys.executable, "-m", "wavegen.cli.main", "score", "gru", "a.wav"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert all(line.startswith("wavegen: warning: a.wav: ") for line in running.stderr)
        assert running.wait(60) == 141


@pytest.mark.parametrize("module", ["numpy", "safetensors", "soundfile"])
def test_a_library_that_is_missing_is_named(module):
    code = (
        f"import sys; sys.modules[{module!r}] = None; from wavegen.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, "score", "gru", "a.wav"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"wavegen: the Python module {module} is missing; `pip check` names what is to be installed"
    ]


def test_a_module_of_ours_that_is_missing_is_our_bug(monkeypatch, capsys):
    def load(path):
        raise ModuleNotFoundError("No module named 'wavegen.models.typo'", name="wavegen.models.typo")

    monkeypatch.setattr("wavegen.modelfile.read", load)
    assert main(["info", "gru"]) == 1
    assert "internal error, ModuleNotFoundError" in capsys.readouterr().err
