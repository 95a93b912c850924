"""Progress on stderr, whose library is imported only where somebody looks."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol


class Bar(Protocol):
    """Counts samples, or another unit."""

    def __enter__(self) -> Bar: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None, /
    ) -> object: ...

    def update(self, n: int, /) -> object: ...


class _Nothing:
    """A bar that nobody sees."""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int, /) -> None:
        pass


def progress_bar(total: int, label: str | None, unit: str = " samples", delay: float = 0) -> Bar:
    """A bar over `total`, on a terminal and with a label, after `delay` seconds; else tqdm is not even imported."""
    if not label or sys.stderr is None or not sys.stderr.isatty():
        return _Nothing()
    from tqdm import tqdm

    return tqdm(total=total, desc=label, unit=unit, unit_scale=True, leave=False, delay=delay)  # pyright: ignore[reportReturnType]
