"""The coder alone: intervals to words and back, sizes beside an established coder's, damaged words."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

native = pytest.importorskip("wavegen_native", reason="the extension is not built")

TOTAL = 2**30


@st.composite
def intervals(draw):
    """An interval of any size, from a single count to all but one."""
    count = draw(st.one_of(st.integers(1, 3), st.integers(1, TOTAL - 1), st.integers(TOTAL - 3, TOTAL - 1)))
    return draw(st.integers(0, TOTAL - count)), count


def encoded(chosen):
    encoder = native.Encoder()
    for start, count in chosen:
        encoder.put(start, count)
    return encoder.finish()


@given(st.lists(intervals(), max_size=200))
@settings(deadline=None)
def test_intervals_come_back_in_the_space_that_they_claim(chosen):
    words = encoded(chosen)
    decoder = native.Decoder(words)
    for start, count in chosen:
        assert start <= decoder.u() < start + count
        decoder.consume(start, count)
    assert decoder.finished()
    claimed = sum(math.log2(TOTAL / count) for _, count in chosen)
    # A state of 2^32 holds four times the total: an interval costs log2(5/4) more at worst.
    assert claimed + 32 <= 32 * len(words) + 1 <= claimed + 65 + 0.33 * len(chosen)


def test_an_encoder_starts_anew_after_finish():
    encoder = native.Encoder()
    encoder.put(5, 7)
    first = encoder.finish()
    encoder.put(5, 7)
    np.testing.assert_array_equal(encoder.finish(), first)
    assert len(encoder.finish()) == 2  # nothing but the state


@pytest.mark.parametrize("spread", [0.3, 3.0, 30.0])
def test_sizes_are_those_of_an_established_coder(spread):
    constriction = pytest.importorskip("constriction")
    random = np.random.default_rng(7)
    probabilities = np.exp(-0.5 * ((np.arange(256) - 128) / spread) ** 2) + 1e-9
    probabilities /= probabilities.sum()
    symbols = random.choice(256, size=20_000, p=probabilities).astype(np.int32)
    edges = np.arange(257) + np.floor((TOTAL - 256) * np.append(0, probabilities.cumsum())).astype(np.int64)
    edges[-1] = TOTAL
    ours = encoded([(int(edges[k]), int(edges[k + 1] - edges[k])) for k in symbols])
    theirs = constriction.stream.stack.AnsCoder()
    model = constriction.stream.model.Categorical(probabilities.astype(np.float32), perfect=False)
    theirs.encode_reverse(symbols, model)
    entropy = -np.log2(probabilities[symbols]).sum()
    assert abs(32 * len(ours) - 32 * len(theirs.get_compressed())) <= 1e-3 * entropy + 64
    assert 32 * len(ours) <= 1.0005 * entropy + 64


@given(st.lists(intervals(), min_size=30, max_size=60), st.data())
@settings(deadline=None)
def test_damaged_words_are_noticed(chosen, data):
    """The state at the end is an encoder's first by chance once in 2^32."""
    words = encoded(chosen)
    index = data.draw(st.integers(0, len(words) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "more"]))
    if kind == "flip":
        words[index] ^= 1 << data.draw(st.integers(0, 31))
    elif kind == "cut":
        words = words[:index]
    else:
        words = np.append(words, np.uint32(index))
    decoder = native.Decoder(np.ascontiguousarray(words, np.uint32))
    for start, count in chosen:
        if not start <= decoder.u() < start + count:
            return
        decoder.consume(start, count)
    assert not decoder.finished()


def test_what_is_no_interval_is_refused():
    encoder = native.Encoder()
    decoder = native.Decoder(np.zeros(0, np.uint32))
    for start, count in [(0, 0), (0, TOTAL), (TOTAL, 1), (TOTAL - 1, 2), (2**31, 2**31)]:
        with pytest.raises(ValueError, match="interval"):
            encoder.put(start, count)
    for start, count in [(1, 5), (0, TOTAL), (0, 0)]:
        with pytest.raises(ValueError, match="interval"):
            decoder.consume(start, count)
    with pytest.raises(TypeError):
        native.Decoder(np.zeros((2, 2), np.uint32))
    with pytest.raises(TypeError):
        native.Decoder(np.zeros(2, np.float32))
