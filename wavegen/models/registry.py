"""Densities by their names in recipes."""

from __future__ import annotations

from collections.abc import Mapping

from wavegen.models.audio import AudioModel
from wavegen.models.configs.base import Tables
from wavegen.models.density import Density
from wavegen.models.forms import Form, check_kind, kind_named
from wavegen.models.pictures import PictureModel

DENSITIES: dict[str, type[Density]] = {density.kind: density for density in (AudioModel, PictureModel)}


def density_named(tables: Mapping[str, object], source: str) -> type[Density]:
    """The density of a recipe or a model's header: audio unless its table [density] says otherwise.

    Raises UserError, which starts with `source`, for one that is unknown.
    """
    return DENSITIES[kind_named(tables, source)]


def untrained(settings: Tables, form: Form, source: str) -> Density:
    """Builds an untrained model.

    Args:
        settings: checked tables of its parts.
        form: of the recordings.
        source: of the recordings, with which errors start.

    Raises UserError if recordings of that form have models of another kind.
    """
    density = density_named(settings, source)
    check_kind(density.kind, form, source)
    return density.from_settings(settings, form)
