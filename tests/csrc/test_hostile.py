"""Whatever comes through the extension's door is checked before anything is allocated or computed."""

from typing import Any

import numpy as np
import pytest
import sensitive_models

from wavegen.engine import packing
from wavegen.engine.native import NativeEngine
from wavegen.models.audio import AudioModel

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")


@pytest.fixture(scope="module")
def model() -> AudioModel:
    return sensitive_models.combined("logistics")


@pytest.fixture
def arguments(model):
    data = model.data()
    made: Any = packing.engine_arguments(data, "float32", "auto")
    ends = {"channels": made["network"].channels, "num_params": made["network"].num_params}
    del made["network"]
    ends |= {"precision": "float32", "isa": "auto"}
    return {
        **packing.wavenet(data.network, data.network_arrays),
        **ends,
        **made,
        "start_symbol": 127,
        "streams": 2,
        "threads": 1,
    }


OF_NETWORK = ["weights", "dilations", "kernel_size", "front_kernel_size", "channels", "num_params", "precision", "isa"]


def opened(arguments):
    network = native.wavenet(**{name: arguments[name] for name in OF_NETWORK})
    return native.Engine(network=network, **{name: arguments[name] for name in arguments if name not in OF_NETWORK})


WEIGHTS = [
    "front_weight",
    "front_bias",
    "gates_weight",
    "gates_bias",
    "residual_weight",
    "residual_bias",
    "skip_weight",
    "skip_bias",
    "head_weight",
    "head_bias",
    "output_weight",
    "output_bias",
]
ARRAYS = [*WEIGHTS, "input_table", "error_table", "predictor_weights"]


def replaced(arguments, name, array):
    """The arguments with another array of that name."""
    if name in WEIGHTS:
        return {**arguments, "weights": {**arguments["weights"], name: array}}
    return {**arguments, name: array}


def array_of(arguments, name):
    return arguments["weights"][name] if name in WEIGHTS else arguments[name]


def refused(arguments, **changes):
    with pytest.raises((ValueError, TypeError)) as caught:
        opened({**arguments, **changes})
    if caught.type is ValueError:
        assert len(str(caught.value)) < 120
        assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("cells", "components"), [(256, 10), (65536, 9), (65536, 11)])
def test_a_distribution_of_another_size(arguments, cells, components):
    codes = np.full(cells, 65536 // cells, dtype=np.int32)
    refused(arguments, distribution=native.mixture_of_logistics(codes, np.zeros(components, dtype=np.float32)))


def test_weights_that_are_missing(arguments):
    for name in WEIGHTS:
        weights = {**arguments["weights"]}
        del weights[name]
        assert refused(arguments, weights=weights) == f"{name} is missing"


def test_the_arguments_are_good_as_they_are(arguments):
    opened(arguments).feed(np.zeros((2, 3), dtype=np.uint16))


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_another_kind(arguments, name):
    array = array_of(arguments, name)
    of_any_length = name == "predictor_weights"
    for bad in (
        array.astype(np.float64),
        array.astype(np.float16),
        array.astype(np.int32),
        array[None],
        array[..., ::2],
        *([] if of_any_length else [array[..., :-1].copy(), np.concatenate([array, array]), array[:0]]),
        np.asfortranarray(array) if array.ndim > 1 else array.tolist(),
        None,
    ):
        refused(replaced(arguments, name, bad))


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(arguments, name, value):
    array = array_of(arguments, name).copy()
    array.flat[array.size - 1] = value
    assert refused(replaced(arguments, name, array)) == f"{name} has values that are not finite"


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel_size": 1},
        {"kernel_size": 3},
        {"kernel_size": 65},
        {"kernel_size": 2**63},
        {"kernel_size": 2**64},
        {"kernel_size": -1},
        {"streams": 0},
        {"streams": 4097},
        {"streams": 2**63},
        {"streams": -1},
        {"threads": 0},
        {"threads": 2**40},
        {"front_kernel_size": 0},
        {"front_kernel_size": 15},
        {"front_kernel_size": 17},
        {"front_kernel_size": 4097},
        {"front_kernel_size": 2**63},
        {"front_kernel_size": -1},
        {"predictor_weights": np.zeros(1025, dtype=np.float32)},
        {"predictor_weights": np.zeros((2, 2), dtype=np.float32)},
        {"code_of_symbol": np.arange(-32767, 32769, dtype=np.int32)},
        {"code_of_symbol": np.arange(-32769, 32767, dtype=np.int32)},
        {"code_of_symbol": np.zeros(256, dtype=np.int32)},
        {"code_of_symbol": np.zeros(65536, dtype=np.int64)},
        {"start_symbol": 65536},
        {"start_symbol": -1},
        {"isa": "sse9"},
        {"isa": ""},
        {"precision": "float16"},
        {"precision": ""},
        {"precision": None},
        {"channels": 0},
        {"channels": 2},
        {"channels": 4},
        {"channels": 2**63},
        {"num_params": 0},
        {"num_params": 29},
        {"num_params": 31},
        {"num_params": 2**64 - 1},
        {"dilations": np.array([1, 3, 9, 0], dtype=np.int32)},
        {"dilations": np.array([1, 3, 9, -2], dtype=np.int32)},
        {"dilations": np.array([1, 3, 9, 65537], dtype=np.int32)},
        {"dilations": np.array([1, 3, 9], dtype=np.int32)},
        {"dilations": np.array([], dtype=np.int32)},
        {"dilations": np.ones(257, dtype=np.int32)},
        {"dilations": np.array([1, 3, 9, 2], dtype=np.int64)},
        {"weights": {}},
        {"weights": None},
        {"weights": [1, 2]},
        {"distribution": None},
        {"distribution": "categorical"},
        {"error_table": np.zeros(0, dtype=np.float32)},
    ],
    ids=str,
)
def test_settings_out_of_range(arguments, changes):
    refused(arguments, **changes)


