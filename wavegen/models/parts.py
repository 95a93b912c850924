"""Checks the settings of a density's parts: codec, distribution, predictor and network, each by its registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wavegen.models.codecs import CODECS
from wavegen.models.configs.distributions import DISTRIBUTION_CONFIGS, MOST_CATEGORIES
from wavegen.models.density import Density
from wavegen.models.registry import density_named
from wavegen.models.settings import Draft, Problems, Table, settings_model


def check_model(tables: Mapping[str, Any], source: str) -> dict[str, dict[str, Any]]:
    """The tables of a density's parts, checked, with the defaults of their keys filled in.

    One that says which density it is comes first, unless that is of audio. Raises UserError, for parts that do not
    go together too.
    """
    density = density_named(tables, source)
    problems = Problems(source)
    given = {part: tables[part] for part in density.PARTS if part in tables}
    model, _ = check_parts(Draft(given, density.PARTS, "", problems), density, {})
    problems.check()
    return model


def check_parts(
    draft: Draft, density: type[Density] | None, besides: Mapping[str, type[Table]]
) -> tuple[dict[str, dict[str, Any]], dict[str, Table | None]]:
    """The tables of a density's parts as far as they are right, and those of `besides`; problems go to the draft's."""
    models = dict(besides)
    if density is not None:
        models |= {part: settings_model(one) for part, one in _parts(draft, density, bool(besides))}
    draft.place(models)
    checked = {name: draft.check(model, name) for name, model in models.items()}
    parts: dict[str, dict[str, Any]] = {}
    if density is not None:
        parts = density.table()
        right = {part: found for part in density.PARTS if (found := checked.get(part)) is not None}
        parts |= {part: found.model_dump(mode="json") for part, found in right.items()}
    _check_together(draft, parts)
    return parts, checked


def _parts(draft: Draft, density: type[Density], complete: bool) -> Iterator[tuple[str, type]]:
    """The class of each part of the density that is there and known; to `complete` is to take defaults for others."""
    defaults = density.DEFAULTS if complete else {}
    for part, registry in density.PARTS.items():
        if part in density.OPTIONAL and part not in draft.tables:
            continue
        if (meant := draft.part_meant(part, registry, defaults.get(part, {}))) is not None:
            yield part, meant


def _check_together(draft: Draft, parts: Mapping[str, dict[str, Any]]) -> None:
    """Reports that distribution, codec and predictor do not go together, where each is right."""
    right = {name for name in ("distribution", "codec", "predictor") if name in parts and name not in draft.wrong}
    if not right >= {"distribution", "codec"} or DISTRIBUTION_CONFIGS[parts["distribution"]["name"]].takes_location:
        return
    wrong, cures = [], []
    if "predictor" in right:
        wrong.append("predictor shifts the location of a mixture, and distribution.name = 'categorical' has none")
        cures.append("leave [predictor] out")
    codec = dict(parts["codec"])
    symbols = CODECS[codec.pop("name")](**codec).num_symbols
    if symbols > MOST_CATEGORIES:
        most = f"takes at most {MOST_CATEGORIES} symbols, and codec makes {symbols}"
        wrong.append(f"distribution.name = 'categorical' {most}")
        cures.append("lower codec.bits")
    if wrong:  # one line, since another distribution mends both
        draft.problems.add(f"{'; '.join(wrong)}; {' and '.join(cures)}, or take 'mixture-of-logistics'")
