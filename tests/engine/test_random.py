import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine.random import philox, words

# "philox4x32 10" of Random123's file of known answers (kat_vectors): counter, key, result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
WORD = st.integers(0, 2**32 - 1)


def parsed(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_known_answers(counter, key, result):
    low, high = parsed(key)
    assert philox(np.array(parsed(counter), dtype=np.uint32), (low, high)).tolist() == parsed(result)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_known_answers_of_the_extension(counter, key, result):
    native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    assert native.pieces.philox(parsed(counter), parsed(key)) == parsed(result)


@settings(deadline=None)
@given(counter=st.lists(WORD, min_size=4, max_size=4), key=st.tuples(WORD, WORD))
def test_extension_and_numpy_agree(counter, key):
    native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    assert native.pieces.philox(counter, list(key)) == philox(np.array(counter, dtype=np.uint32), key).tolist()


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    start=st.one_of(st.integers(0, 100), st.integers(2**32 - 5, 2**32), st.integers(2**63, 2**63 + 9)),
    draw=WORD,
    channel=WORD,
)
def test_words_are_counted_by_time(seed, start, draw, channel):
    many = words(seed, start, 8, draw, channel)
    assert many.dtype == np.uint32
    for i, word in enumerate(many):
        time = start + i
        counter = np.array([time % 2**32, time // 2**32, draw, channel], dtype=np.uint32)
        assert word == philox(counter, (seed % 2**32, seed // 2**32))[0]


def test_no_words():
    assert words(1, 5, 0).shape == (0,)
