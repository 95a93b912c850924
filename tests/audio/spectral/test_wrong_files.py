"""Each wrong feature file gets its one line or its warning, and a right one gets none."""

import functools
import pickle
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import mel_definitions
import numpy as np
import pytest
import torch
from mel_definitions import Sizes

from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.audio.spectral.arrays import arrays_in
from wavegen.audio.spectral.files import read_frames, write_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.audio.spectral.statistics import Statistics, read_statistics
from wavegen.errors import UserError
from wavegen.system import optional

SIZES = Sizes(8000, 128, 1024, 1024, 80, 80, 4000)
NAMES = ("demo-moreinfo", "conf-adminmenu", "sorry")
HIFIGAN = FrameSettings("hifigan", *SIZES)
WAVEGAN = FrameSettings("parallel-wavegan", *SIZES)


@functools.cache
def voice_named(name: str) -> np.ndarray:
    """Up to 2.5 s of a recording of the bundled speech, (samples,) int16."""
    return audio_files.read(speech.folder() / "en_US_f_Allison" / f"{name}.flac").pcm[:20000]


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    return [voice_named(name) for name in NAMES]


@pytest.fixture
def voice(voices) -> np.ndarray:
    return voices[0]


def mel(pcm: np.ndarray, convention: str, sizes: Sizes = SIZES) -> np.ndarray:
    """What the toolkit's file has."""
    return defined(pcm.tobytes(), convention, sizes).copy()


@functools.cache
def defined(pcm: bytes, convention: str, sizes: Sizes) -> np.ndarray:
    return mel_definitions.FILES[convention](np.frombuffer(pcm, np.int16), sizes).astype(np.float32)


def refused(path: Path, settings: FrameSettings = HIFIGAN, samples: int | None = None) -> str:
    """The one line that begins with the file's name."""
    with pytest.raises(UserError) as error:
        read_frames(path, settings, samples=samples)
    (line,) = error.value.problems
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


def warned(path: Path, settings: FrameSettings = HIFIGAN) -> str:
    """The one warning, which begins with the file's name."""
    (warning,) = read_frames(path, settings).warnings
    return warning.removeprefix(f"{path}: ")


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


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


@pytest.mark.parametrize("kind", ["sparse", "quantized", "list", "nested"])
def test_tensors_of_other_kinds(voice, tmp_path, kind):
    tensor = torch.from_numpy(mel(voice, "hifigan"))
    if kind == "quantized":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that torch is to lose them
            tensor = torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)
    made = {
        "sparse": tensor.to_sparse() if kind == "sparse" else None,
        "list": [tensor],
        "nested": {"a": {"mel": tensor}},
    }
    torch.save(made.get(kind, tensor), tmp_path / "a.pt")
    said = {
        "list": "holds no tensor or dict of tensors, but list; save the tensor alone",
        "nested": "holds no tensor or dict of tensors, but dict; save the tensor alone",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert refused(tmp_path / "a.pt") == said.get(kind, "holds a sparse or quantized tensor; save a plain one")


def test_hdf5_in_a_group(voice, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["some/feats"] = mel(voice, "hifigan")
        file["some/wave"] = voice
    np.testing.assert_allclose(read_frames(tmp_path / "a.h5", HIFIGAN).values, frames(voice, HIFIGAN), atol=1e-4)


def test_a_file_that_contradicts_the_user(voice, tmp_path):
    write_frames(tmp_path / "a.npz", frames(voice, WAVEGAN, in_file=True), WAVEGAN)
    found = read_frames(tmp_path / "a.npz", WAVEGAN, "espnet")
    assert found.warnings == []
    sizes = Sizes(8000, 128, 1024, 1024, 80, 80, 4000)
    taco = FrameSettings("tacotron2", *sizes)
    assert (
        f"{tmp_path / 'a.npz'}: says itself that it is parallel-wavegan; it is read as tacotron2"
        in read_frames(tmp_path / "a.npz", taco, "tacotron2").warnings
    )


def test_int16(voice, tmp_path):
    codes = mel(voice, "hifigan").astype(np.int16)
    assert refused(saved(tmp_path / "a.npy", codes)).startswith("holds int16, and features are floating-point numbers")
    assert refused(saved(tmp_path / "b.npy", voice)).startswith(f"is {len(voice)}, and features are frames by channels")


def test_empty(tmp_path):
    (tmp_path / "a.npy").touch()
    assert refused(tmp_path / "a.npy") == "is empty; make it again"
    assert refused(saved(tmp_path / "b.npy", np.zeros((80, 0), np.float32))) == "holds no frames; make it again"
    assert refused(tmp_path / "none.npy") == "cannot be read: No such file or directory"


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


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".pt"])
def test_truncated(voice, tmp_path, suffix):
    path, array = tmp_path / f"a{suffix}", mel(voice, "hifigan")
    if suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez(path, mel=array)
    elif suffix == ".pt":
        torch.save(torch.from_numpy(array), path)
    else:
        with h5py.File(path, "w") as file:
            file["feats"] = array
    whole = path.read_bytes()
    for size in (1, 7, 50, 200, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:size])
        assert refused(path) == "truncated, damaged, or another kind of file; copy it again"
    path.write_bytes(b"\0" * 3000)
    assert refused(path) == "truncated, damaged, or another kind of file; copy it again"


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


