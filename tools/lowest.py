"""Prints the lowest version of every dependency that pyproject.toml allows, as constraints for pip.

    python tools/lowest.py > lowest.txt && pip install -c lowest.txt '.[test]'

What the dependencies themselves depend on is left to pip.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,]*\])?\s*(?:>=|==)\s*(?P<version>[\w.]+)")


def lowest(project: Mapping[str, Any]) -> list[str]:
    """NAME==VERSION for each requirement of a parsed pyproject.toml, those to build and test with included, not `dev`.

    Raises ValueError for a requirement without a lowest version, or two lowest versions of one name.
    """
    table = project["project"]
    extras = [requirements for name, requirements in table["optional-dependencies"].items() if name != "dev"]
    groups = [project["build-system"]["requires"], table["dependencies"], *extras]
    found: dict[str, str] = {}
    for requirement in (each for group in groups for each in group):
        if requirement.startswith(f"{table['name']}["):
            continue
        match = REQUIREMENT.match(requirement)
        if match is None:
            raise ValueError(f"{requirement}: has no lowest version; write NAME>=VERSION")
        name, version = match["name"].lower(), match["version"]
        if found.setdefault(name, version) != version:
            raise ValueError(f"{name}: is {found[name]} at least in one place and {version} in another")
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest(tomllib.loads(PROJECT.read_text(encoding="utf-8")))) + "\n")
