"""The processes of one training: one alone, or several that torchrun started and that add up their gradients."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from wavegen.errors import UserError

PATIENCE = timedelta(seconds=25)  # with a process that takes no part in a step; one that ends is noticed at once
PATIENCE_ON_GPUS = timedelta(minutes=2)  # where a first step waits for compilers
LONG_PATIENCE = timedelta(minutes=20)  # where one may have more to do than others: starting, validating, saving
LOST = (
    "lost another process of this training, which ended or no longer answers; `resume=True` goes on from what was saved"
)
USER_ERROR = 2  # exit code of those whose error another process tells

T = TypeVar("T")
Item = TypeVar("Item")


class Processes:
    """`world` processes that train one model together, this one being number `rank`. Number 0 writes and speaks."""

    def __init__(
        self,
        rank: int = 0,
        world: int = 1,
        steps: dist.ProcessGroup | None = None,
        gradients: dist.ProcessGroup | None = None,
    ):
        self.rank, self.world, self._steps, self._gradients = rank, world, steps, gradients

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of `items`: neighbours, as many as the others' or one more or less, perhaps none."""
        begin, end = (number * len(items) // self.world for number in (self.rank, self.rank + 1))
        return items[begin:end]

    def sum(self, *values: float) -> list[float]:
        """The sum over all processes of each value, in float64, the same bits in every process; for steps."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; for steps."""
        return self._reduced([float(flag)], dist.ReduceOp.MAX)[0] > 0

    def _reduced(self, values: Sequence[float], how: Any) -> list[float]:
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        with self.in_touch():
            dist.all_reduce(tensor, how, group=self._steps)
        return tensor.tolist()

    def from_first(self, value: T) -> T:
        """Process 0's `value`."""
        if self.world == 1:
            return value
        values = [value]
        with self.in_touch():
            dist.broadcast_object_list(values)
        return values[0]

    def gathered(self, value: T) -> list[T]:
        """The `value` of each process, of which some may take their time."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        with self.in_touch():
            dist.all_gather_object(values, value)
        return values

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """All leave the block well, or none does: the first whose UserError it is tells it, the others end silently."""
        failure = None
        try:
            yield
        except UserError as error:
            failure = error
        failed = self.gathered(failure is not None)
        if failure is not None and failed.index(True) == self.rank:
            raise failure
        if any(failed):
            raise SystemExit(USER_ERROR)

    @contextlib.contextmanager
    def in_touch(self) -> Iterator[None]:
        """Raises UserError if, inside the block, another process is found to have ended or not to answer."""
        try:
            yield
        except RuntimeError as error:  # dist.DistError is one; what gloo meets in a backward pass is no more than that
            if self.world > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error)):
                raise UserError(f"process {self.rank}: {LOST}", parameter="resume") from error
            raise

    def parallel(self, module: nn.Module) -> nn.Module:
        """The module with gradients that are means over all processes, and process 0's weights in each."""
        if self.world == 1:
            return module
        with self.in_touch():
            return DistributedDataParallel(module, process_group=self._gradients, broadcast_buffers=False)


ALONE = Processes()


@contextlib.contextmanager
def together() -> Iterator[Processes]:
    """This process and those that torchrun started beside it, connected for the time of the block."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 or "RANK" not in os.environ:
        yield ALONE
        return
    nested = dist.is_initialized()
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(_gpu(int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()))
    if not nested:
        dist.init_process_group("gloo", timeout=LONG_PATIENCE)
    patience = PATIENCE_ON_GPUS if on_gpus else PATIENCE
    steps = dist.new_group(backend="gloo", timeout=patience)
    gradients = dist.new_group(backend="nccl", timeout=patience) if on_gpus else steps
    assert isinstance(steps, dist.ProcessGroup), "this process is one of the group"
    assert isinstance(gradients, dist.ProcessGroup), "this process is one of the group"
    yield Processes(dist.get_rank(), world, steps, gradients)
    if not nested:  # after an error others may no longer answer, and the end of the process closes all
        dist.destroy_process_group()


def _gpu(rank: int, count: int) -> int:
    """The GPU of process `rank` of this machine, of which each has its own."""
    if rank >= count:
        raise UserError(f"process {rank} of this machine has no GPU, there are {count}; lower --nproc-per-node to that")
    return rank


def device() -> torch.device:
    """The GPU of this process if there is one, else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
