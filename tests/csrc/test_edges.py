"""What an engine must stand: numbers at the ends of their range, failures on the way, hosts that change the rules."""

import threading

import numpy as np
import pytest
import sensitive_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.errors import UserError

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
SYMBOLS = np.array([[0, 1, 2, 0, 1, 2]], np.uint16)
NO_FLOATS = np.zeros(0, np.float32)


def weights(residual=7, half=5, skip=6, layers=2, seed=0, **factors):
    """A WaveNet's weights by name for inputs of one channel, kernel 2; some of them times `factors`."""
    random = np.random.default_rng(seed)
    shapes = {
        "front_weight": (residual, 1),
        "front_bias": (residual,),
        "gates_weight": (layers, 2 * half, 2 * residual),
        "gates_bias": (layers, 2 * half),
        "residual_weight": (layers - 1, residual, half),
        "residual_bias": (layers - 1, residual),
        "skip_weight": (skip, layers * half),
        "skip_bias": (skip,),
        "head_weight": (skip, skip),
        "head_bias": (skip,),
        "output_weight": (4, skip),
        "output_bias": (4,),
    }
    return {
        name: (random.normal(size=shape) * 0.3).astype(np.float32) * np.float32(factors.get(name, 1))
        for name, shape in shapes.items()
    }


def wavenet(arrays, precision="float32", isa="auto"):
    ends = {"channels": 1, "num_params": 4, "precision": precision, "isa": isa}
    dilations = np.array([1, 2], np.int32)
    return native.wavenet(weights=arrays, dilations=dilations, kernel_size=2, front_kernel_size=1, **ends)


def engine(network, table=(-1, -0.3, 0.4, 1), streams=1):
    return native.Engine(
        network=network,
        input_table=np.array(table, np.float32).reshape(-1, 1),
        error_table=NO_FLOATS,
        predictor_weights=NO_FLOATS,
        predictor_filter=np.zeros(0),
        code_of_symbol=np.array([-3, -1, 1, 3], np.int32),
        distribution=native.categorical(np.full(4, 16384, np.int32)),
        start_symbol=1,
        streams=streams,
        threads=1,
    )


@pytest.mark.parametrize("size", [1e-45, 1e-40, 3e-38, 1e-37, 3.7e-37, 3.8e-37, 1e-30, 1e30, 3e38])
def test_rows_near_the_ends_of_float32_give_the_same_bits(size):
    weight = np.random.default_rng(0).normal(size=(20, 33)).astype(np.float32)
    rows = (np.random.default_rng(1).uniform(-1, 1, (3, 33)) * size).astype(np.float32)
    for precision in ("float32", "bfloat16", "int8"):
        found = [native.pieces.product(weight, rows, np.zeros((3, 20), np.float32), precision, isa) for isa in HERE]
        assert len({values.tobytes() for values in found}) == 1, precision
        if 1e-30 <= size <= 1e30:
            bound = 0.02 * np.abs(weight).sum(axis=1) * np.abs(rows).max()
            assert (np.abs(found[0] - rows.astype(float) @ weight.T) <= bound).all()


def test_signals_too_small_for_int8_are_zeros_everywhere():
    small = weights(front_weight=1e-37, front_bias=0, gates_weight=1e37, residual_weight=1e-37, residual_bias=0)
    found = [engine(wavenet(small, "int8", isa)).feed(SYMBOLS) for isa in HERE]
    assert len({values.tobytes() for values in found}) == 1


@pytest.mark.parametrize("residual", [7, 16])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_restore_helps_after_outputs_that_are_not_finite(precision, residual):
    running = engine(wavenet(weights(residual, front_weight=10), precision), table=(0, 0.1, 0.2, 3e38))
    start = running.save()
    good = running.feed(SYMBOLS)
    running.restore(*start)
    with pytest.raises(RuntimeError, match="not finite"):
        running.feed(np.array([[3, 1, 0]], np.uint16))
    for call in (lambda: running.feed(SYMBOLS), running.save):
        with pytest.raises(RuntimeError, match="not finite"):
            call()
    running.restore(*start)
    np.testing.assert_array_equal(running.feed(SYMBOLS), good)


def test_a_replay_that_fails_is_forgotten():
    not_finite = engine(wavenet(weights(front_weight=10), isa="recording"), table=(3e38, 3e38, 3e38, 3e38))
    with pytest.raises(RuntimeError, match="not finite"):
        native.replay(not_finite, 2)
    sound = engine(wavenet(weights(), isa="recording"))
    np.testing.assert_array_equal(sound.feed(SYMBOLS), engine(wavenet(weights())).feed(SYMBOLS))
    assert native.replay(sound, 4).floats > 0


def test_weights_live_as_long_as_they_are_read():
    class Producer:
        """Hands out a new array each time, which nobody else holds."""

        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **how):
            return self.array.copy().__dlpack__()

        def __dlpack_device__(self):
            return 1, 0

    large = weights(300, 300, 300)
    expected = engine(wavenet(large)).feed(SYMBOLS)
    lent = {name: Producer(array) for name, array in large.items()}
    np.testing.assert_array_equal(engine(wavenet(lent)).feed(SYMBOLS), expected)


