"""A DC offset that changes its sign has no mean over the whole recording, and is said all the same."""

import numpy as np
import pytest
import scipy.signal
from examined import RATE, figures, noise

from wavegen.audio.examination import Examiner, pcm_figures
from wavegen.audio.examination.findings import CODED, findings_of
from wavegen.audio.examination.offsets import Offsets

LENGTH = 5 * RATE + 100
HALF = np.where(np.arange(LENGTH) < LENGTH // 2, 1000.0, -1000.0)
DRIFT = np.linspace(-1000, 1000, LENGTH)
OFFSETS = {"half and half": (HALF, 990), "drifting": (DRIFT, 577), "in turns": (np.roll(HALF, RATE), 990)}


def below_1600_hz(signal):
    return scipy.signal.lfilter(scipy.signal.firwin(301, 0.4), 1, signal)


def kinds(codes):
    about = {**figures(codes), **pcm_figures(codes.astype(np.int16), RATE)}
    return {finding.kind: finding.sentence for finding in findings_of(about)}


@pytest.mark.parametrize("name", OFFSETS)
def test_an_offset_that_changes_is_said_with_its_size(name):
    offset, size = OFFSETS[name]
    found = pcm_figures((noise(LENGTH) + offset).astype(np.int16), RATE)
    assert abs(found["mean"]) < 60, "that is why the mean does not tell"
    assert found["wander"] == pytest.approx(size, abs=40)
    assert kinds(noise(LENGTH) + offset)["wandering offset"]


def test_the_sentence_has_the_figure():
    wander = pcm_figures(HALF.astype(np.int16), RATE)["wander"]
    said = f"has a DC offset that changes, by {wander:.0f} codes (RMS) around its mean"
    assert kinds(HALF)["wandering offset"] == said


@pytest.mark.parametrize("samples", [100, RATE - 1, RATE + 50, LENGTH])
@pytest.mark.parametrize("wave", [lambda t: 9000 * np.sin(2 * np.pi * 50 * t / RATE), lambda t: noise(len(t)) * 3])
@pytest.mark.parametrize("offset", [0, 3000])
def test_waves_and_constant_offsets_do_not_wander(samples, wave, offset):
    found = kinds(np.rint(wave(np.arange(samples))) + offset)
    assert "wandering offset" not in found
    assert ("offset" in found) == (offset > 0) or samples == 100


def test_an_offset_that_wanders_about_another_is_said_once():
    found = kinds(noise(LENGTH) + HALF + 3000)
    assert "offset" in found
    assert "wandering offset" not in found


def test_channels_that_are_coded_apart_are_looked_at_apart():
    examiner = Examiner(2, RATE, "PCM_16")
    examiner.add(np.stack([noise(LENGTH), noise(LENGTH, 1) + HALF], axis=1) / 32768)
    found = {finding.kind: finding.sentence for finding in findings_of(examiner.coded_figures(), CODED)}
    assert "wandering offset" in found


def test_no_figure_depends_on_the_size_of_blocks():
    signal = np.stack([noise(LENGTH) + HALF, DRIFT])
    whole, pieces = Offsets(2, RATE), Offsets(2, RATE)
    whole.add(signal)
    for piece in np.split(signal, [1, 1, RATE, RATE + 1, LENGTH - 3], axis=1):
        pieces.add(piece)
    assert whole.rms() == pytest.approx(pieces.rms(), rel=1e-12)
    assert whole.wander() == pytest.approx(pieces.wander(), rel=1e-9)
    assert Offsets(2, RATE).rms().tolist() == [0, 0]


@pytest.mark.parametrize("deviation", [0.0, 30.0])
def test_a_faint_signal_has_no_empty_band_on_an_offset_either(deviation):
    faint = deviation / 2000 * below_1600_hz(noise(LENGTH))
    assert "empty band" not in kinds(faint)
    assert "empty band" not in kinds(9000 + faint)
    assert "empty band" in kinds(below_1600_hz(noise(LENGTH)))


def test_part_of_a_wave_is_no_stretch():
    offsets = Offsets(1, RATE)
    offsets.add(np.concatenate([np.zeros(RATE), np.full(RATE // 3, 900.0)])[None])
    assert offsets.wander().tolist() == [0]
    offsets.add(np.full((1, RATE // 3), 900.0))
    assert offsets.wander()[0] > 400
