"""Many recordings of any lengths through one engine: each stream begins when another has ended."""

from __future__ import annotations

import resource
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.engine import open_engine
from wavegen.engine.base import cpus
from wavegen.errors import UserError
from wavegen.models.model import Model
from wavegen.system.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = 32  # side by side on a thread
PIECE = 4096  # frames between two looks at the keyboard


Advance = Callable[[Any, Sequence["Block"], int], None]  # engine, blocks, frames


@dataclass
class Block:
    """A stretch of a recording: `samples` and their `log2_prob`, (channels, frames), one of which is to be filled."""

    coders: Sequence[Any]  # one for each channel
    samples: NDArray[np.int16]
    log2_prob: NDArray[np.float64] = field(init=False)
    done: int = 0  # frames

    def __post_init__(self) -> None:
        self.log2_prob = np.empty(self.samples.shape)

    @property
    def left(self) -> int:
        return self.samples.shape[1] - self.done


@dataclass
class Job:
    """A recording: `blocks` yields its blocks, is resumed when each has been done, and returns what became of it."""

    channels: int
    frames: int
    blocks: Generator[Block, None, dict[str, Any]]


def lockstep(
    model: Model,
    jobs: Sequence[Job],
    advance: Advance,
    threads: int | None,
    precision: str,
    progress: str | None,
) -> list[dict[str, Any] | UserError]:
    """What each job's blocks returned, in the order of `jobs`, or the error that ended them: the others go on.

    `advance(engine, blocks, n)` does the next n frames of each block.
    """
    run = _Run(model, jobs, threads, precision)
    total = sum(job.channels * job.frames for job in jobs)
    bar = progress_bar(total, progress)
    try:
        with bar:
            while run.fill():
                bar.update(run.step(advance))
    finally:
        for job in jobs:
            job.blocks.close()
    return [run.results[id(job)] for job in jobs]


class _Run:
    """The jobs that wait, those whose blocks are being done, and the engine of the latter's streams."""

    def __init__(self, model: Model, jobs: Sequence[Job], threads: int | None, precision: str):
        self.engine: Any = open_engine(model, 1, "cpu", threads, precision=precision)
        self.most = min(STREAMS * (threads or cpus()), _most_files())
        self.waiting = deque(sorted(jobs, key=lambda job: -job.frames))
        self.active: list[tuple[Job, Block]] = []
        self.rows: list[int] = []  # where the streams of the active jobs are in the engine
        self.start = self.engine.save()[:-1]  # what every stream starts from
        self.results: dict[int, dict[str, Any] | UserError] = {}

    def fill(self) -> bool:
        """Lets jobs begin where there is room. False when none is left."""
        begun = len(self.active)
        while self.waiting and (not self.active or self._streams() + self.waiting[0].channels <= self.most):
            self._go_on(self.waiting.popleft())
        if self.active and (len(self.active) > begun or len(self.rows) != self.engine.streams):
            self._reopen(self._streams() - len(self.rows))
        return bool(self.active)

    def step(self, advance: Advance) -> int:
        """Does as many frames of every active block as the shortest has left, and says how many samples those were."""
        blocks = [block for _, block in self.active]
        count = min(PIECE, *(block.left for block in blocks))
        advance(self.engine, blocks, count)
        done, rows, first = count * self._streams(), [], 0
        present, self.active = self.active, []
        for job, block in present:
            block.done += count
            stays = self._keep(job, block) if block.left else self._go_on(job)
            rows += range(first, first + job.channels) if stays else []
            first += job.channels
        self.rows = rows
        return done

    def _keep(self, job: Job, block: Block) -> bool:
        self.active.append((job, block))
        return True

    def _go_on(self, job: Job) -> bool:
        """Whether the job has another block, which becomes active; else it has ended, well or not."""
        try:
            return self._keep(job, next(job.blocks))
        except StopIteration as end:
            self.results[id(job)] = end.value
        except UserError as error:
            self.results[id(job)] = error
        return False

    def _streams(self) -> int:
        return sum(job.channels for job, _ in self.active)

    def _reopen(self, new: int) -> None:
        """An engine in which the streams `rows` go on, and `new` ones start after them."""
        streams, state = len(self.rows) + new, []
        for old, start in zip(self.engine.save()[:-1], self.start, strict=True):
            state.append(np.concatenate([old[self.rows], np.repeat(start, new, axis=0)]))
        self.engine = self.engine.resized(streams)
        self.engine.restore((*state, 0))
        self.rows = list(range(streams))


def _most_files() -> int:
    """How many jobs may run at once, if each has two files open and the process may not have more than the limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if limit == resource.RLIM_INFINITY else max(1, (limit - 64) // 2)
