"""Previews of a model in training on TensorBoard: sound with its surprisal, by the native engine, or pictures."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wavegen.data.picture_files import MODES, tiled
from wavegen.engine import native, open_engine
from wavegen.engine.base import Engine
from wavegen.evaluation.feeding import Take, windowed
from wavegen.evaluation.feeds import conditioned
from wavegen.models.audio import AudioModel
from wavegen.models.density import Density
from wavegen.models.forms import AudioForm, Form, PictureForm
from wavegen.models.given import Given
from wavegen.models.pictures import PictureModel
from wavegen.reports.plots import WINDOW, adorning, drawn, pixels
from wavegen.sampling.pictures import generate_pictures
from wavegen.training.board import Board
from wavegen.training.learner import AbandonedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARE = 0.02  # of the training time, for previews at most
EXPECTED_SECONDS = 5.0  # that the first takes
PREVIEW_SECONDS = 2.0  # of audio at most
DRAWING_SECONDS = 5.0  # of time at most: a large model draws less audio
SAMPLES_PER_CALL = 256  # of an engine; the clock is read between two calls
PICTURES, PICTURE_SECONDS = 16, 30.0  # drawn, in that time or not at all


class Previews:
    """Makes previews of a model, and of a validation recording if there is one, within SHARE of the training time.

    Training does not depend on them.
    """

    def __init__(self, recordings: Sequence[Take], form: Form):
        self._preview: Preview = PREVIEWS[form.kind](recordings, form)
        self._spent = 0.0  # seconds
        self._last = EXPECTED_SECONDS
        self._begun = 0.0

    def begin(self, seconds: float) -> None:
        """Counts from after the first `seconds` of training, before the run was resumed."""
        self._begun = seconds

    def show(self, model: Density, board: Board, step: int, seconds: float, give_up: Callable[[], bool] = bool) -> None:
        """Adds previews to the board if they are due.

        Args:
            model: in evaluation mode.
            board: TensorBoard's events.
            step: of the training.
            seconds: of training so far.
            give_up: asked now and then; once it says so, the rest is left out.

        Raises UserError if the board cannot be written.
        """
        if self._spent + self._last > SHARE * (seconds - self._begun):
            return
        started = time.monotonic()
        self._preview.add(model, board, step, give_up)
        self._last = time.monotonic() - started
        self._spent += self._last


class Preview(Protocol):
    """The preview of one kind of model."""

    def add(self, model: Any, board: Board, step: int, give_up: Callable[[], bool]) -> None:
        """Adds draws of the model to the board, and its surprisal on a recording."""


class SoundPreview:
    """Sound, with its spectrogram and surprisal: drawn by the model, and the beginning of the first of `recordings`.

    The draw has the condition of that recording.
    """

    def __init__(self, recordings: Sequence[Take], form: AudioForm):
        self._sample_rate = form.sample_rate
        self._length = round(PREVIEW_SECONDS * form.sample_rate)
        self._recording = np.ascontiguousarray(recordings[0].pcm()[: self._length]) if recordings else None
        self._given = recordings[0].given if recordings else Given

    def add(self, model: AudioModel, board: Board, step: int, give_up: Callable[[], bool]) -> None:
        """Adds both, if the native engine runs the model."""
        if native.missing() is not None or not native.runs(model):
            return
        model = copy.deepcopy(model).cpu().eval()
        given = [self._given()]
        drawing, scoring = (conditioned(open_engine(model, engine="cpu", threads=1), given) for _ in range(2))
        self._add("drawn", *self._drawn(drawing, give_up), board, step)
        if self._recording is not None and not give_up():
            log2_prob = scoring.feed(self._recording[None])[0]
            self._add("validation", self._recording, log2_prob, board, step)

    def _drawn(self, engine: Engine, give_up: Callable[[], bool]) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
        """Audio from seed 0 and log2 p of each sample, (samples,) both."""
        left = self._length
        pieces: list[tuple[NDArray[np.int16], NDArray[np.float64]]] = []
        deadline = time.monotonic() + DRAWING_SECONDS
        while left > 0 and (not pieces or (time.monotonic() < deadline and not give_up())):
            pieces.append(engine.generate(min(SAMPLES_PER_CALL, left), [0]))
            left -= SAMPLES_PER_CALL
        pcm, log2_prob = (np.concatenate(column, axis=1)[0] for column in zip(*pieces, strict=True))
        return pcm, log2_prob

    def _add(self, name: str, pcm: NDArray[np.int16], log2_prob: NDArray[np.float64], board: Board, step: int) -> None:
        """The sound, and a picture of its waveform, spectrogram and surprisal."""
        surprisal = windowed(-log2_prob, max(1, round(WINDOW * self._sample_rate)))
        title = f"{name} at step {step}: {-log2_prob.mean():.3f} bits/sample"
        curves = {"the model": surprisal}
        drawing = adorning(lambda: pixels(drawn(pcm, self._sample_rate, curves, WINDOW, title)))
        board.audio(name, pcm / 32768, self._sample_rate, step)
        if drawing is not None:
            board.image(name, drawing, step)


class PicturePreview:
    """Tiles of drawn pictures."""

    def __init__(self, recordings: Sequence[Take], form: PictureForm):
        self._form = form

    def add(self, model: PictureModel, board: Board, step: int, give_up: Callable[[], bool]) -> None:
        """Adds it, if a PNG can have such channels, unless it is interrupted or takes too long."""
        if self._form.channels not in MODES:
            return
        deadline = time.monotonic() + PICTURE_SECONDS

        def watch() -> None:
            if give_up() or time.monotonic() > deadline:
                raise AbandonedError

        with contextlib.suppress(AbandonedError):
            draws = generate_pictures(model, seeds=range(PICTURES), temperature=1.0, top_p=1.0, watch=watch)
            board.image("drawn", tiled(draws.pictures, self._form.levels), step)


PREVIEWS: dict[str, Callable[..., Preview]] = {AudioForm.kind: SoundPreview, PictureForm.kind: PicturePreview}
