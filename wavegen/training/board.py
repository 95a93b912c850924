"""TensorBoard's events of a run: curves, pictures and sounds of a model in training."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wavegen.errors import UserError
from wavegen.system.optional import TENSORBOARDX, adorned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")


class Board:
    """TensorBoard's events of a run from `step` on; nothing, with one line, where tensorboardX fails.

    Raises UserError where the events cannot be written, on a full disk for example.
    """

    def __init__(self, run: Path, step: int):
        self._events = _adorned(lambda: _Events(run, step))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Adds a point to the curve of each value."""
        self._do(lambda events: events.add(step, *(_summaries().scalar(*value) for value in values.items())))

    def image(self, name: str, pixels: NDArray[np.generic], step: int) -> None:
        """`pixels`: (height, width, channels), integers from 0 to 255 or numbers from 0 to 1."""
        self._do(lambda events: events.add(step, _summaries().image(name, pixels, dataformats="HWC")))

    def audio(self, name: str, wave: NDArray[np.floating], sample_rate: int, step: int) -> None:
        """`wave`: (samples,), from -1 to 1."""
        self._do(lambda events: events.add(step, _summaries().audio(name, wave, sample_rate)))

    def close(self) -> None:
        """Closes the file."""
        self._do(lambda events: events.close())

    def _do(self, act: Callable[[_Events], None]) -> None:
        events = self._events
        if events is not None and _adorned(lambda: act(events) or True) is None:
            self._events = None
            _adorned(events.close)


def try_board() -> None:
    """Makes an event in memory; says in one line, once a process, if tensorboardX fails."""
    _adorned(lambda: _event(summary=_summaries().scalar("test", 1.0)).SerializeToString())


class _Events:
    """The file of events, written at once and not by the library's thread, which hangs on a full disk."""

    def __init__(self, run: Path, step: int):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog  # pyright: ignore[reportAttributeAccessIssue] (generated)

        # Events of later steps by an earlier process are void.
        start = _event(session_log=SessionLog(status=SessionLog.START))
        self._run = run
        with self._writing():
            self._writer = EventsWriter(str(run / "events"), f".{os.getpid()}")
            self._write(start, step + 1)
            self._writer.flush()

    def add(self, step: int, *summaries: Any) -> None:
        events = [_event(summary=summary) for summary in summaries]
        with self._writing():
            for event in events:
                self._write(event, step)
            self._writer.flush()

    def close(self) -> None:
        with self._writing():
            self._writer.close()

    def _write(self, event: Any, step: int) -> None:
        event.wall_time = time.time()
        event.step = step
        self._writer.write_event(event)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno is None:  # raised by the library, not by the system
                raise
            raise UserError(f"{self._run}: TensorBoard's events cannot be written: {error.strerror}") from error


def _adorned(act: Callable[[], T]) -> T | None:
    return adorned(TENSORBOARDX, "TensorBoard's events", act)


def _summaries() -> Any:
    from tensorboardX import summary

    return summary


def _event(**content: Any) -> Any:
    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue] (generated)

    return Event(**content)
