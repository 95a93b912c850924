"""Names of the models of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wavegen.cli.outputs import MODEL_FILE
from wavegen.errors import UserError


def called(arguments: Sequence[str]) -> dict[str, Path]:
    """The path of each model by its name: NAME of NAME=MODEL, else the name of its run folder or file.

    Two models of one name are named by their paths. A path that holds "=" is a path if it exists. Raises UserError if
    a name or model is given twice.
    """
    given = [
        argument.partition("=")[::2] if "=" in argument and not Path(argument).exists() else ("", argument)
        for argument in arguments
    ]
    paths = [Path(path) for _, path in given]
    short = [path.parent.name if path.name == MODEL_FILE else path.stem for path in map(Path.absolute, paths)]
    names = [name or plain for (name, _), plain in zip(given, short, strict=True)]
    names = [
        str(path) if not name and names.count(plain) > 1 else plain
        for (name, _), path, plain in zip(given, paths, names, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise UserError(_twice(name, [str(path) for path, each in zip(paths, names, strict=True) if each == name]))
    return dict(zip(names, paths, strict=True))


def _twice(name: str, models: list[str]) -> str:
    """The line for a name that several models have."""
    if len(set(models)) == 1:
        return f"{name}: a model is named twice; name each once, or as in A={models[0]} B={models[0]}"
    others = " ".join(f"{name}-{number}={model}" for number, model in enumerate(models, 1))
    return f"{name}: is the name of {len(models)} models; give each its own, as in {others}"
