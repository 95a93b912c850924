"""Measures how fast engines draw samples, beside other implementations and bounds of the machine, all in one run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from wavegen.benchmarking.configurations import model_named
from wavegen.benchmarking.machine import described
from wavegen.benchmarking.peers import PEERS, Peer
from wavegen.benchmarking.results import BenchResult, BenchRow, MissingEngine, Ratio
from wavegen.engine import cuda, native, open_engine
from wavegen.engine.base import PRECISIONS, Engine, cpus
from wavegen.engine.packing import engine_arguments
from wavegen.engine.torch import TorchEngine
from wavegen.errors import UserError
from wavegen.extension import extension
from wavegen.models.audio import AudioModel
from wavegen.system.optional import fault, reason
from wavegen.training.host import torch_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger("wavegen")
ROUNDS = 7
TURN_SECONDS = 0.4
STREAMS = 32
LOOP = "PyTorch loop"
REPLAY = "weights read"
MULTIPLY_ADDS = "multiply-adds"
BOUNDS = {1: REPLAY, STREAMS: MULTIPLY_ADDS}  # of one thread in float32, by the number of streams
REPLAYED = 16  # samples, the longest block in which past taps are computed


class _Noted(Protocol):
    """An engine of the extension that notes the weights that it reads."""

    def generate(self, count: int, seeds: NDArray[np.uint64], temperature: float, top_p: float, /) -> object: ...


class Contender(NamedTuple):
    """A way to draw samples: `run(n)` draws n of each of its streams."""

    engine: str
    precision: str
    threads: int
    streams: int
    run: Callable[[int], object]


def bench(model: str | Path | AudioModel, *, rounds: int = ROUNDS, progress: bool = False) -> BenchResult:
    """Samples per second of a model, or of the untrained configuration A, B or C.

    Contenders take turns of some 0.4 seconds. "weights read" is the speed at which one thread reads the weights that
    the cpu engine's row of one stream reads, the same addresses in the same order with additions only; "multiply-adds"
    that at which it does the multiply-adds of a sample in registers; "torch" is wavegen's own engine in PyTorch, which
    draws from every model.

    Args:
        model: a torch module, a model file, a run folder, a bundled model, or "A", "B" or "C".
        rounds: turns of each contender, after one to warm up.
        progress: shows a bar on stderr.

    Returns:
        Each row has the median of its turns and the least and most. A ratio is the median over rounds of two
        contenders' ratios within a round, so that a machine that slows down for a while slows both.

    Raises:
        UserError: the model cannot be loaded, there is none of that name, or there are no rounds.
    """
    if rounds < 1:
        raise UserError(f"`rounds={rounds}`: give one at least", parameter="rounds")
    name, module = _opened(model)
    failed: dict[str, str] = {}
    contenders = list(_contenders(module, failed))
    with torch_threads(1):  # the peers run on one
        rates = _rates(contenders, rounds, progress)
    missing: list[MissingEngine] = [{"engine": name, "why": why} for name, why in [*_missing(module), *failed.items()]]
    return {
        **described(name, module, rounds),
        "rows": [_row(contender, turns) for contender, turns in zip(contenders, rates.T.tolist(), strict=True)],
        "ratios": list(_ratios(contenders, rates)),
        "missing": missing,
    }


def _opened(model: str | Path | AudioModel) -> tuple[str, AudioModel]:
    """The name that the result has for the model, and the model."""
    if isinstance(model, str | Path):
        return str(model), model_named(model)
    return model.network.name, model


def _row(contender: Contender, turns: list[float]) -> BenchRow:
    return {
        "engine": contender.engine,
        "precision": contender.precision,
        "threads": contender.threads,
        "streams": contender.streams,
        "samples_per_second": round(median(turns), 1),
        "low": round(min(turns), 1),
        "high": round(max(turns), 1),
    }


def _contenders(model: AudioModel, failed: dict[str, str]) -> Iterator[Contender]:
    """All that run this model here; `failed` receives the reasons of those that raised an exception."""
    if native.missing() is None and native.runs(model):
        noted = extension().Engine(**engine_arguments(model.data(), PRECISIONS[0], "recording"), streams=1, threads=1)
        yield Contender("cpu", PRECISIONS[0], 1, 1, partial(_draw, noted))
        yield from _engines(model)
        yield from _bounds(model, noted)
    if cuda.missing() is None and cuda.runs(model):
        yield from _on_gpu(model, failed)
    # A model's own precision, if it has one, is for the cpu engine alone.
    twin = open_engine(model, 1, engine=TorchEngine.name, precision=PRECISIONS[0])
    yield Contender(TorchEngine.name, twin.precision, 1, 1, _drawing(twin))
    for name, peer in PEERS.items():
        if peer.missing(model) is None:
            for streams in peer.streams:
                yield from _tried(name, peer, model, streams, failed)


def _tried(name: str, peer: type[Peer], model: AudioModel, streams: int, failed: dict[str, str]) -> Iterator[Contender]:
    """The contender, once it has drawn a sample: other people's libraries fail at import and at use."""
    try:
        run = peer(model, streams).run
        run(1)
    except Exception as error:
        failed[name] = reason(error) if peer.library is None else fault(peer.library, error)
        return
    yield Contender(name, "float32", 1, streams, run)


def _draw(engine: _Noted, samples: int) -> None:
    engine.generate(samples, np.zeros(1, np.uint64), 1.0, 1.0)


def _drawing(engine: Engine) -> Callable[[int], object]:
    return lambda samples: engine.generate(samples, range(engine.streams))


