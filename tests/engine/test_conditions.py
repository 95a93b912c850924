"""What streams are told, and when: frames that come bit by bit, speakers that change, what is refused."""

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import sensitive_models
import torch
from conditional_models import BOTH, FRAMES, SPEAKERS, cases, conditional
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.extension import extension
from wavegen.models.audio import AudioModel
from wavegen.models.given import Given

pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
ENGINES = ("cpu", "torch")


@settings(deadline=None, max_examples=25)
@given(case=cases(2), data=st.data())
def test_frames_that_come_one_by_one_are_frames_all_at_once(case, data):
    pcm = sensitive_models.pcm(2, 120)
    for name in ENGINES:
        whole, engine = open_engine(case.model, 2, engine=name), open_engine(case.model, 2, engine=name)
        case.condition(whole, 2)
        expected = whole.feed(pcm)
        waiting = [None if one.frames is None else list(one.frames) for one in case.given]
        for stream, one in enumerate(case.given):
            engine.condition(stream, one.speaker, ended=waiting[stream] is None)
        fed = [np.zeros((2, 0))]
        while (done := sum(part.shape[1] for part in fed)) < 120:
            for stream in range(2):
                if (rows := waiting[stream]) is not None:
                    count = data.draw(st.integers(0, len(rows)))
                    pushed, waiting[stream] = rows[:count], rows[count:] or None
                    frames = np.array(pushed) if pushed else None
                    engine.condition(stream, frames=frames, ended=waiting[stream] is None)
            fed.append(engine.feed(pcm[:, done : done + ready(engine, 120 - done)]))
        np.testing.assert_allclose(np.concatenate(fed, axis=1), expected, rtol=0 if name == "cpu" else 1e-9)


def ready(engine: Any, most: int) -> int:
    """How many samples the frames that have come allow."""
    for count in range(most, 0, -1):
        try:
            engine._conditions.check(count)
        except UserError:
            continue
        return count
    return 0


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("look_ahead", [0, 2])
def test_no_sample_goes_ahead_of_its_frames(name, look_ahead):
    case = conditional("wavenet", {**FRAMES, "look_ahead": look_ahead})
    pcm = sensitive_models.pcm(2, 60)
    rows = [case.frames(stream) for stream in range(2)]
    engine = open_engine(case.model, 2, engine=name)
    engine.condition(0, frames=rows[0])
    engine.condition(1, frames=rows[1][:4], ended=False)
    most = (4 - look_ahead) * 11
    coders = [extension().Encoder() for _ in range(2)]
    decoders = [extension().Decoder(np.zeros(9, np.uint32)) for _ in range(2)]
    for call in (
        lambda: engine.feed(pcm[:, : most + 1]),
        lambda: engine.generate(most + 1, [1, 2]),
        lambda: engine.encode(pcm[:, : most + 1], coders),
        lambda: engine.decode(most + 1, decoders),
    ):
        with pytest.raises(UserError, match=rf"stream 1: the next {most + 1} samples need 5 frames, and 4 have come"):
            call()
    whole = open_engine(case.model, 2, engine=name)
    case.condition(whole, 2)
    expected = whole.feed(pcm)
    found = engine.feed(pcm[:, :most])  # nothing has moved
    np.testing.assert_allclose(found, expected[:, :most], rtol=1e-9)
    engine.condition(1, frames=rows[1][4:])
    np.testing.assert_allclose(engine.feed(pcm[:, most:]), expected[:, most:], rtol=1e-9)
    fresh = open_engine(case.model, 1, engine=name)
    fresh.condition(0, ended=False)
    fresh.condition(0, frames=rows[0][:1], ended=False)
    with pytest.raises(UserError, match=r"stream 0: the next 12 samples need \d frames, and 1 have come"):
        fresh.feed(pcm[:1, :12])
    fresh = open_engine(case.model, 1, engine=name)
    fresh.condition(0, ended=False)
    with pytest.raises(UserError, match=r"stream 0: the next 1 samples need \d frames, and 0 have come"):
        fresh.feed(pcm[:1, :1])


@pytest.mark.parametrize("name", ENGINES)
def test_frames_end_without_further_ones(name):
    case, pcm = conditional("gru", BOTH, 1), sensitive_models.pcm(1, 300)
    engine = open_engine(case.model, 1, engine=name)
    engine.condition(0, case.given[0].speaker, case.frames(0), ended=False)
    engine.condition(0)
    sensitive_models.assert_agrees(engine.feed(pcm), sensitive_models.teacher_forced(case.model, pcm, case.given))
    nothing = open_engine(case.model, 1, engine=name)
    nothing.condition(0, "anna", ended=False)
    nothing.condition(0)
    exact = sensitive_models.teacher_forced(case.model, pcm, [Given("anna")])
    sensitive_models.assert_agrees(nothing.feed(pcm), exact)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("conditioning", [SPEAKERS, BOTH], ids=["speakers", "both"])
