"""Draws for listening follow the model without the uniform share; exact ones follow the density that is scored."""

from typing import Any

import numpy as np
import pytest
import torch
from cumulatives import MIXTURES, ONES, below_and_above, mixtures, nucleus, random_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import chisquare

from wavegen.engine import open_engine
from wavegen.engine.random import uniforms, words
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
TOTAL, MODEL = 2**30, 2**30 - 2**16  # counts of the scored density, and of them the model's


def tables_of(distribution, params, location, *how):
    """C(k) with the uniform share and without it, int64; the same bits for every instruction set."""
    found = []
    for exact in (True, False):
        results = [distribution.table(params, location, *how, isa, exact) for isa in HERE]
        assert len({result.tobytes() for result in results}) == 1
        found.append(results[0].astype(np.int64))
    return found


def assert_found(distribution, params, location, how, table, seed):
    """At both ends of symbols' counts, at both ends of all and anywhere: the one symbol whose counts hold u."""
    rng = np.random.default_rng(seed)
    drawable = np.flatnonzero(np.diff(table))
    some = rng.choice(drawable, 100)
    asked = np.concatenate([[0, MODEL - 1], table[some], table[some + 1] - 1, rng.integers(0, MODEL, 100)])
    found = distribution.find(params, location, *how, asked.astype(np.uint32), "auto", False).astype(np.int64)
    assert (table[found] <= asked).all()
    assert (asked < table[found + 1]).all()
    assert (found[0], found[1]) == (drawable[0], drawable[-1])
    with pytest.raises(ValueError, match=r"^u "):
        distribution.find(params, location, *how, np.array([MODEL], np.uint32), "auto", False)


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_symbols=st.sampled_from([2, 3, 15, 16, 17, 256, 4096]),
    spread=st.integers(-8, 37).map(lambda power: 10.0**power),
    temperature=st.sampled_from([1.0, 0.1, 3.0, 1e-6, 1e6]),
    top_p=st.sampled_from([1.0, 0.9, 0.3, 1e-9]),
)
def test_categorical_counts_are_those_of_the_scored_density_less_the_share(
    seed, num_symbols, spread, temperature, top_p
):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=num_symbols) * spread).clip(-3e38, 3e38).astype(np.float32)
    if rng.random() < 0.5:
        logits[rng.random(num_symbols) < 0.5] = logits.max()
    codes = random_grid(rng, num_symbols)
    distribution = native.categorical(codes)
    how = (temperature, top_p)
    scored, table = tables_of(distribution, logits, 0.0, *how)
    assert (table[0], table[-1]) == (0, MODEL)
    assert np.array_equal(np.diff(table), np.diff(scored) - codes)
    assert_found(distribution, logits, 0.0, how, table, seed)
    kept = nucleus(logits, np.float32(temperature), top_p)[0]
    if top_p < 1 and kept.sum() == nucleus(logits, np.float32(temperature), top_p + 1e-6)[0].sum():
        assert (np.diff(table)[~kept] == 0).all() or spread < 1e-6  # float32 may tell near ties apart otherwise


@settings(deadline=None, max_examples=100)
@given(mixtures(), st.integers(0, 2**32 - 1))
def test_mixture_counts_are_those_of_the_scored_density_less_the_share(mixture, seed):
    name, codes, offsets, parameters, location, temperature = mixture
    distribution = MIXTURES[name](codes, offsets)
    how = (temperature, 1.0)
    scored, table = tables_of(distribution, parameters, location, *how)
    assert (table[0], table[-1]) == (0, MODEL)
    rounded = table - (scored - np.concatenate([[0], codes.cumsum()]))
    assert ((rounded == 0) | (rounded == 1)).all()  # to the nearest count, not down
    assert (np.diff(table) >= 0).all()
    exact = below_and_above(*mixture)[0] * MODEL
    slack = 2**30 * 1e-7 * np.abs(parameters[: len(offsets)]).max() / temperature
    assert np.abs(table - exact).max() <= 25 + 2 * len(offsets) + slack
    assert_found(distribution, parameters, location, how, table, seed)


