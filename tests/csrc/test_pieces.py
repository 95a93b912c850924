"""The parts of the C++ engine by themselves: multiply-add, gate, table, logarithm."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
pieces = native.pieces
HERE = native.instruction_sets()


def from_bits(bits: np.ndarray) -> np.ndarray:
    return bits.astype(np.uint32).view(np.float32)


def awkward_operands(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Products that nearly cancel with, or nearly tie beside, the addend, at every exponent, subnormals included."""
    rng = np.random.default_rng(1)

    def mantissas() -> np.ndarray:  # few bits set, or all but a few: where ties and carries are
        few = (np.uint32(1) << rng.integers(0, 23, (2, count), dtype=np.uint32)).sum(axis=0)
        return np.where(rng.random(count) < 0.5, few, ~few.astype(np.uint32)) & 0x7FFFFF

    signs = rng.integers(0, 2, (3, count), dtype=np.uint32) << 31
    a_exponent, b_exponent = rng.integers(0, 255, (2, count))
    product_exponent = a_exponent + b_exponent - 127
    c_exponent = np.clip(product_exponent + rng.integers(-50, 51, count), 0, 254)
    exponents = [a_exponent, b_exponent, c_exponent]
    a, b, c = (from_bits(s | (e.astype(np.uint32) << 23) | mantissas()) for s, e in zip(signs, exponents, strict=True))
    return a, b, c


def random_operands(count: int) -> tuple[np.ndarray, ...]:
    """Any bit patterns: NaN and infinities too."""
    rng = np.random.default_rng(2)
    return tuple(from_bits(rng.integers(0, 2**32, count)) for _ in range(3))


def subnormal_operands(count: int) -> tuple[np.ndarray, ...]:
    """Results around and below the smallest normal number."""
    rng = np.random.default_rng(3)
    a, b = (from_bits(rng.integers(0, 2**23, count) | (rng.integers(50, 80, count) << 23)) for _ in range(2))
    c = from_bits(rng.integers(0, 2**24, count) | (rng.integers(0, 2, count) << 31))
    return a, b, c


