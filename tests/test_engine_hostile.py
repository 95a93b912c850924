"""Whatever comes through the extension's door is checked before anything is allocated or computed."""

import lively
import numpy as np
import pytest

from wavegen.density import AudioModel
from wavegen.engine import native as packing

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")


@pytest.fixture(scope="module")
def model() -> AudioModel:
    return lively.wavenet()


@pytest.fixture
def arguments(model):
    return {
        **packing._wavenet(model),
        "codes_per_symbol": model.codec.codes_per_symbol.numpy().astype(np.int32),
        "start_symbol": 127,
        "streams": 2,
        "threads": 1,
        "isa": "auto",
    }


ARRAYS = [
    "embedding",
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


def refused(arguments, **changes):
    with pytest.raises((ValueError, TypeError)) as caught:
        native.WaveNet(**{**arguments, **changes})
    if caught.type is ValueError:
        assert len(str(caught.value)) < 120
        assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_arguments_are_good_as_they_are(arguments):
    native.WaveNet(**arguments).feed(np.zeros((2, 3), dtype=np.uint16))


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_another_kind(arguments, name):
    array = arguments[name]
    for bad in (
        array.astype(np.float64),
        array.astype(np.float16),
        array.astype(np.int32),
        array[None],
        array[..., ::2],
        array[..., :-1].copy(),
        np.concatenate([array, array]),
        array[:0],
        np.asfortranarray(array) if array.ndim > 1 else array.tolist(),
        None,
    ):
        refused(arguments, **{name: bad})


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(arguments, name, value):
    array = arguments[name].copy()
    array.flat[array.size - 1] = value
    assert refused(arguments, **{name: array}) == f"{name} has values that are not finite"


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
        {"start_symbol": 256},
        {"start_symbol": -1},
        {"isa": "sse9"},
        {"isa": ""},
        {"dilations": np.array([1, 3, 9, 0], dtype=np.int32)},
        {"dilations": np.array([1, 3, 9, -2], dtype=np.int32)},
        {"dilations": np.array([1, 3, 9, 65537], dtype=np.int32)},
        {"dilations": np.array([1, 3, 9], dtype=np.int32)},
        {"dilations": np.array([], dtype=np.int32)},
        {"dilations": np.ones(257, dtype=np.int32)},
        {"dilations": np.array([1, 3, 9, 2], dtype=np.int64)},
        {"codes_per_symbol": np.full(256, 255, dtype=np.int32)},
        {"codes_per_symbol": np.full(128, 512, dtype=np.int32)},
        {"codes_per_symbol": np.array([0, 512] + [256] * 254, dtype=np.int32)},
        {"codes_per_symbol": np.array([-256, 768] + [256] * 254, dtype=np.int32)},
        {"codes_per_symbol": np.array([2**31 - 1] * 256, dtype=np.int32)},
    ],
    ids=str,
)
def test_settings_out_of_range(arguments, changes):
    refused(arguments, **changes)


def test_a_size_that_would_fill_the_memory_is_refused_at_once(arguments):
    arguments["dilations"] = np.full(4, 65536, dtype=np.int32)
    arguments["streams"] = 4096
    assert "16 GiB" in refused(arguments)


def test_bad_calls(arguments):
    engine = native.WaveNet(**arguments)
    seeds, symbols = np.zeros(2, dtype=np.uint64), np.zeros((2, 5), dtype=np.uint16)
    queues, last, time = engine.save()
    before = engine.save()
    spoilt = queues.copy()
    spoilt[0, 0] = np.nan
    calls = [
        lambda: engine.generate(2**62, seeds, 1.0),
        lambda: engine.generate(2**64, seeds, 1.0),
        lambda: engine.generate(2**28, seeds, 1.0),
        lambda: engine.generate(-1, seeds, 1.0),
        lambda: engine.generate(1, seeds[:1], 1.0),
        lambda: engine.generate(1, seeds.astype(np.int64), 1.0),
        lambda: engine.generate(1, seeds[:, None], 1.0),
        *(lambda t=t: engine.generate(1, seeds, t) for t in (0.0, -1.0, np.nan, np.inf, 1e-40, 1e40)),
        lambda: engine.feed(symbols[:1]),
        lambda: engine.feed(symbols.astype(np.int64)),
        lambda: engine.feed(symbols.astype(np.int16)),
        lambda: engine.feed(symbols.T),
        lambda: engine.feed(np.full((2, 5), 256, dtype=np.uint16)),
        lambda: engine.restore(queues[:1], last, time),
        lambda: engine.restore(queues[:, 1:].copy(), last, time),
        lambda: engine.restore(queues.astype(np.float64), last, time),
        lambda: engine.restore(spoilt, last, time),
        lambda: engine.restore(queues, last[:1], time),
        lambda: engine.restore(queues, np.full(2, 256, dtype=np.uint16), time),
        lambda: engine.restore(queues, last, -1),
    ]
    for call in calls:
        with pytest.raises((ValueError, TypeError)):
            call()
    after = engine.save()  # nothing has moved
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert engine.generate(0, seeds, 1.0)[0].shape == (2, 0)
    assert engine.feed(symbols[:, :0].copy()).shape == (2, 0)
