import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wavegen.models.codecs import Linear, MuLaw
from wavegen.models.distributions import Categorical, MixtureOfGaussians, MixtureOfLogistics

MIXTURES = [MixtureOfGaussians, MixtureOfLogistics]
CODECS = [MuLaw(bits=8), MuLaw(bits=10), MuLaw(bits=12), Linear(bits=8), Linear(bits=13), Linear(bits=16)]
of_both_mixtures = pytest.mark.parametrize("kind", MIXTURES, ids=lambda kind: kind.name)
SCALES = st.floats(-7, 12) | st.floats(-100, 100)  # logs of them; ln 1e-3 … ln 1e5 and beyond
FURTHEST_TOLD_APART = 1e10  # nats: z² / 2, whose rounding is 2e-6 there


@st.composite
def mixtures(draw, furthest=1e30, most=3):
    """A codec, parameters (3K,) float32 and a location: scales 1e-3 … 1e5 and beyond, means that far away."""
    codec = draw(st.sampled_from(CODECS))
    num_mixtures = draw(st.integers(1, most))
    location = draw(st.just(0.0) | st.floats(-40000, 40000) | st.floats(-1e9, 1e9))
    components = []
    for _ in range(num_mixtures):
        log_scale = draw(SCALES)
        codes = draw(st.floats(-50, 50) | st.floats(-40000, 40000) | st.floats(-1e9, 1e9))
        mean = draw(st.just(codes / math.exp(log_scale)) | st.just(0.0) | st.just(furthest))
        components.append((draw(st.floats(-30, 30)), max(-furthest, min(mean, furthest)), log_scale))
    return codec, torch.tensor(components).T.flatten(), location


def exact_log_prob(kind, codec, params, symbol, location):
    """The mixture's own definition, with as many digits as it takes."""
    with mpmath.workdps(60):
        logits, means, log_scales = (list(map(mpmath.mpf, part.tolist())) for part in params.chunk(3))
        offsets = kind(codec.codes_per_symbol, num_mixtures=len(logits)).log_scale_offsets.tolist()
        last = int(codec.codes_per_symbol[: symbol + 1].sum()) - mpmath.mpf(32769)
        edges = last - int(codec.codes_per_symbol[symbol]) + mpmath.mpf(1) / 2, last + mpmath.mpf(1) / 2
        mass = mpmath.mpf(0)
        for logit, mean, log_scale, offset in zip(logits, means, log_scales, offsets, strict=True):
            scale = min(max(mpmath.exp(log_scale + offset), mpmath.mpf("1e-3")), mpmath.mpf("1e5"))
            low, high = ((edge - location) / scale - mean for edge in edges)
            low = -mpmath.inf if symbol == 0 else low
            high = mpmath.inf if symbol == codec.num_symbols - 1 else high
            mass += mpmath.exp(logit) * exact_mass(kind, low, high)
        return mpmath.log(mass / mpmath.fsum(map(mpmath.exp, logits)))


def exact_mass(kind, low, high):
    """Of the standard normal or logistic distribution, from the side where it does not cancel."""
    if low + high < 0:
        low, high = -high, -low
    if kind is MixtureOfGaussians:
        return (mpmath.erfc(low / mpmath.sqrt(2)) - mpmath.erfc(high / mpmath.sqrt(2))) / 2
    above = [mpmath.mpf(0) if z == mpmath.inf else 1 / (1 + mpmath.exp(z)) for z in (low, high)]
    return above[0] - above[1]


def telling_symbols(distribution, codec, params, location, count=6):
    """The edge symbols, those around each component's mean, where they lie in range, and a few others."""
    _, means, log_scales = params.detach().double().chunk(3)
    scales = torch.exp(log_scales + distribution.log_scale_offsets).clamp(1e-3, 1e5)
    near = location + scales * (means + torch.tensor([[-3.0], [-0.5], [0], [1]]))
    symbols = torch.from_numpy(codec.encode(near.flatten().clamp(-32768, 32767).round().long()))
    others = torch.linspace(0, codec.num_symbols - 1, count).long()
    return torch.cat([torch.tensor([0, 1]), symbols, others, torch.tensor([-2, -1]) + codec.num_symbols]).unique()


