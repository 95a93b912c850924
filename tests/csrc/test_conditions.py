"""The encoder of conditions in C++, against float64, and what it and the engine refuse."""

import copy
import hashlib
from typing import Any

import numpy as np
import pytest
import sensitive_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.benchmarking.peers import wavenet_of
from wavegen.engine import packing
from wavegen.engine.conditions import Vectors
from wavegen.engine.native import NativeEngine

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()


def weights(
    window: int = 6, speakers: int = 3, channels: int = 5, shape: tuple[int, int, int] = (2, 2, 7), seed: int = 1
) -> dict[str, Any]:
    """Arrays of an encoder; without frames or speakers where their number is zero."""
    random = np.random.default_rng(seed)
    sizes = {
        "frames_weight": (channels, window),
        "speakers_weight": (speakers, channels),
        "bias": (channels,),
        "output_weight": (channels, channels),
        "output_bias": (channels,),
        "projections": (*shape, channels),
    }
    return {name: random.normal(size=size).astype(np.float32) for name, size in sizes.items() if 0 not in size}


def exact(arrays: dict[str, Any], windows: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """The vectors in float64, each part of a layer padded to whole vectors of 16."""
    hidden = arrays["bias"].astype(np.float64)
    if "frames_weight" in arrays:
        hidden = hidden + windows.astype(np.float64) @ arrays["frames_weight"].T.astype(np.float64)
    if "speakers_weight" in arrays:
        hidden = hidden + arrays["speakers_weight"][speakers]
    hidden = np.broadcast_to(hidden, (len(speakers), len(arrays["bias"])))
    rows = np.maximum(hidden, 0) @ arrays["output_weight"].T.astype(np.float64) + arrays["output_bias"]
    parts = np.einsum("nc,lpwc->nlpw", rows, arrays["projections"].astype(np.float64))
    padded = np.pad(parts, [(0, 0)] * 3 + [(0, -parts.shape[-1] % 16)])
    return padded.reshape(len(rows), np.prod(padded.shape[1:], dtype=int))


def chain(start: np.ndarray, inputs: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """start (n, outputs) + inputs (n, k) weightᵀ in float32, of each output fused multiply-adds in ascending input."""
    for column, x in zip(weight.T.astype(np.float64), inputs.T.astype(np.float64), strict=True):
        start = (x[:, None] * column + start).astype(np.float32)  # the product is exact in float64
    return start


def chained(arrays: dict[str, Any], windows: np.ndarray, speakers: np.ndarray, width: int) -> np.ndarray:
    """The vectors in the order of the numeric contract, in float32."""
    hidden = np.tile(arrays["bias"], (len(speakers), 1))
    if "frames_weight" in arrays:
        hidden = chain(hidden, windows, arrays["frames_weight"])
    if "speakers_weight" in arrays:
        hidden = hidden + arrays["speakers_weight"][speakers]
    rows = chain(np.tile(arrays["output_bias"], (len(speakers), 1)), np.maximum(hidden, 0), arrays["output_weight"])
    *parts, last = arrays["projections"].shape[:-1]
    padded = np.zeros((len(speakers), *parts, last + -last % 16), np.float32)
    for layer, part in np.ndindex(*parts):
        zeros = np.zeros((len(speakers), last), np.float32)
        padded[:, layer, part, :last] = chain(zeros, rows, arrays["projections"][layer, part])
    return padded.reshape(len(speakers), width)


@settings(deadline=None, max_examples=60)
@given(
    window=st.integers(0, 40),
    speakers=st.integers(0, 4),
    channels=st.integers(1, 40),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 40)),
    count=st.integers(0, 150),
)
def test_vectors_are_their_definition_and_the_same_bits_however_they_are_made(window, speakers, channels, shape, count):
    if window == speakers == 0:
        speakers = 1
    arrays = weights(window, speakers, channels, shape, count)
    random = np.random.default_rng(count)
    windows = random.normal(size=(count, window)).astype(np.float32)
    rows = random.integers(0, max(speakers, 1), count).astype(np.uint32)
    found = native.Conditioner(weights=arrays, isa="portable").encode(windows, rows)
    expected = exact(arrays, windows, rows)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * max(1, np.abs(expected).max(initial=0)))
    assert found.tobytes() == chained(arrays, windows, rows, expected.shape[1]).tobytes()
    for isa in HERE:
        made = native.Conditioner(weights=arrays, isa=isa)
        assert (made.window, made.speakers, made.floats) == (window, speakers, expected.shape[1])
        parts = [made.encode(windows[a:b], rows[a:b]) for a, b in [(0, 1), (1, 70), (70, 150)]]
        assert np.concatenate(parts).tobytes() == found.tobytes(), isa


GOLDEN = {"vectors": "081df1f25f9314e6", "fed": "04709b1662213bb4"}


