import itertools
import math

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.codecs import MuLaw


@pytest.mark.parametrize("name", tiny.NAMES)
def test_probabilities_of_all_short_sequences_sum_to_one(name):
    """Every symbol sequence, weighted with the number of PCM sequences that share it; NADE's exceed a frame."""
    model = tiny.model(name, tiny.TinyCodec(num_symbols=3))
    length = 6 if name.startswith("nade") else 4
    sequences = torch.tensor(list(itertools.product(range(3), repeat=length)))
    log2_prob, _ = model.log2_prob(model.codec.decode(sequences))
    codes = model.codec.codes_per_symbol[sequences].double()
    total = (log2_prob + codes.log2()).sum(dim=1).exp2().sum()
    assert abs(total - 1) <= 1e-9
    assert log2_prob.std() > 0.3


@pytest.mark.parametrize("name", tiny.NAMES)
def test_each_step_sums_to_one_over_all_pcm_codes(name):
    model = tiny.model(name, MuLaw())
    past = torch.randint(-32768, 32768, (1, 20))
    every_code = torch.arange(-32768, 32768)
    # One row a symbol, with a code drawn from its cell: codes of one cell are checked to be equally probable below.
    symbol_of_code = model.codec.encode(every_code)
    drawn = torch.stack([choice(every_code[symbol_of_code == symbol]) for symbol in range(256)])
    log2_prob, _ = model.log2_prob(torch.cat([past.expand(256, -1), drawn[:, None]], dim=1))
    mass = log2_prob[:, -1].exp2() * model.codec.codes_per_symbol
    assert abs(mass.sum() - 1) <= 1e-6
    # What is sampled from is what is scored, symbol by symbol.
    _, state = model.log2_prob(past)
    params, _ = model.params(torch.zeros(1, 1), state)
    assert torch.allclose(model.symbol_probabilities(params[0, 0]), mass, atol=1e-9)


def choice(codes):
    return codes[torch.randint(len(codes), ())]


def test_codes_of_one_cell_are_equally_probable():
    model = tiny.model("gru", MuLaw())
    every_code = torch.arange(-32768, 32768)
    log2_prob, _ = model.log2_prob(every_code[:, None])
    assert abs(log2_prob.exp2().sum() - 1) <= 1e-6
    for symbol in range(256):
        assert log2_prob[model.codec.encode(every_code) == symbol].unique().numel() == 1


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), code=st.integers(-32768, 32767))
def test_no_code_costs_more_than_thirty_bits(seed, code):
    """A model that is certain of something else still codes every sample, in at most 30 bits."""
    torch.manual_seed(seed)
    model = tiny.mu_law_model(name="gru", hidden_size=4)
    with torch.no_grad():
        model.network.output.bias.copy_(torch.randn(256) * 1e4)
    log2_prob, _ = model.log2_prob(torch.tensor([[code]]))
    assert -30.0001 <= log2_prob.item() <= 0


@pytest.mark.parametrize("name", tiny.NAMES)
def test_the_first_sample_follows_silence(name):
    model = tiny.model(name, MuLaw())
    pcm = torch.randint(-32768, 32768, (2, 9))
    from_nothing, _ = model.log2_prob(pcm)
    after_silence, _ = model.log2_prob(pcm, model.initial_state(2, before=torch.zeros(2, dtype=torch.int64)))
    assert torch.equal(from_nothing, after_silence)


def test_uniform_share_is_two_to_the_minus_fourteen():
    model = tiny.mu_law_model(name="gru", hidden_size=4)
    with torch.no_grad():
        model.network.output.weight.zero_()
        model.network.output.bias.fill_(-1e9)
        model.network.output.bias[model.codec.silence] = 0
    expected = math.log2((1 - 2**-14) / model.codec.codes_per_symbol[model.codec.silence] + 2**-14 / 65536)
    assert abs(model.log2_prob(torch.zeros(1, 1))[0].item() - expected) <= 1e-5


def test_settings_build_the_same_model():
    model = tiny.mu_law_model(name="wavenet", dilations=(1, 2), skip_channels=9)
    again = type(model).from_settings(model.settings, model.sample_rate)
    again.load_state_dict(model.state_dict())
    pcm = torch.randint(-3000, 3000, (1, 30))
    assert torch.equal(model.log2_prob(pcm)[0], again.log2_prob(pcm)[0])
    assert again.describe() == model.describe()
