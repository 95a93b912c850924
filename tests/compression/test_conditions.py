"""Compression with a condition: what the file says of it, and what it takes to restore it."""

import filecmp
import os

import numpy as np
import pytest
import sensitive_models
from conditional_models import BOTH, FRAMES, NETWORKS, SPEAKERS, conditional
from hypothesis import given, settings
from hypothesis import strategies as st
from round_trips import SLOW, recordings, there_and_back

from wavegen.audio.wav import plain_header
from wavegen.compression import lockstep, wgn
from wavegen.compression.files import compress, decompress, proven
from wavegen.compression.resumption import compressed_already, restored_already
from wavegen.compression.wgn import Condition, read_preamble
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.models.given import Given

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")


ZEROS = np.zeros((2, 5), np.float32)


def model_with(conditioning, network="markov"):
    return sensitive_models.conditioned(NETWORKS[network], conditioning)


def condition_in(path):
    with open(path, "rb") as file:
        return read_preamble(file, path.stat().st_size, path).condition


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("conditioning", [SPEAKERS, FRAMES, BOTH], ids=["speakers", "frames", "both"])
def test_files_come_back_given_their_condition(network, conditioning, written):
    case = conditional(network, conditioning, streams=1)
    speaker, frames = case.given[0]
    paths = [
        written("a.wav", recordings("speech", 300, 2, 1), b"LIST"),
        written("b.wav", recordings("noise", 90, 1, 2)),
    ]
    pairs = [(path, path.with_suffix(".wgn")) for path in paths]
    all_frames = None if frames is None else [frames, frames[:5]]
    told = compress(case.model, pairs, speaker=speaker, frames=all_frames)
    decompress(case.model, [(small, small.with_suffix(".back")) for _, small in pairs], frames=all_frames)
    for path, small in pairs:
        assert filecmp.cmp(path, small.with_suffix(".back"), shallow=False)
        assert small.read_bytes()[4] == 2
    without = compress(case.model, pairs, given="nothing", force=True)
    bits = [result["model_bits_per_sample"] or 0 for result in (told, without)]
    assert abs(bits[0] - bits[1]) > 0.01
    assert told["condition"] is not None
    assert without["condition"] is None
    decompress(case.model, [(small, small.with_suffix(".back")) for _, small in pairs], force=True)


def test_models_without_conditions_write_what_they_always_did(model, written):
    path = written("a.wav", recordings("speech", 50, 1, 1))
    there_and_back(model, [path])
    assert path.with_suffix(".wgn").read_bytes()[4] == 1
    assert condition_in(path.with_suffix(".wgn")) is None


