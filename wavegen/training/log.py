"""What a training says while it runs: a line of progress, metrics.jsonl, TensorBoard's events."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue] (generated)
from tqdm import tqdm

from wavegen.errors import UserError
from wavegen.training.folder import METRICS
from wavegen.training.learner import Step


class Board:
    """TensorBoard's events of a run.

    Written as they come and not by the library's thread, with which a full disk would hang the training.
    """

    def __init__(self, run: Path, step: int):
        self._run = run
        with self._writing():
            self._events = EventsWriter(str(run / "events"), f".{os.getpid()}")
            # What an earlier process said of later steps is void.
            self._add(Event(session_log=SessionLog(status=SessionLog.START)), step + 1)
            self._events.flush()

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        with self._writing():
            for name, value in values.items():
                self._add(Event(summary=summary.scalar(name, value)), step)
            self._events.flush()

    def add(self, shown: Any, step: int) -> None:
        """A summary of tensorboardX: a picture, a sound."""
        with self._writing():
            self._add(Event(summary=shown), step)
            self._events.flush()

    def close(self) -> None:
        with self._writing():
            self._events.close()

    def _add(self, event: Any, step: int) -> None:
        event.wall_time, event.step = time.time(), step
        self._events.write_event(event)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self._run}: TensorBoard's events cannot be written: {error.strerror}") from error


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
