"""Files of other toolkits, spoken: each convention's own, wrong ones, and those whose recording tells what they are."""

import functools
import json
from pathlib import Path

import mel_definitions
import numpy as np
import pytest
import sensitive_models
import torch
from mel_definitions import Sizes

from wavegen.audio import files as audio_files
from wavegen.audio.spectral.conventions import MELS
from wavegen.audio.spectral.files import write_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.models.checkpoint import save
from wavegen.models.given import Given
from wavegen.sampling.vocoding import vocode

SIZES = Sizes(8000, 64, 256, 256, 12, 80, 3900)
LENGTH = 2400


@functools.cache
def pcm() -> np.ndarray:
    """(LENGTH,) int16 of harmonics that rise and fall, with silence at the end."""
    t = np.arange(LENGTH) / 8000
    voice = np.sum([np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)], axis=0)
    sound = 2500 * voice * np.sin(2 * np.pi * 3 * t) ** 2 + np.random.default_rng(0).normal(0, 3, LENGTH)
    return np.where(t < 0.25, sound, 0).astype(np.int16)


def made_for(convention: str, hidden: int, channels: int, f0: bool = False):
    table = {"mel": convention, **{name: getattr(SIZES, name) for name in SIZES._fields if name != "rate"}, "f0": f0}
    network = {"name": "markov", "order": 3, "hidden_sizes": [hidden]}
    made = sensitive_models.conditioned(network, {**table, "channels": channels})
    made.fit([], [frames(pcm(), settings_of(convention, f0))])
    return made


@functools.cache
def model(convention: str):
    """One whose draws depend on its frames, and which knows nothing."""
    return made_for(convention, 8, 6)


@functools.cache
def trained(convention: str):
    """One that has learned, within seconds, what frames say of this recording."""
    torch.manual_seed(0)
    made = made_for(convention, 24, 16).train()
    own = frames(pcm(), settings_of(convention))
    optimizer = torch.optim.Adam([weight for weight in made.parameters() if weight.requires_grad], 0.01)
    codes = torch.from_numpy(pcm().astype(np.int64)).repeat(2, 1)
    for _ in range(150):
        loss = -made.log2_prob(codes, made.initial_state(2, conditions=[Given(None, own), Given()]))[0].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return made.eval()


def settings_of(convention: str, f0: bool = False) -> FrameSettings:
    return FrameSettings(convention, *SIZES, f0=f0)


def saved(path: Path, convention: str) -> Path:
    """The toolkit's own file, from its definition."""
    np.save(path, mel_definitions.FILES[convention](pcm(), SIZES).astype(np.float32))
    return path


def drawn(vocoded) -> np.ndarray:
    (spoken,) = vocoded.spoken
    return spoken.draw.pcm


@pytest.fixture
def recording(tmp_path) -> Path:
    audio_files.write(tmp_path / "a.wav", pcm(), 8000)
    return tmp_path / "a.wav"


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_toolkits_file_is_spoken_as_our_own_frames_are(convention, recording, tmp_path):
    """Frames of a file end with its last hop, those of a recording with its last sample: up to there they are one."""
    file = saved(tmp_path / "mel.npy", convention)
    of_file, of_recording = (drawn(vocode(model(convention), source, seed=3)) for source in (file, recording))
    assert len(of_recording) == LENGTH
    assert len(of_file) == settings_of(convention).number_of_frames(LENGTH) * SIZES.hop
    both = min(len(of_file), LENGTH)
    np.testing.assert_array_equal(of_file[:both], of_recording[:both])


def test_another_scale_of_the_same_analysis_is_converted(recording, tmp_path):
    """From log10 with a lower floor to ln, up to rounding, by which a sample or two fall into the next cell."""
    file = saved(tmp_path / "mel.npy", "parallel-wavegan")
    own = drawn(vocode(model("tacotron2"), recording, seed=3))
    told, untold = (vocode(model("tacotron2"), file, convention=name, seed=3) for name in ("espnet", None))
    assert (drawn(told)[:LENGTH] == own).mean() > 0.9
    assert (drawn(untold)[:LENGTH] == own).mean() < 0.5
    with pytest.raises(UserError, match="which cannot be undone; make it as hifigan"):
        vocode(model("hifigan"), file, convention="espnet")


