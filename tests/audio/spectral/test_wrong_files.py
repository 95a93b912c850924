"""Each wrong feature file gets its one line or its warning, and a right one gets none."""

from dataclasses import replace

import mel_definitions
import numpy as np
import pytest
from feature_files import HIFIGAN, SIZES, WAVEGAN, mel, refused, saved, warned

from wavegen.audio.spectral.arrays import arrays_in
from wavegen.audio.spectral.files import read_frames, write_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.audio.spectral.statistics import Statistics

LOOKS = {  # what a file is, and what it looks like to those who take it for another convention
    "librosa": "librosa",
    "parallel-wavegan": "parallel-wavegan",
    "hifigan": "hifigan or tacotron2",
    "tacotron2": "hifigan or tacotron2",
    "r9y9": "r9y9",
}


def test_transposed(voice, tmp_path):
    path = saved(tmp_path / "a.npy", mel(voice, "hifigan").T)
    frames_of_it = len(voice) // 128
    assert warned(path) == f"is {frames_of_it} x 80, and files of hifigan are bands by frames; it is read turned round"
    np.testing.assert_allclose(read_frames(path, HIFIGAN).values, frames(voice, HIFIGAN), atol=1e-4)


def test_log10_for_ln(voices, tmp_path):
    for pcm in voices:
        path = saved(tmp_path / "a.npy", mel(pcm, "parallel-wavegan").T)
        assert warned(path) == "its values look like parallel-wavegan; they are read as hifigan"


def test_another_hop(voice, tmp_path):
    path = saved(tmp_path / "a.npy", mel(voice, "hifigan", SIZES._replace(hop=160)))
    expected = f"has {len(voice) // 160} frames, where {len(voice)} samples at a hop of 128 have {len(voice) // 128}; "
    line = refused(path, samples=len(voice))
    assert line == f"{expected}it was made with a hop of about 160, at another sample rate, or of another recording"


def test_not_a_number(voice, tmp_path):
    array = mel(voice, "hifigan")
    array[3, 4] = np.nan
    assert refused(saved(tmp_path / "a.npy", array)) == "holds NaN or infinite numbers; make it again"
    array[3, 4] = -np.inf
    assert refused(saved(tmp_path / "b.npy", array)) == "holds NaN or infinite numbers; make it again"
    array = array.astype(np.float64)
    array[3, 4] = 1e300
    assert refused(saved(tmp_path / "c.npy", array)) == "holds NaN or infinite numbers; make it again"


@pytest.mark.parametrize("number", [3e38, -3e38, 2e6])
def test_numbers_beyond_all_logarithms(voice, tmp_path, number):
    """They overflowed in the recognition of conventions, or in the model, which did not say in which file."""
    one, all_of_them = mel(voice, "hifigan"), np.full_like(mel(voice, "hifigan"), number)
    one[3, 4] = number
    for array in (one, all_of_them):
        said = f"holds numbers up to {abs(number):.2g}, which are no logarithms of a spectrum; make it again"
        assert refused(saved(tmp_path / "a.npy", array)) == said


def test_int16(voice, tmp_path):
    codes = mel(voice, "hifigan").astype(np.int16)
    assert refused(saved(tmp_path / "a.npy", codes)).startswith("holds int16, and features are floating-point numbers")
    assert refused(saved(tmp_path / "b.npy", voice)).startswith(f"is {len(voice)}, and features are frames by channels")


def test_forty_bands(voice, tmp_path):
    path = saved(tmp_path / "a.npy", mel(voice, "hifigan", SIZES._replace(bands=40)))
    assert refused(path) == f"is 40 x {len(voice) // 128}, and 80 bands are wanted; make it so"
    assert "82 numbers a frame with F0 are wanted" in refused(path, replace(HIFIGAN, f0=True))


def test_normalised(voices, tmp_path):
    for convention, settings in (("parallel-wavegan", WAVEGAN), ("hifigan", HIFIGAN)):
        everything = np.concatenate([frames(pcm, settings) for pcm in voices])
        statistics = Statistics(everything.mean(axis=0), everything.std(axis=0))
        for pcm in voices:
            write_frames(tmp_path / "a.npy", frames(pcm, settings, in_file=True), settings, statistics)
            said = f"its values look like normalised bands, of mean 0 and deviation 1; they are read as {convention}"
            assert warned(tmp_path / "a.npy", settings) == said


