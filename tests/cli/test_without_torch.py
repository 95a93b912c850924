"""What needs no torch does not wait for it: fresh processes, and what they have imported in the end."""

import subprocess
import sys

import pytest
import small_models

from wavegen.engine import native
from wavegen.models import checkpoint

SLOW = {"torch", "matplotlib", "librosa", "numba", "scipy", "pydantic", "tqdm", "soxr", "PIL"}
CALL = """
import sys
{code}
print(*sorted(set(sys.modules) & set({slow})), file=sys.stderr)
"""
COMMANDS = {
    "help": ["--help"],
    "engines": ["info"],
    "about a model": ["info", "allison"],
    "generate": ["generate", "allison", "new.wav", "--seconds", "0.1", "--engine", "cpu"],
    "generate in int8": ["generate", "allison", "new.wav", "--seconds", "0.1", "--precision", "int8"],
    "go on": ["generate", "allison", "new.wav", "--seconds", "0.1", "--prime", "a.wav"],
    "score": ["score", "allison", "a.wav"],
    "score windows": ["score", "allison", "a.wav", "--csv", "new.csv"],
    "compress": ["compress", "allison", "a.wav", "new.wgn"],
    "decompress": ["decompress", "allison", "a.wgn", "new.wav"],
    "compare": ["compare", "allison", "OTHER=mixture.safetensors", "--corpus", "corpus", "--proof"],
    "a mixture": ["score", "mixture.safetensors", "a.wav"],
    "about a NADE": ["info", "nade.safetensors"],
}


def imported(code, folder):
    """Which of the slow libraries a fresh process has imported once `code` is done."""
    script = CALL.format(code=code, slow=sorted(SLOW))
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1].split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models, a recording and the same compressed."""
    folder = tmp_path_factory.mktemp("without")
    networks = {"gru": {"hidden_size": 5}, "nade": {"frame_size": 4}}
    for name, settings in networks.items():
        model = small_models.mu_law_model(name=name, **settings)
        checkpoint.save(model, folder / f"{name}.safetensors", {})
    checkpoint.save(small_models.mixture_model(), folder / "mixture.safetensors", {})
    if native.missing() is None:
        imported(command(["generate", "allison", "a.wav", "--seconds", "0.2"]), folder)
        imported(command(["compress", "allison", "a.wav", "a.wgn"]), folder)
        (folder / "recordings").mkdir()
        imported(command(["generate", "allison", "recordings/a.wav", "-n", "30", "--seconds", "0.1"]), folder)
        imported(command(["prepare", "recordings", "corpus"]), folder)
    return folder


def command(argv):
    """Code that runs a command, which must end well."""
    run = f"from wavegen.cli.main import main\ntry:\n    assert main({argv!r}) == 0"
    return f"{run}\nexcept SystemExit as end:\n    assert end.code == 0"


@pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_imports_nothing_slow(folder, name):
    for path in folder.glob("new.*"):
        path.unlink()
    assert imported(command(COMMANDS[name]), folder) == []


def test_the_library_imports_nothing_slow(folder):
    assert imported("import wavegen; wavegen.open_model('allison').describe()", folder) == []


def test_what_needs_torch_imports_it(folder):
    """The probe sees it, and `load` gives what the functions here can do without."""
    assert "torch" in imported("import wavegen; wavegen.load('allison')", folder)
    assert "torch" in imported(command(["score", "nade.safetensors", "a.wav"]), folder)
    assert "torch" in imported(command(["compare", "nade.safetensors", "--corpus", "corpus"]), folder)
