"""Files of a folder that cannot be used: the others are, and these are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from wavegen.errors import UserError

T = TypeVar("T")


class Refusals:
    """Notes each file that was refused, and why."""

    def __init__(self) -> None:
        self.refused: list[dict[str, str]] = []
        self.warnings: list[str] = []

    def usable(self, source: Path, paths: Sequence[Path], read: Callable[[Path], T]) -> Iterator[tuple[Path, T]]:
        """What `read` gives of each file that `source` named or holds.

        One that is named itself has to be readable, of a folder one file at least: raises UserError.
        """
        refused, parameters = [], list[str]()
        for path in paths:
            try:
                found = read(path)
            except UserError as error:
                if not source.is_dir() or len(paths) == 1:
                    raise
                refused.append({"file": str(path), "reason": str(error)})
                parameters += error.parameters
            else:
                yield path, found
        if not refused:
            return
        if len(refused) == len(paths):
            said = f"none of its {len(paths)} files can be used; first: {refused[0]['reason']}"
            raise UserError(f"{source}: {said}", parameter=parameters)
        self.refused += refused
        first = "" if len(refused) == 1 else "first: "
        self.warnings.append(
            f"{source}: {len(refused)} of its {len(paths)} files left out; {first}{refused[0]['reason']}"
        )