def test_normalised_files_need_their_statistics(tmp_path):
    settings = settings_of("parallel-wavegan")
    values = frames(pcm(), settings_of("parallel-wavegan"))
    mean, scale = values.mean(axis=0), values.std(axis=0)
    np.save(tmp_path / "stats.npy", np.stack([mean, scale]))
    np.save(tmp_path / "mel.npy", ((values - mean) / scale).astype(np.float32))
    write_frames(tmp_path / "plain.npy", values, settings)
    told = vocode(model("parallel-wavegan"), tmp_path / "mel.npy", statistics=tmp_path / "stats.npy", seed=3)
    plain = vocode(model("parallel-wavegan"), tmp_path / "plain.npy", seed=3)
    np.testing.assert_array_equal(drawn(told), drawn(plain))


def test_a_folder_of_feature_files_is_spoken_without_its_recordings(tmp_path):
    for name in ("a", "b"):
        saved(tmp_path / f"{name}.npy", "hifigan")
        audio_files.write(tmp_path / f"{name}.wav", pcm(), 8000)
    vocoded = vocode(model("hifigan"), tmp_path, tmp_path / "out")
    assert [Path(one.source).name for one in vocoded.spoken] == ["a.npy", "b.npy"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.wav", "b.wav"}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_recording_of_a_file_tells_that_it_is_right(convention, recording, tmp_path):
    vocoded = vocode(trained(convention), saved(tmp_path / "mel.npy", convention), check=recording)
    check = vocoded.check
    assert check is not None
    assert check["own_bits_per_sample"] < check["nothing_bits_per_sample"] - 0.01
    assert check["bits_per_sample"].keys() == {*CONVENTIONS}
    assert check["convention"] == convention
    assert check["bits_per_sample"][convention] == pytest.approx(check["own_bits_per_sample"], abs=1e-3)
    assert not [line for line in vocoded.warnings if "mel.npy" in line]


def test_the_recording_of_a_file_tells_what_it_really_is(recording, tmp_path):
    file = saved(tmp_path / "mel.npy", "parallel-wavegan")
    vocoded = vocode(trained("tacotron2"), file, check=recording, seed=3)
    assert vocoded.check is not None
    assert vocoded.check["convention"] == "parallel-wavegan"
    (line,) = [line for line in vocoded.warnings if "is read as" in line]
    assert line.startswith(f"{file}: is read as parallel-wavegan: given that, {recording} has ")
    np.testing.assert_array_equal(drawn(vocoded)[:LENGTH], drawn(vocode(trained("tacotron2"), recording, seed=3)))


def test_a_convention_that_cannot_be_converted_is_told(recording, tmp_path):
    with pytest.raises(UserError, match=r"is librosa, whose .* which cannot be undone; make it as tacotron2"):
        vocode(trained("tacotron2"), saved(tmp_path / "mel.npy", "librosa"), check=recording)


def test_a_model_that_knows_nothing_tells_nothing(recording, tmp_path):
    vocoded = vocode(model("tacotron2"), saved(tmp_path / "mel.npy", "tacotron2"), check=recording)
    assert vocoded.check is not None
    assert vocoded.check["nothing_bits_per_sample"] <= vocoded.check["own_bits_per_sample"], "or choose another seed"
    assert vocoded.check["convention"] == "tacotron2"
    assert any("given none; the model cannot tell what they are" in line for line in vocoded.warnings)


def test_frames_of_another_recording_are_noticed(recording, tmp_path):
    np.save(tmp_path / "mel.npy", mel_definitions.FILES["tacotron2"](pcm()[::-1], SIZES).astype(np.float32))
    vocoded = vocode(trained("tacotron2"), tmp_path / "mel.npy", check=recording)
    assert any("it is of another recording, or of other settings" in line for line in vocoded.warnings)


def test_a_file_of_another_hop_has_too_few_frames_for_its_recording(recording, tmp_path):
    sizes = SIZES._replace(hop=128)
    np.save(tmp_path / "mel.npy", mel_definitions.FILES["hifigan"](pcm(), sizes).astype(np.float32))
    assert vocode(model("hifigan"), tmp_path / "mel.npy").spoken[0].samples == LENGTH // 128 * 64, "nothing tells"
    with pytest.raises(UserError, match="18 frames, where 2400 samples at a hop of 64 have 37; it was made with a hop"):
        vocode(model("hifigan"), tmp_path / "mel.npy", check=recording)


WRONG = {
    "transposed": (lambda mel: mel.T, "warning: ", "files of tacotron2 are bands by frames; it is read turned round"),
    "log10 for ln": (lambda mel: mel / np.log(10), "warning: ", "its values look like log10 with a floor of 1e-5"),
    "NaN": (lambda mel: np.where(mel < -11, np.nan, mel), "", "holds NaN or infinite numbers; make it again"),
    "int16": (lambda mel: mel.astype(np.int16), "", "holds int16, and features are floating-point numbers"),
    "empty": (lambda mel: mel[:, :0], "", "holds no frames; make it again"),
    "40 bands": (lambda mel: np.zeros((40, 30), np.float32), "", "is 40 x 30, and 12 bands are wanted"),
}


@pytest.fixture
def vocoder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(model("tacotron2"), tmp_path / "vocoder.safetensors", {})
    return tmp_path / "vocoder.safetensors"


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_file_has_its_line_or_its_warning(name, vocoder, capsys):
    change, kind, said = WRONG[name]
    np.save("mel.npy", change(mel_definitions.FILES["tacotron2"](pcm(), SIZES).astype(np.float32)))
    code = main(["vocode", str(vocoder), "mel.npy", "out.wav"])
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith(f"wavegen: {kind}mel.npy: ") and said in line], lines
    assert code == (0 if kind else 2)
    assert Path("out.wav").exists() == bool(kind)


