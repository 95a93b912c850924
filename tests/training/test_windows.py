import hashlib

import numpy as np
import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.models.codecs import Linear
from wavegen.training.windows import Windows

GOLDEN = "11d91f66a31dbbe8"


def numbered(lengths):
    """Recordings in which every sample is its own number in the corpus, so that windows betray where they come from."""
    numbers = np.arange(sum(lengths), dtype=np.int16)
    return np.split(numbers, np.cumsum(lengths)[:-1])


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 120), min_size=1, max_size=8),
    window=st.integers(1, 40),
    context=st.integers(0, 30),
    alignment=st.integers(1, 7),
    step=st.integers(0, 10**9),
)
def test_a_window_is_a_stretch_of_one_recording(lengths, window, context, alignment, step):
    recordings = numbered(lengths)
    windows = Windows(recordings, window=window, context=context, alignment=alignment, batch_size=5, seed=3)
    batch = windows.batch(step)
    assert [window.scored for window in windows.of_step(step)] == batch.scored.sum(dim=1).tolist()
    starts = np.cumsum([0, *lengths])
    for pcm, before, scored in zip(*batch, strict=True):
        inside = scored.numpy().copy()
        assert inside.any()
        first = int(pcm[0])
        recording = int(np.searchsorted(starts, first, side="right")) - 1
        offset = first - starts[recording]
        last = int(scored.nonzero()[-1])
        assert offset % alignment == 0
        assert torch.equal(pcm[: last + 1], torch.arange(first, first + last + 1))
        assert first + last < starts[recording + 1]
        assert int(before) == (first - 1 if offset else 0)
        begins = 0 if offset == 0 else windows.context
        assert inside[begins : last + 1].all()
        assert not inside[:begins].any()
        assert windows.context >= context


def test_the_batch_is_a_function_of_seed_and_step():
    recordings = numbered([500, 90, 300])
    make = [Windows(recordings, window=20, context=7, batch_size=4, seed=seed) for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(make[0].batch(9), make[1].batch(9), strict=True))
    assert not torch.equal(make[0].batch(9).pcm, make[2].batch(9).pcm)
    assert not torch.equal(make[0].batch(9).pcm, make[0].batch(10).pcm)


def test_golden():
    """The windows of a seed and a step stay what they are, or old runs could not be resumed."""
    recordings = [np.random.default_rng(n).integers(-999, 999, size=90 + 50 * n).astype(np.int16) for n in range(6)]
    windows = Windows(recordings, window=20, context=7, alignment=3, batch_size=6, seed=5)
    parts = [part.numpy().astype("<i8").tobytes() for step in range(40) for part in windows.batch(step)]
    assert hashlib.sha256(b"".join(parts)).hexdigest()[:16] == GOLDEN


@pytest.mark.parametrize("alignment", [1, 7])
def test_every_sample_is_scored_about_as_often_and_starts_are_trained(alignment):
    recordings = numbered([400, 37, 900])
    windows = Windows(recordings, window=25, context=10, alignment=alignment, batch_size=8, seed=0)
    counts = np.zeros(1337)
    for step in range(4000):
        batch = windows.batch(step)
        np.add.at(counts, batch.pcm[batch.scored].numpy(), 1)
    assert counts.min() > 0.2 * counts.mean()
    assert counts.max() < 3 * counts.mean()


@pytest.mark.parametrize("name", [name for name in small_models.NAMES if name not in ("gru", "lstm")])
def test_scored_samples_have_the_log_probability_of_the_whole_file(name):
    """What training minimises is what scoring reports: the context is long enough, and no longer than it need be."""
    model = small_models.model(name)
    random = np.random.default_rng(0)
    recordings = [random.integers(-32768, 32768, size=n).astype(np.int16) for n in (300, 150, 11)]
    whole = [model.log2_prob(torch.from_numpy(pcm)[None])[0][0] for pcm in recordings]
    # The samples' values are as good as unique, so a window can be found again in its recording.
    assert model.network.receptive_field is not None
    context = model.network.receptive_field - 1
    windows = Windows(recordings, window=16, context=context, alignment=model.network.alignment, batch_size=6, seed=1)
    checked = 0
    for step in range(20):
        batch = windows.batch(step)
        log2_prob, _ = model.log2_prob(batch.pcm, model.initial_state(6, batch.before))
        for pcm, scored, found in zip(batch.pcm, batch.scored, log2_prob, strict=True):
            taken = pcm[: int(scored.nonzero()[-1]) + 1].numpy()
            recording, start = locate(taken, recordings)
            expected = whole[recording][start : start + len(pcm)]
            where = scored[: len(expected)]
            assert torch.allclose(found[: len(expected)][where], expected[where], atol=1e-10)
            checked += int(start > 0)
    assert checked > 50


def locate(taken, recordings):
    for index, pcm in enumerate(recordings):
        for start in range(len(pcm) - len(taken) + 1):
            if np.array_equal(pcm[start : start + len(taken)], taken):
                return index, start
    raise AssertionError("the window is no stretch of any recording")


@pytest.mark.parametrize("warm_up", [0, 3, 20])
def test_what_a_predictor_expects_of_scored_samples_is_what_it_expects_in_a_file(warm_up):
    model = small_models.model("gru", Linear(bits=16), "mixture-of-logistics", taps=6)
    context = model.context(warm_up)
    assert context >= warm_up
    pcm = torch.randint(-3000, 3000, (1, 60), generator=torch.Generator().manual_seed(0))
    _, whole, _ = model.params(pcm, model.initial_state(1))
    _, cut, _ = model.params(pcm[:, 21:], model.initial_state(1, pcm[:, 20]))
    assert whole is not None
    assert cut is not None
    torch.testing.assert_close(cut[:, context:], whole[:, 21 + context :], rtol=0, atol=1e-9)
