"""Bundled recipes by name: `wavegen train asterisk/wavenet --corpus corpus`."""

from __future__ import annotations

import os
from pathlib import Path

from wavegen.errors import UserError, closest
from wavegen.system.contents import no_file

_PACKAGE = Path(__file__).parents[1]
FOLDERS = (_PACKAGE / "recipes", _PACKAGE.parent / "recipes")  # of an installed package, of a clone
PART_LIKENESS = 0.75  # of a misspelt folder or file; these are short
_FEW = 5  # a longer list of names is left to `wavegen info recipes`


def folder() -> Path | None:
    """The folder of recipes: inside the package, or beside it in a clone; None if they were not installed."""
    return next((path for path in FOLDERS if path.is_dir()), None)


def names() -> list[str]:
    """The names of all, as in asterisk/wavenet."""
    root = folder()
    return [] if root is None else sorted(path.relative_to(root).with_suffix("").as_posix() for path in _files(root))


def described() -> dict[str, str]:
    """Each name with the recipe's first comment."""
    root = folder()
    return {} if root is None else {name: _first_comment(root / f"{name}.toml") for name in names()}


def find(name: str | Path) -> Path | None:
    """The file of the recipe of that name, None if there is none."""
    root = folder()
    return root / f"{name}.toml" if root is not None and str(name) in names() else None


def recipe_file(recipe: str | Path) -> tuple[Path, bool]:
    """The TOML file that a path or name means, and whether it is bundled.

    A file hides the bundled recipe of the same name, which may end in .toml. Anything else that is there and ends in
    .toml is returned as it is. Raises UserError for other names, with the nearest file or known name.
    """
    path = Path(recipe)
    if path.is_file():
        return path, False
    found = find(path.with_suffix("") if path.suffix == ".toml" else recipe)
    if found is not None:
        return found, True
    if path.suffix == ".toml" and os.path.lexists(path):
        return path, False
    if path.exists():
        raise no_file(path, "a TOML file or a recipe that `wavegen info recipes` lists")
    raise UserError(f"{recipe}: no such file, nor a recipe of wavegen{_nearest(path)}")


def _nearest(path: Path) -> str:
    """The most similar file beside it, the names with that folder or file, or the most similar name.

    Else where names are listed.
    """
    plain = path.with_suffix("") if path.suffix.lower() == ".toml" else path  # or all would be somewhat alike
    beside = {each.stem: each for each in path.parent.glob("*.toml")}
    if (file := closest(plain.name, beside)) is not None:
        return f"; did you mean {beside[file]}?"
    known, name = names(), str(plain)
    parts = {part for each in known for part in each.split("/")}
    whole, part = closest(name, known), closest(name, parts, PART_LIKENESS)
    alike = _with_part(name, known) or ([] if whole is None else [whole]) or _with_part(part, known)
    if alike:
        return f"; did you mean {' or '.join(alike[:_FEW])}?"
    return "; `wavegen info recipes` lists them" if known else "; they were not installed"


def _with_part(part: str | None, known: list[str]) -> list[str]:
    """The names of which one folder or file is called so."""
    return [each for each in known if part in each.split("/")]


def _files(root: Path) -> list[Path]:
    return list(root.glob("*/*.toml"))


def _first_comment(path: Path) -> str:
    line = path.read_text(encoding="utf-8").partition("\n")[0]
    return line.removeprefix("#").strip() if line.startswith("#") else ""
