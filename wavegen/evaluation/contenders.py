"""The rows of a comparison: each model under each condition that is asked for, ranked with its equals only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wavegen.errors import UserError
from wavegen.evaluation.results import ComparisonRow
from wavegen.models.condition_kinds import SPEAKER, Kind, check_taken
from wavegen.models.model import AnyAudio, Model


@dataclass(frozen=True)
class Contender:
    """A model under one kind of condition.

    `name` is that of the row, `model` that of the model. `asked` is `kind`, and the speaker that nobody can tell.
    """

    name: str
    model: str
    scored: AnyAudio
    data: Model
    kind: Kind
    asked: Kind

    @property
    def condition(self) -> str | None:
        """The condition's name in reports; None for nothing."""
        return self.kind.condition(self.data.conditioning)


def contenders(
    models: Mapping[str, AnyAudio], given: Sequence[str] = (), speakers: Collection[str] = ()
) -> dict[str, Contender]:
    """The rows of models by their names: one for each condition of `given` that the model takes.

    Without `given` a model has one row, with all conditions that it takes and that can be told; so has a model without
    conditions. `speakers` are those of the recordings.

    Raises UserError for a condition that no model takes, a model with conditions that takes none of them or knows none
    of the speakers, and rows of one name.
    """
    kinds = list(dict.fromkeys(Kind.parsed(text) for text in given))
    found: dict[str, Contender] = {}
    for name, model in models.items():
        data = model.data()
        for asked in _kinds_of(name, data, kinds):
            kind = _told(name, data, asked, speakers, bool(given))
            called = name if data.conditioning is None else f"{name} given {kind.name(data.conditioning)}"
            if called in found:
                raise UserError(f"{called}: two rows have this name; name the models, as in A={name}")
            found[called] = Contender(called, name, model, data, kind, asked)
    for kind in kinds:
        if not any(one.kind == kind for one in found.values()):
            raise UserError(f"`given={kind.words!r}`: no model here takes that; leave it out", parameter="given")
    return found


def _kinds_of(name: str, data: Model, kinds: Sequence[Kind]) -> list[Kind]:
    """The conditions of a model's rows, of those that are asked for, if any."""
    if data.conditioning is None or not kinds:
        return [Kind.all_of(data.conditioning)]
    own = [kind for kind in kinds if kind.is_taken(data.conditioning)]
    for kind in own or kinds[:1]:
        check_taken(data.conditioning, kind, name)
    return own


def _told(name: str, data: Model, kind: Kind, speakers: Collection[str], explicit: bool) -> Kind:
    """The conditions that a model is given in fact: without the speaker if it knows none of those of the recordings."""
    if kind.speaker != SPEAKER or data.conditioning is None or {*data.conditioning.speakers} & {*speakers}:
        return kind
    if explicit:
        said = f"{name} knows none of the speakers of these recordings; leave {SPEAKER} out of `given`"
        raise UserError(said, parameter="given")
    return replace(kind, speaker="")


def pairs(rows: Sequence[ComparisonRow], against: str | None, usual: Sequence[str | None]) -> list[tuple[str, str]]:
    """The rows to subtract from one another, as (a, b) for a less b.

    Likelihoods with different conditions are subtracted only where they are of one model, or where `against` names one
    that has a condition.

    Args:
        rows: as they are ranked.
        against: the row that is asked for.
        usual: names of rows to subtract from those without a condition, of which one may be the row `against`.
    """
    found = [*_less(rows, against)]
    for name in usual:
        found += [(a, b) for a, b in _less(rows, name) if _row(rows, a)["condition"] is None]
    if against is None:
        for model in dict.fromkeys(row["model"] for row in rows if row["model"] is not None):
            own = [row for row in rows if row["model"] == model]
            base = next((row for row in own if row["condition"] is None), own[0])
            found += [(row["name"], base["name"]) for row in own if row is not base]
        for condition in dict.fromkeys(row["condition"] for row in rows if row["condition"] is not None):
            alike = [row["name"] for row in rows if row["condition"] == condition]
            found += [(name, alike[0]) for name in alike[1:]]
    return list(dict.fromkeys(found))


def _less(rows: Sequence[ComparisonRow], name: str | None) -> Iterator[tuple[str, str]]:
    """Every row that may be held against the row `name`, and that name; none if there is no such row."""
    base = next((row for row in rows if row["name"] == name), None)
    if base is None:
        return
    for row in rows:
        alike = row["condition"] == base["condition"] or (row["model"] is not None and row["model"] == base["model"])
        both = row["condition"] is not None and base["condition"] is not None
        if row is not base and (alike or both):
            yield row["name"], base["name"]


def _row(rows: Sequence[ComparisonRow], name: str) -> ComparisonRow:
    return next(row for row in rows if row["name"] == name)
