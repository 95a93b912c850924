"""Outputs in a folder that an interrupted command has finished, which the same command leaves as they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from wavegen.errors import UserError
from wavegen.wording import counted, visible

S = TypeVar("S")  # a source; printed by its name

GO_ON = "give the same command again to go on"


def finished_already(
    pairs: Sequence[tuple[S, Path]], finished: Callable[[Sequence[tuple[S, Path]]], list[tuple[S, Path]]]
) -> list[tuple[S, Path]]:
    """The pairs of source and output that are done, reported on stderr.

    Args:
        pairs: all of the command.
        finished: gives those of some pairs, whose outputs exist, that hold what would be written.

    Raises UserError for an output that is something else.
    """
    there = [pair for pair in pairs if os.path.lexists(pair[1])]
    done = finished(there) if there else []
    for source, out in there:
        if (source, out) not in done:
            what = f"exists already, and is not what would be made of {source}"
            raise UserError(f"{out}: {what}; name another folder, or give --force to replace it")
    if done:
        many = f"{len(done)} of {counted(len(pairs), 'file')}"
        first = visible(str(done[0][1]))
        print(f"wavegen: {many} skipped: what would be written is there, as {first}", file=sys.stderr)
    return done