@pytest.mark.parametrize(
    ("contents", "said"),
    [(b"", "mel.npy: is empty; make it again"), (b"\x93NUMPY\x01\x00", "truncated, damaged, or another kind of file")],
)
def test_files_that_are_cut_are_refused(contents, said, vocoder, capsys):
    Path("mel.npy").write_bytes(contents)
    assert main(["vocode", str(vocoder), "mel.npy", "out.wav"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("suffix", ["csv", "txt", "json", "PKL"])
def test_tables_are_told_what_features_are_kept_in(suffix, vocoder, capsys):
    Path(f"mel.{suffix}").write_text("1,2,3\n")
    assert main(["vocode", str(vocoder), f"mel.{suffix}", "out.wav"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"wavegen: mel.{suffix}: is neither a recording nor a file of features; "
        "files of features are .npy, .npz, .h5, .hdf5, .pt: write it with numpy.save"
    )


def test_a_mean_and_a_deviation_are_not_taken_for_frames_in_silence(vocoder, capsys):
    mel = mel_definitions.FILES["tacotron2"](pcm(), SIZES).astype(np.float32)
    np.save("stats.npy", np.stack([mel.mean(axis=1), mel.std(axis=1)], axis=1))
    assert main(["vocode", str(vocoder), "stats.npy", "out.wav"]) == 0
    assert (
        "stats.npy: holds two frames, the second above zero throughout: it looks like a file of statistics"
        in capsys.readouterr().err
    )
    np.save("two.npy", mel[:, :2])
    assert main(["vocode", str(vocoder), "two.npy", "two.wav"]) == 0
    assert "statistics" not in capsys.readouterr().err


def test_a_file_that_says_another_rate_is_refused(vocoder, capsys):
    settings = FrameSettings("tacotron2", *SIZES._replace(rate=16000))
    write_frames("mel.npz", frames(pcm(), settings, in_file=True), settings)
    assert main(["vocode", str(vocoder), "mel.npz", "out.wav"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "mel.npz: was made with a sample rate of 16000 Hz, and a sample rate of 8000 Hz is wanted" in line


def test_the_check_is_printed(vocoder, recording, capsys):
    saved(Path("mel.npy"), "tacotron2")
    assert main(["vocode", str(vocoder), "mel.npy", "out.wav", "--check", str(recording)]) == 0
    text = capsys.readouterr().out
    assert f"{recording}, given" in text
    assert "its own frames" in text
    assert main(["vocode", str(vocoder), "mel.npy", "again.wav", "--check", str(recording), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["check"]["convention"] == "tacotron2"
    assert sorted(MELS) == sorted(result["check"]["bits_per_sample"])
    assert main(["vocode", str(vocoder), str(recording), "third.wav", "--check", str(recording)]) == 2
    assert "--check is for one file of features; name that alone" in capsys.readouterr().err
