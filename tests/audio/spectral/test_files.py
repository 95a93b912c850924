"""Files of features: another toolkit's, made by hand from its definition, are read as our own features."""

import functools
from dataclasses import replace
from pathlib import Path

import h5py
import mel_definitions
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from mel_definitions import Sizes

from wavegen.audio.spectral.files import find, read_frames, write_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.audio.spectral.statistics import read_statistics
from wavegen.errors import UserError

SIZES = Sizes(8000, 64, 256, 256, 20, 80, 3900)
EACH = pytest.mark.parametrize("convention", CONVENTIONS)


@functools.cache
def pcm() -> np.ndarray:
    """(4000,) int16 of harmonics that rise and fall, and a little noise."""
    t = np.arange(4000) / 8000
    voice = np.sum([np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)], axis=0)
    noise = np.random.default_rng(0).normal(0, 3, 4000)
    return (2500 * voice * np.sin(2 * np.pi * 3 * t) ** 2 + noise).astype(np.int16)


def settings_of(convention: str, f0: bool = False) -> FrameSettings:
    return FrameSettings(convention, *SIZES, f0=f0)


def saved(path: Path, array: np.ndarray) -> Path:
    """The array in a file of the kind that the name says, as the toolkits write it."""
    array = array.astype(np.float32)
    if path.suffix == ".npz":
        np.savez(path, mel=array)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["wave"], file["feats"] = pcm() / 32768, array
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(array), path)
    else:
        np.save(path, array)
    return path


@EACH
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".pt"])
def test_a_toolkits_file_is_our_own_frames(convention, suffix, tmp_path):
    path = saved(tmp_path / f"a{suffix}", mel_definitions.FILES[convention](pcm(), SIZES))
    found = read_frames(path, settings_of(convention), samples=len(pcm()))
    np.testing.assert_allclose(found.values, frames(pcm(), settings_of(convention)), atol=2e-4)
    assert found.values.dtype == np.float32
    assert found.warnings == []


@EACH
@pytest.mark.parametrize("f0", [False, True])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_what_is_written_is_read(convention, f0, name, tmp_path):
    settings = settings_of(convention, f0)
    write_frames(tmp_path / name, frames(pcm(), settings, in_file=True), settings)
    found = read_frames(tmp_path / name, settings, samples=len(pcm()))
    np.testing.assert_array_equal(found.values, frames(pcm(), settings))
    assert found.warnings == []
    if name == "a.npz" and f0:
        without = read_frames(tmp_path / name, settings_of(convention))
        np.testing.assert_array_equal(without.values, frames(pcm(), settings_of(convention)))


@EACH
def test_what_is_written_is_the_toolkits_file(convention, tmp_path):
    settings = settings_of(convention)
    write_frames(tmp_path / "a.npy", frames(pcm(), settings, in_file=True), settings)
    expected = mel_definitions.FILES[convention](pcm(), SIZES)
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), expected, atol=2e-4)


def test_f0_alone(tmp_path):
    settings = replace(settings_of("hifigan", f0=True), convention="")
    for name in ("a.npy", "a.npz"):
        write_frames(tmp_path / name, frames(pcm(), settings, in_file=True), settings)
        np.testing.assert_array_equal(read_frames(tmp_path / name, settings).values, frames(pcm(), settings))


@pytest.mark.parametrize("kind", ["stats.h5", "stats.npy", "feats_stats.npz"])
def test_normalised_files_are_restored(kind, tmp_path):
    settings = settings_of("espnet", f0=True)
    values = frames(pcm(), settings)
    mean, scale = values[:, :20].mean(axis=0), values[:, :20].std(axis=0)
    path = tmp_path / kind
    if kind == "stats.h5":
        with h5py.File(path, "w") as file:
            file["mean"], file["scale"] = mean, scale
    elif kind == "stats.npy":
        np.save(path, np.stack([mean, scale]))
    else:
        count = 7.0
        np.savez(path, count=count, sum=count * mean, sum_square=count * (scale.astype(float) ** 2 + mean**2.0))
    statistics = read_statistics(path, 20)
    write_frames(tmp_path / "a.npy", values, settings, statistics)
    normalised = np.load(tmp_path / "a.npy")
    np.testing.assert_allclose(normalised[:, :20].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(normalised[:, :20].std(axis=0), 1, atol=1e-3)
    np.testing.assert_array_equal(normalised[:, 20:], values[:, 20:])
    found = read_frames(tmp_path / "a.npy", settings, statistics=statistics)
    np.testing.assert_allclose(found.values, values, atol=1e-5)
    assert found.warnings == []


@given(data=st.data(), rows=st.integers(1, 30))
@hypothesis_settings(deadline=None, max_examples=50)
def test_either_order_is_read_and_told(data, rows, tmp_path_factory):
    convention = data.draw(st.sampled_from(["parallel-wavegan", "hifigan"]))
    values = np.random.default_rng(rows).uniform(-9, 1, (rows, 20)).astype(np.float32)
    path = tmp_path_factory.mktemp("order") / "a.npy"
    turned = data.draw(st.booleans())
    np.save(path, values.T if turned else values)
    found = read_frames(path, settings_of(convention))
    as_is = turned == (convention == "hifigan")
    if rows != 20:
        np.testing.assert_array_equal(found.values, values)
        assert any("it is read turned round" in warning for warning in found.warnings) == (not as_is)
    else:  # which nothing tells
        np.testing.assert_array_equal(found.values, values if as_is else values.T)


def test_a_batch_of_one_is_its_only_file(tmp_path):
    expected = mel_definitions.hifigan(pcm(), SIZES)
    np.save(tmp_path / "a.npy", expected[None])
    assert read_frames(tmp_path / "a.npy", settings_of("hifigan")).values.shape == expected.T.shape


def test_a_folder(tmp_path):
    for name in ("10-feats.npy", "2-feats.npy", "2-wave.npy", "stats.npy", ".3-feats.npy", "note.txt", "b.npy"):
        (tmp_path / name).write_bytes(b"x")
    assert sorted(path.name for path in find(tmp_path)) == ["10-feats.npy", "2-feats.npy"]
    (tmp_path / "plain").mkdir()
    for name in ("b.pt", "a.h5", "stats.h5"):
        (tmp_path / "plain" / name).write_bytes(b"x")
    assert [path.name for path in find(tmp_path / "plain")] == ["a.h5", "b.pt"]
    assert find(tmp_path / "b.npy") == [tmp_path / "b.npy"]
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="there is no file of features in it"):
        find(tmp_path / "none")