@of_both_mixtures
@settings(deadline=None, max_examples=30)
@given(mixture=mixtures())
def test_a_mixture_is_right_for_every_code(kind, mixture):
    codec, params, location = mixture
    distribution = kind(codec.codes_per_symbol, num_mixtures=len(params) // 3)
    params.requires_grad_()
    everywhere = torch.full((codec.num_symbols,), location, dtype=torch.float64)
    log_prob = distribution.log_prob(params.expand(codec.num_symbols, -1), torch.arange(codec.num_symbols), everywhere)
    assert log_prob.dtype == torch.float32
    assert (log_prob < 1e-6).all()
    assert abs(log_prob.double().exp().sum() - 1) <= 1e-6
    (gradient,) = torch.autograd.grad(log_prob.clamp(min=-1e30).sum(), params)
    assert gradient.isfinite().all()
    for symbol in telling_symbols(distribution, codec, params.detach(), location).tolist():
        exact = exact_log_prob(kind, codec, params.detach(), symbol, location)
        if abs(exact) < 3e38:  # the largest float32
            assert abs(float(log_prob[symbol].detach()) - exact) <= 1e-6 * max(1, abs(exact)), symbol


@of_both_mixtures
@settings(deadline=None, max_examples=8)
@given(mixture=mixtures(furthest=1e9, most=2))
def test_gradients_of_a_mixture_are_those_of_exact_differences(kind, mixture):
    codec, params, location = mixture
    distribution = kind(codec.codes_per_symbol, num_mixtures=len(params) // 3)
    symbols = telling_symbols(distribution, codec, params, location, count=1)[::3]
    inputs = [params.requires_grad_(), torch.tensor(location, dtype=torch.float64, requires_grad=True)]
    step = mpmath.mpf("1e-15")

    def moved(symbol, index, by):
        with mpmath.workdps(60):
            values = [mpmath.mpf(value) for value in [*params.tolist(), location]]
            values[index] += by
            return exact_log_prob(kind, codec, Exact(values[:-1]), symbol, values[-1])

    for symbol in symbols.tolist():
        log_prob = distribution.log_prob(params, torch.tensor(symbol), inputs[1])
        found = torch.cat([part.flatten() for part in torch.autograd.grad(log_prob, inputs)])
        # Of several components that are so far away, float64 cannot tell which is the likeliest: squares of distances
        # differ by less than their rounding. (What is that improbable, the uniform share outweighs.)
        if distribution.num_mixtures > 1 and abs(float(log_prob.detach())) > FURTHEST_TOLD_APART:
            continue
        for index in range(len(params) + 1):
            with mpmath.workdps(60):
                exact = (moved(symbol, index, step) - moved(symbol, index, -step)) / (2 * step)
            if not at_the_clamp(distribution, params, index) and abs(exact) < 1e30:
                assert abs(float(found[index]) - exact) <= 1e-5 * max(1, abs(exact)), (symbol, index)


class Exact(list):
    """Parameters of more digits than a tensor has."""

    def chunk(self, parts):
        size = len(self) // parts
        return [Exact(self[part * size : (part + 1) * size]) for part in range(parts)]

    def tolist(self):
        return self


def at_the_clamp(distribution, params, index):
    """Whether a log scale is so near the end of its range that its gradient may be either side's."""
    component = index - 2 * distribution.num_mixtures
    if not 0 <= component < distribution.num_mixtures:
        return False
    log_scale = float(params[index].detach().double() + distribution.log_scale_offsets[component].double())
    return min(abs(log_scale - math.log(1e-3)), abs(log_scale - math.log(1e5))) < 1e-6


@of_both_mixtures
@settings(deadline=None, max_examples=15)
@given(mixture=mixtures(), temperature=st.sampled_from([1.0, 0.5, 1.7]))
def test_the_cumulative_function_of_a_mixture_is_that_of_its_probabilities(kind, mixture, temperature):
    codec, params, location = mixture
    num_mixtures = len(params) // 3
    distribution = kind(codec.codes_per_symbol, num_mixtures=num_mixtures)
    everywhere = torch.full((codec.num_symbols + 1,), location, dtype=torch.float64)
    k = torch.arange(codec.num_symbols + 1)
    below = distribution.cumulative(params.expand(len(k), -1), k, temperature, location=everywhere)
    assert below.dtype == torch.float64
    assert below[0] == 0
    assert abs(below[-1] - 1) <= 1e-12
    assert (below.diff() >= -1e-15).all()
    # Weights to the power 1 / T, scales times T, where the clamp lets them, and the same locations.
    hotter = params.double().reshape(3, -1) / torch.tensor([[temperature], [temperature], [1]], dtype=torch.float64)
    low, high = (math.log(end) - distribution.log_scale_offsets.double() for end in (1e-3, 1e5))
    hotter[2] = hotter[2].clamp(low, high) + math.log(temperature)
    if (hotter[2] >= low).all() and (hotter[2] <= high).all():
        log_prob = distribution.log_prob(hotter.flatten().expand(len(k) - 1, -1), k[:-1], everywhere[:-1])
        assert torch.allclose(below.diff(), log_prob.exp(), atol=1e-9, rtol=0)


@of_both_mixtures
def test_an_untrained_mixture_covers_silence_and_loud_speech(kind):
    """Parameters of zero: the scales lie between those of silence and of loud speech, and every code costs little."""
    distribution = kind(Linear().codes_per_symbol)
    log_prob = distribution.log_prob(torch.zeros(65536, 30), torch.arange(65536))
    assert log_prob[32768] > -5.5
    assert log_prob[32768 + 5000] > -25


@of_both_mixtures
def test_a_mixture_refuses_top_p(kind):
    distribution = kind(Linear(bits=8).codes_per_symbol, num_mixtures=2)
    with pytest.raises(ValueError, match="top_p needs a categorical"):
        distribution.cumulative(torch.zeros(6), torch.tensor(3), top_p=0.9)


@of_both_mixtures
def test_shapes_of_any_number_of_dimensions(kind):
    distribution = kind(Linear(bits=8).codes_per_symbol, num_mixtures=2)
    params = torch.randn(2, 3, 6)
    symbols = torch.randint(256, (2, 3))
    location = torch.randn(2, 3, dtype=torch.float64) * 100
    log_prob = distribution.log_prob(params, symbols, location)
    below = distribution.cumulative(params, symbols, 0.8, location=location)
    assert log_prob.shape == below.shape == (2, 3)
    for row in ((0, 1), (1, 2)):
        alone = distribution.log_prob(params[row], symbols[row], location[row])
        assert torch.allclose(alone, log_prob[row], atol=1e-6)
        alone = distribution.cumulative(params[row], symbols[row], 0.8, location=location[row])
        assert torch.allclose(alone, below[row], atol=1e-12)


LOGITS = st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=300)


@settings(deadline=None)
@given(LOGITS)
def test_categorical_against_float64_symbol_by_symbol(logits):
    params = torch.tensor(logits, requires_grad=True)
    symbols = torch.arange(len(logits))
    distribution = Categorical(np.ones(len(logits), np.int64))
    log_prob = distribution.log_prob(params.expand(len(logits), -1), symbols)
    exact = params.double() - torch.logsumexp(params.double(), 0)
    assert torch.all((log_prob - exact).abs() <= 1e-4 * exact.abs().clamp(min=1))
    assert abs(log_prob.double().exp().sum() - 1) <= 1e-6
    (gradient,) = torch.autograd.grad(log_prob.sum(), params)
    assert gradient.isfinite().all()
    below = distribution.cumulative(params.expand(len(logits) + 1, -1), torch.arange(len(logits) + 1))
    assert below[0] == 0
    assert torch.allclose(below.diff(), exact.exp(), atol=1e-12)


@settings(deadline=None)
@given(
    logits=st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=40),
    temperature=st.sampled_from([1.0, 0.7, 2.0]),
    top_p=st.floats(0.01, 1),
)
@example(logits=[0.0, 0.0, 0.0, 0.0], temperature=1.0, top_p=0.5)
@example(logits=[0.0, 0.0, 0.0, 0.0], temperature=1.0, top_p=0.51)
@example(logits=[1.0, 9.0], temperature=1.0, top_p=1e-9)
def test_temperature_and_nucleus_of_a_categorical(logits, temperature, top_p):
    weights = [math.exp((logit - max(logits)) / temperature) for logit in logits]
    probabilities = [weight / math.fsum(weights) for weight in weights]
    kept = set()
    mass = 0.0
    for symbol in sorted(range(len(logits)), key=lambda symbol: (-probabilities[symbol], symbol)):
        if top_p < 1 and abs(mass - top_p) < 1e-9 and mass != top_p:
            return  # rounding may decide either way
        if mass < top_p or top_p == 1:
            kept.add(symbol)
        mass += probabilities[symbol]
    total = math.fsum(probabilities[symbol] for symbol in kept)
    expected = [probabilities[symbol] / total if symbol in kept else 0.0 for symbol in range(len(logits))]
    distribution = Categorical(np.ones(len(logits), np.int64))
    k = torch.arange(len(logits) + 1)
    below = distribution.cumulative(torch.tensor(logits).expand(len(k), -1), k, temperature, top_p)
    assert torch.allclose(below.diff(), torch.tensor(expected, dtype=torch.float64), atol=1e-9)


def test_a_categorical_has_an_end():
    with pytest.raises(ValueError, match="at most 4096 symbols"):
        Categorical(Linear().codes_per_symbol)