LOOKS = {  # what a file is, and what it looks like to those who take it for another convention
    "librosa": "librosa",
    "parallel-wavegan": "parallel-wavegan",
    "hifigan": "hifigan or tacotron2",
    "tacotron2": "hifigan or tacotron2",
    "r9y9": "r9y9",
}


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


def test_code_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "run",))

    torch.save({"mel": Trap()}, tmp_path / "a.pt")
    assert refused(tmp_path / "a.pt").startswith("holds more than tensors, and is not read")
    np.save(tmp_path / "b.npy", np.array([Trap()], object), allow_pickle=True)
    assert refused(tmp_path / "b.npy").startswith("holds Python objects, which could run code")
    (tmp_path / "c.npy").write_bytes(pickle.dumps(Trap()))
    assert refused(tmp_path / "c.npy")
    assert not (tmp_path / "run").exists()


def test_which_array_it_is(voice, tmp_path):
    array = mel(voice, "hifigan")
    np.savez(tmp_path / "a.npz", audio=voice / 32768, spectrogram=array)
    assert read_frames(tmp_path / "a.npz", HIFIGAN).values.shape == array.T.shape
    np.savez(tmp_path / "b.npz", left=array, right=array)
    assert refused(tmp_path / "b.npz").startswith("holds left, right, and no mel spectrogram by a name that is known")
    torch.save({"mel": torch.from_numpy(array), "other": torch.zeros(3, 3)}, tmp_path / "c.pt")
    assert read_frames(tmp_path / "c.pt", HIFIGAN).values.shape == array.T.shape
    torch.save({"a": 1}, tmp_path / "d.pt")
    assert refused(tmp_path / "d.pt").startswith("holds no tensor or dict of tensors, but dict")
    (tmp_path / "e.txt").write_text("x")
    assert refused(tmp_path / "e.txt") == "is no file of features that can be read; known: .npy, .npz, .h5, .hdf5, .pt"
    saved(tmp_path / "g.npy", array).rename(tmp_path / "g.npz")
    assert read_frames(tmp_path / "g.npz", HIFIGAN).values.shape == array.T.shape
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("mel.npy", b"nothing")
    assert refused(tmp_path / "f.npz").startswith("holds nothing, and no mel")


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


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((3, 80))}, "holds no mean and deviation of mel bands"),
        ({"mean": np.zeros(40), "scale": np.ones(40)}, "is of 40 bands, and the mel spectrogram has 80"),
        (
            {"mean": np.zeros(80), "scale": np.zeros(80)},
            "has numbers that are not finite, or deviations of zero",
        ),
        ({"count": np.zeros(()), "sum": np.ones(80), "sum_square": np.ones(80)}, "has numbers that are not finite"),
        ({"mean": np.full(80, "a"), "scale": np.ones(80)}, "holds no mean and deviation of mel bands"),
    ],
)
def test_statistics_that_are_none(tmp_path, arrays, said):
    np.savez(tmp_path / "stats.npz", **arrays)
    with pytest.raises(UserError, match=f"stats.npz: {said}"):
        read_statistics(tmp_path / "stats.npz", 80)


def test_without_h5py_one_line_says_what_to_install(voice, tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["feats"] = mel(voice, "parallel-wavegan")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    monkeypatch.setattr(optional, "version", lambda name: None)
    line = refused(tmp_path / "a.h5", WAVEGAN)
    assert line == "h5py is not installed; install it with: pip install 'h5py>=3.11'"
