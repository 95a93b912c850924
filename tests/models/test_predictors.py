import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.models.predictors import LinearPredictor


def predictor(taps):
    made = LinearPredictor(taps=taps)
    with torch.no_grad():
        made.weights.copy_(torch.randn(taps, generator=torch.Generator().manual_seed(0)))
    return made


@pytest.mark.parametrize("taps", [1, 2, 7])
def test_the_location_is_the_weighted_sum_of_the_codes_before(taps):
    """In float64, newest sample first, with zeros before the file; the error is that of the newest code."""
    made = predictor(taps)
    weights = made.weights.double().tolist()
    codes = torch.randint(-32768, 32768, (2, 20))
    location, (error,), *_ = made(codes, made.initial_state(2))
    assert location.dtype == error.dtype == torch.float64
    for row in range(2):
        expected = 0.0
        for t in range(20):
            assert abs(error[row, t] - (int(codes[row, t]) - expected)) <= 1e-9
            expected = sum(weights[i] * int(codes[row, t - i]) for i in range(min(taps, t + 1)))
            assert abs(location[row, t] - expected) <= 1e-9


@pytest.mark.parametrize("taps", [1, 2, 7])
@settings(deadline=None, max_examples=25)
@given(cuts=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_chunking_changes_nothing(taps, cuts):
    made = predictor(taps)
    codes = torch.randint(-32768, 32768, (2, sum(cuts)))
    location, (error,), *_ = made(codes, made.initial_state(2))
    state, pieces = made.initial_state(2), []
    for piece in codes.split(cuts, dim=1):
        *piece, state = made(piece, state)
        pieces.append(piece)
    assert torch.allclose(torch.cat([piece[0] for piece in pieces], dim=1), location, atol=1e-9, rtol=0)
    assert torch.allclose(torch.cat([piece[1][0] for piece in pieces], dim=1), error, atol=1e-9, rtol=0)


def test_the_state_holds_on_to_no_chunk():
    made = predictor(4)
    *_, state = made(torch.zeros(1, 100_000), made.initial_state(1))
    assert all(part.untyped_storage().nbytes() <= 64 for part in state)


def test_only_the_location_has_a_gradient():
    made = predictor(3)
    location, (error,), *_ = made(torch.randint(-99, 99, (1, 9)), made.initial_state(1))
    assert location.requires_grad
    assert not error.requires_grad


def test_it_starts_as_the_last_sample():
    made = LinearPredictor(taps=5)
    codes = torch.randint(-32768, 32768, (1, 9))
    assert torch.equal(made(codes, made.initial_state(1))[0], codes.double())


def test_a_fit_finds_the_filter_of_an_autoregressive_process():
    """Whatever its loudness, and from several recordings."""
    rng = np.random.default_rng(0)
    recordings = []
    for loudness in (20, 200):
        pcm = np.zeros(6000)
        for t in range(2, len(pcm)):
            pcm[t] = 1.5 * pcm[t - 1] - 0.8 * pcm[t - 2] + loudness * rng.normal()
        recordings.append(np.rint(pcm).astype(np.int16))
    made = LinearPredictor(taps=3)
    made.fit(recordings)
    assert np.abs(made.weights.detach().numpy() - [1.5, -0.8, 0]).max() <= 0.05


@pytest.mark.parametrize(
    "recordings", [[], [np.zeros(3, np.int16)], [np.zeros(900, np.int16)]], ids=["none", "short", "silent"]
)
def test_a_fit_to_nothing_changes_nothing(recordings):
    made = LinearPredictor(taps=4)
    made.fit(recordings)
    assert made.weights.isfinite().all()
    if not recordings or len(recordings[0]) < 5:
        assert made.weights.tolist() == [1, 0, 0, 0]
