import copy
import itertools
import math

import numpy as np
import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from wavegen.models import checkpoint
from wavegen.models.audio import AudioModel
from wavegen.models.codecs import CODECS, Linear, MuLaw
from wavegen.models.forms import AudioForm

EVERY_CODE = torch.arange(-32768, 32768)
DISTRIBUTIONS = [("categorical", 0)]
DISTRIBUTIONS += [(name, taps) for name in ("mixture-of-gaussians", "mixture-of-logistics") for taps in (0, 3)]
FINITE = [name for name in small_models.NAMES if small_models.network(name).receptive_field is not None]
FITTING = [
    (codec, *distribution)
    for codec in ("mu-law-8", "mu-law-12", "linear-9", "linear-16")
    for distribution in DISTRIBUTIONS
]
FITTING.remove(("linear-16", "categorical", 0))
every_distribution = pytest.mark.parametrize(("distribution", "taps"), DISTRIBUTIONS)
every_combination = pytest.mark.parametrize(("codec", "distribution", "taps"), FITTING)


def codec_of(name):
    name, _, bits = name.rpartition("-")
    return CODECS[name](bits=int(bits))


@every_distribution
@pytest.mark.parametrize("name", small_models.NAMES)
def test_probabilities_of_all_short_sequences_sum_to_one(name, distribution, taps):
    """Every symbol sequence, weighted with the number of PCM sequences that share it; NADE's exceed a frame."""
    model = small_models.model(name, small_models.TinyCodec(sizes=(32738, 60, 32738)), distribution, taps)
    length = 6 if name.startswith("nade") else 4
    sequences = torch.tensor(list(itertools.product(range(3), repeat=length)))
    log2_prob, _ = model.log2_prob(model.decode(sequences))
    codes = model.codes_per_symbol[sequences].double()
    total = (log2_prob + codes.log2()).sum(dim=1).exp2().sum()
    assert abs(total - 1) <= 1e-9
    assert log2_prob.std() > 0.3


@every_combination
def test_each_step_sums_to_one_over_all_pcm_codes(codec, distribution, taps):
    """And what is sampled from is what is scored, symbol by symbol."""
    model = small_models.model("gru", codec_of(codec), distribution, taps)
    history = torch.randint(-3000, 3000, (1, 20))
    _, state = model.log2_prob(history)
    params, location, _ = model.params(torch.zeros(1, 1), state)
    params = params[0]
    location = None if location is None else location[0]
    mass = symbol_masses(model, params, location)
    assert abs(mass.sum() - 1) <= 1e-9
    k = torch.arange(model.codec.num_symbols + 1)
    cumulative = model.cumulative(params.expand(len(k), -1), k, location=location)
    assert torch.allclose(cumulative.diff(), mass, atol=1e-9, rtol=0)
    assert cumulative[0] == 0
    assert abs(cumulative[-1] - 1) <= 1e-12
    few = torch.tensor([-32768, 32767, 0, 1500, -20])
    whole, _ = model.log2_prob(torch.cat([history.expand(5, -1), few[:, None]], dim=1))
    symbols = model.encode(few)
    assert torch.allclose(whole[:, -1].exp2() * model.codes_per_symbol[symbols], mass[symbols], atol=1e-12)


def symbol_masses(model, params, location):
    """What the codes of each symbol are scored with, together, (num_symbols,); params (1, num_params)."""
    codes = model.decode(torch.arange(model.codec.num_symbols))
    log2_prob = model.code_log2_prob(params.expand(len(codes), -1), codes, location)
    return (log2_prob.exp2() * model.codes_per_symbol).detach()


@every_combination
def test_draws_are_as_the_scored_distribution_says(codec, distribution, taps):
    """Ten thousand draws by the cumulative function, after each of three histories."""
    model = small_models.model("gru", codec_of(codec), distribution, taps)
    generator = torch.Generator().manual_seed(1)
    for loudness in (1, 100, 10000):
        _, state = model.log2_prob((torch.randn(1, 20, generator=generator) * loudness).round())
        params, location, _ = model.params(torch.zeros(1, 1), state)
        params = params[0]
        location = None if location is None else location[0]
        k = torch.arange(model.codec.num_symbols + 1)
        cumulative = model.cumulative(params.expand(len(k), -1), k, location=location)
        u = torch.rand(10_000, dtype=torch.float64, generator=generator)
        draws = torch.searchsorted(cumulative, u, right=True) - 1
        expected = 10_000 * symbol_masses(model, params, location).numpy()
        assert goodness(np.bincount(draws, minlength=model.codec.num_symbols), expected) > 1e-4


