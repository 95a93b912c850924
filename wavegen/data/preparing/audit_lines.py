"""Parts of an audit as lines to read, each bounded however many files there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wavegen.data.preparing.passed_over import passed_over_text
from wavegen.data.results import Audit
from wavegen.wording import counted, listed, shortened

MAX_REASONS = 10


def count_line(audit: Audit) -> str:
    """The number of files, or of pieces of them."""
    if "cut" not in audit:
        return counted(audit["files"], "file")
    cut = audit["cut"]
    return (
        f"{counted(audit['files'], 'piece')} of about {cut['seconds']:g} s of {counted(cut['recordings'], 'recording')}"
    )


def speaker_lines(audit: Audit) -> Iterator[str]:
    """The number of speakers, where files tell them."""
    if audit.get("speakers"):
        yield counted(audit["speakers"], "speaker") + (
            ", whole ones held out" if audit["split_by"] == "speaker" else ""
        )


def duplicate_lines(audit: Audit) -> Iterator[str]:
    """The number of files with the samples of another, and one such group."""
    if groups := audit["duplicates"]:
        extra = sum(map(len, groups)) - len(groups)
        first = groups[0]
        names = " = ".join(map(shortened, first[:3])) + (f" and {len(first) - 3} more" if len(first) > 3 else " …")
        yield f"{extra} duplicates of other files, kept in the same split as those: {names}"


def passed_over_lines(audit: Audit) -> Iterator[str]:
    """The kinds of files that were passed over."""
    if passed := audit.get("passed_over"):
        yield f"passed over: {passed_over_text(passed)}"


def refused_lines(audit: Audit) -> Iterator[str]:
    """Why files were refused, the most frequent reason first, with the first few names of each."""
    refused = audit["refused"]
    if not refused:
        return
    yield f"{counted(len(refused), 'file')} refused{'; corpus.json has all' * (len(refused) > MAX_REASONS)}:"
    reasons: dict[str, list[tuple[str, str]]] = {}
    for each in refused:
        file = each["file"]
        why = each["reason"].removeprefix(f"{each['file']}: ")
        # Reasons that differ in numbers or the file's own name are one kind.
        reasons.setdefault(re.sub(r"[\d.,]*\d", "#", why.replace(file, "")), []).append((file, why))
    by_number = sorted(reasons.values(), key=lambda found: -len(found))
    for found in by_number[:MAX_REASONS]:
        files = [file for file, _ in found]
        why = shortened(found[0][1])
        if len({each.replace(file, "") for file, each in found}) > 1:  # the numbers are the first one's
            why = f"for example {why}"
        yield f"  {shortened(files[0])}: {why}" if len(found) == 1 else f"  {len(found)} files: {why}: {listed(files)}"
    if rest := by_number[MAX_REASONS:]:
        yield f"  and {sum(map(len, rest))} files for other reasons"
