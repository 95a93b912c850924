"""Weights rounded to bfloat16 and int8: what they are rounded to, and the same bits wherever they run."""

import copy

import numpy as np
import pytest
import sensitive_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.errors import UserError
from wavegen.models.networks import GRU, LSTM, Markov

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
ROUNDED = ("bfloat16", "int8")


def drawn(outputs: int, inputs: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, rows and sums of very different sizes, float32."""
    random = np.random.default_rng(seed)
    weight = random.normal(size=(outputs, inputs)) * 10.0 ** random.integers(-3, 3, size=(outputs, 1))
    rows = random.normal(size=(count, inputs)) * 10.0 ** random.integers(-3, 3, size=(count, 1))
    rows[random.random(count) < 0.2] = 0
    return weight.astype(np.float32), rows.astype(np.float32), random.normal(size=(count, outputs)).astype(np.float32)


def int8_product(weight: np.ndarray, rows: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """The formula of `Kernels::product_int8`, its integers exact, in float64."""
    most, largest = np.abs(weight).max(axis=1), np.abs(rows).max(axis=1)
    q_weight = np.floor(weight.astype(np.float64) * (127.0 / most)[:, None] + 0.5)
    inverse = np.float32(127) / np.where(largest > 0, largest, np.float32(np.inf)).astype(np.float32)
    q_rows = np.rint(rows * inverse[:, None]).astype(np.float64)
    assert np.abs(q_weight).max() == 127
    scale = (most / np.float32(127)) * (largest / np.float32(127))[:, None]
    return sums + (q_rows @ q_weight.T) * scale.astype(np.float64)


SIZES = {"outputs": st.integers(1, 130), "inputs": st.integers(1, 70), "count": st.integers(0, 20)}


@settings(deadline=None, max_examples=60)
@given(**SIZES, seed=st.integers(0, 2**32 - 1))
def test_products_are_their_formula_with_the_same_bits_everywhere(outputs, inputs, count, seed):
    weight, rows, sums = drawn(outputs, inputs, count, seed)
    halves = torch.from_numpy(weight).bfloat16().float().numpy()
    exact = {
        "float32": sums + rows.astype(np.float64) @ weight.T.astype(np.float64),
        "bfloat16": sums + rows.astype(np.float64) @ halves.T.astype(np.float64),
        "int8": int8_product(weight, rows, sums),
    }
    bound = 1e-6 * (1 + np.abs(rows) @ np.abs(weight).T + np.abs(sums)) * np.sqrt(inputs)
    for precision, expected in exact.items():
        found = {isa: native.pieces.product(weight, rows, sums, precision, isa) for isa in HERE}
        assert len({values.tobytes() for values in found.values()}) == 1, precision
        assert (np.abs(found[HERE[0]] - expected) <= bound).all(), precision
    rounded = native.pieces.product(halves, rows, sums, "float32", HERE[0])
    assert rounded.tobytes() == native.pieces.product(weight, rows, sums, "bfloat16", HERE[0]).tobytes()


@pytest.mark.parametrize("isa", HERE)
def test_rows_one_by_one_are_rows_together(isa):
    weight, rows, sums = drawn(200, 50, 40, 1)
    for precision in ("float32", *ROUNDED):
        together = native.pieces.product(weight, rows, sums, precision, isa)
        alone = [native.pieces.product(weight, rows[r : r + 1], sums[r : r + 1], precision, isa) for r in range(40)]
        assert np.concatenate(alone).tobytes() == together.tobytes()


@pytest.mark.parametrize("isa", HERE)
def test_int8_sums_do_not_saturate_and_spoilt_rows_spoil(isa):
    weight, rows = np.full((16, 64), 127, np.float32), np.full((2, 64), -127, np.float32)
    result = native.pieces.product(weight, rows, np.zeros((2, 16), np.float32), "int8", isa)
    np.testing.assert_array_equal(result, -(127.0**2) * 64)
    for spoilt in (np.nan, np.inf, -np.inf):
        rows[1, 5] = spoilt
        result = native.pieces.product(weight, rows, np.zeros((2, 16), np.float32), "int8", isa)
        assert np.isfinite(result[0]).all()
        assert not np.isfinite(result[1]).any()


@pytest.mark.parametrize("isa", HERE)
def test_bfloat16_rounds_to_even_and_stays_finite(isa):
    weight = np.array([[1 + 2**-8], [1 + 3 * 2**-8], [3.4028235e38], [-3.4028235e38], [1e-40]], np.float32)
    one, none = np.ones((1, 1), np.float32), np.zeros((1, 5), np.float32)
    expected = [1, 1 + 2**-6, 3.3895314e38, -3.3895314e38, float(torch.tensor(1e-40).bfloat16())]
    found = native.pieces.product(weight, one, none, "bfloat16", isa)[0]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


@pytest.mark.parametrize("precision", ROUNDED)
@pytest.mark.parametrize("name", sensitive_models.COMBINATIONS)
def test_the_same_bits_for_any_instruction_set_streams_threads_and_cut(name, precision):
    model, pcm = sensitive_models.combined(name), sensitive_models.pcm(5, 90)
    expected = NativeEngine(model, 5, 2, "portable", precision).feed(pcm)
    for isa in HERE:
        for streams, threads in [(1, 1), (5, 1)]:
            engine = NativeEngine(model, streams, threads, isa, precision)
            cuts = [(0, 40), (40, 41), (41, 42), (42, 90)]
            fed = np.concatenate([engine.feed(pcm[:streams, a:b]) for a, b in cuts], axis=1)
            assert fed.tobytes() == expected[:streams].tobytes(), (isa, streams)


def rounded_twin(model):
    """The model with the weights that the engine rounds in bfloat16: those of the layers, but not of both ends."""
    twin = copy.deepcopy(model)
    network = twin.network
    names = ["gates", "residuals", "skip."]
    if isinstance(network, GRU | LSTM):
        names = ["cells.weight_hh", *(f"cells.weight_ih_l{layer}" for layer in range(1, network.num_layers))]
    if isinstance(network, Markov):
        names = [f"layers.{layer}." for layer in range(len(network.hidden_sizes) - 1)]
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.startswith(tuple(names)) and weight.dim() == 2:
                weight.copy_(weight.bfloat16().float())
    return twin


@pytest.mark.parametrize("name", sensitive_models.COMBINATIONS)
def test_bfloat16_is_float32_with_rounded_weights(name):
    model, pcm = sensitive_models.combined(name), sensitive_models.pcm(2, 60)
    fed = open_engine(model, 2, engine="cpu", precision="bfloat16").feed(pcm)
    assert fed.tobytes() == open_engine(rounded_twin(model), 2, engine="cpu").feed(pcm).tobytes()
    if name != "markov-linear":  # which has no layers between its ends
        assert fed.tobytes() != open_engine(model, 2, engine="cpu").feed(pcm).tobytes()


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 0.1), ("int8", 0.6)])
@pytest.mark.parametrize("name", sensitive_models.COMBINATIONS)
def test_rounding_changes_probabilities_a_little(name, precision, most):
    model, pcm = sensitive_models.combined(name), sensitive_models.pcm(2, 200)
    exact = open_engine(model, 2, engine="cpu").feed(pcm)
    moved = np.abs(open_engine(model, 2, engine="cpu", precision=precision).feed(pcm) - exact).mean()
    assert (0 if name == "markov-linear" else 1e-6) <= moved < most  # which has no layers between its ends


def test_a_models_own_precision_is_taken_and_can_be_overruled():
    model, pcm = sensitive_models.wavenet(), sensitive_models.pcm(1, 50)
    exact = open_engine(model, 1, engine="cpu").feed(pcm)
    model.metadata["precision"] = "int8"
    own = open_engine(model, 1)
    assert (own.name, own.precision) == ("cpu", "int8")
    assert own.feed(pcm).tobytes() != exact.tobytes()
    assert open_engine(model, 1, precision="float32").feed(pcm).tobytes() == exact.tobytes()
    with pytest.raises(UserError, match="engine torch does not know precision int8; try `engine='cpu'`"):
        open_engine(model, 1, engine="torch")
    with pytest.raises(UserError, match="precision int4 is not known; did you mean int8"):
        open_engine(model, 1, precision="int4")
