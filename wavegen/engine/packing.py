"""What the C++ engine is made of: networks, heads and inputs, as the extension wants them handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from wavegen.extension import extension
from wavegen.models.density import AudioModel
from wavegen.models.distributions import Categorical, MixtureOfGaussians, MixtureOfLogistics
from wavegen.models.networks import GRU, LSTM, Markov, WaveNet

Arrays = dict[str, np.ndarray]
_KINDS = ("weight", "bias")


def packs(model: AudioModel) -> bool:
    """Whether the extension has a counterpart of this model's network and distribution."""
    return type(model.network) in _NETWORKS and type(model.distribution) in _HEADS


def engine_arguments(model: AudioModel, precision: str, isa: str) -> dict[str, Any]:
    """What `wavegen_native.Engine` is made with, but for streams and threads. Raises ValueError if it does not fit."""
    head = _head(model)
    arrays = inputs(model)
    channels = arrays["input_table"].shape[1] + (arrays["error_table"].size > 0)
    made = network(model.network, channels=channels, num_params=head.num_params, precision=precision, isa=isa)
    return {"network": made, "head": head, "start_symbol": model.codec.silence, **arrays}


def cuda_arguments(model: AudioModel) -> dict[str, Any]:
    """What `wavegen_cuda.weights` is made with, but for the precision."""
    name, arrays = _head_arrays(model)
    codes, offsets = arrays if len(arrays) > 1 else (*arrays, np.zeros(0, dtype=np.float32))
    head = {"head": name, "codes_per_symbol": codes, "log_scale_offsets": offsets}
    return {**wavenet(model.network), **head, **inputs(model), "start_symbol": model.codec.silence}


def network(network: Any, **ends: Any) -> Any:
    """The extension's counterpart of a network; `ends` are its `channels`, `num_params`, `precision` and `isa`."""
    name, arguments = _NETWORKS[type(network)]
    return getattr(extension(), name)(**arguments(network), **ends)


def wavenet(network: WaveNet) -> dict[str, Any]:
    """A WaveNet's settings and its weights, layers stacked."""
    half, residual, layers = network.gate_channels // 2, network.residual_channels, len(network.dilations)
    found = _found(network)
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


def recurrent(network: GRU | LSTM) -> dict[str, Any]:
    """A recurrent network's cell, number of layers and weights: of each layer those from its inputs and from h."""
    found = _found(network)
    weights = {f"{name}_{kind}": found[f"{name}.{kind}"] for name in ("head", "output") for kind in _KINDS}
    for layer in range(network.num_layers):
        for ours, torchs in (("input", "ih"), ("hidden", "hh")):
            for kind in _KINDS:
                weights[f"layer_{layer}_{ours}_{kind}"] = found[f"cells.{kind}_{torchs}_l{layer}"]
    return {"weights": weights, "cell": network.name, "num_layers": network.num_layers}


def markov(network: Markov) -> dict[str, Any]:
    """A perceptron's order, number of layers and weights."""
    found = _found(network)
    names = ["front.taps", *(f"layers.{layer}" for layer in range(len(network.hidden_sizes)))]
    weights = {f"layer_{i}_{kind}": found[f"{name}.{kind}"] for i, name in enumerate(names) for kind in _KINDS}
    return {"weights": weights, "order": network.order, "num_layers": len(names)}


def inputs(model: AudioModel) -> Arrays:
    """What the network hears and where the predictor, if there is one, expects the next sample."""
    predictor, none = model.predictor, np.zeros(0, dtype=np.float32)
    return {
        "input_table": _float32(model.input_table()),
        "error_table": none if predictor is None else _float32(model.errors[:, 0]),
        "predictor_weights": none if predictor is None else _float32(predictor.weights),
        "code_of_symbol": model.codec.decode(torch.arange(model.codec.num_symbols)).numpy().astype(np.int32),
    }


def _head(model: AudioModel) -> Any:
    """The extension's counterpart of a model's distribution. Raises ValueError if it does not take it."""
    name, arrays = _head_arrays(model)
    return getattr(extension(), name)(*arrays)


def _head_arrays(model: AudioModel) -> tuple[str, tuple[np.ndarray, ...]]:
    codes = model.codec.codes_per_symbol.numpy().astype(np.int32)
    distribution: Any = model.distribution
    name, has_offsets = _HEADS[type(distribution)]
    return name, (codes, _float32(distribution.log_scale_offsets)) if has_offsets else (codes,)


def _found(network: torch.nn.Module) -> Arrays:
    return {name: _float32(weight) for name, weight in network.state_dict().items()}


def _float32(weight: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(weight.detach().cpu().to(torch.float32).numpy())


_NETWORKS: dict[type, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    WaveNet: ("wavenet", wavenet),
    GRU: ("recurrent", recurrent),
    LSTM: ("recurrent", recurrent),
    Markov: ("markov", markov),
}
_HEADS: dict[type, tuple[str, bool]] = {
    Categorical: ("categorical", False),
    MixtureOfGaussians: ("mixture_of_gaussians", True),
    MixtureOfLogistics: ("mixture_of_logistics", True),
}
