"""A model with a spectral predictor by its definition, whatever is cut."""

import math
from typing import Any

import numpy as np
import pytest
import sensitive_models
import spectral_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logsumexp
from spectral_models import HOP, ORDER, predictor_of

from wavegen.models.distributions import MixtureOfGaussians, MixtureOfLogistics
from wavegen.models.given import Given
from wavegen.models.inputs import companded

REFERENCE = 128
GIVEN = {"frames": Given(None, spectral_models.frames(8)), "none": Given()}
PITCH = {"frames": Given(None, spectral_models.with_f0(spectral_models.frames(25))), "none": Given()}


def filters_by_hand(model, frames, samples):
    """Taps, unit, lag and pitch gain of each sample."""
    arrays = {name: each.detach().numpy() for name, each in predictor_of(model).named_parameters()}
    if frames is None:
        return [(arrays["weights"].astype(float), float(arrays["unit"]), 0, 0)] * samples
    found = []
    for frame in frames:
        lag, gain = 0, 0
        if len(frame) > spectral_models.BANDS and frame[-1] == 1:
            lag, gain = min(max(8000 / math.exp(frame[-2]), 1), 134), float(arrays["pitch_gain"])
        mel = frame[: spectral_models.BANDS]
        found.append((*spectral_models.solved(model.config.conditioning, arrays, mel), lag, gain))
    return [found[min(t // HOP, len(found) - 1)] for t in range(samples)]


def predictions_by_hand(pcm, filters):
    """Location, and the two codes of the inputs, before each sample."""
    location, inputs, expected = [], [], 0.0

    def sample(t):
        return int(pcm[t]) if t >= 0 else 0

    def between(t):
        """The sample at a time that is no integer."""
        whole = math.ceil(t)
        return sample(whole) + (whole - t) * (sample(whole - 1) - sample(whole))

    for t, (taps, unit, lag, gain) in enumerate(filters):
        here = sum(tap * sample(t - 1 - i) for i, tap in enumerate(taps))
        told = [sample(t - 1) - expected]
        repeated = 0
        if lag:
            repeated = between(t - lag) - sum(tap * between(t - lag - 1 - i) for i, tap in enumerate(taps))
            here += gain * repeated
        inputs.append([each * REFERENCE / unit for each in (*told, here, repeated)])
        location.append(here)
        expected = here
    return np.array(location), np.array(inputs)


def code_of(value):
    return min(max(math.floor(value + 0.5), -32768), 32767)


@pytest.mark.parametrize("f0", [False, True])
@pytest.mark.parametrize("name", GIVEN)
def test_bits_are_those_of_the_definition(name, f0):
    """From PCM and frames to a file's log2 p with loops, but for the network and the encoder of its conditions."""
    model: Any = spectral_models.model(f0=f0).double()
    given, samples = (PITCH if f0 else GIVEN)[name], 290
    pcm = sensitive_models.pcm(1, samples)[0]
    filters = filters_by_hand(model, given.frames, samples)
    location, told = predictions_by_hand(pcm, filters)
    before = np.append(0, pcm[:-1]).astype(int)
    table = companded().astype(float)
    inputs = [
        [before[t] / 4096, table[before[t] + 32768], *(table[code_of(x) + 32768] for x in told[t][: 3 if f0 else 2])]
        for t in range(samples)
    ]
    state = model.initial_state(1, conditions=[given])
    condition, _ = model.conditioning.of_samples(state.condition, samples)
    params = model.network(torch.tensor(inputs)[None], state.network, condition)[0][0].detach().numpy()
    expected = []
    for t in range(samples):
        logits, means, log_scales = params[t].reshape(3, 4)
        offsets = np.array(model.distribution.log_scale_offsets.tolist())
        scales = np.exp(np.clip(log_scales + offsets + math.log(filters[t][1] / REFERENCE), *np.log([1e-3, 1e5])))
        z = (np.array([[pcm[t] - 0.5], [pcm[t] + 0.5]]) - location[t]) / scales - means
        low, high = expit(z[0]) if pcm[t] > -32768 else 0, expit(z[1]) if pcm[t] < 32767 else 1
        mass = (np.exp(logits - logsumexp(logits)) * (high - low)).sum()
        expected.append(math.log2((1 - 2**-14) * mass + 2**-14 / 65536))
    found = model.log2_prob(torch.from_numpy(pcm[None].astype(np.int64)), state)[0][0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert np.std(expected) > 1


@settings(deadline=None, max_examples=25)
@given(cuts=st.lists(st.integers(1, 25), min_size=1, max_size=8), absent=st.booleans())
def test_chunks_and_neighbours_change_nothing(cuts, absent):
    """Recordings side by side have frames of their own number, or none."""
    model = spectral_models.model().double()
    pcm = torch.from_numpy(sensitive_models.pcm(2, sum(cuts)).astype(np.int64))
    given = [
        Given(None, spectral_models.frames(4, 7)),
        Given() if absent else Given(None, spectral_models.frames(9, 8)),
    ]
    pieces, state = [], model.initial_state(2, conditions=given)
    for piece in pcm.split(cuts, dim=1):
        log2_prob, state = model.log2_prob(piece, state)
        pieces.append(log2_prob)
    for row in range(2):
        alone, _ = model.log2_prob(pcm[row : row + 1], model.initial_state(1, conditions=given[row : row + 1]))
        assert torch.allclose(torch.cat(pieces, dim=1)[row], alone[0], atol=1e-8, rtol=0)


def test_a_sample_sees_its_receptive_field_and_its_own_frame_s_filter():
    """The oldest sample is in the location of the oldest error that the network sees."""
    network = {"name": "markov", "order": 4, "hidden_sizes": [9]}
    model: Any = spectral_models.model(network, look_ahead=0).double()
    assert model.receptive_field == 4 + ORDER
    t, seen = 30, set()
    given = [GIVEN["frames"]]
    pcms = [torch.from_numpy(sensitive_models.pcm(1, t + 5, seed).astype(np.int64)) // 8 for seed in range(3)]
    for pcm in pcms:
        changed = torch.where(torch.eye(t + 5, dtype=torch.bool), pcm + 3001, pcm)
        params, location, _ = model.params(
            torch.cat([pcm, changed]), model.initial_state(t + 6, conditions=given * (t + 6))
        )
        said = torch.cat([params[:, t], location[:, t : t + 1]], dim=1)
        seen |= set(((said[1:] - said[0]).abs() > 1e-9).any(dim=1).nonzero().flatten().tolist())
    assert (min(seen), max(seen)) == (t - model.receptive_field, t - 1)
    pcm, changed = pcms[-1], set()
    _, location, _ = model.params(pcm, model.initial_state(1, conditions=given))
    for frame in range(3):
        others = spectral_models.frames(8)
        others[frame, 0] += 1
        _, other, _ = model.params(pcm, model.initial_state(1, conditions=[Given(None, others)]))
        differs = ((other - location)[0].abs() > 1e-9).nonzero().flatten().tolist()
        assert frame * HOP <= min(differs)
        assert max(differs) < frame * HOP + HOP
        changed |= set(differs)
    assert len(changed) > 25


@pytest.mark.parametrize("kind", [MixtureOfLogistics, MixtureOfGaussians])
def test_in_units_a_mixture_is_the_same_one_of_larger_codes(kind):
    """What lies u · d codes from the location has as much below it as what lies d from it without units."""
    mixture: Any = kind(np.ones(65536, np.int64), num_mixtures=3)
    params = torch.randn(40, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    unit, k = 3.0, torch.arange(100, 65000, 1640)[:40]
    distance = torch.linspace(-4, 4, 40, dtype=torch.float64)  # from the location, in units
    there = mixture.in_units(params, torch.full((40,), math.log(unit), dtype=torch.float64))
    found = mixture.cumulative(there, k, location=k - 32768.5 - unit * distance)
    torch.testing.assert_close(found, mixture.cumulative(params, k, location=k - 32768.5 - distance))
    assert found.std() > 0.1


def test_with_f0_a_sample_sees_one_period_the_filter_and_one_more():
    """The longest period ends between two samples."""
    model: Any = spectral_models.model({"name": "markov", "order": 1, "hidden_sizes": [9]}, f0=True).double()
    assert predictor_of(model).receptive_field == 134 + ORDER + 1
    mel = spectral_models.frames(40)
    frames = np.concatenate([mel, np.tile([math.log(60), 1], (40, 1))], axis=1).astype(np.float32)
    t, pcm = 300, torch.from_numpy(sensitive_models.pcm(1, 305).astype(np.int64)) // 8
    changed = torch.where(torch.eye(305, dtype=torch.bool), pcm + 3001, pcm)
    batch = torch.cat([pcm, changed])
    _, location, _ = model.params(batch, model.initial_state(306, conditions=[Given(None, frames)] * 306))
    seen = ((location[1:, t] - location[0, t]).abs() > 1e-9).nonzero().flatten().tolist()
    assert (min(seen), max(seen)) == (t - 134 - ORDER, t - 1)


def test_nothing_of_the_predictor_is_trained():
    model: Any = spectral_models.model().train()
    state = model.initial_state(1, conditions=[GIVEN["frames"]])
    log2_prob, _ = model.log2_prob(torch.from_numpy(sensitive_models.pcm(1, 50).astype(np.int64)), state)
    log2_prob.sum().backward()
    assert all(weight.grad is None and not weight.requires_grad for weight in predictor_of(model).parameters())
    assert model.network.output.weight.grad.abs().sum() > 0
    assert model.conditioning.frames.weight.grad.abs().sum() > 0
