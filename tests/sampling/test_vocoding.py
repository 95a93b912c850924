"""A model as a vocoder: what it is given, how long it speaks, and that nothing else makes a difference."""

import functools
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import sensitive_models
import small_models
import voices
import workspace
from hypothesis import given, settings
from hypothesis import strategies as st

import wavegen
from wavegen.audio import files as audio_files
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.models.frames import frames_of
from wavegen.sampling import speaking
from wavegen.sampling.audio import generate
from wavegen.sampling.vocoding import vocode

HOP = voices.MEL["hop"]
BANDS = voices.MEL["bands"]


@functools.cache
def model(name="vocoder", network="gru"):
    networks = {
        "gru": {"name": "gru", "hidden_size": 7},
        "wavenet": {"name": "wavenet", **sensitive_models.SHAPES["odd"]},
        "nade": {"name": "nade", "frame_size": 5, "hidden_size": 6},
    }
    return voices.model(name, None, networks[network])


def frames(count, seed=1):
    return sensitive_models.frames(count, BANDS, seed)


@pytest.mark.parametrize("network", ["gru", "wavenet", "nade"])
def test_what_is_spoken_is_what_the_engine_draws_given_the_frames(network):
    vocoder = model("both", network)
    (spoken,) = vocode(vocoder, frames(5), speaker="ben", temperature=0.9, seed=7).spoken
    engine = open_engine(vocoder, 1)
    engine.condition(0, "ben", frames(5))
    pcm, log2_prob = engine.generate(5 * HOP, [7], 0.9)
    assert spoken.draw is not None
    np.testing.assert_array_equal(spoken.draw.pcm, pcm[0])
    np.testing.assert_array_equal(spoken.draw.log2_prob, log2_prob[0])
    assert spoken.bits_per_sample == pytest.approx(-log2_prob.mean())
    others = [vocode(vocoder, frames(5, 2), speaker="ben", seed=7), vocode(vocoder, frames(5), seed=7)]
    for other in others:
        assert other.spoken[0].draw is not None
        assert (other.spoken[0].draw.pcm != pcm[0]).any(), "frames and speaker matter"


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=9),
    streams=st.integers(1, 4),
    piece=st.integers(1, 200),
)
@settings(max_examples=25, deadline=None)
def test_each_is_spoken_as_it_is_alone(counts, streams, piece):
    """Whatever is spoken beside it, in whatever pieces: lengths differ, and streams end one by one."""
    sources = [frames(count, seed) for seed, count in enumerate(counts)]
    alone = [vocode(model(), source, seed=3).spoken[0] for source in sources]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speaking, "STREAMS", streams)
        patch.setattr(speaking, "SAMPLES_PER_CALL", piece)
        together = vocode(model(), sources, seed=3)
    for one, other, count in zip(alone, together.spoken, counts, strict=True):
        assert one.draw is not None
        assert other.draw is not None
        assert one.samples == other.samples == len(other.draw.pcm) == count * HOP
        np.testing.assert_array_equal(one.draw.pcm, other.draw.pcm)
        np.testing.assert_array_equal(one.draw.log2_prob, other.draw.log2_prob)


def test_a_recording_is_spoken_from_its_own_frames_and_is_as_long(tmp_path):
    pcm = workspace.wander(1000, 5)
    audio_files.write(tmp_path / "a.wav", pcm, 8000)
    vocoded = vocode(model(), tmp_path / "a.wav", tmp_path / "out.wav", seed=2)
    written = audio_files.read(tmp_path / "out.wav")
    assert (len(written.pcm), written.sample_rate) == (1000, 8000)
    engine = open_engine(model(), 1)
    engine.condition(0, None, frames_of(model().data(), pcm))
    np.testing.assert_array_equal(written.pcm, engine.generate(1000, [2])[0][0])
    assert vocoded.spoken[0].draw is None, "it has been written"
    described = vocoded.describe([tmp_path / "out.wav"])
    assert described["files"][0]["source"] == str(tmp_path / "a.wav")
    assert described["files"][0]["samples"] == 1000
    assert described["condition"] == "mel (hifigan, 5 bands of 0 to 4000 Hz, hop 64)"
    assert described["engine"] in ("cpu", "torch")


def test_another_rate_is_converted_where_that_is_asked_for(tmp_path):
    audio_files.write(tmp_path / "a.wav", np.repeat(workspace.wander(800, 5), 2), 16000)
    with pytest.raises(UserError, match="16000 Hz, the model was trained at 8000 Hz; give `resample=True`"):
        vocode(model(), tmp_path / "a.wav")
    assert vocode(model(), tmp_path / "a.wav", resample=True).spoken[0].samples == 800