NETWORKS = {
    "gru": (native.recurrent, packing.recurrent, {"cell": ["lstm", "rnn", "", None], "num_layers": [0, 2, 257, -1]}),
    "lstm": (native.recurrent, packing.recurrent, {"cell": ["gru", 3], "num_layers": [0, 2, 2**63]}),
    "markov": (native.markov, packing.markov, {"order": [0, 18, 20, 4097, 2**64 - 1], "num_layers": [0, 2, 4, 257]}),
}


def bad_calls(engine, seeds, symbols):
    network, codes, locations, last, time = engine.save()
    not_finite = network.copy()
    not_finite[0, 0] = np.nan
    return [
        lambda: engine.generate(2**62, seeds, 1.0, 1.0),
        lambda: engine.generate(2**64, seeds, 1.0, 1.0),
        lambda: engine.generate(2**28, seeds, 1.0, 1.0),
        lambda: engine.generate(-1, seeds, 1.0, 1.0),
        lambda: engine.generate(1, seeds[:1], 1.0, 1.0),
        lambda: engine.generate(1, seeds.astype(np.int64), 1.0, 1.0),
        lambda: engine.generate(1, seeds[:, None], 1.0, 1.0),
        *(lambda t=t: engine.generate(1, seeds, t, 1.0) for t in (0.0, -1.0, np.nan, np.inf, 1e-40, 1e40)),
        *(lambda p=p: engine.generate(1, seeds, 1.0, p) for p in (0.0, -1.0, np.nan, np.inf, 1.5, 0.5)),
        lambda: engine.feed(symbols[:1]),
        lambda: engine.feed(symbols.astype(np.int64)),
        lambda: engine.feed(symbols.astype(np.int16)),
        lambda: engine.feed(symbols.T),
        lambda: engine.restore(network[:1], codes, locations, last, time),
        lambda: engine.restore(network[:, 1:].copy(), codes, locations, last, time),
        lambda: engine.restore(network.astype(np.float64), codes, locations, last, time),
        lambda: engine.restore(not_finite, codes, locations, last, time),
        lambda: engine.restore(network, codes[:1], locations, last, time),
        lambda: engine.restore(network, codes[:, 1:].copy(), locations, last, time),
        lambda: engine.restore(network, codes.astype(np.int32), locations, last, time),
        lambda: engine.restore(network, codes, locations[:1], last, time),
        lambda: engine.restore(network, codes, np.zeros((2, 1)), last, time),
        lambda: engine.restore(network, codes, locations.astype(np.float32), last, time),
        lambda: engine.restore(network, codes, locations, last[:1], time),
        lambda: engine.restore(network, codes, locations, last, -1),
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_what_other_networks_refuse(name):
    make, pack, settings = NETWORKS[name]
    data = sensitive_models.combined(name).data()
    good = {
        **pack(data.network, data.network_arrays),
        "channels": 3,
        "num_params": 12,
        "precision": "float32",
        "isa": "auto",
    }
    assert make(**good).num_params == 12
    changes = [{key: value} for key, values in settings.items() for value in values]
    changes += [{"channels": 0}, {"channels": 4}, {"num_params": 0}, {"num_params": 13}, {"isa": "sse9"}]
    for key, array in good["weights"].items():
        not_finite = array.copy()
        not_finite.flat[-1] = np.nan
        without = {other: weight for other, weight in good["weights"].items() if other != key}
        bad = [array.astype(np.float64), array[:-1].copy(), array[None], array[..., ::2], not_finite, None]
        changes += [{"weights": {**without, key: value}} for value in bad] + [{"weights": without}]
    for change in changes:
        with pytest.raises((ValueError, TypeError)):
            make(**{**good, **change})


def test_a_size_that_would_fill_the_memory_is_refused_at_once(arguments):
    arguments["dilations"] = np.full(4, 65536, dtype=np.int32)
    arguments["streams"] = 4096
    assert "16 GiB" in refused(arguments)


def test_bad_calls(arguments):
    engine = opened(arguments)
    seeds = np.zeros(2, dtype=np.uint64)
    symbols = np.zeros((2, 5), dtype=np.uint16)
    before = engine.save()
    assert [part.shape for part in before[1:3]] == [(2, 32), (2, 0)]
    for call in bad_calls(engine, seeds, symbols):
        with pytest.raises((ValueError, TypeError)):
            call()
    after = engine.save()  # nothing has moved
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert engine.generate(0, seeds, 1.0, 1.0)[0].shape == (2, 0)
    assert engine.feed(symbols[:, :0].copy()).shape == (2, 0)


def test_symbols_out_of_range():
    model = sensitive_models.wavenet()
    engine = NativeEngine(model, 2)._native
    network, codes, locations, _, time = engine.save()
    for call in (
        lambda: engine.feed(np.full((2, 5), 256, dtype=np.uint16)),
        lambda: engine.restore(network, codes, locations, np.full(2, 256, dtype=np.uint16), time),
    ):
        with pytest.raises(ValueError, match="out of range"):
            call()
