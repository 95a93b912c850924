"""The scripts of tools/: requirements and their lowest versions, and which dependency has a newer release."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = """
[build-system]
requires = ["builder>=1.0"]
[project]
name = "own"
dependencies = ["Array.Lib>=1.26,<3", "plain==2.1"]
[project.optional-dependencies]
more = ["array.lib>=1.26"]
test = ["own[more]", "extra[part]>=0.5"]
dev = ["linter>=18"]
docs = ["writer>=1"]
"""


def tool(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_lowest_version_of_each():
    tools = tool("requirements")
    chosen = tools.requirements(tomllib.loads(PROJECT))
    assert chosen == ["builder>=1.0", "Array.Lib>=1.26,<3", "plain==2.1", "array.lib>=1.26", "extra[part]>=0.5"]
    assert tools.requirements(tomllib.loads(PROJECT), "dev") == ["linter>=18"]
    assert tools.lowest(chosen) == ["array.lib==1.26", "builder==1.0", "extra==0.5", "plain==2.1"]


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        (["plain"], "plain: has no lowest version"),
        (["extra<2"], "extra<2: has no lowest version"),
        (["a>=1.26", "A>=1.27"], r"a: is 1\.26 at least in one place and 1\.27 in another"),
    ],
)
def test_what_has_no_lowest_version(requirements, message):
    with pytest.raises(ValueError, match=message):
        tool("requirements").lowest(requirements)


def test_every_requirement_of_the_project_has_a_lowest_version():
    command = [sys.executable, ROOT / "tools/requirements.py", "--lowest"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "torch==2.11" in done.stdout.splitlines()
    assert len(done.stdout.splitlines()) > 20


LOCK = """
array-lib==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:00
    # via own
array-lib==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:01
plain==2.1 \\
    --hash=sha256:02
below==0.1
"""


def test_what_is_newer_than_the_lock():
    newer = tool("newer")
    locked = newer.locked(LOCK)
    assert locked["array-lib"] == {Version("2.4.6"), Version("2.5.5")}
    ranges = newer.direct(tomllib.loads(PROJECT))
    assert ranges == {
        "array-lib": SpecifierSet("<3,>=1.26"),
        "plain": SpecifierSet("==2.1"),
        "extra": SpecifierSet(">=0.5"),
    }
    latest = {"array-lib": Version("2.5.5"), "plain": Version("2.10"), "extra": Version("9"), "below": Version("5")}
    lines = ["extra: not in the lock; make it again", "plain: 2.10 is newer than 2.1, outside ==2.1"]
    assert newer.newer(locked, ranges, latest) == lines
    latest["array-lib"] = Version("2.6.0")
    assert newer.newer(locked, ranges, latest)[0] == "array-lib: 2.6.0 is newer than 2.5.5"
    assert newer.newer(locked, {"plain": SpecifierSet("==2.1")}, {}) == [], "pip may not find it"


def test_the_lock_holds_every_dependency_inside_its_range_with_hashes_and_names_no_host():
    newer = tool("newer")
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = newer.locked(text)
    ranges = newer.direct(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    for name, allowed in ranges.items():
        assert locked[name], name
        assert all(version in allowed for version in locked[name]), name
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) >= len(locked)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_pip_is_asked_for_the_latest(monkeypatch):
    newer = tool("newer")
    answers = {"plain": "plain (2.10)\nAvailable versions: 2.10, 2.1\n", "gone": ""}
    said = lambda command, **_: subprocess.CompletedProcess(command, 0, answers[command[-1]])  # noqa: E731
    monkeypatch.setattr(newer.subprocess, "run", said)
    assert newer.latest_releases(answers) == {"plain": Version("2.10")}


@pytest.mark.parametrize(("codes", "ended"), [([0, 0], 0), ([1], 1), ([0, 1], 1)])
def test_a_newer_release_is_tried_on_the_quick_tests(codes, ended, monkeypatch):
    newer = tool("newer")
    ran = []

    def run(command):
        ran.append(command)
        return codes[len(ran) - 1]

    monkeypatch.setattr(newer, "run", run)
    monkeypatch.setattr(sys, "argv", ["newer.py", "--try", "plain"])
    assert newer.main() == ended
    assert ran[0][-3:] == ["install", "--upgrade", "plain"]
    assert len(ran) == len(codes)
    assert all(command[-2:] == ["-m", "not slow"] for command in ran[1:])
