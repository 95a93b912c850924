"""Engines run streams of samples through a model: they draw, or are fed, and say how probable each sample was."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Protocol

from wavegen.engine import cuda, native
from wavegen.engine.base import MOST_THREADS, PRECISIONS, Engine
from wavegen.errors import UserError, nearest
from wavegen.models.model import AnyAudio

ENGINES = ("auto", "torch", "cpu", "cuda")

_log = logging.getLogger("wavegen")


class Made(Protocol):
    """A model of any kind, which knows how it was made."""

    @property
    def metadata(self) -> Any: ...


def open_engine(
    model: AnyAudio,
    streams: int = 1,
    engine: str = "auto",
    threads: int | None = None,
    isa: str | None = None,
    precision: str | None = None,
) -> Engine:
    """An engine with `streams` streams at the start of a file, of a model as data or as a torch module.

    "cpu" is the C++ extension, for all networks but NADE; "torch" runs every model, slowly, in float64;
    "auto" takes the first of these that runs this model. "cuda" runs WaveNets on an NVIDIA GPU, and "auto" never takes
    it: what it gives is the same on every machine. `threads` and `isa`, which forces an instruction set, are the
    extension's and change its speed, never its results: by default it takes as many threads as there are CPUs and it
    finds use for, two for each stream of a WaveNet, of which it leaves one idle while the CPUs are busy elsewhere. An
    engine does not work in a process forked from the one that opened it. `precision`, the extension's and cuda's too,
    rounds the layers' weights; it is the model's own unless given (`wavegen.evaluation.quantization`).
    Raises UserError when the engine asked for is unknown, is not installed or does not run the model.
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
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UserError(f"{threads} threads; give 1 to {MOST_THREADS}")
    return precision


def _torch_engine(model: AnyAudio, streams: int) -> Engine:
    from wavegen.engine.torch import TorchEngine  # imports torch, for which no other engine should wait

    return TorchEngine(model, streams)


def describe_engines() -> dict[str, Any]:
    """What `wavegen info --json` prints of no model: of each engine what it runs on, or why it is missing."""
    found: dict[str, Any] = {}
    for name, engine in (("cpu", native), ("cuda", cuda)):
        missing = engine.missing()
        found[name] = {"on": engine.device() if missing is None else None, "missing": missing}
    return {"engines": {**found, "torch": {"on": "PyTorch in float64", "missing": None}}}


def precision_of(model: Made) -> str:
    """What a model file says its layers' weights are to be rounded to."""
    return str(model.metadata.get("precision", PRECISIONS[0]))


@cache
def _say_once(line: str) -> None:
    _log.warning(line)
