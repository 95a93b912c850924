"""Says which dependency has a release newer than requirements.lock, and runs the quick tests with it.

    python tools/newer.py                         # one line for each, by what pip finds
    python tools/newer.py --try matplotlib numpy  # the quick tests with their newest releases

Asks about the dependencies that pyproject.toml names. A release outside its range is listed too, marked so: the range
may be widened to it. --try installs into the environment that it runs in: use a fresh one, made from the lock. The
exit code is 0 if nothing is newer or the tests pass, else 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
QUICK = ["-m", "pytest", "-m", "not slow"]
NOT_LOCKED = ("dev", "docs")


def locked(lock: str) -> dict[str, set[Version]]:
    """Name to versions of a lock file, of which some names have several, for different Pythons."""
    found: dict[str, set[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, flags=re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def direct(project: dict) -> dict[str, SpecifierSet]:
    """The range of each dependency that pyproject.toml names, without the extras that are not locked."""
    table = project["project"]
    extras = [
        each for name, extra in table["optional-dependencies"].items() if name not in NOT_LOCKED for each in extra
    ]
    found: dict[str, SpecifierSet] = {}
    for each in map(Requirement, [*table["dependencies"], *extras]):
        if each.name != table["name"]:
            name = canonicalize_name(each.name)
            found[name] = found.get(name, SpecifierSet()) & each.specifier
    return found


def newer(locked: dict[str, set[Version]], ranges: dict[str, SpecifierSet], latest: dict[str, Version]) -> list[str]:
    """A line for each direct dependency whose latest release is newer than all that the lock holds of it."""
    lines = []
    for name, allowed in sorted(ranges.items()):
        if name not in locked:
            lines.append(f"{name}: not in the lock; make it again")
        elif name in latest and latest[name] > max(locked[name]):
            outside = "" if latest[name] in allowed else f", outside {allowed}"
            lines.append(f"{name}: {latest[name]} is newer than {max(locked[name])}{outside}")
    return lines


def latest_releases(names: Iterable[str]) -> dict[str, Version]:
    """The newest release of each that pip finds for this Python; those that it cannot find are left out."""
    found = {}
    for name in names:
        command = [sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check", name]
        said = subprocess.run(command, capture_output=True, text=True).stdout
        if match := re.match(r"\S+ \(([^)]+)\)", said):
            found[name] = Version(match[1])
    return found


def run(command: list[str]) -> int:
    print("+", *command, file=sys.stderr, flush=True)
    return subprocess.run(command, cwd=ROOT).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tried = "install their newest releases and run the quick tests"
    parser.add_argument("--try", dest="tried", nargs="+", metavar="NAME", help=tried)
    args = parser.parse_args()
    if args.tried:
        pip = [sys.executable, "-m", "pip", "install", "--upgrade"]
        return int(any(run(command) for command in ([*pip, *args.tried], [sys.executable, *QUICK])))
    ranges = direct(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    lock = locked((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    lines = newer(lock, ranges, latest_releases(sorted(ranges)))
    print("\n".join(lines) or "nothing is newer than requirements.lock")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
