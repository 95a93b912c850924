"""Checks the settings of a model's parts, each by its registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wavegen.models.codecs import CODECS
from wavegen.models.configs.base import Part, Tables, part_of
from wavegen.models.configs.conditioning import contradictions
from wavegen.models.configs.distributions import DISTRIBUTION_CONFIGS, MAX_CATEGORIES
from wavegen.models.configs.predictors import PREDICTOR_CONFIGS
from wavegen.models.density import Density
from wavegen.models.registry import density_named
from wavegen.models.settings import Draft, Problems, Table, settings_model


def check_model(tables: Mapping[str, object], source: str) -> Tables:
    """The checked tables of a model's parts, with the defaults of their keys.

    The table that names the kind comes first; audio has none. Raises UserError, also for parts that do not go together.
    """
    density = density_named(tables, source)
    problems = Problems(source)
    given = {part: tables[part] for part in density.PARTS if part in tables}
    model, _ = check_parts(Draft(given, density.PARTS, "", problems), density, {})
    problems.check()
    return model


def check_parts(
    draft: Draft, density: type[Density] | None, besides: Mapping[str, type[Table]]
) -> tuple[Tables, dict[str, Table | None]]:
    """Checks the tables of a draft; problems are added to the draft's.

    Args:
        draft: the tables.
        density: kind of the model, None if it is unknown.
        besides: models of tables that are no parts; with some, parts that are missing get their defaults.

    Returns the right tables of the parts, and all checked tables, None for a wrong one.
    """
    models: dict[str, type[Table]] = dict(besides)
    if density is not None:
        models |= {part: settings_model(one) for part, one in _parts(draft, density, bool(besides))}
    draft.place(models)
    checked = {name: draft.check(model, name) for name, model in models.items()}
    parts: Tables = {}
    if density is not None:
        parts = density.table()
        right = {part: found for part in density.PARTS if (found := checked.get(part)) is not None}
        parts |= {part: found.model_dump(mode="json") for part, found in right.items()}
    _check_together(draft, parts)
    return parts, checked


def _parts(draft: Draft, density: type[Density], complete: bool) -> Iterator[tuple[str, type[Part]]]:
    """The class of each known part; `complete` takes the defaults for missing ones."""
    defaults = density.DEFAULTS if complete else {}
    for part, registry in density.PARTS.items():
        if part in density.OPTIONAL and part not in draft.tables:
            continue
        if (meant := draft.part_meant(part, registry, defaults.get(part, {}))) is not None:
            yield part, meant


def _check_spectrum(draft: Draft, parts: Tables) -> None:
    """Reports a predictor that needs a mel spectrogram, of a model that has none."""
    if "predictor" not in parts or {"predictor", "conditioning"} & draft.wrong:
        return
    name = str(parts["predictor"]["name"])
    if PREDICTOR_CONFIGS[name].needs_mel and not parts.get("conditioning", {}).get("mel"):
        said = f"predictor.name = {name!r} takes its filters from a mel spectrogram, and there is none"
        draft.problems.add(f"{said}; give conditioning.mel, or take 'linear'", "predictor", "name")


def _check_together(draft: Draft, parts: Tables) -> None:
    """Reports settings that are right and do not go together: of a condition; of distribution, codec and predictor."""
    if "conditioning" in parts and "conditioning" not in draft.wrong:
        for key, line in contradictions(parts["conditioning"]):
            draft.problems.add(line, "conditioning", key)
    _check_spectrum(draft, parts)
    right = {name for name in ("distribution", "codec", "predictor") if name in parts and name not in draft.wrong}
    if (
        not right >= {"distribution", "codec"}
        or DISTRIBUTION_CONFIGS[str(parts["distribution"]["name"])].takes_location
    ):
        return
    wrong: list[str] = []
    cures: list[str] = []
    if "predictor" in right:
        wrong.append("predictor shifts the location of a mixture, and distribution.name = 'categorical' has none")
        cures.append("leave [predictor] out")
    symbols = part_of(parts, "codec", CODECS).num_symbols
    if symbols > MAX_CATEGORIES:
        most = f"takes at most {MAX_CATEGORIES} symbols, and codec makes {symbols}"
        wrong.append(f"distribution.name = 'categorical' {most}")
        cures.append("lower codec.bits")
    if wrong:  # one line: another distribution mends both
        draft.problems.add(f"{'; '.join(wrong)}; {' and '.join(cures)}, or take 'mixture-of-logistics'")
