"""The C++ engine: packs a WaveNet's weights for the extension and maps PCM to symbols and back."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch

from wavegen.density import AudioModel
from wavegen.distributions import Categorical, MixtureOfGaussians, MixtureOfLogistics
from wavegen.engine.base import (
    NOT_FINITE,
    NUMERICS,
    checked_pcm,
    checked_seeds,
    checked_temperature,
    checked_top_p,
    cpus,
)
from wavegen.errors import UserError
from wavegen.networks import WaveNet

_PIECE = 8192  # samples of all streams together in one call, so that an interrupt is noticed within a second or so


def _extension() -> ModuleType:
    return importlib.import_module("wavegen_native")


def missing() -> str | None:
    """Why the extension cannot be used and what to do, in one line; None if it can."""
    again = "pip install --force-reinstall --no-deps"
    try:
        numerics = _extension().numerics
    except ModuleNotFoundError:
        return (
            "the C++ engine is missing, because wavegen was installed without a working C++ compiler; "
            f"install one (Debian: apt install g++ python3-dev) and repeat the installation with {again}"
        )
    except ImportError as error:
        return f"the C++ engine cannot be loaded ({error}); repeat the installation with {again}"
    if numerics != NUMERICS:
        return f"the C++ engine has numerics {numerics}, wavegen {NUMERICS}; repeat the installation with {again}"
    return None


def runs(model: AudioModel) -> bool:
    """Whether the extension, if it is there, runs this model."""
    return type(model.network) is WaveNet and type(model.distribution) in _HEADS


class NativeEngine:
    """See `wavegen.engine.base.Engine`. Float32 with a fixed order of operations (`numerics` = 1).

    Streams, threads and instruction sets give the same bits. Raises UserError when the extension does
    not take the model, or the CPU lacks the instruction set `isa`.
    """

    name = "cpu"

    def __init__(self, model: AudioModel, streams: int, threads: int | None = None, isa: str | None = None):
        if not runs(model):
            raise UserError("engine cpu runs WaveNets only, this model is another; try --engine torch")
        self.model, self.streams = model, streams
        self._symbol_of_code = model.codec.encode(torch.arange(-32768, 32768)).numpy().astype(np.uint16)
        self._code_of_symbol = model.codec.decode(torch.arange(model.codec.num_symbols)).numpy().astype(np.int16)
        try:
            self._native = _extension().WaveNet(
                **_wavenet(model),
                **_inputs(model),
                head=_head(model),
                start_symbol=model.codec.silence,
                streams=streams,
                threads=threads or min(streams, cpus()),
                isa=isa or "auto",
            )
        except (ValueError, MemoryError) as error:
            raise UserError(f"engine cpu cannot run this model: {error}") from error

    @property
    def isa(self) -> str:
        """The instruction set it uses: "avx512", "avx2" or "portable"."""
        return self._native.isa

    def generate(
        self, num_samples: int, seeds: Sequence[int], temperature: float = 1.0, top_p: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        keys, temperature = checked_seeds(seeds, self.streams), checked_temperature(temperature)
        top_p = checked_top_p(top_p, self.model)
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        log2_prob = np.empty((self.streams, num_samples))
        for piece in self._pieces(num_samples):
            symbols, log2_prob[:, piece] = self._call("generate", piece.stop - piece.start, keys, temperature, top_p)
            pcm[:, piece] = self._code_of_symbol[symbols]
        return pcm, log2_prob

    def feed(self, pcm: np.ndarray) -> np.ndarray:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        for piece in self._pieces(pcm.shape[1]):
            symbols = self._symbol_of_code[pcm[:, piece].astype(np.int32) + 32768]
            log2_prob[:, piece] = self._call("feed", np.ascontiguousarray(symbols))
        return log2_prob

    def save(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        return self._native.save()

    def restore(self, state: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> None:
        self._native.restore(*state)

    def _pieces(self, num_samples: int) -> list[slice]:
        length = max(1, _PIECE // self.streams)
        return [slice(start, min(start + length, num_samples)) for start in range(0, num_samples, length)]

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._native, method)(*arguments)
        except RuntimeError as error:
            if "not finite" in str(error):
                raise UserError(NOT_FINITE) from error
            raise


def _wavenet(model: AudioModel) -> dict[str, Any]:
    """A WaveNet's settings and its weights by the extension's names, float32, layers stacked."""
    network = model.network
    assert isinstance(network, WaveNet)
    half, residual, layers = network.gate_channels // 2, network.residual_channels, len(network.dilations)
    found = {name: _float32(weight) for name, weight in network.state_dict().items()}
    plain = {f"{name}_{kind}": found[f"{name}.{kind}"] for name in ("skip", "head", "output") for kind in _KINDS}
    weights = {
        **plain,
        **{f"front_{kind}": found[f"front.taps.{kind}"] for kind in _KINDS},
        **{f"gates_{kind}": np.stack([found[f"gates.{i}.taps.{kind}"] for i in range(layers)]) for kind in _KINDS},
        # The last layer has no residual connection, so a network of one layer has none at all.
        "residual_weight": np.array(
            [found[f"residuals.{layer}.weight"] for layer in range(layers - 1)], dtype=np.float32
        ).reshape(layers - 1, residual, half),
        "residual_bias": np.array(
            [found[f"residuals.{layer}.bias"] for layer in range(layers - 1)], dtype=np.float32
        ).reshape(layers - 1, residual),
    }
    return {
        "weights": weights,
        "dilations": np.array(network.dilations, dtype=np.int32),
        "kernel_size": network.kernel_size,
        "front_kernel_size": network.front_kernel_size,
    }


def _head(model: AudioModel) -> Any:
    """The extension's counterpart of a model's distribution. Raises ValueError if it does not take it."""
    arrays = [model.codec.codes_per_symbol.numpy().astype(np.int32)]
    if isinstance(model.distribution, MixtureOfGaussians | MixtureOfLogistics):
        arrays.append(_float32(model.distribution.log_scale_offsets))
    return getattr(_extension(), _HEADS[type(model.distribution)])(*arrays)


def _inputs(model: AudioModel) -> dict[str, np.ndarray]:
    """What the network hears and where the predictor, if there is one, expects the next sample."""
    predictor, none = model.predictor, np.zeros(0, dtype=np.float32)
    return {
        "input_table": _float32(model.input_table()),
        "error_table": none if predictor is None else _float32(model.errors[:, 0]),
        "predictor_weights": none if predictor is None else _float32(predictor.weights),
        "code_of_symbol": model.codec.decode(torch.arange(model.codec.num_symbols)).numpy().astype(np.int32),
    }


def _float32(weight: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(weight.detach().cpu().to(torch.float32).numpy())


_KINDS = ("weight", "bias")
_HEADS = {
    Categorical: "categorical",
    MixtureOfGaussians: "mixture_of_gaussians",
    MixtureOfLogistics: "mixture_of_logistics",
}
