"""What a C library writes to stderr, caught: libmpg123 inside libsndfile says there what is damaged."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator

_STDERR = 2
_LOCK = threading.Lock()  # the descriptor is the whole process's
_OURS = re.compile(r"\[?(\S*/)?(lib)?mpg123[/\S]*\s*|^(Warning|Note|error): ", re.IGNORECASE)


@contextlib.contextmanager
def caught(lines: list[str]) -> Iterator[None]:
    """Appends to `lines` what libmpg123 writes to stderr inside the block; what others write there goes on to stderr.

    Does nothing where stderr is closed.
    """
    with _LOCK, contextlib.ExitStack() as stack:
        try:
            saved = os.dup(_STDERR)
            stack.callback(os.close, saved)
            catcher = stack.enter_context(tempfile.TemporaryFile())
            os.dup2(catcher.fileno(), _STDERR)
        except OSError:
            yield
            return
        try:
            yield
        finally:
            os.dup2(saved, _STDERR)
            if os.fstat(catcher.fileno()).st_size:
                catcher.seek(0)
                _sorted(catcher.read(), saved, lines)


def _sorted(text: bytes, stderr: int, lines: list[str]) -> None:
    for line in text.splitlines(keepends=True):
        if _OURS.search(line.decode("utf-8", "replace")):
            lines.append(line.decode("utf-8", "replace").strip())
        elif line.strip():
            with contextlib.suppress(OSError):
                os.write(stderr, line)