@pytest.mark.parametrize("isa", HERE)
def test_golden_bits(isa):
    """Raise `numerics` with any change that changes these; the weights are of an integer formula, exact in float32."""
    model = sensitive_models.by_formula(conditional_model())
    engine = NativeEngine(model, 1, isa=isa)
    index = np.arange(40 * 3, dtype=np.uint64) * 2654435761 >> np.uint64(9)
    engine.condition(0, "ben", ((index % 1024).astype(np.float32) / 512 - 1).reshape(40, 3))
    assert engine._conditions is not None
    vectors = engine._conditions.take(400).vectors
    engine.condition(0, "ben", ((index % 1024).astype(np.float32) / 512 - 1).reshape(40, 3))
    pcm = ((np.arange(300, dtype=np.int64) ** 2 * 40503) % 65536 - 32768).astype(np.int16)[None]
    results = {"vectors": vectors, "fed": engine.feed(pcm)}
    assert all(result.std() > 0.1 for result in results.values())
    hashes = {name: hashlib.sha256(result.tobytes()).hexdigest()[:16] for name, result in results.items()}
    assert hashes == GOLDEN


def conditional_model():
    network = {"name": "wavenet", **sensitive_models.SHAPES["kernel-3"]}
    settings = {"speakers": ["anna", "ben"], "mel": "librosa", "bands": 3, "hop": 11, "look_ahead": 2, "channels": 9}
    return sensitive_models.conditioned(network, settings)


@pytest.mark.parametrize("name", weights())
def test_arrays_of_another_kind(name):
    good = weights()
    array = good[name]
    not_finite = array.copy()
    not_finite.flat[-1] = np.nan
    bad = [array.astype(np.float64), array[None], array[..., ::2], np.concatenate([array, array]), not_finite, None]
    bad = bad[:3] + bad[4:] if name in ("speakers_weight", "projections") else bad  # of which there may be more
    for each in bad:
        with pytest.raises((ValueError, TypeError)):
            native.Conditioner(weights={**good, name: each}, isa="auto")
    del good[name]
    if name in ("frames_weight", "speakers_weight"):  # one of the two may be missing
        native.Conditioner(weights=good, isa="auto")
    else:
        with pytest.raises(ValueError, match=f"{name} is missing"):
            native.Conditioner(weights=good, isa="auto")


def test_settings_out_of_range():
    neither = {name: array for name, array in weights().items() if name not in ("frames_weight", "speakers_weight")}
    for bad in (neither, {}, weights(shape=(257, 1, 1)), weights(shape=(1, 5, 1)), weights(shape=(1, 1, 8193)), None):
        with pytest.raises((ValueError, TypeError)):
            native.Conditioner(weights=bad, isa="auto")
    with pytest.raises(ValueError, match="isa sse9"):
        native.Conditioner(weights=weights(), isa="sse9")


def test_windows_and_speakers_out_of_range():
    windows = np.zeros((4, 6), np.float32)
    rows = np.zeros(4, np.uint32)
    made = native.Conditioner(weights=weights(), isa="auto")
    only_frames = native.Conditioner(weights=weights(speakers=0), isa="auto")
    not_finite = windows.copy()
    not_finite[3, 5] = np.inf
    for of, bad_windows, bad_rows in (
        (made, windows[:3], rows),
        (made, windows[:, :5].copy(), rows),
        (made, windows.astype(np.float64), rows),
        (made, windows.T, rows),
        (made, not_finite, rows),
        (made, windows, rows.astype(np.int32)),
        (made, windows, rows[:, None]),
        (made, windows, rows + np.uint32(3)),
        (only_frames, windows, rows + np.uint32(1)),
        (made, None, rows),
    ):
        with pytest.raises((ValueError, TypeError)):
            of.encode(bad_windows, bad_rows)
    assert made.encode(windows, rows + np.uint32(2)).shape == (4, 64)


def bad_conditions(vectors, rows, phases) -> list[Any]:
    not_finite = vectors.copy()
    not_finite[2, -1] = np.nan
    return [
        (vectors[:, 1:].copy(), rows, phases, 5, None),
        (vectors[:2], rows, phases, 5, None),
        (vectors[:0], rows, phases, 5, None),
        (vectors.astype(np.float64), rows, phases, 5, None),
        (vectors[:, ::2], rows, phases, 5, None),
        (not_finite, rows, phases, 5, None),
        (vectors, rows[:1], phases, 5, None),
        (vectors, rows.astype(np.int64), phases, 5, None),
        (vectors, rows.astype(np.int32), phases, 5, None),
        (vectors, rows.ravel(), phases, 5, None),
        (vectors, rows[:, :0].copy(), phases, 5, None),
        (vectors, rows[:, :1].copy(), phases, 5, None),
        (vectors, rows, phases[:1], 5, None),
        (vectors, rows, phases[:, None], 5, None),
        (vectors, rows, phases.astype(np.uint64), 5, None),
        (vectors, rows, phases, 4, None),
        (vectors, rows, phases, 0, None),
        (vectors, rows, phases, 2**31 + 1, None),
        (vectors, rows, phases, 2**64, None),
        (vectors, rows, phases, -1, None),
        (vectors, rows, phases, 5.0, None),
        (vectors, rows, phases),
        (vectors, rows, None, 5, None),
        (vectors, rows, phases, 5),
        (vectors, rows, phases, 5, np.zeros((3, 0))),
        (vectors, rows, phases, 5, np.zeros((3, 4))),
        5,
    ]