def test_a_folder_goes_into_a_folder_with_its_folders(tmp_path):
    for name in ("a.wav", "deep/b.wav", "deep/er/c.wav"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(tmp_path / "in" / name, workspace.wander(300, len(name)), 8000)
    (tmp_path / "in" / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(UserError, match=r"out\.wav: several recordings go into a folder; name one"):
        vocode(model(), tmp_path / "in", tmp_path / "out.wav")
    vocoded = vocode(model(), tmp_path / "in", tmp_path / "out")
    there = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.wav")}
    assert there == {"a.wav", "deep/b.wav", "deep/er/c.wav"}
    assert [each["file"] for each in vocoded.refused] == [str(tmp_path / "in" / "broken.wav")]
    assert "1 of its 4 files left out" in vocoded.warnings[0]
    with pytest.raises(UserError, match="exists already"):
        vocode(model(), tmp_path / "in", tmp_path / "out")
    vocode(model(), tmp_path / "in", tmp_path / "out", force=True)


def test_what_is_spoken_by_an_interruption_is_kept_whole(tmp_path, monkeypatch):
    """The shortest of those side by side is whole when the signal comes; the others leave nothing."""
    sources = []
    for name, seconds in (("short", 300), ("longer", 600)):
        audio_files.write(tmp_path / f"{name}.wav", workspace.wander(seconds, 1), 8000)
        sources.append(tmp_path / f"{name}.wav")
    (tmp_path / "out").mkdir()
    written = audio_files.write

    def write_and_interrupt(path, pcm, rate):
        written(path, pcm, rate)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)

    monkeypatch.setattr(audio_files, "write", write_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        vocode(model(), sources, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["short.wav"]
    assert len(audio_files.read(tmp_path / "out" / "short.wav").pcm) == 300


@pytest.mark.parametrize(
    ("name", "source", "how", "said"),
    [
        ("voices", frames(3), {}, "the model is not conditioned on frames, so that it is no vocoder"),
        ("vocoder", frames(3), {"speaker": "ben"}, "the model is not conditioned on speakers; leave `speaker` out"),
        ("both", frames(3), {"speaker": "bin"}, "`speaker` 'bin' is not one of the model's; did you mean ben?"),
        ("vocoder", frames(3)[:, :4], {}, "`frames` are 3 x 4, the model takes (frames) x 5"),
        ("vocoder", frames(3)[:0], {}, "`frames` are 0 x 5"),
        ("vocoder", np.full((3, 5), np.nan), {}, "`frames` are not finite everywhere"),
        ("vocoder", np.zeros((3, 5), np.int16), {}, "`frames` are int16, the model takes float32"),
        ("vocoder", frames(3), {"temperature": 0.0}, "temperature 0.0 is not between"),
        ("vocoder", frames(3), {"seed": -1}, "seed -1 is not between 0 and 2^64 - 1"),
    ],
)
def test_what_cannot_be_spoken_is_told(name, source, how, said):
    with pytest.raises(UserError) as error:
        vocode(model(name), source, **how)
    assert said in str(error.value)


def test_a_model_without_conditions_is_no_vocoder():
    with pytest.raises(UserError, match="is no vocoder; take `wavegen generate`"):
        wavegen.vocode(small_models.mu_law_model(name="gru", hidden_size=3), Path("absent.wav"))


def test_generate_speaks_as_a_speaker_or_as_an_unknown_one():
    voice = model("voices")
    drawn = {name: generate(voice, 200, seeds=[3], speaker=name) for name in (None, "anna", "ben")}
    for name, draws in drawn.items():
        engine = open_engine(voice, 1)
        engine.condition(0, name)
        np.testing.assert_array_equal(draws.draws[0].pcm, engine.generate(200, [3])[0][0])
        assert draws.condition == (None if name is None else f"speaker {name}")
    assert (drawn["anna"].draws[0].pcm != drawn["ben"].draws[0].pcm).any()
    primed = generate(voice, 50, seeds=[3], speaker="ben", prime=workspace.wander(100, 1))
    engine = open_engine(voice, 1)
    engine.condition(0, "ben")
    np.testing.assert_array_equal(primed.draws[0].log2_prob[:100], engine.feed(workspace.wander(100, 1)[None])[0])


def test_generate_gives_frames_to_nobody():
    with pytest.raises(UserError, match="not conditioned on speakers"):
        generate(model(), 10, speaker="ben")
    draws = generate(model(), 100, seeds=[3])
    np.testing.assert_array_equal(draws.draws[0].pcm, open_engine(model(), 1).generate(100, [3])[0][0])
    assert draws.condition is None
