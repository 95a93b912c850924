"""The CUDA engine: WaveNets on an NVIDIA GPU."""

from __future__ import annotations

import copy
import importlib
from types import ModuleType

from wavegen.density import AudioModel
from wavegen.engine.base import NUMERICS
from wavegen.engine.packing import cuda_arguments
from wavegen.engine.symbols import SymbolEngine
from wavegen.errors import UserError
from wavegen.networks import WaveNet

PRECISIONS = ("float32", "bfloat16")
_STEPS, _SAMPLES = 1000, 2**22  # of one launch, which no interrupt ends: some tenths of a second of a large model


def extension() -> ModuleType:
    """The CUDA extension. Raises ImportError where it was not built."""
    return importlib.import_module("wavegen_cuda")


def missing() -> str | None:
    """Why the engine cannot be used, in one line; None if it can."""
    try:
        built = extension()
    except ModuleNotFoundError:
        return "engine cuda is missing: wavegen was installed without it, because there was no CUDA compiler (nvcc)"
    except ImportError as error:
        return f"engine cuda cannot be loaded: {error}"
    if built.numerics != NUMERICS:
        return f"engine cuda has numerics {built.numerics}, wavegen {NUMERICS}; repeat the installation"
    why = built.missing()
    return None if why is None else f"engine cuda cannot be used: {why}"


def runs(model: AudioModel) -> bool:
    """Whether the engine, if it is there, runs this model."""
    return type(model.network) is WaveNet


class CudaEngine(SymbolEngine):
    """See `wavegen.engine.base.Engine`. The cpu engine's algorithm and order of operations, on a GPU.

    Raises UserError when there is no GPU, it has no room, or the model is not one that it runs.
    """

    name = "cuda"

    def __init__(self, model: AudioModel, streams: int, precision: str = "float32", kernel: str = "auto"):
        if not runs(model):
            raise UserError(f"engine cuda does not run {model.network.name} networks; try --engine cpu")
        if precision not in PRECISIONS:
            raise UserError(f"engine cuda does not know precision {precision}; there are {', '.join(PRECISIONS)}")
        if (why := missing()) is not None:
            raise UserError(why)
        super().__init__(model, precision)
        self._kernel = kernel
        try:
            self._weights = extension().weights(**cuda_arguments(model), bfloat16=precision != PRECISIONS[0])
            self._open(streams)
        except (ValueError, MemoryError) as error:
            raise UserError(f"engine cuda cannot run this model: {error}") from error

    def _open(self, streams: int) -> None:
        self.streams = streams
        self._piece = max(1, min(_STEPS, _SAMPLES // streams))
        self._native = extension().Engine(self._weights, streams, self._kernel)

    def resized(self, streams: int) -> CudaEngine:
        """Another engine of the same model, with so many streams at the start of a file; it shares the weights."""
        other = copy.copy(self)
        other._open(streams)
        return other
