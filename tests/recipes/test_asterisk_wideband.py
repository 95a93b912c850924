"""The script that gets and decodes G.722: where files go, what it refuses, and that a decoder gives the sound back."""

import sys

import numpy as np
import pytest
from recipe_commands import script

from wavegen.audio import files as audio_files
from wavegen.errors import UserError


@pytest.fixture
def get(monkeypatch, tmp_path):
    """The script, which downloads nothing and decodes a byte to two samples."""
    module = script("asterisk-wideband/get.py")

    def unpacked(language, work):
        voice = work / language / "usr/share/asterisk/sounds/a voice"
        (voice / "digits").mkdir(parents=True)
        (voice / "digits/1.g722").write_bytes(language.encode() * 40)
        (voice / "hello.g722").write_bytes(b"\1\2\3")
        (voice / "CREDITS").write_text("names")
        doc = work / language / f"usr/share/doc/asterisk-core-sounds-{language}-g722"
        doc.mkdir(parents=True)
        (doc / "copyright").write_text(f"of {language}")
        return work / language

    monkeypatch.setattr(module, "unpacked", unpacked)
    monkeypatch.setattr(
        module, "decoder", lambda: lambda coded: np.repeat(np.frombuffer(coded, np.uint8), 2).astype(np.int16)
    )
    return module


def test_each_language_goes_to_its_speaker_with_its_notice(get, tmp_path):
    assert get.get(tmp_path / "out") == 2 * len(get.VOICES)
    for language, place in get.VOICES.items():
        assert (tmp_path / "out" / f"copyright-{language}").read_text() == f"of {language}"
        found = {
            path.relative_to(tmp_path / "out" / place).as_posix() for path in (tmp_path / "out" / place).rglob("*.wav")
        }
        assert found == {"hello.wav", "digits/1.wav"}
    read = audio_files.read(tmp_path / "out/june/hello.wav")
    assert (read.pcm.tolist(), read.sample_rate) == ([1, 1, 2, 2, 3, 3], 16000)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("fault", ["no sounds", "no download"])
def test_what_fails_leaves_nothing(get, tmp_path, monkeypatch, capsys, fault):
    whole = get.unpacked

    def unpacked(language, work):
        if language != "fr":
            return whole(language, work)
        if fault == "no download":
            raise UserError("asterisk-core-sounds-fr-g722: cannot be downloaded")
        (work / "empty").mkdir()
        return work / "empty"

    monkeypatch.setattr(get, "unpacked", unpacked)
    monkeypatch.setattr(sys, "argv", ["get.py", str(tmp_path / "out")])
    assert get.main() == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("get.py: asterisk-core-sounds-fr-g722: ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_kept_and_a_missing_decoder_is_named(tmp_path, monkeypatch, capsys):
    module = script("asterisk-wideband/get.py")
    monkeypatch.setitem(sys.modules, "G722", None)
    monkeypatch.setattr(sys, "argv", ["get.py", str(tmp_path / "out")])
    assert module.main() == 2
    assert "pip install g722" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    assert module.main() == 2
    assert "out: exists already; name a new folder" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["get.py"])
    assert module.main() == 2


def test_the_decoder_gives_the_sound_back():
    codec = pytest.importorskip("G722", reason="g722 is not installed: it is for this recipe alone")
    time = np.arange(16000) / 16000
    sound = (8000 * np.sin(2 * np.pi * 440 * time) + 1000 * np.sin(2 * np.pi * 5000 * time)).astype(np.int16)
    again = script("asterisk-wideband/get.py").decoder()(bytes(codec.G722(16000, 64000).encode(sound)))
    assert (again.dtype, len(again)) == (np.int16, len(sound))
    delays = range(64)
    error = min(float(np.mean((again[delay:].astype(float) - sound[: len(sound) - delay]) ** 2)) for delay in delays)
    assert error < 0.001 * np.mean(sound.astype(float) ** 2)
