"""Conditions: which frames each sample sees, and that cuts, neighbours and padding change nothing."""

from typing import Any

import numpy as np
import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.models.audio import AudioModel
from wavegen.models.conditioning import Conditioning, Conditions
from wavegen.models.forms import AudioForm
from wavegen.models.given import MAX_LISTED, Given

HOP, BANDS = 6, 3
MEL = {"mel": "librosa", "bands": BANDS, "hop": HOP}
KINDS: dict[str, dict[str, Any]] = {
    "speakers": {},
    "frames": {**MEL, "speakers": (), "look_ahead": 2},
    "both": {**MEL, "f0": True, "look_ahead": 1},
    "no look-ahead": {**MEL, "look_ahead": 0},
}


def conditional(network: str, kind: str = "both", **settings: Any) -> Any:
    return small_models.model(network, encoder=small_models.conditioning(**KINDS[kind], **settings))


def frames_of(model: Any, count: int, seed: int = 0) -> Any:
    channels = model.config.conditioning.frame_channels
    drawn = np.random.default_rng(seed).normal(size=(count, channels)).astype(np.float32)
    return drawn if channels else None


def codes(*shape: int) -> torch.Tensor:
    return torch.randint(-32768, 32768, shape, generator=torch.Generator().manual_seed(sum(shape)))