@given(
    drawn=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 2), st.integers(1, 20)), min_size=1, max_size=9),
    streams=st.integers(1, 5),
    block=st.integers(1, 30),
)
@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
def test_many_files_with_frames_of_their_own_are_what_each_is_alone(tmp_path_factory, drawn, streams, block):
    """In lockstep with others, of which some begin while others go on; in blocks of any length."""
    model = model_with(BOTH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(lockstep, "STREAMS", streams)
        patch.setattr(wgn, "BLOCK", block)
        folder = tmp_path_factory.mktemp("many")
        pairs = []
        frames = []
        for index, (samples, channels, count) in enumerate(drawn):
            path = folder / f"{index}.wav"
            pcm = recordings("speech", samples, channels, index)
            path.write_bytes(plain_header(8000, channels, samples) + pcm.tobytes())
            pairs.append((path, folder / f"{index}.wgn"))
            frames.append(sensitive_models.frames(count, 5, index))
        compress(model, pairs, threads=1, speaker="ben", frames=frames)
        decompress(model, [(small, small.with_suffix(".back")) for _, small in pairs], threads=1, frames=frames)
        for (path, small), one in zip(pairs, frames, strict=True):
            assert filecmp.cmp(path, small.with_suffix(".back"), shallow=False)
            alone = small.with_suffix(".alone")
            compress(model, [(path, alone)], speaker="ben", frames=[one])
            assert alone.read_bytes() == small.read_bytes()


def test_the_file_says_what_it_was_given(written):
    model = model_with({**BOTH, "speakers": ["Ångström", "ben"]})
    path = written("a.wav", recordings("speech", 40, 1, 1))
    small = path.with_suffix(".wgn")
    frames = sensitive_models.frames(4, 5, 1)
    compress(model, [(path, small)], speaker="Ångström", frames=[frames])
    found = condition_in(small)
    assert found is not None
    assert (found.speaker, len(found.frames or b"")) == ("Ångström", 16)
    others = [frames[:3], frames + 1, frames.reshape(-1)[::-1].reshape(4, 5)]
    for other in others:
        compress(model, [(path, small)], speaker="Ångström", frames=[other], force=True)
        different = condition_in(small)
        assert different is not None
        assert different.frames not in (None, found.frames)
    compress(model, [(path, small)], given="nothing", force=True)
    assert condition_in(small) == Condition(None, None)


def test_frames_are_refused_unless_they_are_the_same(written):
    model = model_with(BOTH)
    path = written("a.wav", recordings("speech", 40, 1, 1))
    small, back = path.with_suffix(".wgn"), path.with_suffix(".back")
    frames = sensitive_models.frames(4, 5, 1)
    compress(model, [(path, small)], frames=[frames])
    for given_again, said in [
        (None, "a.wgn: was compressed given frames, without which it cannot be restored"),
        ([None], "a.wgn: was compressed given frames, without which it cannot be restored"),
        ([frames + 1], "a.wgn: was compressed given other `frames` than these"),
        ([frames[:3]], "a.wgn: was compressed given other `frames` than these"),
        ([frames, frames], "`frames` of 2 files, and there are 1"),
        ([frames[:, :3]], "`frames` are 4 x 3, the model takes"),
    ]:
        with pytest.raises(UserError) as error:
            decompress(model, [(small, back)], frames=given_again)
        assert str(error.value).removeprefix(f"{small.parent}/").startswith(said)
        assert error.value.parameters == ("frames",)
        assert not back.exists()
    compress(model, [(path, small)], given="nothing", force=True)
    with pytest.raises(UserError, match=r"a\.wgn: was compressed without frames; leave `frames` out"):
        decompress(model, [(small, back)], frames=[frames])


@pytest.mark.parametrize(
    ("conditioning", "how", "said"),
    [
        (BOTH, {}, "which cannot be computed of a file that is still to be restored; give files of them with `frames`"),
        (BOTH, {"speaker": "ben"}, "or `given='speaker'` to do without"),
        (BOTH, {"frames": [None]}, "or `given='nothing'` to do without"),
        (BOTH, {"given": "frames"}, "or `given='nothing'` to do without"),
        (BOTH, {"speaker": "anne"}, "`speaker` 'anne' is not one of the model's; did you mean anna?"),
        (BOTH, {"given": "speaker"}, "name the `speaker`"),
        (BOTH, {"given": "wrong-speaker"}, "is for recordings of a corpus"),
        (BOTH, {"given": "nothing", "frames": [ZEROS]}, "`frames` and `given='nothing'` contradict each other"),
        (SPEAKERS, {"frames": [ZEROS]}, "the model is not conditioned on frames"),
        (SPEAKERS, {"given": "frames"}, "the model takes speaker, not frames; give it `given='speaker'`"),
        (FRAMES, {"speaker": "ben", "given": "nothing"}, "the model is not conditioned on speakers"),
    ],
)  # fmt: skip
def test_conditions_that_cannot_be_are_told_before_a_file_is_written(conditioning, how, said, written):
    path = written("a.wav", recordings("speech", 40, 1, 1))
    with pytest.raises(UserError) as error:
        compress(model_with(conditioning), [(path, path.with_suffix(".wgn"))], **how)
    assert said in str(error.value)
    assert not path.with_suffix(".wgn").exists()


def test_a_model_without_conditions_refuses_them(model, written):
    path = written("a.wav", recordings("speech", 40, 1, 1))
    pairs = [(path, path.with_suffix(".wgn"))]
    for how, said in [
        ({"speaker": "anna"}, "not conditioned on speakers"),
        ({"frames": [ZEROS]}, "not conditioned on frames"),
        ({"given": "speaker"}, "the model takes nothing, not speaker"),
    ]:
        with pytest.raises(UserError, match=said):
            compress(model, pairs, **how)
    assert compress(model, pairs, given="nothing")["condition"] is None


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
def test_a_damaged_condition_gives_an_error(tmp_path_factory, data):
    model = model_with(BOTH)
    folder = tmp_path_factory.mktemp("damaged")
    path, small, back = folder / "a.wav", folder / "a.wgn", folder / "a.back"
    pcm = recordings("speech", 30, 1, 3)
    path.write_bytes(plain_header(8000, 1, 30) + pcm.tobytes())
    frames = [sensitive_models.frames(4, 5, 1)]
    compress(model, [(path, small)], speaker="ben", frames=frames)
    contents = bytearray(small.read_bytes())
    index = data.draw(st.integers(48, 48 + 2 + 16 + 3 - 1))  # the length, the digest, the name
    contents[index] ^= 1 << data.draw(st.integers(0, 7))
    small.write_bytes(contents)
    with pytest.raises(UserError, match=r"a\.wgn: "):
        decompress(model, [(small, back)], frames=frames)
    assert not back.exists()


def test_what_is_there_already_must_have_the_condition(written):
    model = model_with(BOTH)
    data = model.data()
    path = written("a.wav", recordings("speech", 40, 1, 1))
    small, back = path.with_suffix(".wgn"), path.with_suffix(".back")
    frames = sensitive_models.frames(4, 5, 1)
    compress(model, [(path, small)], speaker="ben", frames=[frames])
    decompress(model, [(small, back)], frames=[frames])
    assert restored_already(data, [(small, back)]) == [(small, back)]
    for one, there in [
        (Given("ben", frames), True),
        (Given("anna", frames), False),
        (Given("ben", frames + 1), False),
        (Given("ben"), False),
        (Given(), False),
    ]:
        assert bool(compressed_already(data, [(path, small)], None, [one])) == there


def test_the_proof_takes_conditions():
    case = conditional("wavenet", BOTH, streams=2)
    pcms = [sensitive_models.pcm(1, 200, seed)[0] for seed in (1, 2)]
    claimed = -sum(
        sensitive_models.teacher_forced(case.model, pcm[None], [one]).sum()
        for pcm, one in zip(pcms, case.given, strict=True)
    )
    size = proven(case.model, pcms, given=case.given)
    assert size is not None
    assert claimed < size * 400 <= 1.001 * claimed + 2 * 100 * 8
    other = proven(case.model, pcms)
    assert other is not None
    assert abs(other - size) > 0.01
