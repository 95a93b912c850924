"""The one kind of error that the user can mend."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Sequence

MAX_PROBLEMS = 20  # that are printed; a file that is something else altogether has more
MIN_LIKENESS = 0.6  # ratio of difflib from which a name is taken for a misspelt one


class UserError(Exception):
    """Something the user can put right: one line that names the file or key, what is wrong, what would be right.

    Several `problems` that are to be mended together, as those of a recipe, have a line each; `str` joins them.
    `parameters` are the parameters of wavegen's functions that the text names, each in backticks, as `cut` or `cut=10`:
    the command line prints the flag instead (`wavegen.cli.messages`). It prints each problem after `wavegen: ` and
    exits with 2; every other exception is a bug of ours.
    """

    def __init__(self, *problems: str, parameter: str | Sequence[str] = ()):
        left_out = len(problems) - MAX_PROBLEMS
        shown = problems if left_out < 2 else (*problems[:MAX_PROBLEMS], f"and {left_out} more problems")
        super().__init__(*shown)
        self.parameters = (parameter,) if isinstance(parameter, str) else tuple(parameter)

    @property
    def problems(self) -> tuple[str, ...]:
        return self.args

    def __str__(self) -> str:
        return "\n".join(self.args)


def unreadable(path: object, error: OSError, otherwise: str = "") -> UserError:
    """The error for a file or folder that the system did not let us read, with advice for its cause.

    Args:
        path: the file or folder.
        error: the system's refusal.
        otherwise: advice for a file that is missing or broken, as "copy it again"; none if empty.
    """
    if isinstance(error, PermissionError):
        advice = "change its permissions"
    else:  # a new copy helps nobody whose machine is out of memory or of file handles
        advice = "" if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM) else otherwise
    reason = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return UserError(f"{path}: cannot be read: {reason}{'; ' if advice else ''}{advice}")


def closest(name: str, choices: Iterable[str], min_likeness: float = MIN_LIKENESS) -> str | None:
    """The one of `choices` that is spelt most like `name`, upper and lower case alike; None if none is like it."""
    folded = {choice.casefold(): choice for choice in sorted(choices)}
    matches = difflib.get_close_matches(name.casefold().replace("-", "_"), folded, n=1, cutoff=min_likeness)
    matches = matches or difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=min_likeness)
    return folded[matches[0]] if matches else None


def nearest(name: str, choices: Iterable[str]) -> str:
    """`; did you mean CHOICE?` for the most similar of `choices`, or the list of all of them."""
    choices = sorted(choices)
    match = closest(name, choices)
    return f"; did you mean {match}?" if match is not None else f"; known: {', '.join(choices)}"
