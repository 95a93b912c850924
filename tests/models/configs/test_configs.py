"""What settings alone say of a model is what torch makes of them."""

import typing

import pytest
import torch
from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.errors import UserError
from wavegen.models.audio import AudioModel
from wavegen.models.configs.audio import AudioConfig
from wavegen.models.configs.checking import checked_audio, fits
from wavegen.models.configs.networks import NETWORK_CONFIGS
from wavegen.models.forms import AudioForm
from wavegen.models.networks import NETWORKS
from wavegen.models.parts import check_model

WIDTH = st.integers(1, 40)
NETWORK_SETTINGS = {
    "wavenet": {
        "residual_channels": WIDTH,
        "gate_channels": WIDTH.map(lambda half: 2 * half),
        "skip_channels": WIDTH,
        "kernel_size": st.integers(2, 5),
        "front_kernel_size": st.integers(1, 6),
        "dilations": st.lists(st.integers(1, 9), min_size=1, max_size=6),
    },
    "gru": {"hidden_size": WIDTH, "num_layers": st.integers(1, 4)},
    "lstm": {"hidden_size": WIDTH, "num_layers": st.integers(1, 4)},
    "nade": {"frame_size": st.integers(2, 9), "hidden_size": WIDTH, "context_frames": st.integers(0, 3)},
    "markov": {"order": WIDTH, "hidden_sizes": st.lists(WIDTH, max_size=4)},
}


def network_settings(name):
    return st.fixed_dictionaries({}, optional=NETWORK_SETTINGS[name])


CODEC = st.one_of(
    st.fixed_dictionaries({"name": st.just("mu-law")}, optional={"bits": st.integers(8, 12)}),
    st.fixed_dictionaries({"name": st.just("linear")}, optional={"bits": st.integers(8, 16)}),
)
MIXTURE = st.fixed_dictionaries(
    {"name": st.sampled_from(["mixture-of-logistics", "mixture-of-gaussians"])},
    optional={"num_mixtures": st.integers(1, 64)},
)
PREDICTOR = st.one_of(
    st.fixed_dictionaries({"name": st.just("linear")}, optional={"taps": st.integers(1, 1024)}),
    st.fixed_dictionaries({"name": st.just("spectral")}, optional={"order": st.integers(1, 64)}),
)
SPEAKERS = st.lists(st.sampled_from(["anna", "ben", "*", "Ångström", "a\nb"]), max_size=3)
CONDITIONING = st.fixed_dictionaries(
    {"name": st.just("encoder")},
    optional={
        "speakers": SPEAKERS,
        "mel": st.sampled_from(["", *CONVENTIONS]),
        "hop": st.integers(64, 512),
        "win_length": st.sampled_from([512, 1024, 2048]),
        "bands": st.integers(1, 512),
        "fmin": st.integers(0, 8000),
        "f0": st.booleans(),
        "channels": WIDTH,
        "look_ahead": st.integers(0, 16),
    },
)


@st.composite
def models(draw):
    """The tables of a model, which may not go together."""
    name = draw(st.sampled_from(list(NETWORK_SETTINGS)))
    tables = {"codec": draw(CODEC), "distribution": draw(MIXTURE | st.just({"name": "categorical"}))}
    tables["network"] = {"name": name, **draw(network_settings(name))}
    return tables | draw(st.fixed_dictionaries({}, optional={"predictor": PREDICTOR, "conditioning": CONDITIONING}))


def test_there_is_a_network_for_every_config():
    assert NETWORKS.keys() == NETWORK_CONFIGS.keys() == NETWORK_SETTINGS.keys()


