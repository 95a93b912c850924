"""The one kind of error that is the user's to mend."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

MOST_PROBLEMS = 20  # that are told; a file that is something else altogether has more
ALIKE = 0.6  # ratio of difflib from which a name is taken for a misspelt one


class UserError(Exception):
    """Something the user can put right: one line that names the file or key, what is wrong, what would be right.

    Several `problems` that are to be mended together, as those of a recipe, have a line each; `str` joins them.
    The command line prints each after `wavegen: ` and exits with 2; every other exception is a bug of ours.
    """

    def __init__(self, *problems: str):
        left_out = len(problems) - MOST_PROBLEMS
        told = problems if left_out < 2 else (*problems[:MOST_PROBLEMS], f"and {left_out} more problems")
        super().__init__(*told)

    @property
    def problems(self) -> tuple[str, ...]:
        return self.args

    def __str__(self) -> str:
        return "\n".join(self.args)


def unreadable(path: object, error: OSError, otherwise: str = "") -> UserError:
    """The error for a file or folder that the system did not let us read, with advice for its cause.

    Args:
        path: what was to be read.
        error: what the system said.
        otherwise: what to do about a file that is missing or broken, as in "copy it again"; nothing is said if empty.
    """
    if isinstance(error, PermissionError):
        advice = "change its permissions"
    else:  # a new copy helps nobody whose machine is out of memory or of file handles
        advice = "" if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM) else otherwise
    reason = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return UserError(f"{path}: cannot be read: {reason}{'; ' if advice else ''}{advice}")


def closest(name: str, choices: Iterable[str], alike: float = ALIKE) -> str | None:
    """The one of `choices` that is spelt most like `name`, upper and lower case alike; None if none is like it."""
    folded = {choice.casefold(): choice for choice in sorted(choices)}
    matches = difflib.get_close_matches(name.casefold().replace("-", "_"), folded, n=1, cutoff=alike)
    matches = matches or difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=alike)
    return folded[matches[0]] if matches else None


def nearest(name: str, choices: Iterable[str]) -> str:
    """`; did you mean CHOICE?` for the most similar of `choices`, or the list of all of them."""
    choices = sorted(choices)
    match = closest(name, choices)
    return f"; did you mean {match}?" if match is not None else f"; known: {', '.join(choices)}"
