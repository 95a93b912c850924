"""Spectral predictors of any order, hop, distribution and network in the engines: teacher forcing, the same bits."""

import itertools
from typing import Any

import numpy as np
import pytest
import sensitive_models
import spectral_models
import torch
from conditional_models import Case, networks
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.models.given import Given

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
LENGTH = 90
NADE = {"name": "nade", "frame_size": 5, "hidden_size": 6}
NETWORKS = {
    "wavenet": {"name": "wavenet", **sensitive_models.SHAPES["kernel-3"], "front_kernel_size": 3},
    "gru": {"name": "gru", "hidden_size": 21},
    "markov": {"name": "markov", "order": 9, "hidden_sizes": [33, 20]},
}
DISTRIBUTIONS = ("mixture-of-logistics", "mixture-of-gaussians")
cuts = st.lists(st.integers(0, LENGTH), max_size=6).map(lambda at: list(itertools.pairwise(sorted({0, *at, LENGTH}))))


@st.composite
def cases(draw: Any, any_network: st.SearchStrategy[dict[str, Any]]) -> Case:
    """Any network, order, hop and distribution, with F0 or without, whose three streams have some frames or none."""
    order, bands, f0 = draw(st.integers(1, 20)), draw(st.integers(1, 5)), draw(st.booleans())
    made = model_of(
        draw(any_network),
        order,
        codec=draw(st.sampled_from([{"name": "linear", "bits": 16}, {"name": "mu-law", "bits": 8}])),
        distribution={"name": draw(st.sampled_from(DISTRIBUTIONS)), "num_mixtures": draw(st.integers(1, 5))},
        bands=bands,
        hop=draw(st.integers(1, 40)),
        look_ahead=draw(st.integers(0, 3)),
        f0=f0,
    )
    return Case(made, [Given(None, rows(draw(st.integers(0, 12)), bands, f0)) for _ in range(3)])


def model_of(network: dict[str, Any], order: int = spectral_models.ORDER, **changes: Any) -> AudioModel:
    """A float32 model of which every weight matters; `changes` are those of its conditioning, and other tables."""
    tables = {name: changes.pop(name) for name in ("codec", "distribution") if name in changes}
    torch.manual_seed(2)
    made = AudioModel.from_settings({**spectral_models.settings(network, order, **changes), **tables}, AudioForm(8000))
    made = sensitive_models.enlivened(made.eval(), 3)
    with torch.no_grad():
        for name, weight in made.network.named_parameters():
            if name == "output.weight":
                weight.mul_(0.2)  # scales are not far from the unit
    return with_filters(made)


def with_filters(made: AudioModel) -> AudioModel:
    """The model with the weights of spectral_models for its predictor."""
    predictor = spectral_models.predictor_of(made)
    with torch.no_grad():
        of_frames = (predictor.config.bands, predictor.config.max_lag > 0)
        for name, array in spectral_models.weights(predictor.taps, *of_frames).items():
            predictor.get_parameter(name).copy_(torch.from_numpy(array))
    return made


def rows(count: int, bands: int, f0: bool) -> np.ndarray | None:
    """Frames of a stream, None for none."""
    if count == 0:
        return None
    mel = spectral_models.frames(count, count, bands)
    return spectral_models.with_f0(mel, count) if f0 else mel


@settings(deadline=None, max_examples=25)
@given(case=cases(networks()), chunks=cuts)
def test_fed_in_any_pieces_is_teacher_forcing(case, chunks):
    pcm = sensitive_models.pcm(3, LENGTH)
    exact = sensitive_models.teacher_forced(case.model, pcm, case.given)
    without = sensitive_models.teacher_forced(case.model, pcm)
    for name in ("cpu", "torch"):
        engine = open_engine(case.model, 3, engine=name)
        case.condition(engine, 3)
        found = np.concatenate([engine.feed(pcm[:, a:b]) for a, b in chunks], axis=1)
        sensitive_models.assert_agrees(found, exact)
        sensitive_models.assert_agrees(open_engine(case.model, 3, engine=name).feed(pcm), without)


@settings(deadline=None, max_examples=5)
@given(case=cases(st.just(NADE)), chunks=cuts)
def test_a_network_of_torch_alone(case, chunks):
    pcm = sensitive_models.pcm(3, LENGTH)
    engine = open_engine(case.model, 3)
    assert engine.name == "torch"
    case.condition(engine, 3)
    found = np.concatenate([engine.feed(pcm[:, a:b]) for a, b in chunks], axis=1)
    exact = sensitive_models.teacher_forced(case.model, pcm, case.given)
    sensitive_models.assert_agrees(found, exact)


@settings(deadline=None, max_examples=12)
@given(case=cases(networks()), chunks=cuts, precision=st.sampled_from(["float32", "bfloat16", "int8"]))
def test_same_bits_for_any_instruction_set_streams_threads_and_pieces(case, chunks, precision):
    pcm = sensitive_models.pcm(3, LENGTH)
    whole = NativeEngine(case.model, 3, 1, "portable", precision)
    case.condition(whole, 3)
    expected = whole.feed(pcm)
    for isa in HERE:
        for streams, threads in [(1, 1), (1, 2), (3, 2)]:
            engine = NativeEngine(case.model, streams, threads, isa, precision)
            case.condition(engine, streams)
            fed = [engine.feed(pcm[:streams, a:b]) for a, b in chunks]
            assert np.concatenate(fed, axis=1).tobytes() == expected[:streams].tobytes(), (isa, streams, threads)


@pytest.mark.parametrize("f0", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_drawing_in_pieces_changes_nothing_and_is_what_is_fed(network, f0):
    """Of streams with many frames, with few, of which the last holds on, and with none."""
    given = [Given(None, rows(count, spectral_models.BANDS, f0)) for count in (20, 3, 0)]
    case = Case(model_of(NETWORKS[network], f0=f0), given)
    whole, fed, pieces = (open_engine(case.model, 3, engine="cpu") for _ in range(3))
    for engine in (whole, fed, pieces):
        case.condition(engine, 3)
    pcm, log2_prob = whole.generate(200, [1, 2, 3], 0.9)
    parts = [pieces.generate(count, [1, 2, 3], 0.9) for count in (37, 163)]
    for i, all_at_once in enumerate((pcm, log2_prob)):
        assert np.concatenate([part[i] for part in parts], axis=1).tobytes() == all_at_once.tobytes()
    assert fed.feed(pcm).tobytes() == log2_prob.tobytes()
    sensitive_models.assert_agrees(log2_prob, sensitive_models.teacher_forced(case.model, pcm, case.given))
    assert len(np.unique(pcm)) > 100
