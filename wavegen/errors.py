"""The one kind of error that is the user's to mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can put right: one line that names the file or key, what is wrong, what would be right.

    The command line prints it after `wavegen: ` and exits with 2; every other exception is a bug of ours.
    """


def nearest(name: str, choices: Iterable[str]) -> str:
    """`; did you mean CHOICE?` for the most similar of `choices`, or the list of all of them."""
    choices = sorted(choices)
    matches = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    return f"; did you mean {matches[0]}?" if matches else f"; known: {', '.join(choices)}"
