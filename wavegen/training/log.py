"""What a training says while it runs: a line of progress, metrics.jsonl, TensorBoard's events."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from wavegen.errors import UserError
from wavegen.training.board import Board
from wavegen.training.folder import METRICS
from wavegen.training.learner import Step


class Log:
    """The log of a run from `step` of `steps` on, shown on stderr if `progress`; a `part` of a recording has bits."""

    def __init__(self, run: Path, name: str, step: int, steps: int, part: str, progress: bool):
        self._metrics, self._part = run / METRICS, part
        self.board = Board(run, step)
        interval = 0.5 if sys.stderr.isatty() else 30  # a log file wants lines now and then
        self._bar = tqdm(total=steps, initial=step, desc=name, unit="step", disable=not progress, mininterval=interval)

    def show(self, step: Step, samples_per_second: float) -> None:
        """Moves the line of progress on by one step."""
        rate = f"{samples_per_second:,.0f} {self._part}s/s".replace(",", " ")
        words = f"{step.bits:.3f} bits/{self._part}, {rate}, gradient {step.gradient_norm:.2g}"
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update()

    def record(self, position: Mapping[str, float], values: Mapping[str, float | None]) -> None:
        """A line of metrics.jsonl, `position` saying where the run is, and the same for TensorBoard."""
        try:
            with open(self._metrics, "a", encoding="utf-8") as metrics:
                metrics.write(json.dumps({**position, **values}) + "\n")
        except OSError as error:
            raise UserError(f"{self._metrics}: cannot be written: {error.strerror}") from error
        known = {name: value for name, value in values.items() if value is not None}
        self.board.scalars(known, int(position["step"]))

    def close(self) -> None:
        self._bar.close()
        self.board.close()
