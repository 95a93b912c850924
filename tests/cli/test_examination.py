"""Every command that reads audio says the same of a file, with its name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import small_models
import soundfile
import soxr

from wavegen.cli.main import main
from wavegen.data.preparing.audio import prepare
from wavegen.engine import native
from wavegen.models import checkpoint

RATE, SAMPLES = 8000, 16000


def noise(seed: int = 0, deviation: float = 2000.0, samples: int = SAMPLES) -> np.ndarray:
    """Coloured noise of full scale 1, on the grid of 16 bits."""
    white = np.random.default_rng(seed).normal(size=samples)
    return np.clip(np.rint(np.convolve(white, [1, 1.6, 1.2, 0.4], "same") * deviation / 2.2), -32768, 32767) / 32768


def burst(top: float = 1.0) -> np.ndarray:
    sound = noise()
    sound[1000:1040] = top
    return sound


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=1)


HALF = noise(samples=SAMPLES // 2)
# What a file holds, how it is coded, and what is said of it; by default a WAV file of 16 bits.
ODD = {
    "mixed": (stereo(noise(), noise(1)), {}, "has 2 channels, which are mixed to mono"),
    "cancelling": (stereo(noise(), -noise()), {}, "opposite polarity, which cancel .* channel 1 is taken alone"),
    "dead": (stereo(noise(), 0 * noise()), {}, "has nothing in channel 2 of 2; what counts is channel 1"),
    "clipped": (burst(), {}, "is clipped: 1 run of 3 or more samples at full scale, the longest 40"),
    "clipped-24": (burst(), {"subtype": "PCM_24"}, "is clipped: 1 run"),
    "clipped-float": (burst(1.7), {"subtype": "FLOAT"}, "is clipped: 1 run"),
    "clipped-flac": (burst(), {"format": "FLAC", "subtype": "PCM_16"}, "is clipped: 1 run"),
    "quietened": (0.5 * np.clip(noise(0, 20000, 40000), -0.8, 0.8), {}, "was clipped and then made quieter"),
    "mp3": (noise(), {"format": "MP3", "subtype": None}, "was coded with loss .*decoder"),
    "vorbis": (noise(), {"format": "OGG", "subtype": "VORBIS"}, "was coded with loss .VORBIS"),
    "ulaw": (noise(), {"subtype": "ULAW"}, "was coded with loss .ULAW"),
    "8-bit": (noise(), {"subtype": "PCM_U8"}, "has about 8 bits in its 16"),
    "12-in-16": (np.floor(noise(0, 3000) * 2048) / 2048, {}, "has about 12 bits in its 16"),
    "quiet": (noise(0, 3), {}, "has a peak of 1. codes of 32768: far too quiet$"),
    "quiet-24": (noise() * 1e-3, {"subtype": "PCM_24"}, "has a peak of .. codes of 32768: .* its 24 bits were rounded"),
    "dc-up": (noise(0, 300) + 2000 / 32768, {}, "has a DC offset of [+][12]... codes"),
    "dc-down": (noise(0, 300) - 2000 / 32768, {}, "has a DC offset of -[12]... codes"),
    "dc-quiet": (noise(0, 60) + 100 / 32768, {}, "has a DC offset of [+](9|10). codes"),
    "upsampled-16": (soxr.resample(HALF, 4000, 8000), {}, "has next to nothing above (19|20).. Hz"),
    "upsampled-24": (soxr.resample(HALF, 4000, 8000), {"subtype": "PCM_24"}, "has next to nothing above (19|20).. Hz"),
    "silent": (0 * noise(), {}, "is digital silence$"),
    "half-silent": (np.concatenate([noise(), np.zeros(20000)]), {}, "is digital silence for 56%"),
}
NEARLY = {
    "identical": (stereo(noise(), noise()), {}),
    "full-scale-once": (burst(0.3) + (np.arange(SAMPLES) == 5) * 0.6, {"subtype": "FLOAT"}),
    "full-scale-24": (np.where(np.arange(SAMPLES) == 9, 8388607 / 8388608, noise()), {"subtype": "PCM_24"}),
    "one-at-1": (np.where(np.arange(SAMPLES) == 9, 1.0, noise()), {"subtype": "FLOAT"}),
    "two-at-the-rail": (np.where(np.arange(SAMPLES) // 2 == 40, 1.0, noise()), {}),
    "loud-24": (noise(0, 6000), {"subtype": "PCM_24"}),
    "rather-quiet": (noise(0, 60), {}),
    "small-dc": (noise(0, 300) + 60 / 32768, {}),
    "flac-24": (noise(), {"format": "FLAC", "subtype": "PCM_24"}),
    "some-silence": (np.concatenate([noise(), np.zeros(9000)]), {}),
}
COMPRESSED = {name for name, (_, how, _) in ODD.items() if not how} - {"half-silent"}  # of whose silence no block tells


def write(name: str, sound: np.ndarray, how: dict) -> None:
    soundfile.write(name, sound, RATE, how.get("subtype", "PCM_16"), format=how.get("format", "WAV"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a model and one file for each case, none of which has its suffix's format."""
    path = tmp_path_factory.mktemp("odd")
    checkpoint.save(small_models.mu_law_model(name="gru", hidden_size=3), path / "m.safetensors", {})
    for name, (sound, how, *_) in (ODD | NEARLY).items():
        write(str(path / f"{name}.wav"), sound, how)
    return path


