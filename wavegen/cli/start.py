"""The entry point: Ctrl-C ends the program with its usual line during imports too."""

from __future__ import annotations

import contextlib
import os

INTERRUPTED = 130  # 128 + SIGINT, as in `wavegen.cli.exits`, which takes time to import


def main() -> int:
    """Runs `wavegen.cli.main.main` and gives its exit code."""
    try:
        from wavegen.cli.main import main
    except KeyboardInterrupt:
        _say("wavegen: interrupted\n")
        return INTERRUPTED
    return main()


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # closed, or full
        os.write(2, line.encode())