def test_conditions_of_a_call_are_checked():
    engine: Any = NativeEngine(sensitive_models.wavenet(), 2)._native
    width = engine.condition_floats
    assert width == 4 * 2 * 32
    vectors = np.ones((3, width), np.float32)
    rows = np.array([[0, 1], [2, 2]], np.uint32)
    phases = np.array([0, 4], np.uint32)
    good = (vectors, rows, phases, 5, None)
    seeds = np.zeros(2, np.uint64)
    symbols = np.zeros((2, 6), np.uint16)
    coders = [native.Encoder() for _ in range(2)], [native.Decoder(np.zeros(9, np.uint32)) for _ in range(2)]
    calls = [
        lambda given: engine.generate(6, seeds, 1.0, 1.0, conditions=given),
        lambda given: engine.feed(symbols, given),
        lambda given: native.encode(engine, symbols, symbols, coders[0], given),
        lambda given: native.decode(engine, 6, coders[1], given),
    ]
    before = engine.save()
    for call in calls:
        for given_conditions in bad_conditions(vectors, rows, phases):
            with pytest.raises((ValueError, TypeError)):
                call(given_conditions)
    assert all(np.array_equal(a, b) for a, b in zip(before, engine.save(), strict=True))  # nothing has moved
    with pytest.raises(ValueError, match="too few frames for 7 samples"):  # 4 + 7 samples are more than 2 frames
        engine.generate(7, seeds, 1.0, 1.0, conditions=good)
    nothing = engine.generate(0, seeds, 1.0, 1.0, conditions=(vectors, rows[:, :0].copy(), phases, 5, None))
    assert nothing[0].shape == (2, 0)
    for call in calls:
        call(good)


def test_vectors_of_zeros_are_no_condition():
    for name in ("gaussians", "gru", "lstm", "markov", "markov-linear"):
        model = sensitive_models.combined(name)
        engines: list[Any] = [NativeEngine(model, 2)._native for _ in range(2)]
        symbols = np.arange(120, dtype=np.uint16).reshape(2, 60)
        zeros = np.zeros((1, engines[0].condition_floats), np.float32)
        rows = np.zeros((2, 1), np.uint32)
        phases = np.zeros(2, np.uint32)
        assert engines[0].feed(symbols).tobytes() == engines[1].feed(symbols, (zeros, rows, phases, 60, None)).tobytes()


@pytest.mark.parametrize("isa", HERE)
@pytest.mark.parametrize("streams", [1, 2, 17])
def test_a_vector_is_added_after_the_past_taps_and_before_the_current_one(isa, streams):
    """Where no past tap says anything, a vector for all time is another bias, rounded once."""
    model = sensitive_models.wavenet("odd")
    other = copy.deepcopy(model)
    random = np.random.default_rng(2)
    vector = np.zeros((4, 2, 32), np.float32)
    with torch.no_grad():
        for layer, (one, two) in enumerate(zip(wavenet_of(model).gate_taps, wavenet_of(other).gate_taps, strict=True)):
            vector[layer, :, :20] = added = random.normal(size=(2, 20)).astype(np.float32)
            for taps in (one, two):
                taps.weight[:, : wavenet_of(model).residual_channels] = 0
            two.bias.add_(torch.from_numpy(added.ravel()))
    symbols = random.integers(0, 256, (streams, 70)).astype(np.uint16)
    rows = np.zeros((streams, 1), np.uint32)
    phases = np.zeros(streams, np.uint32)
    vectors = Vectors(vector.reshape(1, -1), rows, phases, 2**31, None)
    conditioned, biased = (NativeEngine(each, streams, isa=isa)._native for each in (model, other))
    for piece in (symbols[:, :40], *(symbols[:, t : t + 1] for t in range(40, 70))):  # blocks and steps
        piece = np.ascontiguousarray(piece)
        assert conditioned.feed(piece, vectors).tobytes() == biased.feed(piece).tobytes()


def test_rounded_weights_leave_vectors_alone():
    """Of a perceptron with one hidden layer no weight is rounded."""
    settings = {"speakers": ["anna"], "mel": "librosa", "bands": 3, "hop": 11, "channels": 9}
    model = sensitive_models.conditioned({"name": "markov", "order": 5, "hidden_sizes": [21]}, settings)
    found = []
    for precision in ("float32", "bfloat16", "int8"):
        engine = NativeEngine(model, 1, precision=precision)
        engine.condition(0, "anna", sensitive_models.frames(9, 3))
        found.append(engine.feed(sensitive_models.pcm(1, 100)).tobytes())
    assert len(set(found)) == 1


def test_the_encoder_gets_the_arguments_that_the_extension_takes():
    model = conditional_model().data()
    assert set(packing.conditioner(model)) == set(weights())