def test_another_rate(voice, tmp_path):
    other = FrameSettings("hifigan", *SIZES._replace(rate=22050, hop=256, fmin=0, fmax=8000))
    write_frames(tmp_path / "a.npz", frames(voice, other, in_file=True), other)
    has = "a sample rate of 22050 Hz, a hop of 256 samples, fmin = 0 Hz, fmax = 8000 Hz"
    wants = "a sample rate of 8000 Hz, a hop of 128 samples, fmin = 80 Hz, fmax = 4000 Hz is wanted"
    assert refused(tmp_path / "a.npz") == f"was made with {has}, and {wants}; make it again"
    slower = np.repeat(voice, 2)  # the same at another rate: twice the samples
    path = saved(tmp_path / "b.npy", mel(slower, "hifigan"))
    assert "at another sample rate" in refused(path, samples=len(voice))


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("kind", ["loud", "quiet", "silence first"])
def test_a_right_file_gets_no_warning(voices, tmp_path, convention, kind):
    for pcm in voices:
        pcm = {"loud": pcm, "quiet": pcm // 30, "silence first": np.concatenate([np.zeros(4000, np.int16), pcm])}[kind]
        path = saved(tmp_path / "a.npy", mel(pcm, convention))
        assert read_frames(path, FrameSettings(convention, *SIZES), samples=len(pcm)).warnings == []


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("silent", [False, True])
def test_a_file_of_another_convention_is_named(voices, tmp_path, convention, silent):
    for pcm in voices:
        pcm = np.concatenate([np.zeros(4000, np.int16), pcm]) if silent else pcm
        array = mel(pcm, convention)
        array = array.T if convention in mel_definitions.BANDS_FIRST else array
        for said, looks in LOOKS.items():
            if looks != LOOKS[convention]:
                settings = FrameSettings(said, *SIZES)
                path = saved(tmp_path / "a.npy", array.T if settings.mel and settings.mel.bands_first else array)
                warning = f"its values look like {LOOKS[convention]}; they are read as {said}"
                assert warned(path, settings) == warning, said


def test_without_a_logarithm_or_below_the_maximum(voice, tmp_path):
    powers = 10 ** (mel(voice, "librosa") / 10)
    assert "look like bands without a logarithm" in warned(saved(tmp_path / "a.npy", powers))
    relative = np.maximum(mel(voice, "librosa") - mel(voice, "librosa").max(), -80)
    assert "look like decibels below the file's own maximum" in warned(saved(tmp_path / "b.npy", relative))
    silent = np.concatenate([np.zeros(4000, np.int16), voice])
    magnitudes = 10 ** mel(silent, "parallel-wavegan").T
    for name, array in {"log10": np.log10(np.maximum(1e-5, magnitudes)), "ln": np.log(magnitudes)}.items():
        floor = {"log10": "1e-5", "ln": "1e-10"}[name]
        assert f"look like {name} with a floor of {floor}; " in warned(saved(tmp_path / f"{name}.npy", array))


def test_settings_that_no_file_has(voice, tmp_path):
    np.savez(tmp_path / "a.npz", mel=mel(voice, "hifigan"), convention="hifigan", hop=128)
    assert refused(tmp_path / "a.npz") == "its settings are damaged; make it again"
    write_frames(tmp_path / "b.npz", frames(voice, HIFIGAN), HIFIGAN)
    arrays = arrays_in(tmp_path / "b.npz")
    np.savez(tmp_path / "b.npz", **arrays | {"f0": np.zeros((3, 2), np.float32)})  # pyright: ignore[reportArgumentType]
    with_f0 = replace(HIFIGAN, f0=True)
    assert refused(tmp_path / "b.npz", with_f0).startswith("its F0 is 3 x 2, and ")


def test_few_frames_of_r9y9(voice, tmp_path):
    settings = replace(WAVEGAN, convention="r9y9")
    path = saved(tmp_path / "a.npy", mel(voice, "r9y9")[:7])
    assert refused(path, settings) == "has 7 frames, and r9y9 has 8 or more; make it again"
