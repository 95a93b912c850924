"""Densities by the name a recipe gives them."""

from __future__ import annotations

from typing import Any

from wavegen.models.audio import AudioModel
from wavegen.models.density import Density
from wavegen.models.forms import Form, check_kind, kind_named
from wavegen.models.pictures import PictureModel

DENSITIES: dict[str, type[Density]] = {density.kind: density for density in (AudioModel, PictureModel)}


def density_named(tables: Any, source: str) -> type[Density]:
    """The density that a recipe or a model's header means, audio unless its table [density] says otherwise.

    Raises UserError, which starts with `source`, for one that is unknown.
    """
    return DENSITIES[kind_named(tables, source)]


def untrained(settings: dict[str, dict[str, Any]], form: Form, source: str) -> Density:
    """The model of these settings for recordings of that form, which is that of `source`. Raises UserError."""
    density = density_named(settings, source)
    check_kind(density.kind, form, source)
    return density.from_settings(settings, form)
