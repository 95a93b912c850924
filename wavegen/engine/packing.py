"""The arguments of the extensions: a model's network, distribution and inputs as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np

from wavegen.engine.conditions import Conditions
from wavegen.extension import extension
from wavegen.models.configs.distributions import (
    CategoricalConfig,
    MixtureOfGaussiansConfig,
    MixtureOfLogisticsConfig,
)
from wavegen.models.configs.networks import GRUConfig, LSTMConfig, MarkovConfig, WaveNetConfig
from wavegen.models.configs.predictors import LinearPredictorConfig
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays: TypeAlias = "Mapping[str, NDArray[np.generic]]"
Arguments = dict[str, object]  # of a function of an extension
_Packing: TypeAlias = Callable[[Any, Arrays], Arguments]  # of one network's settings and weights
_KINDS = ("weight", "bias")
_NONE = np.zeros(0, np.float32)


class _Named(Protocol):
    name: ClassVar[str]


class _Packed(Protocol):
    """A distribution of the extension."""

    @property
    def num_params(self) -> int: ...


class Parts(Protocol):
    """The parts of a model, as data or as a torch module, by which engines know whether they run it."""

    @property
    def network(self) -> _Named: ...
    @property
    def distribution(self) -> _Named: ...
    @property
    def predictor(self) -> _Named | None: ...


def packs(model: Parts) -> bool:
    """Whether the extension has a counterpart of this model's network and distribution."""
    return model.network.name in _NETWORKS and model.distribution.name in _DISTRIBUTIONS


def unfit_for_cuda(model: Parts) -> str | None:
    """Which parts of this model `cuda_arguments` does not know, to be named in an error; None if it knows all."""
    if model.network.name not in _CUDA_NETWORKS:
        return f"{model.network.name} networks"
    if model.predictor is not None and model.predictor.name not in _CUDA_PREDICTORS:
        return f"models with a {model.predictor.name} predictor"
    return None


def engine_arguments(model: Model, precision: str, isa: str) -> Arguments:
    """The arguments of `wavegen_native.Engine` but for streams and threads. Raises ValueError if they do not fit."""
    distribution = distribution_of(model)
    ends = {"channels": model.network.input_channels, "num_params": distribution.num_params}
    made = network(model, **ends, precision=precision, isa=isa)
    filters = model.spectral_filters
    return {
        "network": made,
        "distribution": distribution,
        "start_symbol": model.codec.silence,
        **inputs(model),
        "predictor_filter": np.zeros(0) if filters is None else filters.without,
        "predictor_max_lag": 0 if filters is None else filters.max_lag,
    }


def cuda_arguments(model: Model) -> Arguments:
    """The arguments of `wavegen_cuda.weights` but for the precision."""
    distribution: Arguments = {
        "distribution": _DISTRIBUTIONS[model.distribution.name],
        "codes_per_symbol": model.codec.codes_per_symbol.astype(np.int32),
        "log_scale_offsets": model.distribution.log_scale_offsets,
    }
    arguments = _CUDA_NETWORKS[model.network.name](model.network, model.network_arrays)
    return {**arguments, **distribution, **inputs(model), "start_symbol": model.codec.silence}


def network(model: Model, **ends: object) -> object:
    """The extension's counterpart of a network; `ends` are its `channels`, `num_params`, `precision` and `isa`."""
    name, arguments = _NETWORKS[model.network.name]
    return getattr(extension(), name)(**arguments(model.network, model.network_arrays), **ends)


def wavenet(config: WaveNetConfig, found: Arrays) -> Arguments:
    """A WaveNet's settings and its weights, by their names in the torch network: layers stacked."""
    half = config.gate_channels // 2
    residual = config.residual_channels
    layers = len(config.dilations)
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
        "dilations": np.array(config.dilations, dtype=np.int32),
        "kernel_size": config.kernel_size,
        "front_kernel_size": config.front_kernel_size,
    }