def encoded_by_hand(encoder: Conditioning, speaker: int, frames: np.ndarray | None, count: int) -> np.ndarray:
    """The rows of one recording by the definition, with loops."""
    config = encoder.config
    weights = {name: weight.detach().numpy() for name, weight in encoder.state_dict().items()}
    rows = []
    for k in range(count):
        hidden = weights["bias"].copy()
        for row, index in enumerate(range(k - config.look_ahead, k + config.look_ahead + 1)):
            if frames is not None:
                frame = frames[min(max(index, 0), len(frames) - 1)].astype(np.float64)
                x = [*((frame - weights["mean"]) * weights["scale"]), 1.0]
                columns = weights["frames.weight"][:, row * len(x) : (row + 1) * len(x)]
                hidden = hidden + columns @ x
        if "speakers.weight" in weights:
            hidden = hidden + weights["speakers.weight"][speaker]
        rows.append(weights["output.weight"] @ np.maximum(hidden, 0) + weights["output.bias"])
    return np.array(rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("speaker", [None, "anna", "ben"])
@pytest.mark.parametrize("absent", [False, True])
def test_the_encoder_is_its_definition(kind, speaker, absent):
    model = conditional("markov", kind)
    encoder = model.conditioning
    if "speakers" in KINDS[kind] and speaker:
        return
    frames = None if absent else frames_of(model, 7)
    state = encoder(encoder.batch([Given(speaker, frames)]))
    row = {None: 0, "anna": 1, "ben": 2}[speaker]
    expected = encoded_by_hand(encoder, row, frames, 1 if frames is None else 7)
    np.testing.assert_allclose(state.rows[0].detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    assert state.position.tolist() == [0]


def last_seen(t: int, look_ahead: int, count: int) -> int:
    return min(t // HOP + look_ahead, count - 1)


def first_seen(network: Any, t: int, look_ahead: int, count: int) -> int:
    """The oldest frame: of the first sample whose vector can still be felt."""
    reach = {"wavenet": lambda: (network.kernel_size - 1) * sum(network.dilations[1:]), "gru": lambda: t}
    reach["lstm"] = reach["gru"]
    felt = max(0, t - reach.get(network.name, lambda: 0)())
    return max(0, min(felt // HOP, count - 1) - look_ahead)


@pytest.mark.parametrize("name", small_models.NAMES)
@pytest.mark.parametrize("kind", ["frames", "both", "no look-ahead"])
def test_each_sample_sees_its_frames_and_nothing_else(name, kind):
    """Exact first and last frames, for every sample, the first and the last frame included."""
    model = conditional(name, kind)
    encoder = model.conditioning
    look_ahead = KINDS[kind]["look_ahead"]
    count = 9
    frames = torch.from_numpy(frames_of(model, count)).double().requires_grad_()
    index = torch.arange(-look_ahead, count + look_ahead).clamp(0, count - 1)
    zero = torch.zeros(1).long()
    one = torch.ones(1, dtype=torch.bool)
    conditions = Conditions(zero, frames[index][None], one, zero + count - 1, zero)
    state = model.window_state(zero, conditions)
    pcm = codes(1, (count + 2) * HOP)  # two frames more than there are
    params = model.params(pcm, state)[0]
    for t in range(pcm.shape[1]):
        (gradient,) = torch.autograd.grad(params[0, t].abs().sum(), frames, retain_graph=True)
        seen = gradient.abs().sum(dim=1).nonzero().flatten().tolist()
        assert seen[-1] == last_seen(t, look_ahead, count)
        assert seen[0] == first_seen(model.network, t, look_ahead, count)
        if model.network.name in ("markov", "nade"):
            assert seen == list(range(seen[0], seen[-1] + 1))
    assert encoder.config.hop == HOP


@pytest.mark.parametrize("name", small_models.NAMES)
@settings(deadline=None, max_examples=25)
@given(
    cuts=st.lists(st.integers(1, 23), min_size=1, max_size=9), count=st.integers(1, 30), kind=st.sampled_from([*KINDS])
)
def test_cuts_inside_a_frame_change_nothing(name, cuts, count, kind):
    model = conditional(name, kind)
    speaker = None if kind == "frames" else "ben"
    given = [Given(speaker, frames_of(model, count)), Given(None, frames_of(model, 1 + count // 2, seed=1))]
    pcm = codes(2, sum(cuts))
    whole, end = model.log2_prob(pcm, model.initial_state(2, conditions=given))
    pieces = []
    state = model.initial_state(2, conditions=given)
    for piece in pcm.split(cuts, dim=1):
        log2_prob, state = model.log2_prob(piece, state)
        pieces.append(log2_prob)
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-10)
    assert state.condition is not None
    assert torch.equal(state.condition.position, end.condition.position)
    features = model.features(pcm, model.initial_state(2, conditions=given))[0]
    first, state = model.features(pcm[:, : cuts[0]], model.initial_state(2, conditions=given))
    assert torch.allclose(first, features[:, : cuts[0]], atol=1e-10)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_recordings_of_a_batch_have_the_conditions_of_each_alone(name):
    model = conditional(name)
    given = [
        Given("anna", frames_of(model, 4)),
        Given(None, frames_of(model, 9, seed=1)),
        Given("ben", None),
        Given(),
        Given("anna", frames_of(model, 1, seed=2)),
    ]
    pcm = codes(len(given), 60)
    together, _ = model.log2_prob(pcm, model.initial_state(len(given), conditions=given))
    for row, one in enumerate(given):
        alone, _ = model.log2_prob(pcm[row : row + 1], model.initial_state(1, conditions=[one]))
        assert torch.allclose(alone[0], together[row], atol=1e-10)
    unknown, _ = model.log2_prob(pcm)
    assert torch.allclose(unknown[3], together[3], atol=1e-10)
    assert not torch.allclose(unknown[2], together[2], atol=1e-3)
    assert not torch.allclose(unknown[1], together[1], atol=1e-3)


def test_a_frame_s_multiply_adds_are_shared_by_its_samples():
    config = conditional("markov", "both").config
    frame = 5 * 3 * (BANDS + 2 + 1) + 5 * 5 + 5 * 7
    assert config.macs_per_sample == config.network.macs_per_sample + frame // HOP
    assert conditional("markov", "speakers").config.macs_per_sample == config.network.macs_per_sample


def test_frames_are_normalised_by_those_of_training():
    model = conditional("gru", "both")
    random = np.random.default_rng(0)
    recordings = [random.normal(4, [1, 10, 0, 3, 0.001], (n, 5)).astype(np.float32) for n in (50, 80, 1)]
    model.fit([], recordings)
    encoder = model.conditioning
    together = np.concatenate(recordings).astype(np.float64)
    np.testing.assert_allclose(encoder.mean.numpy(), together.mean(axis=0), rtol=1e-5)
    deviation = together.std(axis=0)
    deviation[[2, 4]] = deviation.max() / 100  # of channels that hardly change
    np.testing.assert_allclose(encoder.scale.numpy(), 1 / deviation, rtol=1e-5)
    assert not encoder.mean.requires_grad
    assert not encoder.scale.requires_grad
    before = encoder.scale.clone()
    model.fit([])
    assert torch.equal(encoder.scale, before)


def test_frames_that_never_change_are_left_as_they_are():
    model = conditional("gru", "both")
    model.fit([], [np.full((9, 5), 7, np.float32)])
    assert model.conditioning.scale.tolist() == [1] * 5


def settings_of(network: str, **conditioning: Any) -> dict[str, dict[str, Any]]:
    return {
        "codec": {"name": "mu-law"},
        "distribution": {"name": "categorical"},
        "conditioning": {"name": "encoder", "channels": 6, **conditioning},
        "network": {"name": network, **small_models.SETTINGS[network]},
    }


@pytest.mark.parametrize("network", ["wavenet", "gru", "lstm", "nade", "markov"])
@pytest.mark.parametrize("kind", [{"speakers": ["anna", "Ångström"]}, {"mel": "hifigan", "f0": True, "bands": 4}])
def test_a_conditional_model_comes_back_as_it_was(tmp_path, network, kind):
    model: Any = AudioModel.from_settings(settings_of(network, **kind), AudioForm(8000)).eval()
    model.fit([], [np.random.default_rng(1).normal(3, 2, (30, 6)).astype(np.float32)])
    path = tmp_path / "model.safetensors"
    checkpoint.save(model, path, {})
    again: Any = checkpoint.load(path)
    assert again.settings == model.settings
    assert again.describe() == model.describe() == model.data().describe()
    assert again.config.shapes == {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    frames = frames_of(model, 3)
    given = [Given("Ångström" if "speakers" in kind else None, frames), Given()]
    pcm = codes(2, 300)
    expected, _ = model.log2_prob(pcm, model.initial_state(2, conditions=given))
    assert torch.equal(again.log2_prob(pcm, again.initial_state(2, conditions=given))[0], expected)
    assert not torch.equal(expected, model.log2_prob(pcm)[0])
    assert sorted(again.data().conditioning_arrays) == sorted(model.conditioning.state_dict())


NAN: Any = np.full((4, 5), np.nan, np.float32)
INTEGERS: Any = np.zeros((4, 5), np.int16)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (Given("Anna"), "'Anna' is not one of the model's; did you mean anna?"),
        (Given("zoe"), "'zoe' is not one of the model's; known: anna, ben"),
        (Given("anna", np.zeros((4, 6), np.float32)), "`frames` are 4 x 6, the model takes (frames) x 5"),
        (Given("anna", np.zeros((5, 4), np.float32)), "`frames` are 5 x 4"),
        (Given("anna", np.zeros(5, np.float32)), "`frames` are 5, the model"),
        (Given("anna", np.zeros((0, 5), np.float32)), "`frames` are 0 x 5"),
        (Given("anna", INTEGERS), "`frames` are int16"),
        (Given("anna", NAN), "not finite"),
        (Given("anna", np.full((4, 5), 1e300)), "not finite"),
    ],
)
def test_what_a_model_does_not_take_gets_one_line(one, words):
    model = conditional("gru")
    with pytest.raises(UserError) as error:
        model.initial_state(1, conditions=[one])
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.parameters


@pytest.mark.parametrize(
    ("one", "words"), [(Given("anna"), "not conditioned on speakers"), (Given(None, NAN), "frames")]
)
def test_a_model_without_conditions_refuses_them(one, words):
    with pytest.raises(UserError, match=words):
        small_models.model("gru").initial_state(1, conditions=[one])
    other = conditional("gru", "frames" if one.speaker else "speakers")
    with pytest.raises(UserError, match=words):
        other.initial_state(1, conditions=[one])


def test_of_many_speakers_the_nearest_is_named_and_not_all():
    many = small_models.conditioning(speakers=[f"voice {number}" for number in range(MAX_LISTED + 1)])
    for name, words in (("voice 200", "did you mean voice 2"), ("xyz", "is not one of the model's, who are 31")):
        with pytest.raises(UserError, match=words):
            many.batch([Given(name)])