def test_a_stream_is_conditioned_anew_from_where_it_stands(name, conditioning):
    case, pcm = conditional("lstm", conditioning, 1), sensitive_models.pcm(1, 100)
    exact = copy.deepcopy(case.model).double()
    state, expected = exact.initial_state(1, conditions=case.given), []
    rows = None if case.given[0].frames is None else sensitive_models.frames(2, 5, 8)
    with torch.inference_mode():
        for piece, then in ((slice(0, 38), Given("anna", rows)), (slice(38, 100), Given())):
            found, state = exact.log2_prob(torch.from_numpy(pcm[:, piece].astype(np.int64)), state)
            state = state._replace(condition=exact.initial_state(1, conditions=[then]).condition)
            expected.append(found.numpy())
    engine = open_engine(case.model, 1, engine=name)
    case.condition(engine, 1)
    fed = [engine.feed(pcm[:, :38])]
    engine.condition(0, "anna", rows)
    fed.append(engine.feed(pcm[:, 38:]))
    sensitive_models.assert_agrees(np.concatenate(fed, axis=1), np.concatenate(expected, axis=1))


@pytest.mark.parametrize("name", ENGINES)
def test_another_speaker_has_the_frames_that_were_not_complete(name):
    case, pcm = conditional("markov", BOTH, 1), sensitive_models.pcm(1, 110)
    frames = case.frames(0)
    engine = open_engine(case.model, 1, engine=name)
    engine.condition(0, "ben", frames[:6], ended=False)  # of which the first four are complete
    engine.condition(0, "anna", frames[6:])
    by = [sensitive_models.teacher_forced(case.model, pcm, [Given(who, frames)]) for who in ("ben", "anna")]
    fed = [engine.feed(pcm[:, a:b]) for a, b in itertools.pairwise([0, 15, 50, 110])]
    expected = np.concatenate([by[0][:, :44], by[1][:, 44:]], axis=1)
    sensitive_models.assert_agrees(np.concatenate(fed, axis=1), expected)


@pytest.mark.parametrize("name", ENGINES)
def test_what_a_model_does_not_take_is_refused(name):
    rows = sensitive_models.frames(3, 3)
    both, speakers, frames = (conditional("gru", each).model for each in (FRAMES | SPEAKERS, SPEAKERS, FRAMES))
    plain, loud = sensitive_models.combined("gru"), copy.deepcopy(both)
    loud.get_parameter("conditioning.scale").data.fill_(10)
    cases: list[tuple[AudioModel, dict[str, Any], str]] = [
        (both, {"speaker": "anne"}, "did you mean anna"),
        (frames, {"speaker": "anna"}, "not conditioned on speakers"),
        (plain, {"speaker": "anna"}, "not conditioned on speakers"),
        (speakers, {"frames": rows}, "not conditioned on frames"),
        (plain, {"frames": rows}, "not conditioned on frames"),
        (both, {"frames": rows[:, :2]}, "the model takes"),
        (both, {"frames": rows[:0]}, "the model takes"),
        (both, {"frames": rows.astype(np.int16)}, "float32"),
        (both, {"frames": rows * np.nan}, "not finite"),
        (loud, {"frames": np.full((1, 3), 3e38, np.float32)}, "they are too large"),
    ]
    for model, told, said in cases:
        engine = open_engine(model, 2, engine=name)
        with pytest.raises(UserError, match=said):
            engine.condition(1, **told)
        fed, untold = (each.feed(np.ones((2, 9), np.int16)) for each in (engine, open_engine(model, 2, engine=name)))
        np.testing.assert_array_equal(fed, untold)
    open_engine(plain, 2, engine=name).condition(0)
    with pytest.raises(ValueError, match="there is no stream 2 to condition, of 2"):
        open_engine(both, 2, engine=name).condition(2, "anna")


def test_frames_that_the_encoder_cannot_hold_are_refused():
    case = conditional("gru", FRAMES, 1)
    with torch.no_grad():
        case.model.get_parameter("conditioning.frames.weight").mul_(1e20)
    engine = open_engine(case.model, 1, engine="cpu")
    engine.condition(0, frames=case.frames(0) * np.float32(1e30))
    with pytest.raises(UserError, match="not finite: they are too large"):
        engine.feed(np.zeros((1, 5), np.int16))
