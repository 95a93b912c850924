"""Engines run streams of samples through a model: they draw, score, encode and decode."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Protocol, TypedDict

from wavegen.engine import cuda, native
from wavegen.engine.base import MAX_THREADS, PRECISIONS, Engine
from wavegen.errors import UserError, nearest
from wavegen.models.model import AnyAudio

ENGINES = ("auto", "torch", "cpu", "cuda")

_log = logging.getLogger("wavegen")


class WithMetadata(Protocol):
    """A model of any kind, which knows how it was made."""

    @property
    def metadata(self) -> Mapping[str, object]: ...


class EngineDescription(TypedDict):
    """Where an engine runs: one of the two is None."""

    on: str | None  # instruction set, GPU or arithmetic
    missing: str | None  # why it cannot be used


class EnginesResult(TypedDict):
    """The JSON of `wavegen info`."""

    engines: dict[str, EngineDescription]  # by name


def open_engine(
    model: AnyAudio,
    streams: int = 1,
    *,
    engine: str = "auto",
    threads: int | None = None,
    isa: str | None = None,
    precision: str | None = None,
) -> Engine:
    """An engine whose streams are at the start of a file. It does not work in a process forked from this one.

    Args:
        model: as data or as a torch module.
        streams: how many run side by side.
        engine: "cpu" is the C++ extension, for all networks but NADE; "torch" runs every model, slowly, in float64;
            "auto" takes the first of these that runs this model. "cuda" runs WaveNets without a spectral
            predictor on an NVIDIA GPU, and "auto" never takes it: its results are the same on every machine.
        threads: of the cpu engine. Changes its speed, never its results. Defaults to min(CPUs, 2 · streams); of two
            threads for a stream of a WaveNet one stays idle while the CPUs are busy elsewhere.
        isa: forces an instruction set of the cpu engine; never changes its results.
        precision: to which the cpu and cuda engines round the layers' weights; the model's own unless given
            (`wavegen.evaluation.quantization`).

    Raises:
        UserError: the engine is unknown, is not installed or does not run the model, or an argument is out of range.
    """
    precision = _checked(model, streams, engine, threads, precision)
    rounded = precision != PRECISIONS[0]
    if engine == "cuda":
        return cuda.CudaEngine(model, streams, precision)
    data = model.data()
    if rounded and not native.runs(data):
        raise UserError(f"precision {precision} is the cpu engine's, which does not run {data.network.name} networks")
    if engine == "torch" and rounded:
        said = f"engine torch does not know precision {precision}; try `engine='cpu'`"
        raise UserError(said, parameter="engine")
    if not rounded and (engine == "torch" or (engine == "auto" and not native.runs(data))):
        return _torch_engine(model, streams)
    missing = native.missing()
    if missing is None:
        return native.NativeEngine(data, streams, threads, isa, precision)
    if engine == "cpu" or rounded:
        raise UserError(missing)
    _say_once(f"wavegen: {missing}; going on with the torch engine, which is some hundred times slower")
    return _torch_engine(model, streams)


def _checked(model: AnyAudio, streams: int, engine: str, threads: int | None, precision: str | None) -> str:
    """The precision that is meant. Raises UserError for arguments that no model takes."""
    if engine not in ENGINES:
        raise UserError(f"engine {engine} is not known{nearest(engine, ENGINES)}")
    precision = precision or precision_of(model)
    if precision not in PRECISIONS:
        raise UserError(f"precision {precision} is not known{nearest(precision, PRECISIONS)}")
    if streams < 1:
        raise UserError(f"{streams} streams; there must be one at least")
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise UserError(f"{threads} threads; give 1 to {MAX_THREADS}")
    return precision


def _torch_engine(model: AnyAudio, streams: int) -> Engine:
    from wavegen.engine.torch import TorchEngine  # imports torch, for which no other engine should wait

    return TorchEngine(model, streams)


def describe_engines() -> EnginesResult:
    """The JSON of `wavegen info`: where each engine runs, or why it is missing."""
    found: dict[str, EngineDescription] = {}
    for name, engine in (("cpu", native), ("cuda", cuda)):
        missing = engine.missing()
        found[name] = {"on": engine.device() if missing is None else None, "missing": missing}
    return {"engines": {**found, "torch": {"on": "PyTorch in float64", "missing": None}}}


def precision_of(model: WithMetadata) -> str:
    """The precision to which a model's file says that its layers' weights are rounded."""
    return str(model.metadata.get("precision", PRECISIONS[0]))


@cache
def _say_once(line: str) -> None:
    _log.warning(line)
