"""Where a command's results go: checked before work is spent on them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from wavegen.errors import UserError
from wavegen.wording import counted

MAX_WARNINGS = 20


def warn(result: dict[str, Any]) -> None:
    """Prints a result's warnings on stderr; of very many the first, since --json has all."""
    for warning in result["warnings"][:MAX_WARNINGS]:
        print(f"wavegen: warning: {warning}", file=sys.stderr)
    if (more := len(result["warnings"]) - MAX_WARNINGS) > 0:
        print(f"wavegen: and {counted(more, 'more warning')}; --json has all", file=sys.stderr)


def write(path: Path, text: str) -> None:
    from wavegen.atomic import replacing

    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")  # file names need not be text


def check_output(path: Path | None, suffix: str = "") -> None:
    """Raises UserError for a path that cannot be a new file of that kind, before work is spent on what goes there."""
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name a file")
    if suffix and path.suffix.lower() != suffix:
        raise UserError(f"{path}: what is written is {suffix[1:]}; name it {path.with_suffix(suffix).name}")
    check_folder(path)


def check_folder(path: Path) -> None:
    """Raises UserError unless the folder that `path` is to lie in is there."""
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
