"""The scripts of examples/ run and print what they promise."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs an example in an empty folder and gives what it prints on stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr()

    return run


def test_they_are_short():
    for script in EXAMPLES.glob("*.py"):
        assert len(script.read_text().splitlines()) < 40, script


def test_drawing_speech(run):
    told, _ = run("draw_speech.py", "drawn", "0.05")
    assert len(told.splitlines()) == 3
    assert sorted(path.name for path in Path("drawn").iterdir()) == [f"temperature-{t}.wav" for t in (0.8, 0.9, 1.0)]


def test_comparing_with_flac(run):
    told, warned = run("compare_with_flac.py")
    *_, last = told.splitlines()
    ours, flac = map(float, last.split()[:2])
    assert ours < flac
    assert "trained" not in warned


def test_proving_the_bits(run):
    told, _ = run("prove_the_bits.py")
    claimed, written = _figures(told)
    assert claimed <= written <= 1.001 * claimed + 112
    assert "byte for byte" in told


def _figures(told: str) -> tuple[int, int]:
    words = told.splitlines()[0].replace(",", "").split()
    return int(words[1]), int(words[5])
