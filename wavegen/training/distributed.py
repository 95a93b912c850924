"""The processes of one training: one alone, or several that torchrun started, which add up their gradients."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NoReturn, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from wavegen.errors import UserError

PATIENCE = timedelta(seconds=25)  # with a process that does not answer during a step; one that ends is noticed at once
PATIENCE_ON_GPUS = timedelta(minutes=2)  # a first step waits for compilers
LONG_PATIENCE = timedelta(minutes=20)  # while one does more than others: starting, validating, saving
LOST = (
    "lost another process of this training, which ended or no longer answers; `resume=True` goes on from what was saved"
)
USER_ERROR = 2  # exit code of processes whose error another one raises

T = TypeVar("T")
Item = TypeVar("Item")


class Processes:
    """The `world` processes that train one model together, this one being number `rank`.

    Number 0 alone writes files and speaks. Of a call that waits for others, every process makes one.
    """

    def __init__(
        self,
        rank: int = 0,
        world: int = 1,
        steps: dist.ProcessGroup | None = None,
        gradients: dist.ProcessGroup | None = None,
    ):
        self.rank = rank
        self.world = world
        self._steps = steps
        self._gradients = gradients

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of `items`: neighbours, as many as the others' or one more or less, perhaps none."""
        begin, end = (number * len(items) // self.world for number in (self.rank, self.rank + 1))
        return items[begin:end]

    def dealt(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of `items`, dealt out in turn, perhaps none."""
        return items[self.rank :: self.world]

    def sum(self, value: float) -> float:
        """The sum of `value` over all processes, in float64, the same bits in every process; for steps."""
        return self._reduced(value, dist.ReduceOp.SUM)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; for steps."""
        return self._reduced(float(flag), dist.ReduceOp.MAX) > 0

    def _reduced(self, value: float, how: dist.ReduceOp.RedOpType) -> float:
        if self.world == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64)
        with self.in_touch():
            dist.all_reduce(tensor, how, group=self._steps)
        return tensor.item()

    def first_does(self, act: Callable[[], object]) -> None:
        """Lets process 0 act while the others wait. All leave well, or none does."""
        with self.agreed():
            if self.first:
                act()

    def from_first(self, act: Callable[[], T]) -> T:
        """The result of `act` in process 0, as a copy in the others. All leave well, or none does."""
        if self.world == 1:
            return act()
        results: list[T | None] = [None]
        with self.agreed():
            if self.first:
                results[0] = act()
        with self.in_touch():
            dist.broadcast_object_list(results)
        return cast(T, results[0])

    def gathered(self, value: T) -> list[T]:
        """The `value` of each process, of which some may take long."""
        if self.world == 1:
            return [value]
        values: list[T | None] = [None] * self.world
        with self.in_touch():
            dist.all_gather_object(values, value)
        return cast("list[T]", values)

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """All leave the block well, or none does: the first with a UserError raises it, the others end silently."""
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

    def stop(self, error: UserError) -> NoReturn:
        """Ends all processes with an error that all have; one of them raises it."""
        with self.agreed():
            raise error
        raise AssertionError("all processes have raised")

    @contextlib.contextmanager
    def in_touch(self) -> Iterator[None]:
        """Raises UserError if, inside the block, another process is found to have ended or not to answer."""
        try:
            yield
        except RuntimeError as error:  # dist.DistError is one; gloo in a backward pass raises no more than that
            if self.world > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error)):
                raise UserError(f"process {self.rank}: {LOST}", parameter="resume") from error
            raise

    def shared(self, loss: nn.Module) -> SharedLoss:
        """A loss whose gradients are sums over all processes; process 0's weights are copied to each."""
        if self.world == 1:
            return SharedLoss(loss, self)
        with self.in_touch():
            return SharedLoss(
                DistributedDataParallel(loss, process_group=self._gradients, broadcast_buffers=False), self
            )


class SharedLoss:
    """A scalar loss over a batch, of which processes and parts of a step have shares."""

    def __init__(self, module: nn.Module, processes: Processes):
        self.module = module
        self._processes = processes

    def backward(
        self, parts: Sequence[Sequence[Tensor]], on: torch.device, divisor: float, check: Callable[[], None]
    ) -> float:
        """Adds the gradient of Σ loss(part) / divisor, over the parts of all processes, to the weights'.

        Args:
            parts: this process's parts, each the arguments of the loss; one at least.
            on: device of the loss, to which each part is moved in its turn: all together may not fit.
            divisor: of the sum.
            check: called between parts; an error that it raises in one of several processes would leave the others
                waiting, so that it is called in a process alone.

        Returns the sum.
        """
        divisor /= self._processes.world  # the module takes the mean of the processes' gradients
        total = 0.0
        for number, part in enumerate(parts):
            if number and self._processes.world == 1:
                check()
            with self._processes.in_touch(), self._apart(number < len(parts) - 1):
                loss = self.module(*(tensor.to(on) for tensor in part)) / divisor
                loss.backward()
            total += loss.item()
        return self._processes.sum(total) / self._processes.world

    def _apart(self, apart: bool) -> contextlib.AbstractContextManager[None]:
        """Inside the block gradients stay in this process if `apart`."""
        if apart and isinstance(self.module, DistributedDataParallel):
            return self.module.no_sync()
        return contextlib.nullcontext()


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