def run(capsys, *arguments: object) -> tuple[dict, list[str]]:
    """What a command gives as JSON, and what it warns of on stderr."""
    assert main([*map(str, arguments), "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), re.findall("^wavegen: warning: (.*)$", err, re.MULTILINE)


def said(capsys, command: str, file: str, out: Path) -> list[str]:
    """The warnings of one command about one file, as its JSON and stderr have them.

    Without those of a model that no recording resembles, as it is untrained.
    """
    if command == "prepare":
        audit = prepare(file, out / "corpus")
        return [one["warning"] for one in audit["findings"]]
    model = "m.safetensors"
    arguments = {
        "score": (model, file, "--engine", "torch"),
        "features": (model, file, out / "f.npz"),
        "generate": (model, out / "o.wav", "--prime", file, "--seconds", "0.01", "--engine", "torch"),
        "compress": (model, file, out / "c.wgn"),
        "mel": (file, out / "m.npy", "--convention", "hifigan"),
    }[command]
    result, warned = run(capsys, command, *arguments)
    assert warned == result["warnings"]
    return [one for one in warned if "per sample above FLAC" not in one]


@pytest.mark.parametrize("command", ["prepare", "score", "features", "generate", "mel"])
@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_warned_of(folder, name, command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    warned = said(capsys, command, f"{name}.wav", tmp_path)
    assert any(re.fullmatch(f"{name}.wav: .*{ODD[name][2].removesuffix('$')}.*", one) for one in warned), warned
    kinds = ("mixed", "cancelling", "dead")
    assert len(warned) == 1 + (command == "score" and name in kinds) + (name == "ulaw"), warned
    if command == "score" and name in kinds:
        assert warned[1] == "compress codes every channel by itself: its bits for such files are not those of score"


@pytest.mark.parametrize("command", ["prepare", "score", "features", "generate", "mel"])
@pytest.mark.parametrize("name", NEARLY)
def test_what_is_nearly_odd_is_not(folder, name, command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    assert said(capsys, command, f"{name}.wav", tmp_path) == []


@pytest.mark.skipif(native.missing() is not None, reason="needs the C++ engine")
@pytest.mark.parametrize("name", [*sorted(COMPRESSED), "identical", "some-silence", "two-at-the-rail"])
def test_compress_warns_alike(folder, name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    warned = said(capsys, "compress", f"{name}.wav", tmp_path)
    channels = "has 2 (identical )?channels, each of which is coded by itself; score takes them as one"
    if name in ("mixed", "cancelling", "dead", "identical"):
        assert re.match(f"{name}.wav: {channels}", warned[0])
        assert ("identical" in warned[0].removeprefix("identical.wav")) == (name == "identical")
    elif name in NEARLY:
        assert warned == []
    else:
        assert any(re.search(ODD[name][2].removesuffix("$"), one) for one in warned), warned
    assert len(warned) <= 1


@pytest.mark.skipif(native.missing() is not None, reason="needs the C++ engine")
def test_score_and_compress_agree_where_neither_warns(folder, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("two-at-the-rail", "identical"):
        score, _ = run(capsys, "score", "m.safetensors", f"{name}.wav", "--engine", "cpu")
        compressed, _ = run(capsys, "compress", "m.safetensors", f"{name}.wav", tmp_path / f"{name}.wgn")
        assert compressed["model_bits_per_sample"] == pytest.approx(score["bits_per_sample"], abs=1e-5)


def test_many_files_are_one_warning(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint.save(small_models.mu_law_model(name="gru", hidden_size=3), "m.safetensors", {})
    Path("s").mkdir()
    for number in range(6):
        write(f"s/{number}.wav", stereo(noise(number), -noise(number) if number < 5 else noise(number)), {})
    warned = "5 of 6 files have channels of opposite polarity, which cancel when mixed; one channel is taken alone: "
    audit = prepare("s", "c")
    assert audit["warnings"][-1] == warned + "0.wav, 1.wav, 2.wav and 2 more"
    (found,) = audit["findings"]
    assert (found["kind"], found["names"]) == ("cancelling channels", [f"{number}.wav" for number in range(5)])
    assert (audit["duplicates"], audit["digital_silence"]) == ([], 0)
    result, told = run(capsys, "score", "m.safetensors", "s", "--engine", "torch")
    assert told[0] == result["warnings"][0] == warned + "s/0.wav, s/1.wav, s/2.wav and 2 more"


def test_no_band_is_empty_that_resampling_leaves(tmp_path):
    """Between 4 and 8 kHz there is nothing, which does not matter at 8 kHz."""
    write(str(tmp_path / "a.wav"), noise(0, 2000, 48000), {})
    sound = soxr.resample(noise(0, 2000, 48000), 8000, 16000)
    soundfile.write(tmp_path / "b.wav", sound, 16000)
    kinds = {}
    for rate in (8000, 16000, 22050):
        audit = prepare(tmp_path / "b.wav", tmp_path / str(rate), sample_rate=rate)
        kinds[rate] = {one["kind"] for one in audit["findings"]}
    assert kinds == {8000: set(), 16000: {"empty band"}, 22050: {"upsampled", "empty band"}}
    found = prepare(tmp_path / "a.wav", tmp_path / "c", sample_rate=16000)["findings"]
    assert [one["kind"] for one in found] == ["upsampled"]
