"""Starts a training from another model's weights."""

from __future__ import annotations

import json
from pathlib import Path

from wavegen.errors import UserError
from wavegen.models.checkpoint import load
from wavegen.models.configs.base import Tables
from wavegen.models.density import Density
from wavegen.models.metadata import Metadata


def take_weights(model: Density, path: str | Path) -> Metadata:
    """Copies the weights of the model file `path` into `model`, and returns the file's metadata.

    Raises UserError, naming what differs, unless the two have the same settings and sample rate.
    """
    other = load(path, type(model))
    if other.form != model.form:
        raise UserError(
            f"{path}: a model of {other.form.name}, the corpus has {model.form.name}; "
            f"`init` takes a model of the corpus's {model.form.measure}",
            parameter="init",
        )
    wanted, found = _flat(model.settings), _flat(other.settings)
    keys = wanted.keys() | found.keys()
    for key in sorted(keys, key=lambda key: (not key.endswith(".name"), key)):  # names of parts before their settings
        if wanted.get(key) != found.get(key):
            raise UserError(
                f"{path}: {key} = {found.get(key)}, the recipe says {wanted.get(key)}; "
                "`init` takes a model of the recipe's settings",
                parameter="init",
            )
    model.load_state_dict(other.state_dict())
    return other.metadata


def _flat(settings: Tables) -> dict[str, object]:
    plain: Tables = json.loads(json.dumps(settings))  # tuples are lists in recipes
    return {f"{part}.{key}": value for part, table in plain.items() for key, value in table.items()}
