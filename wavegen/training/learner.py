"""One step of training: the gradient of a batch, the optimisers, the average of the weights."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wavegen.models.density import Density
from wavegen.training.distributed import ALONE, Processes
from wavegen.training.muon import optimizers
from wavegen.training.recipe import TrainingSettings
from wavegen.training.windows import Window, Windows

WARM_UP_STEPS = 100  # or a tenth of a run, if that is less
FINAL_RATE = 0.02  # of the learning rate, reached by a cosine
MAX_GRADIENT_NORM = 1.0


class Step(NamedTuple):
    """Mean bits of a batch's scored samples, how many these are, the gradient's norm, and the learning rate."""

    bits: float
    samples: int
    gradient_norm: float
    learning_rate: float

    def values(self, taken: float) -> dict[str, float | None]:
        """Its line of metrics.jsonl, after so many seconds."""
        return {
            "train_bits": self.bits,
            "gradient_norm": self.gradient_norm,
            "learning_rate": self.learning_rate,
            "samples_per_second": round(self.samples / taken, 1),
        }


class NotFiniteError(Exception):
    """The loss of a step, or its gradient, is not finite; the weights are as they were before the step."""

    def __init__(self, step: int):
        super().__init__(step)
        self.step = step


class AbandonedError(Exception):
    """Interrupted: the current step or validation is discarded and repeated on resume."""


class BitsOf(nn.Module):
    """−Σ log2 p over a batch's scored samples, a scalar, as a module."""

    def __init__(self, model: Density):
        super().__init__()
        self.model = model

    def forward(self, pcm: Tensor, before: Tensor, scored: Tensor, *conditions: Tensor) -> Tensor:
        log2_prob, _ = self.model.log2_prob(pcm, self.model.window_state(before, conditions))
        return -(log2_prob * scored).sum()


class Learner:
    """All that a step changes: a model's weights, their running average, the optimisers and the step counts.

    `connect` it before the first step.
    """

    def __init__(self, model: Density, settings: TrainingSettings, windows: Windows, processes: Processes = ALONE):
        self.model = model
        self.average = copy.deepcopy(model)
        self.optimizers = optimizers(model, settings.learning_rate)
        self.settings = settings
        self.windows = windows
        self.processes = processes
        self.step = 0
        self.samples = 0
        self.give_up: Callable[[], bool] = bool

    def fit(self) -> None:
        """Fits the weights that need no gradients, such as the predictor's, to the recordings."""
        for model in (self.model, self.average):
            model.fit(self.windows.recordings, self.windows.frames())

    def connect(self) -> None:
        """Prepares the gradients: of all processes, compiled on a GPU, by the network's own backward pass on a CPU.

        No gradient reaches the states then; steps of training start from fixed ones.
        """
        self.model.network.own_backward = True
        if self.model.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # recurrent layers compute in float32 everywhere
            self.model.network.compile()
        self.round_layers(self.settings.bfloat16)
        self._loss = self.processes.shared(BitsOf(self.model))

    def round_layers(self, bfloat16: bool | None) -> None:
        """Makes products inside the layers of the model, but not of its average, bfloat16 or not; None: on a GPU."""
        wanted = self.model.device.type == "cuda" if bfloat16 is None else bfloat16
        self.model.network.bfloat16_layers = wanted and self.model.network.takes_bfloat16

    def copied(self) -> Learner:
        """A copy whose steps leave this one unchanged."""
        made = copy.copy(self)
        made.model, made.average, made.optimizers = copy.deepcopy((self.model, self.average, self.optimizers))
        made.connect()
        return made

    def take_step(self, steps: int) -> Step:
        """Takes one step of a run of `steps`, on the mean bits of the batch's scored samples.

        Raises NotFiniteError, and AbandonedError if `give_up` says so between the parts of the step.
        """
        rate = self.settings.learning_rate * schedule(self.step, steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        windows = self.windows.of_step(self.step)
        bits = self.backward(windows)
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM))
        if not (math.isfinite(bits) and math.isfinite(norm)):
            raise NotFiniteError(self.step)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        samples = sum(window.scored for window in windows)
        self.samples += samples
        # Early steps have less weight, so that the average forgets the random start.
        decay = min(self.settings.average_decay, self.step / (self.step + 9))
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.model.parameters(), strict=True):
                average.lerp_(weight, 1 - decay)
        return Step(bits, samples, norm, rate)

    def backward(self, windows: Sequence[Window]) -> float:
        """Leaves the gradient of the mean bits over all scored samples of `windows`, which all weigh the same.

        The windows are computed in `accumulate` parts. Returns that mean. Raises AbandonedError.
        """
        self.model.zero_grad()
        scored = sum(window.scored for window in windows)
        return self._loss.backward(self._parts(windows), self.model.device, scored, self._check_given_up)

    def _parts(self, windows: Sequence[Window]) -> list[tuple[Tensor, ...]]:
        """The batches of this process, each with its conditions."""
        share = self.processes.share(windows)
        count = self.settings.accumulate
        cuts = [number * len(share) // count for number in range(count + 1)]
        parts = [share[begin:end] for begin, end in itertools.pairwise(cuts) if end > begin]
        if parts:
            return [(*self.windows.read(part), *self.windows.conditions(part)) for part in parts]
        batch = self.windows.read(windows[:1])  # without a share: others wait for this process's gradients, of zero
        batch = batch._replace(scored=torch.zeros_like(batch.scored))
        return [(*batch, *self.windows.conditions(windows[:1]))]

    def _check_given_up(self) -> None:
        if self.give_up():
            raise AbandonedError

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
        """Restores `state`. Raises KeyError, ValueError or RuntimeError if it is another model's."""
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
    """The learning rate of step number `step` of `steps`, as a share of the full one: warm-up, then a cosine.

    An extended run takes the rates of the longer run from there on.
    """
    warm = min(1.0, (step + 1) / min(WARM_UP_STEPS, 1 + steps // 10))
    cosine = (1 + math.cos(math.pi * step / steps)) / 2
    return warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)
