"""Files of a folder that cannot be used are named; the others are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from wavegen.errors import UserError
from wavegen.evaluation.results import Refused

T = TypeVar("T")


class Refusals:
    """Notes each file that was refused, and why."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []
        self.warnings: list[str] = []

    def usable(self, source: Path, paths: Sequence[Path], read: Callable[[Path], T]) -> Iterator[tuple[Path, T]]:
        """Each usable file with the result of `read`, which raises UserError for others.

        Args:
            source: a file, or the folder of the files.
            paths: the files.
            read: reads one.

        Raises:
            UserError: a file that is named itself, or all files of a folder, cannot be used.
        """
        refused: list[Refused] = []
        parameters: list[str] = []
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
                del found  # before the next is read
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