def goodness(counts, expected):
    """The p-value of a chi-square test over runs of symbols that ten draws or more are expected of."""
    groups = np.floor(np.cumsum(expected) / 10).clip(max=expected.sum() // 10 - 1).astype(int)
    _, groups = np.unique(groups, return_inverse=True)
    expected = np.bincount(groups, weights=expected)
    if len(expected) < 2:
        return 1.0
    return chisquare(np.bincount(groups, weights=counts), expected * counts.sum() / expected.sum()).pvalue


@pytest.mark.parametrize("distribution", ["mixture-of-gaussians", "mixture-of-logistics"])
def test_every_code_has_a_finite_and_right_gradient(distribution):
    """In float32 and with the uniform share, over scales and locations as wild as parameters can make them."""
    model = small_models.model("gru", Linear(), distribution).float()
    generator = torch.Generator().manual_seed(0)
    for log_scale, reach in itertools.product([-30.0, -5, 0, 30], [1, 1e4, 1e30]):
        params = torch.randn(6, generator=generator)
        params[2:4] *= reach
        params[4:] += log_scale
        rows = params.repeat(65536, 1).requires_grad_()
        location = torch.full((65536,), 1234.5, dtype=torch.float64, requires_grad=True)
        found = gradients(model, rows, location)
        exact = gradients(model, rows.detach().double().requires_grad_(), location)
        assert found.isfinite().all()
        assert ((found - exact).abs() <= 1e-4 * exact.abs().clamp(min=1)).all()


def gradients(model, params, location):
    log2_prob = model.code_log2_prob(params, EVERY_CODE, location)
    assert (log2_prob >= -30.0001).all()
    of_params, of_location = torch.autograd.grad(log2_prob.sum(), [params, location])
    return torch.cat([of_params.double(), of_location[:, None]], dim=1)


@pytest.mark.parametrize("distribution", ["mixture-of-gaussians", "mixture-of-logistics"])
def test_float32_scores_are_those_of_float64(distribution):
    torch.manual_seed(5)
    model = small_models.model("wavenet-front", Linear(), distribution, 3).float()
    pcm = (torch.randn(2, 200) * 3000).round().long()
    exact, _ = copy.deepcopy(model).double().log2_prob(pcm)
    assert (model.log2_prob(pcm)[0] - exact).abs().max() <= 1e-3


@every_distribution
def test_codes_of_one_cell_are_equally_probable(distribution, taps):
    model = small_models.model("gru", MuLaw(), distribution, taps)
    log2_prob, _ = model.log2_prob(EVERY_CODE[:, None])
    assert abs(log2_prob.exp2().sum() - 1) <= 1e-6
    edges = model.encode(EVERY_CODE).diff().nonzero().flatten() + 1
    for cell in log2_prob.flatten().tensor_split(edges):
        assert cell.max() - cell.min() <= 1e-12


@every_distribution
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), code=st.integers(-32768, 32767))
def test_no_code_costs_more_than_thirty_bits(distribution, taps, seed, code):
    """A model that is certain of something else still codes every sample, in at most 30 bits."""
    torch.manual_seed(seed)
    model = small_models.model("gru", MuLaw(), distribution, taps).float()
    with torch.no_grad():
        small_models.output_of(model).bias.copy_(torch.randn_like(small_models.output_of(model).bias) * 1e4)
    log2_prob, _ = model.log2_prob(torch.tensor([[code]]))
    assert -30.0001 <= log2_prob.item() <= 0


@pytest.mark.parametrize("name", small_models.NAMES)
def test_the_first_sample_follows_silence(name):
    model = small_models.model(name, MuLaw(), "mixture-of-logistics", 3)
    pcm = torch.randint(-32768, 32768, (2, 9))
    from_nothing, _ = model.log2_prob(pcm)
    after_silence, _ = model.log2_prob(pcm, model.initial_state(2, before=torch.zeros(2, dtype=torch.int64)))
    assert torch.equal(from_nothing, after_silence)


