"""Where the program begins: Ctrl-C ends it in the one line that it always has, also while it is being imported."""

from __future__ import annotations

import contextlib
import os

INTERRUPTED = (
    130  # 128 and the number of SIGINT: `wavegen.cli.exits` says so too, and is among what takes time to import
)


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
