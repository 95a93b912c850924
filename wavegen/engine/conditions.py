"""What the streams of an engine are conditioned on: frames that wait to be encoded, and vectors for the next samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from wavegen.errors import UserError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Encode = Callable[["NDArray[np.float32]", "NDArray[np.uint32]"], "NDArray[np.float32]"]
_FOR_ALL_TIME = 2**31  # samples of a frame of a model that takes none
_UNKNOWN = 0  # the row of speakers that the model does not know


class Conditioning(Protocol):
    """The settings of a model's conditioning."""

    @property
    def speakers(self) -> Sequence[str]: ...
    @property
    def frame_channels(self) -> int: ...
    @property
    def hop(self) -> int: ...
    @property
    def look_ahead(self) -> int: ...


class Vectors(NamedTuple):
    """The conditions of a call of an extension: see csrc/engine/conditions.h."""

    vectors: NDArray[np.float32]  # (any number, width)
    rows: NDArray[np.uint32]  # (streams, frames)
    phases: NDArray[np.uint32]  # (streams,)
    hop: int


@dataclass(frozen=True)
class Queue:
    """The frames of one stream, counted from where it was last conditioned anew. Nothing in it is ever changed.

    A frame is complete when the frames that the encoder sees after it have come, and has the speaker of that time.
    """

    speaker: int  # of the frames that are not complete yet
    waiting: NDArray[np.float32]  # normalised frames from `look_ahead` before the first that is not encoded
    speakers: NDArray[np.uint32]  # of the complete frames that are not encoded
    vectors: NDArray[np.float32]  # of the encoded frames, from frame `first` on
    first: int = 0
    position: int = 0  # of the next sample
    ended: bool = False

    @property
    def complete(self) -> int:
        """How many frames are complete."""
        return self.first + len(self.vectors) + len(self.speakers)

    def with_frames(self, frames: NDArray[np.float32], look_ahead: int, ended: bool) -> Queue:
        """The queue after further normalised frames; the first and the last of all stand in for those beyond them."""
        waiting = self.waiting
        if len(frames) and not len(waiting):
            waiting = np.repeat(frames[:1], look_ahead, axis=0)
        waiting = np.concatenate([waiting, frames])
        if ended:
            waiting = np.concatenate([waiting, np.repeat(waiting[-1:], look_ahead, axis=0)])
        new = max(0, len(waiting) - 2 * look_ahead) - len(self.speakers)
        speakers = np.append(self.speakers, np.full(new, self.speaker, np.uint32))
        return replace(self, waiting=waiting, speakers=speakers, ended=ended)

    def frames_of(self, num_samples: int, hop: int) -> NDArray[np.int64]:
        """The frames that the next samples use; the last of all holds for ever."""
        frames = np.arange(self.position // hop, (self.position + num_samples - 1) // hop + 1)
        return np.minimum(frames, self.complete - 1) if self.ended else frames


class Conditions:
    """The queues of all streams. A stream that was never conditioned has an unknown speaker and no frames.

    Args:
        config: the model's conditioning.
        mean: of the frames, (frame_channels,) float32.
        scale: by which a frame less the mean is multiplied, (frame_channels,) float32.
        encode: windows float32 (n, inputs of the encoder) and rows of speakers uint32 (n,) to vectors float32 (n, width).
        streams: their number.
    """

    def __init__(
        self,
        config: Conditioning,
        mean: NDArray[np.float32],
        scale: NDArray[np.float32],
        encode: Encode,
        streams: int,
    ):
        self._config, self._mean, self._scale, self._encode = config, mean, scale, encode
        self._columns = config.frame_channels + 1 if config.frame_channels else 0
        self._look_ahead = config.look_ahead if config.frame_channels else 0
        self._hop = config.hop if config.frame_channels else _FOR_ALL_TIME
        self._without_frames: dict[int, NDArray[np.float32]] = {}  # the vector of each speaker
        self._queues = self._fresh(streams)

    def condition(
        self,
        stream: int,
        speaker: str | None = None,
        frames: NDArray[np.floating] | None = None,
        ended: bool = True,
    ) -> None:
        """See `wavegen.engine.base.Engine.condition`."""
        if not 0 <= stream < len(self._queues):
            raise ValueError(f"there is no stream {stream} to condition, of {len(self._queues)}")
        row = self._row_of(speaker)
        given = None if frames is None else self._normalised(frames)
        queue = self._queues[stream]
        queue = self._open(row) if queue.ended else replace(queue, speaker=queue.speaker if row is None else row)
        if self._columns and (given is not None or not ended or queue.complete or len(queue.waiting)):
            given = self._waiting_for(0) if given is None else given
            if ended and not len(given) and not len(queue.waiting) and not queue.complete:
                raise UserError("the frames are empty; give one at least, or no frames at all", parameter="frames")
            self._queues[stream] = queue.with_frames(given, self._look_ahead, ended)
        else:
            self._queues[stream] = self._held(queue.speaker)

    def check(self, num_samples: int) -> None:
        """Raises UserError unless the frames that the next samples need have come."""
        for stream, queue in enumerate(self._queues):
            if num_samples == 0 or queue.ended:
                continue
            needed = (queue.position + num_samples - 1) // self._hop + 1
            if needed > queue.complete:
                come = queue.complete + (self._look_ahead if len(queue.waiting) else 0)
                raise UserError(
                    f"stream {stream}: {num_samples} more samples need {needed + self._look_ahead} frames, of which "
                    f"{come} have come; condition it on more, or say that they have `ended`",
                    parameter="ended",
                )

    def take(self, num_samples: int) -> Vectors:
        """The vectors of the next samples, `num_samples` ≥ 1 of each stream, which `check` has allowed; moves on."""
        frames = [queue.frames_of(num_samples, self._hop) for queue in self._queues]
        self._queues = self._encoded(frames)
        phases = np.array([queue.position % self._hop for queue in self._queues], dtype=np.uint32)
        rows = np.zeros((len(frames), max(map(len, frames))), dtype=np.uint32)
        tables: dict[int, tuple[int, NDArray[np.float32]]] = {}  # streams without frames share one
        total = 0
        for row, queue, used in zip(rows, self._queues, frames, strict=True):
            table = queue.vectors
            if id(table) not in tables:
                tables[id(table)] = (total, table)
                total += len(table)
            row[: len(used)] = used - queue.first + tables[id(table)][0]
        arrays = [table for _, table in tables.values()]
        self._queues = [replace(queue, position=queue.position + num_samples) for queue in self._queues]
        return Vectors(arrays[0] if len(arrays) == 1 else np.concatenate(arrays), rows, phases, self._hop)

    def save(self) -> tuple[Queue, ...]:
        """The state of all streams."""
        return tuple(self._queues)

    def restore(self, queues: Sequence[Queue]) -> None:
        """Puts the streams into a saved state."""
        self._queues = list(queues)

    def resized(self, streams: int, kept: Sequence[int]) -> Conditions:
        """Those of another engine, whose first streams are the streams `kept` of this one."""
        other = copy.copy(self)
        other._queues = [*(self._queues[index] for index in kept), *self._fresh(streams - len(kept))]
        return other

    def _encoded(self, frames: Sequence[NDArray[np.int64]]) -> list[Queue]:
        """The queues with the vectors of these frames, and of no frame before them."""
        counts = [max(0, int(used[-1]) + 1 - q.first - len(q.vectors)) for q, used in zip(self._queues, frames, strict=True)]
        span = 2 * self._look_ahead + 1
        pending = [(queue, count) for queue, count in zip(self._queues, counts, strict=True) if count]
        made = None
        if pending:
            windows = [q.waiting[i : i + span].reshape(-1) for q, count in pending for i in range(count)]
            made = self._vectors(np.stack(windows), np.concatenate([q.speakers[:count] for q, count in pending]))
        queues: list[Queue] = []
        start = 0
        for queue, count, used in zip(self._queues, counts, frames, strict=True):
            past = int(used[0]) - queue.first
            if count == past == 0:
                queues.append(queue)
                continue
            new = queue.vectors if made is None else np.concatenate([queue.vectors, made[start : start + count]])
            start += count
            rest = {"waiting": queue.waiting[count:], "speakers": queue.speakers[count:]}
            queues.append(replace(queue, vectors=new[past:], first=queue.first + past, **rest))
        return queues

    def _vectors(self, windows: NDArray[np.float32], speakers: NDArray[np.uint32]) -> NDArray[np.float32]:
        vectors = self._encode(windows, speakers)
        if not np.isfinite(vectors).all():
            raise UserError("the vectors of these frames are not finite: their values, or the model's, are far too large")
        return vectors

    def _normalised(self, frames: NDArray[np.floating]) -> NDArray[np.float32]:
        """The frames as the encoder sees them, with the flag that they are given. Raises UserError."""
        channels = self._config.frame_channels
        if not channels:
            raise UserError("the model takes no frames, only speakers; leave `frames` out", parameter="frames")
        if frames.ndim != 2 or frames.shape[1] != channels or frames.dtype.kind != "f":
            raise UserError(
                f"frames {frames.dtype} of shape {frames.shape}; the model takes float32 (n, {channels})",
                parameter="frames",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            values = (frames.astype(np.float32) - self._mean) * self._scale
        if not np.isfinite(values).all():
            raise UserError("the frames have values that are not finite, or far too large", parameter="frames")
        return np.concatenate([values, np.ones((len(values), 1), np.float32)], axis=1)

    def _row_of(self, speaker: str | None) -> int | None:
        if speaker is None:
            return None
        known = self._config.speakers
        if not known:
            raise UserError("the model knows no speakers; leave `speaker` out", parameter="speaker")
        if speaker not in known:
            raise UserError(f"speaker {speaker} is not known{nearest(speaker, known)}", parameter="speaker")
        return 1 + list(known).index(speaker)

    def _open(self, row: int | None) -> Queue:
        """A queue of no frames yet."""
        no_vectors = self._held(_UNKNOWN).vectors[:0]
        return Queue(_UNKNOWN if row is None else row, self._waiting_for(0), np.zeros(0, np.uint32), no_vectors)

    def _held(self, row: int) -> Queue:
        """The queue of a stream that has a speaker, or none, but no frames: one frame of zeros for ever."""
        if row not in self._without_frames:
            window = np.zeros((1, (2 * self._look_ahead + 1) * self._columns), np.float32)
            self._without_frames[row] = self._vectors(window, np.array([row], np.uint32))
        return Queue(row, self._waiting_for(0), np.zeros(0, np.uint32), self._without_frames[row], ended=True)

    def _waiting_for(self, frames: int) -> NDArray[np.float32]:
        return np.zeros((frames, self._columns), np.float32)

    def _fresh(self, streams: int) -> list[Queue]:
        return [self._held(_UNKNOWN)] * streams
