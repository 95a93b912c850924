"""Densities by the name a recipe gives them."""

from __future__ import annotations

from typing import Any

from wavegen.errors import UserError, nearest
from wavegen.models.density import AudioModel, Density
from wavegen.models.forms import Form, Grid
from wavegen.models.pictures import PictureModel

DENSITIES: dict[str, type[Density]] = {density.kind: density for density in (AudioModel, PictureModel)}


def density_named(tables: Any, source: str) -> type[Density]:
    """The density that a recipe or a model's header means, audio unless its table [density] says otherwise.

    Raises UserError, which starts with `source`, for one that is unknown.
    """
    table = tables.get("density", {"name": AudioModel.kind})
    if not isinstance(table, dict):
        raise UserError(f"{source}: density must be a table, [density]")
    if (name := table.get("name")) is None:
        raise UserError(f"{source}: density.name is missing{nearest('', DENSITIES)}")
    if not isinstance(name, str) or name not in DENSITIES:
        raise UserError(f"{source}: density.name = {name!r} is unknown{nearest(str(name), DENSITIES)}")
    if len(table) > 1:
        raise UserError(f"{source}: density has no setting but name")
    return DENSITIES[name]


def kind_of(form: Form) -> str:
    """The kind of density that recordings of that form have."""
    return PictureModel.kind if isinstance(form, Grid) else AudioModel.kind


def untrained(settings: dict[str, dict[str, Any]], form: Form, source: str) -> Density:
    """The model of these settings for recordings of that form, which is that of `source`. Raises UserError."""
    density = density_named(settings, source)
    if density.kind != kind_of(form):
        raise UserError(f"{source}: holds {kind_of(form)}, and the recipe's density.name is {density.kind!r}")
    return density.from_settings(settings, form)
