"""The distributions of the C++ engine by themselves: integer tables, reported log-probabilities, draws."""

import importlib.util
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from cumulatives import FUNCTIONS, MIXTURES, ONES, below_and_above, mixtures, native, nucleus, random_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import chisquare

from wavegen.engine.random import words

HERE = native.instruction_sets()
TABLES = Path(__file__).parents[2] / "csrc/distributions/tables"


def test_the_tables_are_what_the_script_makes():
    spec = importlib.util.spec_from_file_location("make", TABLES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert sorted(make.TABLES) == sorted(FUNCTIONS)
    for name, (density, reach) in make.TABLES.items():
        nodes = make.nodes(density, reach)
        assert (TABLES / f"{name}.inl").read_text(encoding="utf-8") == make.text(name, nodes)
        assert all(
            a >= b for a, b in itertools.pairwise(nodes)
        )  # the proof in distributions/component.h rests on these
        assert nodes[0] + 2 * sum(nodes[1:-1]) + nodes[-1] == 2**51


@pytest.mark.parametrize("name", FUNCTIONS)
def test_distribution_functions(name):
    function = getattr(native.pieces, name)
    rng = np.random.default_rng(0)
    nodes = np.arange(-2100, 2101) / 64
    ends = [0.0, 5e-324, 8, 32, 1e9, 1.7e308, np.inf]
    z = np.concatenate([rng.normal(size=20000) * 8, rng.normal(size=20000) * 1e-7, nodes, ends])
    z = np.sort(np.concatenate([z, -z, np.nextafter(nodes, -99), np.nextafter(nodes, 99)]))
    found = function(z)
    exact = FUNCTIONS[name](z)
    assert (np.diff(found) >= 0).all()
    assert np.abs(found - exact).max() <= 2e-8
    assert np.abs(function(nodes) - FUNCTIONS[name](nodes)).max() <= 1e-13
    assert function(np.array([0.0, -0.0])).tolist() == [0.5, 0.5]
    np.testing.assert_array_equal(function(-nodes), 1 - function(nodes))
    assert (found[0], found[-1]) == (0, 1)


@settings(deadline=None, max_examples=1000)
@given(st.floats(-700, 700))
def test_exp(x):
    assert native.pieces.exp(x) == pytest.approx(math.exp(x), rel=1e-15, abs=0)


@settings(deadline=None, max_examples=60)
@given(mixtures())
def test_mixture_tables_are_strictly_increasing_whole_and_close(mixture):
    name, codes, offsets, parameters, location, temperature = mixture
    distribution = MIXTURES[name](codes, offsets)
    results = [distribution.table(parameters, location, temperature, 1.0, isa) for isa in HERE]
    assert len({result.tobytes() for result in results}) == 1
    table = results[0].astype(np.int64)
    assert (table[0], table[-1]) == (0, 2**30)
    assert (np.diff(table) >= codes).all()
    below, _ = below_and_above(*mixture)
    exact = below * (2**30 - 65536) + np.concatenate([[0], codes.cumsum()])
    # Weights are cut to whole counts, sums to whole counts; the tables are within 2e-8, 20 counts. At small
    # temperatures the rounding of float32 logits counts for more.
    slack = 2**30 * 1e-7 * np.abs(parameters[: len(offsets)]).max() / temperature
    assert np.abs(table - exact).max() <= 25 + 2 * len(offsets) + slack


@settings(deadline=None, max_examples=60)
@given(mixtures())
def test_each_codes_log_probability(mixture):
    name, codes, offsets, parameters, location, _ = mixture
    distribution = MIXTURES[name](codes, offsets)
    found = [distribution.log2_prob(parameters, location, isa) for isa in HERE]
    assert len({result.tobytes() for result in found}) == 1
    below, above = below_and_above(name, codes, offsets, parameters, location)
    cells = np.maximum(np.where(below[1:] < 0.5, np.diff(below), -np.diff(above)), 0)
    exact = np.log2(((1 - 2**-14) * cells + 2**-14 * codes / 65536) / codes)
    nats = np.abs(found[0] - exact) * math.log(2)
    size = np.maximum(1, np.abs(exact) * math.log(2))
    assert (nats <= 1e-4 * size).all(), (nats / size).max()
    assert abs((2 ** found[0] * codes).sum() - 1) <= 1e-6
    file = (2**exact * codes * (found[0] - exact)).sum()  # what a file that follows the model would be off by
    assert abs(file) <= 1e-6 * max(1, -(2**exact * codes * exact).sum())


@pytest.mark.parametrize("weight", [1e-4, 1e-6, 3e-8, 1e-9, 1e-10])
@pytest.mark.parametrize("name", MIXTURES)
def test_log_probability_of_a_component_that_counts_hardly_show(name, weight):
    parameters = np.array([0, math.log(weight), 0, 5000, math.log(0.01), 0], dtype=np.float32)
    found = MIXTURES[name](ONES, np.zeros(2, dtype=np.float32)).log2_prob(parameters, 0.0, "auto")[32768 + 5000]
    share = weight / (1 + weight) * (FUNCTIONS[name](0.5) - FUNCTIONS[name](-0.5))
    assert found == pytest.approx(math.log2((1 - 2**-14) * share + 2**-30), abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(mixtures(), st.integers(0, 2**32 - 1))
def test_words_are_looked_up_in_the_table(mixture, seed):
    name, codes, offsets, parameters, location, temperature = mixture
    distribution = MIXTURES[name](codes, offsets)
    table = distribution.table(parameters, location, temperature, 1.0, "auto")
    rng = np.random.default_rng(seed)
    some = rng.choice(table[:-1], 200)
    u = np.concatenate([some, table[1:] - 1, rng.integers(0, 2**30, 200)])[-600:].astype(np.uint32)
    found = distribution.find(parameters, location, temperature, 1.0, u, "auto")
    np.testing.assert_array_equal(found, np.searchsorted(table, u, side="right") - 1)


def of_one_scale(scale, location, size=1):
    """Equal components, but for the first, which has a hundredth of the scale and a tenth of the weight."""
    logits = np.zeros(size)
    log_scales = np.full(size, math.log(scale))
    if size > 1:
        logits[0], log_scales[0] = math.log((size - 1) / 9), math.log(scale / 100)
    means = location / np.exp(log_scales)
    return np.concatenate([logits, means, log_scales]).astype(np.float32)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize(("scale", "location"), [(0.3, 5), (20, -300), (3000, 1000), (9000, 32000)])
@pytest.mark.parametrize("name", MIXTURES)
def test_draws_follow_the_scored_distribution(name, scale, location, temperature):
    parameters = of_one_scale(scale, location, 4)
    offsets = np.zeros(4, dtype=np.float32)
    distribution = MIXTURES[name](ONES, offsets)
    drawn = distribution.find(parameters, 0.0, temperature, 1.0, words(5, 0, 10_000) >> 2, "auto")
    if temperature == 1:
        probabilities = 2 ** distribution.log2_prob(parameters, 0.0, "auto")
    else:
        below, _ = below_and_above(name, ONES, offsets, parameters, 0.0, temperature)
        probabilities = (1 - 2**-14) * np.diff(below) + 2**-30
    assert_drawn_from(probabilities, drawn)


def assert_drawn_from(probabilities, drawn):
    """Chi-square over groups of neighbouring symbols, each expecting twenty draws or more."""
    expected = len(drawn) * probabilities
    group = np.minimum((expected.cumsum() - expected / 2) // 20, len(drawn) // 20 - 1).astype(int)
    counts = np.bincount(group[drawn], minlength=group[-1] + 1)
    expected = np.bincount(group, expected)
    common = expected > 5
    found = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], max(expected[~common].sum(), 1e-9))
    assert common.sum() >= 2
    assert chisquare(found, expected * found.sum() / expected.sum()).pvalue > 1e-3


CODES_256 = np.full(256, 256, dtype=np.int32)


@pytest.mark.parametrize("top_p", [1.0, 0.9])
@pytest.mark.parametrize("spread", [0.1, 1, 5])
def test_categorical_draws_follow_the_scored_distribution(spread, top_p):
    logits = (np.random.default_rng(1).normal(size=256) * spread).astype(np.float32)
    distribution = native.categorical(CODES_256)
    drawn = distribution.find(logits, 0.0, 1.0, top_p, words(6, 0, 10_000) >> 2, "auto")
    probabilities = 2 ** distribution.log2_prob(logits, 0.0, "auto") * CODES_256
    if top_p < 1:
        probabilities = np.diff(distribution.table(logits, 0.0, 1.0, top_p, "auto").astype(np.int64)) / 2**30
    assert_drawn_from(probabilities, drawn)


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_symbols=st.sampled_from([2, 3, 17, 256, 2885]),
    spread=st.sampled_from([0.01, 1.0, 10.0, 1e4]),
    top_p=st.floats(1e-5, 1, exclude_max=True),
    temperature=st.sampled_from([1.0, 0.5, 3.0]),
)
def test_top_p_keeps_the_nucleus(seed, num_symbols, spread, top_p, temperature):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=num_symbols) * spread).astype(np.float32)
    codes = random_grid(rng, num_symbols)
    results = [native.categorical(codes).table(logits, 0.0, temperature, top_p, isa) for isa in HERE]
    assert len({result.tobytes() for result in results}) == 1
    counts = np.diff(results[0].astype(np.int64))
    assert counts.sum() == 2**30
    assert (counts >= codes).all()
    kept, probabilities = nucleus(logits, temperature, top_p)
    smaller, larger = (nucleus(logits, temperature, top_p + d)[0].sum() for d in (-1e-6, 1e-6))
    if smaller == larger:  # else float32 may rightly decide otherwise
        assert (counts[~kept] == codes[~kept]).all()
        allowed = 2e-5 * 2**30 * probabilities + 2
        allowed[logits.argmax()] += 2e-5 * 2**30 + num_symbols
        assert (np.abs(counts - codes - probabilities * (2**30 - 65536)) <= allowed).all()


def test_top_p_takes_the_lower_of_equal_symbols():
    distribution = native.categorical(CODES_256)
    logits = np.zeros(256, dtype=np.float32)
    logits[200] = 1
    for isa in HERE:
        counts = np.diff(distribution.table(logits, 0.0, 1.0, 0.05, isa).astype(np.int64))
        assert np.flatnonzero(counts > 256).tolist() == [*range(11), 200]


def test_log_probabilities_do_not_know_how_is_drawn():
    logits = np.random.default_rng(3).normal(size=256).astype(np.float32)
    found = native.categorical(CODES_256).log2_prob(logits, 0.0, "auto")
    exact = np.log2((1 - 2**-14) * np.exp(log_softmax(logits.astype(np.float64))) + 2**-14 / 256) - 8
    np.testing.assert_allclose(found, exact, atol=1e-6)