def test_arrays_that_are_not_aligned_are_refused():
    arrays = weights()
    shifted = np.zeros(4 * arrays["front_bias"].size + 1, np.uint8)[1:].view(np.float32)
    assert shifted.ctypes.data % 4
    with pytest.raises(ValueError, match="front_bias is not aligned"):
        wavenet({**arrays, "front_bias": shifted})


def test_coders_live_on_while_they_are_used():
    model = sensitive_models.wavenet("wide")
    coders = [native.Encoder()]
    running = NativeEngine(model, 1)
    pcm = sensitive_models.pcm(1, 3000)
    expected = running.encode(pcm, coders)
    words = coders[0].finish()
    running = NativeEngine(model, 1)
    coders = [native.Encoder()]
    kept = coders[0]
    clearing = threading.Timer(0.001, coders.clear)
    clearing.start()
    symbols = model.encode(torch.from_numpy(pcm)).numpy().astype(np.uint16)
    locations = np.zeros_like(symbols)
    log2_prob = native.encode(running._native, symbols, locations, coders or [kept])
    clearing.join()
    np.testing.assert_array_equal(log2_prob, expected)
    assert len(kept.finish()) <= len(words)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([0.0, 1e-8, 2e-8, 5e-8, -1e-8, -30.0]), min_size=3, max_size=40),
    st.floats(0.1, 1), st.floats(0.3, 30), st.integers(0, 2**30 - 1),
)  # fmt: skip
def test_tables_of_nearly_equal_logits_still_increase(logits, top_p, temperature, u):
    logits = np.array(logits, np.float32)
    codes = np.full(len(logits), 65536 // len(logits), np.int32)
    codes[0] += 65536 - codes.sum()
    distribution = native.categorical(codes)
    table = distribution.table(logits, 0.0, temperature, top_p, HERE[0]).astype(np.int64)
    assert (table[0], table[-1]) == (0, 2**30)
    assert (np.diff(table) > 0).all()
    (found,) = distribution.find(logits, 0.0, temperature, top_p, np.array([u], np.uint32), HERE[0])
    assert table[found] <= u < table[found + 1]


def test_a_host_that_flushes_subnormals_changes_nothing():
    arrays = weights(gates_weight=1e-38, front_weight=1e-38)
    expected = engine(wavenet(arrays, "int8")).feed(SYMBOLS)
    torch.set_flush_denormal(True)
    try:
        running = engine(wavenet(arrays, "int8"))
        running.restore(*running.save())
        found = running.feed(SYMBOLS)
    finally:
        torch.set_flush_denormal(False)
    np.testing.assert_array_equal(found, expected)


def test_threads_and_instruction_sets_that_are_not_there():
    model = sensitive_models.wavenet("odd")
    for threads in (0, -1, 2**64, 257):
        with pytest.raises(UserError, match=f"{threads} threads; give 1 to 256"):
            open_engine(model, 1, engine="cpu", threads=threads)
    for isa in ("recording", "auto", "avx1024"):
        with pytest.raises(UserError, match=f"isa {isa} is not of this CPU"):
            NativeEngine(model, 1, isa=isa)


class Clock:
    """Steps that take as long as they are said to; gives the share taken the second way."""

    def __init__(self, first, second):
        self.autotune = native.pieces.Autotune()
        self.times = {False: first, True: second}

    def share(self, steps):
        ways = []
        for _ in range(steps):
            ways.append(self.autotune.use_second())
            self.autotune.record(self.times[ways[-1]]())
        return np.mean(ways)


@pytest.mark.parametrize(("first", "second"), [(2e-5, 1e-5), (1e-5, 2e-5), (1e-5, 1.2e-5), (1.2e-5, 1e-5)])
def test_autotune_finds_the_faster_way_through_interruptions(first, second):
    random = np.random.default_rng(0)

    def interrupted(seconds):
        return lambda: seconds + 4e-3 * (random.random() < 0.0002)

    shares = [Clock(interrupted(first), interrupted(second)).share(16384) for _ in range(50)]
    faster = np.array(shares) > 0.5 if second < first else np.array(shares) < 0.5
    assert faster.mean() >= 0.9
    assert Clock(lambda: first, lambda: second).share(16384) == pytest.approx(float(second < first), abs=0.01)


def test_a_way_that_becomes_slow_is_given_up_soon():
    seconds = 1e-5
    clock = Clock(lambda: 2e-5, lambda: seconds)
    assert clock.share(2000) > 0.9
    seconds = 1e-3
    assert clock.share(2000) <= 128 / 2000


def test_autotune_soon_leaves_a_hopeless_way():
    clock = Clock(lambda: 1e-5, lambda: 4e-3)
    assert clock.share(1000) * 1000 <= 5 * 5