def recurrent(config: GRUConfig | LSTMConfig, found: Arrays) -> Arguments:
    """A recurrent network's cell, number of layers and weights: of each layer those from its inputs and from h."""
    weights = {f"{name}_{kind}": found[f"{name}.{kind}"] for name in ("head", "output") for kind in _KINDS}
    for layer in range(config.num_layers):
        for ours, torchs in (("input", "ih"), ("hidden", "hh")):
            for kind in _KINDS:
                weights[f"layer_{layer}_{ours}_{kind}"] = found[f"cells.{kind}_{torchs}_l{layer}"]
    return {"weights": weights, "cell": config.name, "num_layers": config.num_layers}


def markov(config: MarkovConfig, found: Arrays) -> Arguments:
    """A perceptron's order, number of layers and weights."""
    names = ["front.taps", *(f"layers.{layer}" for layer in range(len(config.hidden_sizes)))]
    weights = {f"layer_{i}_{kind}": found[f"{name}.{kind}"] for i, name in enumerate(names) for kind in _KINDS}
    return {"weights": weights, "order": config.order, "num_layers": len(names)}


def conditions(model: Model, isa: str) -> Conditions | None:
    """The conditions of an engine's streams, which have none yet; None for a model without conditions.

    Raises ValueError if the extension does not take it.
    """
    if model.conditioning is None:
        return None
    arrays = model.conditioning_arrays
    made = extension().Conditioner(weights=conditioner(model), isa=isa)
    mean, scale = arrays.get("mean", _NONE), arrays.get("scale", _NONE)
    return Conditions(model.conditioning, mean, scale, made.encode, model.spectral_filters)


def conditioner(model: Model) -> Arrays:
    """The weights of a model's encoder of conditions, and the maps of what it encodes to the layers."""
    found = model.conditioning_arrays
    names = {name: name.replace(".", "_") for name in found if name not in ("mean", "scale")}
    maps = np.stack(
        [model.network_arrays[f"conditions.{i}.weight"] for i in range(len(model.network.condition_widths))]
    )
    layers, width, channels = maps.shape
    parts = _PARTS[model.network.name]
    return {
        **{ours: found[name] for name, ours in names.items()},
        "projections": maps.reshape(layers, parts, width // parts, channels),
    }


def inputs(model: Model) -> Arrays:
    """The tables of the network's inputs, and the predictor's weights, empty without those that never change."""
    return {
        "input_table": np.ascontiguousarray(model.input_table),
        "error_table": model.error_table,
        "predictor_weights": model.predictor_weights,
        "code_of_symbol": model.codec.decode(np.arange(model.codec.num_symbols)).astype(np.int32),
    }


def distribution_of(model: Model) -> _Packed:
    """The extension's counterpart of a model's distribution. Raises ValueError if it does not take it."""
    offsets = model.distribution.log_scale_offsets
    codes = model.codec.codes_per_symbol.astype(np.int32)
    return getattr(extension(), _DISTRIBUTIONS[model.distribution.name])(codes, *([offsets] if len(offsets) else []))


_NETWORKS: dict[str, tuple[str, _Packing]] = {
    WaveNetConfig.name: ("wavenet", wavenet),
    GRUConfig.name: ("recurrent", recurrent),
    LSTMConfig.name: ("recurrent", recurrent),
    MarkovConfig.name: ("markov", markov),
}
_PARTS = {WaveNetConfig.name: 2, GRUConfig.name: 3, LSTMConfig.name: 4, MarkovConfig.name: 1}  # of a layer, padded each
_CUDA_NETWORKS: dict[str, _Packing] = {WaveNetConfig.name: wavenet}
_CUDA_PREDICTORS = (LinearPredictorConfig.name,)
_DISTRIBUTIONS = {
    CategoricalConfig.name: "categorical",
    MixtureOfGaussiansConfig.name: "mixture_of_gaussians",
    MixtureOfLogisticsConfig.name: "mixture_of_logistics",
}
