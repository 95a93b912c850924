"""Conditions of the streams of an engine: frames waiting to be encoded, and the next samples' vectors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from wavegen.errors import UserError
from wavegen.models.given import UNKNOWN, checked_frames, speaker_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.configs.conditioning import ConditioningConfig
    from wavegen.models.spectral_filters import SpectralFilters

Encode = Callable[["NDArray[np.float32]", "NDArray[np.uint32]"], "NDArray[np.floating]"]
T = TypeVar("T", bound=np.floating)
_FOR_ALL_TIME = 2**31  # samples of a frame of a model that takes none


class Vectors(NamedTuple):
    """The conditions of a call of an extension: see csrc/engine/conditions.h."""

    vectors: NDArray[np.floating]  # (any number, width)
    rows: NDArray[np.uint32]  # (streams, frames)
    phases: NDArray[np.uint32]  # (streams,)
    hop: int
    filters: NDArray[np.float64] | None  # (any number, width), of a spectral predictor


@dataclass(frozen=True)
class Queue:
    """The frames of one stream, counted from where it was last conditioned anew. Nothing in it is ever changed.

    A frame is complete when the frames that the encoder sees after it have come; it then has the speaker of that time.
    """

    speaker: int  # of the frames that are not complete yet
    waiting: NDArray[np.float32]  # normalised frames from `look_ahead` before the first that is not encoded
    speakers: NDArray[np.uint32]  # of the complete frames that are not encoded
    vectors: NDArray[np.floating]  # of the encoded frames, from frame `first` on
    filters: NDArray[np.float64]  # of all frames that have come, from frame `first` on
    first: int = 0
    position: int = 0  # of the next sample
    ended: bool = False

    @property
    def complete(self) -> int:
        """How many frames are complete."""
        return self.first + len(self.vectors) + len(self.speakers)

    def come(self, look_ahead: int) -> int:
        """How many frames have come to a queue that is not empty: those that wait have `look_ahead` encoded before."""
        return self.first + len(self.vectors) + len(self.waiting) - look_ahead

    @property
    def empty(self) -> bool:
        """Whether no frame has come."""
        return not (self.complete or len(self.waiting))

    def with_frames(
        self, frames: NDArray[np.float32], filters: NDArray[np.float64], look_ahead: int, ended: bool
    ) -> Queue:
        """The queue after further normalised frames; the first and the last of all stand in for those beyond them."""
        before = frames[:1] if self.empty else frames[:0]
        waiting = np.concatenate([self.waiting, np.repeat(before, look_ahead, axis=0), frames])
        if ended:
            waiting = np.concatenate([waiting, np.repeat(waiting[-1:], look_ahead, axis=0)])
        new = max(0, len(waiting) - 2 * look_ahead) - len(self.speakers)
        speakers = np.append(self.speakers, np.full(new, self.speaker, np.uint32))
        filters = np.concatenate([self.filters, filters])
        return replace(self, waiting=waiting, speakers=speakers, filters=filters, ended=ended)

    def used(self, num_samples: int, hop: int) -> NDArray[np.int64]:
        """The frames of the next samples, ascending; the last of all holds for ever."""
        frames = np.arange(self.position // hop, (self.position + num_samples - 1) // hop + 1)
        return np.minimum(frames, self.complete - 1)

    def encoded(self, vectors: NDArray[np.floating], first: int) -> Queue:
        """The queue with the vectors of its next frames, and of no frame before `first`."""
        count = len(vectors)
        if count == 0 and first == self.first:
            return self
        vectors = np.concatenate([self.vectors, vectors])[first - self.first :]
        filters = self.filters[first - self.first :]
        waiting, speakers = self.waiting[count:], self.speakers[count:]
        return replace(self, waiting=waiting, speakers=speakers, vectors=vectors, filters=filters, first=first)


class Conditions:
    """The queues of all streams, none at first. A stream begins with an unknown speaker and no frames.

    Args:
        config: the model's conditioning.
        mean: of the frames, (frame_channels,) float32.
        scale: by which a frame less the mean is multiplied, (frame_channels,) float32.
        encode: windows float32 (n, inputs of the encoder) and rows of speakers uint32 (n,) to vectors (n, width).
        filters: of the frames, for a spectral predictor.
    """

    def __init__(
        self,
        config: ConditioningConfig,
        mean: NDArray[np.float32],
        scale: NDArray[np.float32],
        encode: Encode,
        filters: SpectralFilters | None = None,
    ):
        self._config = config
        self._mean = mean
        self._scale = scale
        self._encode = encode
        self._filters = filters
        frames = config.frame_channels > 0
        self._columns = config.frame_channels + 1 if frames else 0  # of a frame, with the flag that it is given
        self._look_ahead = config.look_ahead if frames else 0
        self.hop = config.hop if frames else _FOR_ALL_TIME  # samples of a frame
        self._held: dict[int, Queue] = {}  # of each speaker, without frames
        self._queues: list[Queue] = []

    def of(self, streams: int, kept: Sequence[int] = ()) -> Conditions:
        """Those of another engine, whose first streams are the streams `kept` of this one."""
        other = copy.copy(self)
        fresh = [self._without_frames(UNKNOWN)] * (streams - len(kept))
        other._queues = [*(self._queues[row] for row in kept), *fresh]
        return other

    def condition(self, stream: int, speaker: str | None, frames: NDArray[np.floating] | None, ended: bool) -> None:
        """See `wavegen.engine.base.Engine.condition`."""
        if not 0 <= stream < len(self._queues):
            raise ValueError(f"there is no stream {stream} to condition, of {len(self._queues)}")
        row = speaker_row(self._config, speaker)
        queue = self._queues[stream]
        given = self._frames(0)
        filters = queue.filters[:0]
        if frames is not None:
            found = checked_frames(self._config, frames)
            given, filters = self._normalised(found), self._filters_of(found)
        if queue.ended:
            queue = Queue(row, self._frames(0), np.zeros(0, np.uint32), queue.vectors[:0], queue.filters[:0])
        elif speaker is not None:
            queue = replace(queue, speaker=row)
        if queue.empty and not len(given) and (ended or not self._columns):
            self._queues[stream] = self._without_frames(queue.speaker)
        else:
            self._queues[stream] = queue.with_frames(given, filters, self._look_ahead, ended)

    def check(self, num_samples: int) -> None:
        """Raises UserError unless the frames of the next samples have come."""
        for stream, queue in enumerate(self._queues):
            if queue.ended or num_samples == 0:
                continue
            needed = (queue.position + num_samples - 1) // self.hop + 1
            if needed > queue.complete:
                come = 0 if queue.empty else queue.come(self._look_ahead)
                raise UserError(
                    f"stream {stream}: the next {num_samples} samples need {needed + self._look_ahead} frames, and "
                    f"{come} have come; condition it on more, or say that there are no more"
                )

    def take(self, num_samples: int) -> Vectors:
        """The vectors of the next samples, one at least of each stream, which `check` has allowed; moves past them."""
        used = [queue.used(num_samples, self.hop) for queue in self._queues]
        queues = self._encoded(used)
        rows = np.zeros((len(queues), max(map(len, used))), dtype=np.uint32)
        tables: dict[int, Queue] = {}  # streams without frames share their vectors
        starts: dict[int, int] = {}
        total = 0
        for row, queue, frames in zip(rows, queues, used, strict=True):
            table = id(queue.vectors)
            if table not in tables:
                tables[table] = queue
                starts[table] = total
                total += len(queue.vectors)
            row[: len(frames)] = frames - queue.first + starts[table]
        vectors = _joined([queue.vectors for queue in tables.values()])
        filters = None
        if self._filters is not None:
            filters = _joined([queue.filters[: len(queue.vectors)] for queue in tables.values()])
        phases = np.array([queue.position % self.hop for queue in queues], dtype=np.uint32)
        self._queues = [replace(queue, position=queue.position + num_samples) for queue in queues]
        return Vectors(vectors, rows, phases, self.hop, filters)

    def save(self) -> tuple[Queue, ...]:
        """The state of all streams."""
        return tuple(self._queues)

    def restore(self, queues: Sequence[Queue]) -> None:
        """Puts the streams into a saved state."""
        self._queues = list(queues)

    def _encoded(self, used: Sequence[NDArray[np.int64]]) -> list[Queue]:
        """The queues with the vectors of these frames, and of no frame before them."""
        span = 2 * self._look_ahead + 1
        counts = [
            max(0, int(frames[-1]) + 1 - queue.first - len(queue.vectors))
            for queue, frames in zip(self._queues, used, strict=True)
        ]
        made = self._queues[0].vectors[:0]
        if any(counts):
            pairs = list(zip(self._queues, counts, strict=True))
            windows = [queue.waiting[i : i + span].reshape(-1) for queue, count in pairs for i in range(count)]
            made = self._vectors(np.stack(windows), np.concatenate([q.speakers[:count] for q, count in pairs]))
        queues: list[Queue] = []
        for queue, count, frames in zip(self._queues, counts, used, strict=True):
            queues.append(queue.encoded(made[:count], int(frames[0])))
            made = made[count:]
        return queues

    def _vectors(self, windows: NDArray[np.float32], speakers: NDArray[np.uint32]) -> NDArray[np.floating]:
        vectors = self._encode(windows, speakers)
        if not np.isfinite(vectors).all():
            raise UserError(
                "what the model makes of these `frames` is not finite: they are too large", parameter="frames"
            )
        return vectors

    def _normalised(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames as the encoder sees them, (n, columns). Raises UserError if they are too large."""
        with np.errstate(over="ignore"):
            values = (frames - self._mean) * self._scale
        if not np.isfinite(values).all():
            raise UserError("`frames` are not finite when they are normalised: they are too large", parameter="frames")
        return np.concatenate([values, np.ones((len(values), 1), np.float32)], axis=1)

    def _filters_of(self, frames: NDArray[np.float32] | None) -> NDArray[np.float64]:
        """The filters of frames, (n, width), or the one of no frames; without numbers where there are no filters."""
        if self._filters is None:
            return np.zeros((1 if frames is None else len(frames), 0))
        found = self._filters.without[None] if frames is None else self._filters.of(frames)
        if not np.isfinite(found).all():
            raise UserError("the model's predictor is not finite: its weights are damaged")
        return found

    def _without_frames(self, speaker: int) -> Queue:
        """The queue of a stream that has a speaker, or none, but no frames: one of zeros for ever."""
        if speaker not in self._held:
            window = np.zeros((1, (2 * self._look_ahead + 1) * self._columns), np.float32)
            vectors = self._vectors(window, np.array([speaker], np.uint32))
            nothing = self._frames(0)
            filters = self._filters_of(None)
            self._held[speaker] = Queue(speaker, nothing, np.zeros(0, np.uint32), vectors, filters, ended=True)
        return self._held[speaker]

    def _frames(self, count: int) -> NDArray[np.float32]:
        return np.zeros((count, self._columns), np.float32)


def _joined(tables: list[NDArray[T]]) -> NDArray[T]:
    return tables[0] if len(tables) == 1 else np.concatenate(tables)