@pytest.mark.parametrize(("name", "scales"), [("logistic", 22), ("gaussian", 6.4)])
def test_the_lowest_and_the_highest_place_are_as_far_from_the_middle(name, scales):
    """A probability of 2⁻³⁰ has 21 scales or 6; rounded down, the highest u would be 36 or 8 scales away."""
    params = np.array([0, 0, np.log(100)], np.float32)
    middle = 32767.5
    distribution = MIXTURES[name](ONES, np.zeros(1, np.float32))
    lowest, highest = distribution.find(params, -0.5, 1.0, 1.0, np.array([0, MODEL - 1], np.uint32), "auto", False)
    assert middle - lowest == pytest.approx(highest - middle, abs=1)
    assert 0.9 * scales * 100 < highest - middle < scales * 100
    (coldest,) = distribution.find(params, -0.5, 1e-6, 1.0, np.array([MODEL - 1], np.uint32), "auto", False)
    assert abs(coldest - middle) <= 1


def test_what_weights_are_cut_by_goes_to_the_largest_component():
    """Of 64 components whose weights are no whole counts, at temperatures that leave them or all but one nothing."""
    size = 64
    log_scales = np.full(size, np.log(0.01))
    means = np.arange(-32, 32) * 1000 / np.exp(log_scales)
    logits = np.where(np.arange(size) == 40, 1.0, np.linspace(-25, 0, size))
    params = np.concatenate([logits, means, log_scales]).astype(np.float32)
    distribution = native.mixture_of_logistics(ONES, np.zeros(size, np.float32))
    for temperature in (1.0, 0.3, 1e-6):
        counts = np.diff(distribution.table(params, 0.0, temperature, 1.0, "auto", False).astype(np.int64))[
            32768 - 32000 :: 1000
        ]
        weights = np.trunc(softmax(params[:size].astype(np.float64) / temperature) * MODEL)
        weights[40] += MODEL - weights.sum()
        assert counts.sum() == MODEL
        assert np.abs(counts[:size] - weights).max() <= 1e-6 * MODEL
        assert (counts[:size][weights == 0] == 0).all()