def shapes_of(module):
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("name", NETWORKS)
@given(data=st.data(), channels=st.integers(1, 33), num_params=WIDTH, conditions=st.sampled_from([0, 1, 7]))
@settings(deadline=None, max_examples=40)
def test_shapes_and_costs_are_those_of_the_torch_network(name, data, channels, num_params, conditions):
    given = data.draw(network_settings(name))
    config = NETWORK_CONFIGS[name](channels, num_params, conditions, **given)
    with torch.device("meta"):
        network: typing.Any = NETWORKS[name](channels, num_params, conditions, **given)
    assert config.shapes == shapes_of(network)
    assert config.condition_macs == sum(weight.numel() for weight in network.conditions.parameters())
    matrices = sum(weight.numel() for weight in network.parameters() if weight.dim() == 2) - config.condition_macs
    if name == "nade":  # output_bias has a row for each place, and a frame's products are shared by its samples
        matrices += sum(weight.numel() for weight in network.parameters() if weight.dim() == 3)
        matrices = (matrices - network.output_bias.numel()) // network.frame_size
    assert network.macs_per_sample == config.macs_per_sample == matrices
    assert network.receptive_field == config.receptive_field
    assert network.alignment == config.alignment


@given(models())
@settings(deadline=None, max_examples=60)
def test_the_check_agrees_with_the_one_of_recipes(tables):
    """Where the quick check says yes, pydantic says the same, defaults included; all else is left to pydantic."""
    quick = checked_audio(tables)
    try:
        whole = check_model(tables, "file")
    except UserError:
        assert quick is None
        return
    assert quick is not None
    assert quick == whole
    assert list(quick) == list(whole)
    config = AudioConfig.from_settings(quick, 8000)
    with torch.device("meta"):
        model = AudioModel.from_settings(whole, AudioForm(8000))
    assert config.shapes == shapes_of(model)
    assert config.settings == model.settings
    assert config.receptive_field == model.receptive_field
    assert sum(map(torch.Size.numel, map(torch.Size, config.shapes.values()))) == model.num_parameters


WRONG = [None, True, 0, -1, 1.0, 10**12, "3", [], [0], [1.5], [True], [[1]], {}, {"bits": 8}, float("nan")]
WRONG += ["", "hifigan", [""], ["x" * 201], ["anna", "anna"], ["\ud800"], ("ben",)]


@given(models(), st.data())
@settings(deadline=None, max_examples=150)
def test_one_wrong_value_is_not_taken_for_right(tables, data):
    part = data.draw(st.sampled_from([*tables, "density"]))
    key = data.draw(st.sampled_from([*tables.get(part, ()), "name", "sise"]))
    wrong = data.draw(st.sampled_from(WRONG))
    damaged = tables | {part: wrong if data.draw(st.booleans()) else {**tables.get(part, {}), key: wrong}}
    quick = checked_audio(damaged)
    try:
        whole = check_model(damaged, "file")
    except UserError:
        assert quick is None or part == "density"  # which is not this check's
        return
    assert quick is None or quick == whole


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, float),
        (1, int | None),
        ([1], list[int]),
        (2, typing.Annotated[int, Gt(1)]),
        (2, typing.Annotated[int, Ge(1), "of something"]),
    ],
)
def test_what_the_check_does_not_know_does_not_fit(value, annotation):
    assert not fits(value, annotation)


def test_ranges_include_their_ends():
    annotation = typing.Annotated[int, Ge(1), Le(4)]
    assert [value for value in range(-1, 7) if fits(value, annotation)] == [1, 2, 3, 4]
    names = typing.Annotated[str, MinLen(2)]
    assert [value for value in ("", "a", "ab", "a\udc80", ["a", "b"]) if fits(value, names)] == ["ab"]
    choice = typing.Literal["", "a", "b"]
    assert [value for value in ("", "a", "b", "c", 0) if fits(value, choice)] == ["", "a", "b"]
    assert [value for value in (0, 1, True, False, "true") if fits(value, bool)] == [True, False]
    sizes = typing.Annotated[typing.Sequence[annotation], MaxLen(2)]
    assert not fits([1, 2], sizes) or fits([1, 4], sizes)
