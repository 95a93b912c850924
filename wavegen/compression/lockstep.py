"""Many recordings of any lengths through one engine: each stream begins when another has ended."""

from __future__ import annotations

import resource
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from wavegen.engine import open_engine
from wavegen.engine.base import Engine, cpus
from wavegen.errors import UserError
from wavegen.models.given import Given
from wavegen.models.model import Model
from wavegen.system.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = 32  # side by side on a thread
FRAMES_PER_CALL = 4096  # of an engine; an interrupt is noticed between two calls

Coder = TypeVar("Coder")
Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.generic)
Advance = Callable[[Engine, Sequence["Block[Coder]"], int], None]  # engine, blocks, frames


@dataclass
class Block(Generic[Coder]):
    """A stretch of a recording: `samples` and their `log2_prob`, (channels, frames), one of which is to be filled."""

    coders: Sequence[Coder]  # one for each channel
    samples: NDArray[np.int16]
    log2_prob: NDArray[np.float64] = field(init=False)
    done: int = 0  # frames

    def __post_init__(self) -> None:
        self.log2_prob = np.empty(self.samples.shape)

    @property
    def left(self) -> int:
        return self.samples.shape[1] - self.done


@dataclass(eq=False)
class CodingJob(Generic[Coder, Result]):
    """A recording: `blocks` yields its blocks, is resumed when each has been done, and returns the result.

    `given` is what the model is given for each of its channels.
    """

    channels: int
    frames: int
    blocks: Generator[Block[Coder], None, Result]
    given: Given = field(default_factory=Given)


def lockstep(
    model: Model,
    jobs: Sequence[CodingJob[Coder, Result]],
    advance: Advance[Coder],
    threads: int | None,
    precision: str,
    label: str | None,
) -> list[Result | UserError]:
    """The result of each job, in the order of `jobs`, or the error that ended it: the others go on.

    `advance(engine, blocks, n)` does the next n frames of each block; `label` is that of a bar on stderr.
    """
    run = _Run(model, jobs, threads, precision)
    total = sum(job.channels * job.frames for job in jobs)
    try:
        with progress_bar(total, label) as bar:
            while run.fill():
                bar.update(run.step(advance))
    finally:
        for job in jobs:
            job.blocks.close()
    return [run.results[job] for job in jobs]


class _Run(Generic[Coder, Result]):
    """The jobs that wait, those whose blocks are being done, and the engine of the latter's streams."""

    def __init__(self, model: Model, jobs: Sequence[CodingJob[Coder, Result]], threads: int | None, precision: str):
        self.engine = open_engine(model, 1, engine="cpu", threads=threads, precision=precision)
        self.max_streams = min(STREAMS * (threads or cpus()), _max_jobs())
        self.waiting = deque(sorted(jobs, key=lambda job: -job.frames))
        self.active: list[tuple[CodingJob[Coder, Result], Block[Coder]]] = []
        self.rows: list[int] = []  # the engine's streams that are those of the active jobs
        self.results: dict[CodingJob[Coder, Result], Result | UserError] = {}

    def fill(self) -> bool:
        """Lets jobs begin where there is room. False when none is left."""
        begun = len(self.active)
        streams = len(self.rows)
        while self.waiting and (not self.active or self._streams() + self.waiting[0].channels <= self.max_streams):
            self._next_block(self.waiting.popleft())
        if self.active and (len(self.active) > begun or len(self.rows) != self.engine.streams):
            self.engine = self.engine.resized(self._streams(), self.rows)
            self.rows = list(range(self._streams()))
            self._condition([job for job, _ in self.active[begun:]], streams)
        return bool(self.active)

    def _condition(self, jobs: Sequence[CodingJob[Coder, Result]], stream: int) -> None:
        """Says what the streams of jobs that begin, of which `stream` is the first, are conditioned on."""
        for job in jobs:
            for _ in range(job.channels):
                if job.given.speaker is not None or job.given.frames is not None:
                    self.engine.condition(stream, *job.given)
                stream += 1

    def step(self, advance: Advance[Coder]) -> int:
        """Does as many frames of every active block as the shortest has left; the number of samples done."""
        blocks = [block for _, block in self.active]
        count = min(FRAMES_PER_CALL, *(block.left for block in blocks))
        advance(self.engine, blocks, count)
        done = count * self._streams()
        rows: list[int] = []
        first = 0
        present = self.active
        self.active = []
        for job, block in present:
            block.done += count
            stays = self._keep(job, block) if block.left else self._next_block(job)
            if stays:
                rows += range(first, first + job.channels)
            first += job.channels
        self.rows = rows
        return done

    def _keep(self, job: CodingJob[Coder, Result], block: Block[Coder]) -> bool:
        self.active.append((job, block))
        return True

    def _next_block(self, job: CodingJob[Coder, Result]) -> bool:
        """Whether the job has another block, which becomes active; else it has ended, well or not."""
        try:
            return self._keep(job, next(job.blocks))
        except StopIteration as end:
            self.results[job] = end.value
        except UserError as error:
            self.results[job] = error
        return False

    def _streams(self) -> int:
        return sum(job.channels for job, _ in self.active)


def split(rows: NDArray[Scalar], blocks: Sequence[Block[Coder]]) -> list[NDArray[Scalar]]:
    """The rows of each block's channels."""
    return np.split(rows, np.cumsum([len(block.coders) for block in blocks])[:-1])


def _max_jobs() -> int:
    """How many jobs may run at once, if each has two files open and the process may not have more than the limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if limit == resource.RLIM_INFINITY else max(1, (limit - 64) // 2)