def near_ties(count: int) -> tuple[np.ndarray, ...]:
    """Products of half a unit in c's last place, or so little less that a float64 sum cannot tell."""
    rng = np.random.default_rng(5)
    c = from_bits(rng.integers(0, 2**23, count) | (rng.choice([0, 0, 1, 2, 60, 127, 200], count) << 23))
    exponent = np.maximum((c.view(np.uint32) >> 23).astype(int), 1) - 151
    little = rng.integers(0, 9, count) * 2.0**-23
    odd = rng.choice([1, 1, -1, 3, -5], count)
    a = np.ldexp(1 + little, exponent // 2).astype(np.float32)
    b = np.ldexp((1 - little) * odd, exponent - exponent // 2).astype(np.float32)
    return a, b, c


@pytest.mark.parametrize("operands", [awkward_operands, random_operands, subnormal_operands, near_ties])
@pytest.mark.parametrize("isa", HERE)
def test_multiply_add_rounds_once(isa, operands):
    a, b, c = operands(1 << 20)
    found = pieces.multiply_add(a, b, c, isa)
    expected = pieces.multiply_add(a, b, c, "libm")
    same = (found.view(np.uint32) == expected.view(np.uint32)) | (np.isnan(found) & np.isnan(expected))
    assert same.all()


@pytest.mark.parametrize("operands", [awkward_operands, subnormal_operands, near_ties])
@pytest.mark.parametrize("isa", HERE)
def test_multiply_add_is_nearest_to_the_exact_value(isa, operands):
    a, b, c = operands(1024)
    for x, y, z, found in zip(a, b, c, pieces.multiply_add(a, b, c, isa), strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        if not np.isfinite(found):
            assert abs(exact) >= Fraction(2**128 - 2**103)
            continue
        with np.errstate(over="ignore"):
            neighbours = [np.nextafter(found, np.float32(side)) for side in (-np.inf, np.inf)]
        distance = abs(exact - Fraction(float(found)))
        assert all(distance <= abs(exact - Fraction(float(n))) for n in neighbours if np.isfinite(n))


def test_gate_is_the_same_everywhere_and_close():
    rng = np.random.default_rng(4)
    drawn = rng.normal(size=(2, 1 << 16)) * 10 ** rng.uniform(-30, 3, (2, 1 << 16))
    filtered, gate = drawn.astype(np.float32)
    results = [pieces.gate(filtered, gate, isa) for isa in HERE]
    assert len({result.tobytes() for result in results}) == 1
    with np.errstate(over="ignore", under="ignore"):
        exact = np.tanh(filtered.astype(np.float64)) / (1 + np.exp(-gate.astype(np.float64)))
    assert np.abs(results[0] - exact).max() <= 2e-7
    normal = (np.abs(exact) > 1e-37) & (gate > -60)
    assert (np.abs(results[0] - exact) <= 4e-7 * np.abs(exact))[normal].all()


def test_gate_at_its_ends():
    ends = np.array([0, -0.0, np.inf, -np.inf, 3e38, -3e38, 1e-45, np.nan] * 2, dtype=np.float32)
    gate = np.array([0] * 8 + [-3e38, np.inf, -np.inf, 3e38, 0, 0, 0, 0], dtype=np.float32)
    for isa in HERE:
        z = pieces.gate(ends, gate, isa)
        assert z[2] == z[4] == 0.5
        assert z[3] == z[5] == -0.5
        assert np.isnan(z[[7, 15]]).all()
        assert np.isfinite(np.delete(z, [7, 15])).all()


@st.composite
def tables(draw):
    num_symbols = draw(st.sampled_from([2, 3, 15, 16, 17, 256, 4096]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = 10.0 ** draw(st.integers(-8, 37))
    logits = (rng.normal(size=num_symbols) * spread).clip(-3e38, 3e38).astype(np.float32)
    if draw(st.booleans()):
        logits[rng.random(num_symbols) < 0.5] = logits.max()
    cuts = np.sort(rng.choice(np.arange(1, 65536), num_symbols - 1, replace=False))
    codes = np.diff(np.concatenate([[0], cuts, [65536]])).astype(np.int32)
    temperature = draw(st.sampled_from([1.0, 0.1, 3.0, 1e-6, 1e6]))
    return logits, codes, temperature


@settings(deadline=None, max_examples=200)
@given(tables())
def test_table_is_strictly_increasing_and_whole(table):
    logits, codes, temperature = table
    results = [native.categorical(codes).table(logits, 0.0, temperature, 1.0, isa) for isa in HERE]
    assert len({result.tobytes() for result in results}) == 1
    counts = np.diff(results[0].astype(np.int64))
    assert (results[0][0], results[0][-1]) == (0, 2**30)
    assert (counts >= codes).all()
    scaled = (logits.astype(np.float64) - logits.max()) / np.float32(temperature)
    probabilities = np.exp(scaled) / np.exp(scaled).sum()
    exact = probabilities * (2**30 - 65536) + codes
    # The float32 sum is off by 1.7e-5 at most, truncation takes up to a count a symbol; the maximum gets the rest.
    allowed = 2e-5 * exact + 2
    allowed[logits.argmax()] += 2e-5 * 2**30 + len(logits)
    assert (np.abs(counts - exact) <= allowed).all()


def test_equal_logits_of_the_most_symbols():
    codes = np.full(4096, 16, dtype=np.int32)
    for isa in HERE:
        table = native.categorical(codes).table(np.zeros(4096, dtype=np.float32), 0.0, 1.0, 1.0, isa)
        assert np.diff(table.astype(np.int64)).tolist() == [2**18] * 4096


@settings(deadline=None, max_examples=1000)
@given(st.floats(2.0**-50, 1.0))
def test_log2(x):
    assert abs(pieces.log2(x) - math.log2(x)) <= 1e-15 * max(1, abs(math.log2(x)))


def test_log2_around_its_seams():
    for x in (1.0, 0.5, 2.0**-44, math.sqrt(0.5), math.sqrt(2), 1 - 2.0**-53, 1 + 2.0**-52):
        for y in (np.nextafter(x, 0), x, np.nextafter(x, 9)):
            assert abs(pieces.log2(float(y)) - math.log2(y)) <= 1e-15 * max(1, abs(math.log2(y)))
    assert pieces.log2(0.25) == -2