def constant(distribution: str, params: np.ndarray) -> Any:
    """A model that says the same of every sample, of 8-bit mu-law symbols or of 16-bit codes."""
    mixture = distribution != "categorical"
    parts = {
        "codec": {"name": "linear", "bits": 16} if mixture else {"name": "mu-law", "bits": 8},
        "distribution": {"name": distribution, **({"num_mixtures": len(params) // 3} if mixture else {})},
        "network": {"name": "markov", "order": 1, "hidden_sizes": []},
    }
    model: Any = AudioModel.from_settings(parts, AudioForm(8000)).eval()
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.zero_()
        offsets = model.distribution.log_scale_offsets.numpy() if mixture else 0
        params[len(params) - np.size(offsets) :] -= offsets
        model.network.front.taps.bias.copy_(torch.from_numpy(params))
    return model


# Five of 256 symbols, the edges among them, or two components ten codes wide in all; nothing else is likely.
LIKELY = {0: 0.5, 100: 2.0, 128: 1.0, 129: 0.0, 255: -1.0}
MIXED = {
    name: np.array([0.3, -0.4, -1e4, 2e4, np.log(0.1), np.log(0.1)], np.float32)
    for name in ("mixture-of-logistics", "mixture-of-gaussians")
}
CODES = (-1000, 2000)
STREAMS, STEPS = 4096, {"cpu": 256, "torch": 12}  # of whose draws 64, or three, come from the uniform share


def drawn(distribution, engine, **how):
    """How many draws went to each likely code and elsewhere; P of these without the share, and the share's own P."""
    if distribution == "categorical":
        logits = np.full(256, -40, np.float32)
        logits[list(LIKELY)] = list(LIKELY.values())
        model = constant(distribution, logits)
        likely = np.array(list(LIKELY))
        probabilities = nucleus(logits, how.get("temperature", 1), how.get("top_p", 2))[1][likely]
    else:
        model = constant(distribution, MIXED[distribution].copy())
        likely = np.array(CODES)
        probabilities = softmax(MIXED[distribution][:2].astype(np.float64) / how.get("temperature", 1))
    pcm, _ = open_engine(model, STREAMS, engine=engine).generate(STEPS[engine], range(STREAMS), **how)
    symbols = model.encode(torch.from_numpy(pcm.ravel().astype(np.int64))).numpy()
    if distribution == "categorical":
        counts = np.bincount(symbols, minlength=256)[likely]
        share = model.codes_per_symbol.numpy()[likely] / 65536
    else:
        counts = (np.abs(symbols[:, None] - 32768 - likely) <= 5).sum(axis=0)
        share = np.full(len(likely), 11 / 65536)
    return np.append(counts, pcm.size - counts.sum()), np.append(probabilities, 0), np.append(share, 1 - share.sum())


@pytest.mark.parametrize("engine", ["cpu", "torch"])
@pytest.mark.parametrize("distribution", ["categorical", *MIXED])
def test_exact_draws_follow_the_scored_density_and_others_the_model_alone(distribution, engine):
    counts, model, _ = drawn(distribution, engine)
    assert counts[-1] == 0, "nothing but what the model has"
    assert chisquare(counts[:-1], model[:-1] * counts.sum()).pvalue > 1e-3
    counts, model, share = drawn(distribution, engine, exact=True)
    assert chisquare(counts, ((1 - 2**-14) * model + 2**-14 * share) * counts.sum()).pvalue > 1e-3


@pytest.mark.parametrize("how", [{"temperature": 0.5}, {"temperature": 1e-6}, {"temperature": 1.3}])
@pytest.mark.parametrize("distribution", ["categorical", *MIXED])
def test_a_temperature_leaves_nothing_but_what_the_model_has(distribution, how):
    counts, model, _ = drawn(distribution, "cpu", **how)
    assert counts[-1] == 0
    possible = model[:-1] > 1e-9
    assert counts[:-1][~possible].sum() == 0
    if possible.sum() > 1:
        assert chisquare(counts[:-1][possible], model[:-1][possible] * counts.sum()).pvalue > 1e-3


def test_a_nucleus_has_nothing_outside():
    counts, model, _ = drawn("categorical", "cpu", top_p=0.8)
    assert (model > 0).sum() == 3
    assert counts[model == 0].sum() == 0
    assert drawn("categorical", "cpu", top_p=0.8, exact=True)[0][-1] > 0


def test_places_of_all_ends():
    """As integers: u of 2³⁰ is u scaled by M / 2³⁰ and rounded down, and every count of the model is met."""
    ends = np.array([0, 3, 4, 2**16, 2**31, 2**32 - 5, 2**32 - 4, 2**32 - 1], np.uint32)
    assert (uniforms(ends, True) * TOTAL).tolist() == [int(word) // 4 for word in ends]
    assert (uniforms(ends, False) * MODEL - 0.5).tolist() == [int(word) // 4 * MODEL // TOTAL for word in ends]
    u = np.concatenate([np.arange(2**17), TOTAL - 1 - np.arange(2**17)]).astype(np.uint32)
    counts = np.unique((uniforms(u << np.uint32(2), False) * MODEL).astype(np.int64))
    assert (counts[0], counts[-1]) == (0, MODEL - 1)
    assert set(np.diff(counts).tolist()[: 2**17 - 9]) == {1}, "no count is left out"


def test_the_extensions_words_lie_where_numpys_do():
    """By draws of 16 bits from a density so wide that a shift by 2⁻¹⁴ of a word changes the symbol."""
    params = np.array([0, 0, np.log(5000)], np.float32)
    model = constant("mixture-of-logistics", params.copy())
    distribution = native.mixture_of_logistics(ONES, model.distribution.log_scale_offsets.numpy())
    given = model.network.front.taps.bias.detach().numpy()
    pcm, _ = open_engine(model, 1, engine="cpu").generate(4000, [11])
    u = words(11, 0, 4000).astype(np.int64) >> 2
    asked = (u * MODEL // TOTAL).astype(np.uint32)
    assert np.array_equal(pcm[0].astype(int) + 32768, distribution.find(given, 0.0, 1.0, 1.0, asked, "auto", False))
    wrong = distribution.find(given, 0.0, 1.0, 1.0, np.minimum(u, MODEL - 1).astype(np.uint32), "auto", False)
    assert not np.array_equal(pcm[0].astype(int) + 32768, wrong)
