"""The log of a training: a line of progress, metrics.jsonl, TensorBoard's events."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tqdm import tqdm

from wavegen.errors import UserError
from wavegen.models.density import Density
from wavegen.training.board import Board
from wavegen.training.folder import METRICS
from wavegen.training.learner import Step
from wavegen.training.previews import Previews

if TYPE_CHECKING:
    from wavegen.data.corpus import Corpus
    from wavegen.training.learner import Learner
    from wavegen.training.recipe import Recipe

_log = logging.getLogger("wavegen")


class Log:
    """The log of a run.

    Args:
        run: folder of the run.
        name: of the network, before the line of progress.
        step: from which the log goes on.
        steps: of the whole run.
        element: the word for a number of a recording, such as sample.
        progress: whether to show the line of progress on stderr.
    """

    def __init__(self, run: Path, name: str, step: int, steps: int, element: str, progress: bool):
        self._metrics = run / METRICS
        self._element = element
        self.board = Board(run, step)
        interval = 0.5 if sys.stderr.isatty() else 30  # a log file wants lines now and then
        self._bar = tqdm(total=steps, initial=step, desc=name, unit="step", disable=not progress, mininterval=interval)

    def show(self, step: Step, samples_per_second: float) -> None:
        """Advances the line of progress by one step."""
        rate = f"{samples_per_second:,.0f} {self._element}s/s".replace(",", " ")
        words = f"{step.bits:.3f} bits/{self._element}, {rate}, gradient {step.gradient_norm:.2g}"
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update()

    def record(self, position: Mapping[str, float], values: Mapping[str, float | None]) -> None:
        """Writes a line of metrics.jsonl, with the `position` of the run, and the same for TensorBoard."""
        try:
            with open(self._metrics, "a", encoding="utf-8") as metrics:
                metrics.write(json.dumps({**position, **values}) + "\n")
        except OSError as error:
            raise UserError(f"{self._metrics}: cannot be written: {error.strerror}") from error
        known = {name: value for name, value in values.items() if value is not None}
        self.board.scalars(known, int(position["step"]))

    def preview(
        self, previews: Previews, model: Density, step: int, seconds: float, give_up: Callable[[], bool]
    ) -> None:
        """Shows previews of the model on TensorBoard; see `Previews.show`."""
        previews.show(model, self.board, step, seconds, give_up)

    def close(self) -> None:
        """Ends the line of progress and TensorBoard's events."""
        self._bar.close()
        self.board.close()


class NoLog:
    """The log of a process that writes none."""

    def show(self, step: Step, samples_per_second: float) -> None:
        """Nothing."""

    def record(self, position: Mapping[str, float], values: Mapping[str, float | None]) -> None:
        """Nothing."""

    def preview(
        self, previews: Previews, model: Density, step: int, seconds: float, give_up: Callable[[], bool]
    ) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


AnyLog: TypeAlias = Log | NoLog


def open_log(run: Path, recipe: Recipe, learner: Learner, corpus: Corpus, progress: bool) -> AnyLog:
    """The log of a run from the learner's step on, by a resolved recipe; one process writes it."""
    if not learner.processes.first:
        return NoLog()
    if not corpus.split("validation"):
        _log.warning("wavegen: %s: the validation split is empty: the last model counts as the best", corpus.path)
    steps = recipe.training.steps
    assert steps is not None, "a resolved recipe has them"
    return Log(run, learner.model.network.name, learner.step, steps, corpus.form.element, progress)
