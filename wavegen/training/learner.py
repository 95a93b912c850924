"""One step of training: the gradient of a batch that processes and parts share, the optimisers, the average."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from wavegen.models.density import Density
from wavegen.training.distributed import ALONE, Processes
from wavegen.training.muon import optimizers
from wavegen.training.recipe import TrainingSettings
from wavegen.training.windows import Batch, Place, Windows

WARM_UP_STEPS = 100  # or a tenth of a run, if that is less
FINAL_RATE = 0.02  # of the learning rate, reached by a cosine
MAX_GRADIENT_NORM = 1.0


class Step(NamedTuple):
    """What a step met: mean bits of the batch's scored samples, how many these are, the gradient's norm, the rate."""

    bits: float
    samples: int
    gradient_norm: float
    learning_rate: float


class NotFiniteError(Exception):
    """The loss or its gradient is not finite; the weights are as they were before the step."""


class AbandonedError(Exception):
    """A step or validation was given up, since the training is to end now; it is made when the training goes on."""


class BitsOf(nn.Module):
    """−Σ log2 p over a batch's scored samples, a scalar, as a module whose gradients processes can share."""

    def __init__(self, model: Density):
        super().__init__()
        self.model = model

    def forward(self, pcm: Tensor, before: Tensor, scored: Tensor) -> Tensor:
        log2_prob, _ = self.model.log2_prob(pcm, self.model.initial_state(len(pcm), before))
        return -(log2_prob * scored).sum()


class Learner:
    """All that a step changes: a model's weights, their running average, the optimisers and how far they are.

    Before the first step all processes `connect` it.
    """

    def __init__(self, model: Density, settings: TrainingSettings, windows: Windows, processes: Processes = ALONE):
        self.model, self.average = model, copy.deepcopy(model)
        self.optimizers = optimizers(model, settings.learning_rate)
        self.settings, self.windows, self.processes = settings, windows, processes
        self.step, self.samples = 0, 0
        self.give_up: Callable[[], bool] = bool

    def fit(self) -> None:
        """Starts from what can be said of the recordings without gradients."""
        for model in (self.model, self.average):
            model.fit(self.windows.recordings)

    def connect(self) -> None:
        """Makes the gradients those of all processes; a GPU compiles the network, a CPU uses its own backward pass.

        The network's own backward pass ends at the states: steps of training start from fixed ones.
        """
        self.model.network.own_backward = True
        if self.model.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # what a recurrent layer computes is float32 everywhere
            self.model.network.compile()
        self.round_layers(self.settings.bfloat16)
        self._bits_of = self.processes.parallel(BitsOf(self.model))

    def round_layers(self, bfloat16: bool | None) -> None:
        """Lets products inside the layers of what is trained, but not of its average, be bfloat16; None: on a GPU."""
        wanted = self.model.device.type == "cuda" if bfloat16 is None else bfloat16
        self.model.network.bfloat16_layers = wanted and self.model.network.takes_bfloat16

    def copied(self) -> Learner:
        """One whose steps leave no trace in this one."""
        made = copy.copy(self)
        made.model, made.average, made.optimizers = copy.deepcopy((self.model, self.average, self.optimizers))
        made.connect()
        return made

    def take_step(self, steps: int) -> Step:
        """One step of a run of `steps`, on the mean bits of the batch's scored samples.

        Raises NotFiniteError, and AbandonedError if it has several parts and `give_up` says so between them.
        """
        rate = self.settings.learning_rate * schedule(self.step, steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        places = self.windows.places(self.step)
        bits = self.backward(places)
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM))
        if not (math.isfinite(bits) and math.isfinite(norm)):
            raise NotFiniteError
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        samples = sum(place.scored for place in places)
        self.samples += samples
        # Early steps weigh less: the average must not remember the random start.
        decay = min(self.settings.average_decay, self.step / (self.step + 9))
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.model.parameters(), strict=True):
                average.lerp_(weight, 1 - decay)
        return Step(bits, samples, norm, rate)

    def backward(self, places: Sequence[Place]) -> float:
        """Leaves the gradient of the mean bits over all scored samples of `places` in every process; gives that mean.

        The processes take shares, which each cuts into `accumulate` parts. All samples of all weigh the same.
        """
        self.model.zero_grad()
        # A module in parallel takes the mean of the processes' gradients, of which the sum is wanted here.
        divisor = sum(place.scored for place in places) / self.processes.world
        batches = self._parts(places)
        bits = 0.0
        for number, batch in enumerate(batches):
            if number and self.processes.world == 1 and self.give_up():  # others would wait for this one's gradients
                raise AbandonedError
            with self.processes.in_touch(), self._apart(number < len(batches) - 1):
                part = self._bits_of(*(tensor.to(self.model.device) for tensor in batch)) / divisor
                part.backward()
            bits += part.item()
        return self.processes.sum(bits)[0] / self.processes.world

    def _parts(self, places: Sequence[Place]) -> list[Batch]:
        share, count = self.processes.share(places), self.settings.accumulate
        cuts = [number * len(share) // count for number in range(count + 1)]
        parts = [share[begin:end] for begin, end in itertools.pairwise(cuts) if end > begin]
        if parts:
            return [self.windows.read(part) for part in parts]
        # Without a share the process must go through the motions all the same, for the others wait for its gradients.
        batch = self.windows.read(places[:1])
        return [batch._replace(scored=torch.zeros_like(batch.scored))]

    def _apart(self, apart: bool) -> contextlib.AbstractContextManager[None]:
        """Inside the block gradients stay in this process if `apart`."""
        parallel = self._bits_of
        return (
            parallel.no_sync() if apart and isinstance(parallel, DistributedDataParallel) else contextlib.nullcontext()
        )

    def state(self) -> dict[str, Tensor]:
        """Every tensor that coming steps depend on."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in (("model", self.model), ("average", self.average)):
            tensors |= {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
        for number, optimizer in enumerate(self.optimizers):
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{index}.{name}": tensor for name, tensor in state.items()}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor], step: int, samples: int) -> None:
        """Takes over what `state` gave. Raises KeyError, ValueError or RuntimeError if it is another model's."""
        for prefix, module in (("model", self.model), ("average", self.average)):
            names = module.state_dict()
            module.load_state_dict({name: tensors[f"{prefix}.{name}"] for name in names})
        for number, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in tensors.items():
                if key.startswith(prefix := f"optimizer.{number}."):
                    index, _, name = key.removeprefix(prefix).partition(".")
                    state.setdefault(int(index), {})[name] = tensor
            optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
        self.step, self.samples = step, samples


def schedule(step: int, steps: int) -> float:
    """The share of the learning rate that step number `step` of `steps` takes: warm-up, then a cosine.

    A run that is extended takes the rates of the longer run from there on.
    """
    warm = min(1.0, (step + 1) / min(WARM_UP_STEPS, 1 + steps // 10))
    cosine = (1 + math.cos(math.pi * step / steps)) / 2
    return warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)
