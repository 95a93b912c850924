"""Which channels of a recording are mixed, left out or taken alone."""

import numpy as np
import pytest
from examined import RATE, figures, noise

from wavegen.audio.examination.channels import Levels

CHANNELS = {
    "independent": ((1, 0, 0), (0, 1, 0)),
    "identical": ((1, 0, 0), (1, 0, 0)),
    "a quarter of the other": ((1, 0, 0), (0.25, 0, 0)),
    "30 dB below": ((1, 0, 0), (0, 0.03, 0)),
    "wide stereo": ((1, -0.3, 0), (-0.3, 1, 0)),  # correlation -0.55; cancelling begins at -0.8
}


@pytest.mark.parametrize("name", CHANNELS)
def test_channels_that_are_simply_averaged(name):
    basis = np.stack([noise(9000, seed) for seed in range(3)], axis=1)
    found = figures(basis @ np.array(CHANNELS[name]).T)
    assert (found["mixed"], found["empty"], found["cancelling"]) == ([1, 2], [], False)
    assert found["identical"] == (name == "identical")


@pytest.mark.parametrize(
    ("channels", "mixed", "empty", "cancelling"),
    [
        ([1, -1], [1], [], True),
        ([1, -0.5], [1], [], True),
        ([1, 1, -1], [1], [], True),
        ([0, 1, -1], [2], [1], True),
        ([1, 0], [1], [2], False),
        ([0, 1], [2], [1], False),
        ([1, 0.005], [1], [2], False),
        ([1, 0, 1, 0, 0, 1], [1, 3, 6], [2, 4, 5], False),
        ([0, 0], [1, 2], [], False),
        ([1], [1], [], False),
    ],
)
@pytest.mark.parametrize("offset", [0, -3000])
def test_channels_that_are_not(channels, mixed, empty, cancelling, offset):
    found = figures(noise(9000)[:, None] * np.array(channels) + offset)
    assert (found["mixed"], found["empty"], found["cancelling"]) == (mixed, empty, cancelling)


@pytest.mark.parametrize("length", [20000, 60000])
@pytest.mark.parametrize(("share", "cancelling"), [(0.02, False), (0.3, True), (0.5, True), (0.8, True)])
@pytest.mark.parametrize(("channels", "opposite"), [([1, 1], [1, -1]), ([1, 0.5], [1, -0.5]), ([1, 0, 1], [-1, 0, 1])])
@pytest.mark.parametrize("offset", [0, 3000])
def test_channels_that_cancel_for_a_while(length, share, cancelling, channels, opposite, offset):
    """Half of such a file became silence without a word, since over all of it the channels hardly correlate."""
    start = round(0.1 * length)
    gains = np.tile(np.array(channels, float), (length, 1))
    gains[start : start + round(share * length)] = opposite
    found = figures(noise(length)[:, None] * gains + offset, 777, 5001)
    assert found["cancelling"] == cancelling
    assert found["mixed"] == ([1] if cancelling else [n for n, gain in enumerate(channels, 1) if gain])


def test_opposite_crosstalk_of_a_speaker_who_takes_turns_is_no_cancelling():
    """Each voice is 30 dB lower, and turned round, in the other's channel: the mean loses neither."""
    first, second = noise(40000, 1), noise(40000, 2)
    first[20000:], second[:20000] = 0, 0
    found = figures(np.stack([first - 0.03 * second, second - 0.03 * first], axis=1))
    assert (found["mixed"], found["cancelling"]) == ([1, 2], False)


@pytest.mark.parametrize("spike", [1e4, 1e30, -1e200])
def test_one_absurd_float_sample_counts_as_full_scale(spike):
    """It made the other channel count as empty, and overflowed in the spectrum: a Python warning, an error here."""
    codes = np.stack([noise(9000, 1), noise(9000, 2)], axis=1)
    sane, odd = codes.copy(), codes.copy()
    sane[500, 1], odd[500, 1] = np.copysign(32768, spike), spike * 32768
    assert figures(odd, subtype="DOUBLE") == figures(sane, subtype="DOUBLE")
    assert figures(odd, subtype="DOUBLE")["empty"] == []


def test_noise_of_opposite_polarity_under_other_noise_is_no_cancelling():
    levels = Levels(2, RATE)
    common = noise(9000)
    levels.add(np.stack([common + noise(9000, 1), -common + noise(9000, 2)]))
    assert not levels.mix().cancelling