@pytest.mark.parametrize("taps", [0, 1, 3])
@pytest.mark.parametrize("name", small_models.NAMES)
@settings(deadline=None, max_examples=8)
@given(cuts=st.lists(st.integers(1, 15), min_size=1, max_size=8))
def test_chunking_changes_nothing(name, taps, cuts):
    model = small_models.model(name, Linear(), "mixture-of-logistics", taps)
    pcm = torch.randint(-3000, 3000, (2, sum(cuts)))
    whole, _ = model.log2_prob(pcm)
    pieces = []
    state = model.initial_state(2)
    for piece in pcm.split(cuts, dim=1):
        log2_prob, state = model.log2_prob(piece, state)
        pieces.append(log2_prob)
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-8)


@pytest.mark.parametrize("taps", [0, 1, 4])
@pytest.mark.parametrize("name", FINITE)
def test_a_sample_sees_its_receptive_field_and_nothing_else(name, taps):
    """One sample of the past at a time is changed, so that the whole way from PCM to parameters is seen."""
    model = small_models.model(name, Linear(), "mixture-of-logistics", taps)
    alignment = model.network.alignment
    assert model.receptive_field is not None
    t = (model.receptive_field // alignment + 2) * alignment - 1
    seen = set()
    for seed in range(3):  # of one past, all of a layer's units may be dead
        pcm = torch.randint(-3000, 3000, (1, t + 5), generator=torch.Generator().manual_seed(seed))
        changed = torch.where(torch.eye(t + 5, dtype=torch.bool), pcm + 7001, pcm)
        params, location, _ = model.params(torch.cat([pcm, changed]), model.initial_state(t + 6))
        said = params[:, t] if location is None else torch.cat([params[:, t], location[:, t : t + 1]], dim=1)
        seen |= set(((said[1:] - said[0]).abs() > 1e-9).any(dim=1).nonzero().flatten().tolist())
    assert (min(seen), max(seen)) == (t - model.receptive_field, t - 1)


def test_uniform_share_is_two_to_the_minus_fourteen():
    model = small_models.mu_law_model(name="gru", hidden_size=4)
    with torch.no_grad():
        small_models.output_of(model).weight.zero_()
        small_models.output_of(model).bias.fill_(-1e9)
        small_models.output_of(model).bias[model.codec.silence] = 0
    expected = math.log2((1 - 2**-14) / model.codes_per_symbol[model.codec.silence] + 2**-14 / 65536)
    assert abs(model.log2_prob(torch.zeros(1, 1))[0].item() - expected) <= 1e-5


MODELS = {
    "categorical": {"codec": {"name": "mu-law", "bits": 9}, "distribution": {"name": "categorical"}},
    "gaussians": {
        "codec": {"name": "mu-law", "bits": 11},
        "distribution": {"name": "mixture-of-gaussians", "num_mixtures": 1},
    },
    "logistics": {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 4},
        "predictor": {"name": "linear", "taps": 5},
    },
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("name", ["wavenet-front", "markov-linear", "nade-context"])
def test_settings_and_files_build_the_same_model(name, kind, tmp_path):
    network = {"name": name.split("-")[0], **small_models.SETTINGS[name]}
    model = AudioModel.from_settings({**MODELS[kind], "network": network}, AudioForm(16000)).eval()
    again = AudioModel.from_settings(model.settings, AudioForm(model.sample_rate)).eval()
    again.load_state_dict(model.state_dict())
    pcm = torch.randint(-3000, 3000, (1, 30))
    assert torch.equal(model.log2_prob(pcm)[0], again.log2_prob(pcm)[0])
    assert again.describe() == model.describe()
    assert model.settings["distribution"] == MODELS[kind]["distribution"]
    checkpoint.save(model, tmp_path / "model.safetensors", {})
    read = checkpoint.load(tmp_path / "model.safetensors")
    assert torch.equal(read.log2_prob(pcm)[0], model.log2_prob(pcm)[0])
    assert read.describe()["macs_per_sample"] == model.macs_per_sample
