"""Prints requirements of pyproject.toml for pip: all for building, running and testing, or those of one extra.

    python tools/requirements.py [EXTRA]     # for pip's -r; without installing wavegen itself, which would build it
    python tools/requirements.py --lowest    # for pip's -c: the lowest version of each that is allowed

The extras `dev` and `docs` are left out unless they are named.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LEFT_OUT = ("dev", "docs")
PROJECT = Path(__file__).parent.parent / "pyproject.toml"
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,]*\])?\s*(?:>=|==)\s*(?P<version>[\w.]+)")


def requirements(project: Mapping[str, Any], extra: str | None = None) -> list[str]:
    """The requirements of one extra, or of all but LEFT_OUT and of what builds and runs; wavegen's own left out."""
    table = project["project"]
    extras = table["optional-dependencies"]
    if extra is not None:
        return list(extras[extra])
    groups = [project["build-system"]["requires"], table["dependencies"]]
    groups += [each for name, each in extras.items() if name not in LEFT_OUT]
    own = f"{table['name']}["
    return [each for group in groups for each in group if not each.startswith(own)]


def lowest(requirements: Sequence[str]) -> list[str]:
    """NAME==VERSION for each. Raises ValueError for one without a lowest version, or one name with two."""
    found: dict[str, str] = {}
    for requirement in requirements:
        match = REQUIREMENT.match(requirement)
        if match is None:
            raise ValueError(f"{requirement}: has no lowest version; write NAME>=VERSION")
        name = match["name"].lower()
        version = match["version"]
        if found.setdefault(name, version) != version:
            raise ValueError(f"{name}: is {found[name]} at least in one place and {version} in another")
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("extra", nargs="?")
    parser.add_argument("--lowest", action="store_true")
    args = parser.parse_args()
    chosen = requirements(tomllib.loads(PROJECT.read_text(encoding="utf-8")), args.extra)
    sys.stdout.write("\n".join(lowest(chosen) if args.lowest else chosen) + "\n")


if __name__ == "__main__":
    main()
