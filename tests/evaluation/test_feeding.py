"""Bits of whole files: any chunk and any neighbours give the same; intervals against their definitions."""

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take, sum_bits, windowed
from wavegen.evaluation.feeds import feed_of
from wavegen.evaluation.intervals import bootstrap_interval
from wavegen.evaluation.teacher_forcing import bits_of_takes, bits_per_file
from wavegen.models.given import Given

RATE = 8000
GRU = small_models.mu_law_model(name="gru", hidden_size=5)


@dataclasses.dataclass
class Odd:
    """A density whose surprisal depends on time, preceding code and condition.

    Whoever loses state or conditions, or counts padding, is found.
    """

    sample_rate: int = RATE
    largest: int = 0
    num_params: int = 1
    whole: None = None

    @property
    def device(self):
        return torch.device("cpu")

    def initial_state(self, batch_size, before=None, conditions=()):
        assert len(conditions) == batch_size
        speakers = [float(one.speaker or 0) for one in conditions]
        return torch.zeros(batch_size, dtype=torch.int64), 0, torch.tensor(speakers)[:, None]

    def log2_prob(self, pcm, state=None):
        self.largest = max(self.largest, pcm.numel())
        assert state is not None
        last, time, speakers = state
        before = torch.cat([last[:, None], pcm[:, :-1].long()], dim=1)
        times = time + torch.arange(pcm.shape[1])
        surprisal = 1 + times % 7 + (before - pcm.long()).abs() / 1000.0 + speakers
        return -surprisal, (pcm[:, -1].long(), time + pcm.shape[1], speakers)

    def describe(self):
        return {}


def odd_bits(pcm) -> float:
    before = np.concatenate([[0], pcm[:-1]]).astype(np.int64)
    return float(np.sum(1 + np.arange(len(pcm)) % 7 + np.abs(before - pcm) / 1000.0))


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2000, samples).round().astype(np.int16)


@given(lengths=st.lists(st.integers(1, 300), max_size=40), samples_at_once=st.integers(1, 3000))
@settings(deadline=None, max_examples=60)
def test_any_chunk_and_any_neighbours_give_the_bits_of_each_file_alone(lengths, samples_at_once):
    pcms = [noise(length, seed) for seed, length in enumerate(lengths)]
    model: Any = Odd()
    bits = bits_per_file(model, pcms, samples_at_once)
    np.testing.assert_allclose(bits, [odd_bits(pcm) for pcm in pcms], rtol=1e-5)
    takes = [Take("", len(pcm), lambda pcm=pcm: pcm, lambda n=n: Given(str(n % 5))) for n, pcm in enumerate(pcms)]
    given = [odd_bits(pcm) + n % 5 * len(pcm) for n, pcm in enumerate(pcms)]
    np.testing.assert_allclose(bits_of_takes(model, takes, samples_at_once), given, rtol=1e-5)
    assert model.largest <= max(samples_at_once, 16), "memory is bounded by the samples at once"


@pytest.mark.parametrize("name", small_models.NAMES)
def test_scoring_in_chunks_is_scoring_whole_files(name):
    model = small_models.model(name)
    pcms = [noise(length, length) for length in (257, 1, 90, 64)]
    whole = [-model.log2_prob(torch.from_numpy(pcm)[None])[0].sum().item() for pcm in pcms]
    np.testing.assert_allclose(bits_per_file(model, pcms, samples_at_once=50), whole, rtol=1e-9)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_scoring_in_chunks_is_scoring_whole_files_with_their_conditions(name):
    model = small_models.model(name, encoder=small_models.conditioning(mel="librosa", bands=2, hop=6))
    takes, whole = [], []
    for length, speaker, frames in ((257, "anna", 50), (1, None, 1), (90, "ben", 0), (64, None, 7)):
        given = Given(speaker, np.random.default_rng(frames).normal(size=(frames, 2)).astype("f4") if frames else None)
        pcm = noise(length, length)
        takes.append(Take("", length, lambda pcm=pcm: pcm, lambda given=given: given))
        state = model.initial_state(1, conditions=[given])
        whole.append(-model.log2_prob(torch.from_numpy(pcm)[None], state)[0].sum().item())
    np.testing.assert_allclose(bits_of_takes(model, takes, samples_at_once=50), whole, rtol=1e-9)


@pytest.mark.parametrize("name", ["wavenet", "gru", "nade"])
def test_an_engine_scores_with_the_conditions_of_each_file(name):
    encoder = small_models.conditioning(mel="librosa", bands=2, hop=64)
    model = small_models.model(name, encoder=encoder).float()
    takes = []
    for length, speaker, frames in ((257, "anna", 5), (40, None, 1), (190, "ben", 0), (164, None, 2), (150, "ben", 9)):
        given = Given(speaker, np.random.default_rng(frames).normal(size=(frames, 2)).astype("f4") if frames else None)
        takes.append(Take("", length, functools.partial(noise, length, length), functools.partial(Given, *given)))
    expected = bits_of_takes(model.double(), takes)
    np.testing.assert_allclose(sum_bits(feed_of(model.float()), takes, 300), expected, rtol=1e-4)
    with pytest.raises(UserError, match="did you mean anna"):
        sum_bits(feed_of(model), [takes[0]._replace(given=lambda: Given("ana"))], 300)


def test_scoring_leaves_weights_and_gradients_alone():
    bits_per_file(GRU, [noise(50)])
    assert all(weight.grad is None and weight.requires_grad for weight in GRU.parameters())


def naive_interval(bits, samples, draws=4000):
    random = np.random.default_rng(99)
    files = len(bits)
    rates = []
    for _ in range(draws):
        drawn = random.integers(files, size=files)
        rates.append(sum(bits[i] for i in drawn) / sum(samples[i] for i in drawn))
    return np.percentile(rates, [2.5, 97.5])


def test_the_interval_is_of_the_ratio_of_sums():
    random = np.random.default_rng(5)
    samples = random.integers(100, 20000, 30)
    bits = samples * random.normal(9, 1, 30) + 3000  # short files cost more a sample: a mean of ratios would differ
    low, high = bootstrap_interval(bits, samples)
    expected = naive_interval(bits, samples)
    assert [low, high] == pytest.approx(expected, abs=0.06 * (expected[1] - expected[0]))
    assert low < bits.sum() / samples.sum() < high
    assert (low, high) == bootstrap_interval(bits, samples), "the seed is fixed"


def test_the_interval_covers_the_truth_about_nineteen_times_in_twenty():
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(random.normal(9, 1, 60) * 1000, np.full(60, 1000))
        assert low is not None
        assert high is not None
        covered += low < 9 < high
    assert 178 <= covered <= 199


def test_one_file_has_no_interval():
    assert bootstrap_interval(np.array([9.0]), np.array([1])) == (None, None)


def test_a_difference_is_paired():
    random = np.random.default_rng(3)
    samples = random.integers(1000, 9000, 20)
    a = samples * random.normal(9, 2, 20)
    low, high = bootstrap_interval(a - (a - 0.25 * samples), samples)
    assert (low, high) == pytest.approx((0.25, 0.25))


def test_many_files_are_drawn_in_bounded_memory():
    files = 50_000
    low, high = bootstrap_interval(np.full(files, 9000.0), np.full(files, 1000))
    assert (low, high) == pytest.approx((9.0, 9.0))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50), st.integers(1, 60))
@settings(deadline=None)
def test_windowed(values, length):
    expected = [np.mean(values[start : start + length]) for start in range(0, len(values), length)]
    np.testing.assert_allclose(windowed(np.array(values), length), expected, atol=1e-9)
