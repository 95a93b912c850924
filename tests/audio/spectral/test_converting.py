"""A spectrogram of another convention is converted where that is exact, and else refused with one line."""

from itertools import permutations

import mel_definitions
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mel_definitions import Sizes

from wavegen.audio.spectral.conventions import MELS, convention_named
from wavegen.audio.spectral.converting import converted
from wavegen.audio.spectral.files import read_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

SIZES = Sizes(8000, 64, 256, 256, 20, 80, 3900)
EXACT = {("parallel-wavegan", "tacotron2"), ("tacotron2", "parallel-wavegan")}  # one analysis
LOUD = np.random.default_rng(0).integers(-9000, 9000, 3000).astype(np.int16)
SILENT_AT_FIRST = np.concatenate([np.zeros(1000, np.int16), LOUD])


def mel(pcm: np.ndarray, convention: str) -> np.ndarray:
    """(frames, bands) float32, from the definition."""
    return mel_definitions.frames_of(convention, pcm, SIZES).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), sorted(EXACT))
def test_what_one_analysis_makes_is_converted(source, target):
    found = converted(mel(LOUD, source), source, target)
    np.testing.assert_allclose(found, mel(LOUD, target), atol=2e-6)
    assert found.dtype == np.float32


def test_a_higher_floor_is_exact_and_a_lower_one_is_not():
    raised = converted(mel(SILENT_AT_FIRST, "parallel-wavegan"), "parallel-wavegan", "tacotron2")
    np.testing.assert_allclose(raised, mel(SILENT_AT_FIRST, "tacotron2"), atol=2e-6)
    with pytest.raises(UserError, match="numbers at the floor of tacotron2, 1e-05, and parallel-wavegan goes down to"):
        converted(mel(SILENT_AT_FIRST, "tacotron2"), "tacotron2", "parallel-wavegan")
    with pytest.raises(UserError, match="numbers at the floor"):
        converted(mel(SILENT_AT_FIRST, "tacotron2").astype(np.float16), "tacotron2", "parallel-wavegan")


@pytest.mark.parametrize(("source", "target"), [pair for pair in permutations(CONVENTIONS, 2) if pair not in EXACT])
def test_all_others_are_refused(source, target):
    with pytest.raises(UserError, match=rf"is {source}, whose .* not those of {target}, .*; make it as {target}"):
        converted(mel(LOUD, source), source, target)
    # Rightly so: no scale makes one of the other.
    one, other = (exact_log10(name) for name in (source, target))
    number = min(len(one), len(other))
    assert (one[:number] - other[:number]).std() > 0.01


def exact_log10(convention: str) -> np.ndarray:
    """The bands' logarithm, without offset and base."""
    scale = MELS[convention_named(convention)].scale
    return (mel(LOUD, convention) - scale.offset) / scale.slope


@given(values=st.lists(st.floats(-9.75, 3, width=32), min_size=1, max_size=20))
def test_there_and_back(values):
    array = np.array(values, np.float32)[None]
    there = converted(array, "parallel-wavegan", "tacotron2")
    if array.min() > -4.99:
        np.testing.assert_allclose(converted(there, "tacotron2", "parallel-wavegan"), array, atol=1e-5)
    else:
        assert there.min() == pytest.approx(max(np.log(1e-5), array.min() * np.log(10)))


def test_a_file_of_another_convention(tmp_path):
    torch.save(torch.from_numpy(mel(LOUD, "tacotron2").T.copy()), tmp_path / "a.pt")
    settings = FrameSettings("espnet", *SIZES)
    found = read_frames(tmp_path / "a.pt", settings, "tacotron2")
    np.testing.assert_allclose(found.values, frames(LOUD, settings), atol=1e-5)
    assert found.warnings == []
    with pytest.raises(UserError, match=r"a\.pt: is hifigan, whose frames are not those of parallel-wavegan"):
        read_frames(tmp_path / "a.pt", settings, "hifigan")
    with pytest.raises(UserError, match="'wavenet' is no convention"):
        read_frames(tmp_path / "a.pt", settings, "wavenet")
