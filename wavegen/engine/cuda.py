"""The CUDA engine: WaveNets on an NVIDIA GPU."""

from __future__ import annotations

import copy
import importlib
import logging
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from wavegen import __version__
from wavegen.constants import NUMERICS
from wavegen.engine import native
from wavegen.engine.base import Decoder, Encoder, checked_kept
from wavegen.engine.packing import Parts, conditions, cuda_arguments, unfit_for_cuda
from wavegen.engine.symbols import SymbolEngine
from wavegen.errors import UserError
from wavegen.extension import fits
from wavegen.models.model import AnyAudio
from wavegen.system.limits import MORE_MEMORY, is_no_memory
from wavegen.system.optional import reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
T = TypeVar("T")
PRECISIONS = ("float32", "bfloat16")

_log = logging.getLogger("wavegen")
INTERFACE = 4  # also in csrc/bindings/cuda.cpp; see wavegen.extension
# Of one launch, which no interrupt ends: at most some tenths of a second. Multiply-adds are those of one stream.
_STEPS = 1000
_SAMPLES = 2**22
_MACS = 2**32
_VECTORS = 2**26  # floats of conditions, in both memories
_NO_CODER = "engine cuda does not code: another machine would not find the same probabilities; take engine cpu"


def extension() -> ModuleType:
    """The CUDA extension. Raises ImportError where it was not built."""
    return importlib.import_module("wavegen_cuda")


def missing() -> str | None:
    """Why the engine cannot be used, in a few words; None if it can. Any exception of the extension is a reason."""
    again = f"repeat the installation of wavegen {__version__} with pip install --force-reinstall --no-deps"
    try:
        built = extension()
    except ModuleNotFoundError as error:
        if error.name != "wavegen_cuda":
            return f"it cannot be loaded ({reason(error)}); {again}"
        return "wavegen was installed without a CUDA compiler (nvcc)"
    except Exception as error:
        if is_no_memory(error):
            return f"too little memory to load it ({reason(error)}); {MORE_MEMORY}"
        return f"it cannot be loaded ({reason(error)}); {again}"
    try:
        if built.numerics != NUMERICS:
            return f"it has numerics {built.numerics}, wavegen {NUMERICS}; {again}"
        if not fits(built, INTERFACE):
            return f"it was built from another version of wavegen; {again}"
        why = built.missing()
        if why is None:  # a driver may fail only when the GPU is asked for
            built.device()
            built.multiprocessors()
        return why
    except Exception as error:
        return f"it failed ({reason(error)}); {again}, or look at the driver"


def device() -> str:
    """The name of the GPU."""
    return extension().device()


def many() -> int:
    """Streams that keep every multiprocessor of the GPU busy: two blocks' groups for each."""
    return 2 * 16 * extension().multiprocessors()


def runs(model: Parts) -> bool:
    """Whether the engine, if it is there, runs this model."""
    return unfit_for_cuda(model) is None


class CudaEngine(SymbolEngine):
    """See `wavegen.engine.base.Engine`. The cpu engine's algorithm and order of operations, on a GPU.

    A stream's results do not depend on the others. `kernel` is "throughput", for many streams; "latency", which keeps
    on the chip the weights that a step waits for, of up to eight streams of each group of multiprocessors; or
    "auto", the latter for eight streams at most. Raises UserError when there is no GPU, it has no room, or the model
    is not one that it runs.
    """

    name = "cuda"

    def __init__(self, model: AnyAudio, streams: int, precision: str = "float32", kernel: str = "auto"):
        data = model.data()
        if (why := unfit_for_cuda(data)) is not None:
            raise UserError(f"engine cuda does not run {why}; try `engine='cpu'`", parameter="engine")
        if precision not in PRECISIONS:
            said = f"engine cuda does not know precision {precision}; give `precision` {' or '.join(PRECISIONS)}"
            raise UserError(said, parameter="precision")
        if (why := missing()) is not None:
            raise UserError(f"engine cuda cannot be used: {why}; try `engine='cpu'`", parameter="engine")
        if data.conditioning is not None and (why := native.missing()) is not None:
            raise UserError(f"engine cuda encodes conditions with the C++ engine: {why}")
        super().__init__(data, precision)
        self._wanted = kernel
        try:
            self._conditions = conditions(data, "auto")
            self._weights = extension().weights(**cuda_arguments(data), bfloat16=precision != PRECISIONS[0])
        except (ValueError, MemoryError, RuntimeError, OSError) as error:
            raise UserError(f"engine cuda cannot run this model: {error}") from error
        self._open(streams)

    def _open(self, streams: int) -> None:
        self.streams = streams
        self._piece = max(1, min(_STEPS, _SAMPLES // streams, _MACS // self.model.macs_per_sample))
        try:
            running = extension().Engine(self._weights, streams, self._wanted)
        except (ValueError, MemoryError, RuntimeError, OSError) as error:
            raise UserError(f"engine cuda cannot run this model: {error}") from error
        self._native = running
        if self._conditions is not None:
            self._conditions = self._conditions.of(streams)
            frames = _VECTORS // (streams * running.condition_floats)  # one more than whole ones is begun and ended
            self._piece = min(self._piece, max(1, frames - 1) * self._conditions.hop)
        self.kernel: str = running.kernel  # "throughput", or for few streams "latency-cluster" or "latency-grid"
        if running.fell_back:
            _say_once(
                f"wavegen: engine cuda: this GPU cannot hold the layers on its chip for {streams} at once; "
                "slower, from memory"
            )

    def resized(self, streams: int, kept: Sequence[int] = ()) -> CudaEngine:
        rows = checked_kept(kept, self.streams, streams)
        other = copy.copy(self)
        other._open(streams)
        if rows:
            other.restore(self.save().over(other.save(), rows))
        return other

    def encode(self, pcm: NDArray[np.int16], encoders: Sequence[Encoder]) -> NDArray[np.float64]:
        raise UserError(_NO_CODER)

    def decode(self, num_samples: int, decoders: Sequence[Decoder]) -> NDArray[np.int16]:
        raise UserError(_NO_CODER)

    def _call(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return super()._call(method, *args, **kwargs)
        except RuntimeError as error:
            if str(error).startswith("CUDA: "):
                raise UserError(f"engine cuda stopped: {error}") from error
            raise


@cache
def _say_once(line: str) -> None:
    _log.warning(line)