def _engines(model: AudioModel) -> Iterator[Contender]:
    """Every precision with one stream and many, one thread and all; but not float32's first, see `_bounds`."""
    many = sorted({(1, 1), (1, STREAMS), (min(2, cpus()), 1), (cpus(), STREAMS * cpus())})
    for precision in PRECISIONS:
        for threads, streams in many:
            if (precision, threads, streams) == (PRECISIONS[0], 1, 1):
                continue
            engine = open_engine(model, streams, engine="cpu", threads=threads, precision=precision)
            yield Contender("cpu", precision, threads, streams, _drawing(engine))


def _on_gpu(model: AudioModel, failed: dict[str, str]) -> Iterator[Contender]:
    """One stream, whose weights are kept on the chip where they fit, and as many as keep every multiprocessor busy."""
    for precision in cuda.PRECISIONS:
        for streams in (1, cuda.many()):
            try:
                engine = open_engine(model, streams, engine="cuda", precision=precision)
                engine.generate(1, range(streams))
            except UserError as error:  # no room for so many, or another program has the GPU
                _log.warning("wavegen: no row for cuda %s, %d streams: %s", precision, streams, error)
                continue
            except Exception as error:
                failed["cuda"] = reason(error)
                return

            yield Contender("cuda", precision, 1, streams, _drawing(engine))


def _bounds(model: AudioModel, noted: _Noted) -> Iterator[Contender]:
    """The bounds of `noted`, a running engine of the extension.

    The weights are the very ones that it reads: the addresses of others would be cached better or worse.
    """
    _draw(noted, REPLAYED)
    replay = extension().replay(noted, REPLAYED)

    def read(samples: int) -> object:
        return replay.read(max(1, samples // REPLAYED))

    yield Contender(REPLAY, PRECISIONS[0], 1, 1, read)
    macs = model.macs_per_sample
    multiply_adds = extension().multiply_adds
    a_round = multiply_adds(1)  # it depends on the instruction set

    def compute(samples: int) -> object:
        return multiply_adds(-(-samples * macs // a_round))

    yield Contender(MULTIPLY_ADDS, PRECISIONS[0], 1, 1, compute)


def _missing(model: AudioModel) -> Iterator[tuple[str, str]]:
    if not native.runs(model):
        yield "cpu", f"does not run {model.network.name} networks"
    elif (why := native.missing()) is not None:
        yield "cpu", why
    if not cuda.runs(model):
        yield "cuda", f"does not run {model.network.name} networks"
    elif (why := cuda.missing()) is not None:
        yield "cuda", why
    for name, peer in PEERS.items():
        if (why := peer.missing(model)) is not None:
            yield name, why


def _rates(contenders: Sequence[Contender], rounds: int, progress: bool) -> NDArray[np.float64]:
    """Samples per second, (rounds, contenders)."""
    sizes = [_calibrated(contender) for contender in contenders]
    rates = np.zeros((rounds + 1, len(contenders)))
    for turn in tqdm(range(rounds + 1), desc="round", leave=False, disable=None if progress else True):
        for index in _order(contenders):
            seconds = _seconds(contenders[index], sizes[index])
            rates[turn, index] = sizes[index] * contenders[index].streams / seconds
    return rates[1:]


def _order(contenders: Sequence[Contender]) -> list[int]:
    """The order of turns: each bound's right after what it bounds, for the pace of a shared machine changes quickly."""
    order = [index for index, contender in enumerate(contenders) if contender.engine not in BOUNDS.values()]
    for streams, bound in BOUNDS.items():
        for index, contender in enumerate(contenders):
            if contender.engine == bound:
                bounded = next(i for i, each in enumerate(contenders) if each[:4] == ("cpu", PRECISIONS[0], 1, streams))
                order.insert(order.index(bounded) + 1, index)
    return order


def _seconds(contender: Contender, samples: int) -> float:
    begun = time.perf_counter()
    contender.run(samples)
    return time.perf_counter() - begun


def _calibrated(contender: Contender) -> int:
    """How many samples take about a turn; a multiple of REPLAYED."""
    samples = REPLAYED
    while (seconds := _seconds(contender, samples)) < TURN_SECONDS / 8:
        samples *= 2
    return max(1, round(samples * TURN_SECONDS / seconds / REPLAYED)) * REPLAYED


def _ratios(contenders: Sequence[Contender], rates: NDArray[np.float64]) -> Iterator[Ratio]:
    """Each row over the PyTorch loop of one stream, the cpu engine's over the others and over its bounds, too.

    Where that loop does not run the model, the torch engine stands in for it.
    """
    names = [(contender.engine, contender.precision, contender.streams) for contender in contenders]
    loop = (LOOP, "float32", 1)
    for index, contender in enumerate(contenders):
        over: list[tuple[str, str, int]] = [loop]
        if contender[:3] == ("cpu", PRECISIONS[0], 1) and contender.streams in BOUNDS:
            over.append((BOUNDS[contender.streams], PRECISIONS[0], 1))
        if contender.engine == "cpu":
            over += [(name, "float32", 1) for name in PEERS if name != LOOP]
            over += [(TorchEngine.name, TorchEngine.precision, 1)] * (loop not in names)
        for other in over:
            if other in names and names[index] != other:
                ratios = rates[:, index] / rates[:, names.index(other)]
                yield {
                    "a": _name(*contender[:4]),
                    "b": _name(*contenders[names.index(other)][:4]),
                    "ratio": round(float(np.median(ratios)), 3),
                    "low": round(float(ratios.min()), 3),
                    "high": round(float(ratios.max()), 3),
                }


def label(row: BenchRow) -> str:
    """The name of a row in plots, as ratios have it."""
    return _name(row["engine"], row["precision"], row["threads"], row["streams"])


def _name(engine: str, precision: str, threads: int, streams: int) -> str:
    many_threads = "" if threads == 1 else f", {threads} threads"
    many_streams = "" if streams == 1 else f", {streams} streams"
    return f"{engine} {precision}{many_threads}{many_streams}"
