"""Catches the messages of a C library on stderr: libmpg123 inside libsndfile reports damage there."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator

_STDERR = 2
_LOCK = threading.Lock()  # the descriptor is the whole process's
_OURS = re.compile(r"mpg123|^(warning|note|error): ", re.IGNORECASE)
_POSITION = re.compile(r"^\[[^]]*\]\s*((error|warning|note):\s*)?", re.IGNORECASE)  # in libmpg123's source


@contextlib.contextmanager
def caught(lines: list[str]) -> Iterator[None]:
    """Appends to `lines` the messages of libmpg123 on stderr inside the block, without positions in its source.

    What others write there meanwhile goes on to stderr. Does nothing where stderr is closed.
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
        words = line.decode("utf-8", "replace").strip()
        if _OURS.search(words):
            lines.append(_POSITION.sub("", words))
        elif words:
            with contextlib.suppress(OSError):
                os.write(stderr, line)
