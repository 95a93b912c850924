"""The table of a comparison: bits or nats of each row for the same files, ranked, and their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wavegen.evaluation.intervals import Estimate, estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Table:
    """The totals of every row over the same files.

    Args:
        totals: by the rows' names, (files,) bits or nats each.
        sizes: of the files, (files,): their samples, or 1 for a mean per file.
        conditions: of rows that have one, by their names.
    """

    totals: Mapping[str, NDArray[np.float64]]
    sizes: NDArray[np.integer]
    conditions: Mapping[str, str] = field(default_factory=dict[str, str])

    def ranked(self) -> dict[str, Estimate]:
        """The estimate of each row by its name, the lowest first; rows with a condition follow, each kind by itself."""
        estimates = {name: estimate(total, self.sizes) for name, total in self.totals.items()}
        parts = [None, *dict.fromkeys(self.conditions.values())]

        def rank(item: tuple[str, Estimate]) -> tuple[int, float]:
            return parts.index(self.conditions.get(item[0])), item[1].mean

        return dict(sorted(estimates.items(), key=rank))

    def difference(self, a: str, b: str) -> Estimate:
        """Row `a` less row `b`, paired over files."""
        return estimate(self.totals[a] - self.totals[b], self.sizes)

    def differences(self, against: Sequence[str | None]) -> Iterator[tuple[str, str, Estimate]]:
        """Every other row less each row of `against` that there is, paired over files, in the rows' rank.

        Names that are None, repeated or of no row are passed over.
        """
        names = list(self.ranked())
        for subtracted in dict.fromkeys(against):
            if subtracted is None or subtracted not in self.totals:
                continue
            for name in names:
                if name != subtracted:
                    yield name, subtracted, self.difference(name, subtracted)
