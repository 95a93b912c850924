"""No name of a file, and nothing in one, sends a terminal control characters or makes a line of its own."""

import re

import bad_audio
import pytest

from wavegen.cli.main import main
from wavegen.system import streams

CONTROLS = re.compile(r"[\0-\x09\x0b-\x1f\x7f-\x9f]")
ODD = ["\x1b[31mred.wav", "\x1b]0;title\x07.wav", "a\nwavegen: warning: forged.wav", "back\x08\x08.wav", "\x9b31m.wav"]


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd").mkdir()
    for name in ODD:
        (tmp_path / "odd" / name).write_bytes(bad_audio.coded("WAV"))
        (tmp_path / "odd" / f"bad {name}").write_text("no audio")


@pytest.mark.parametrize(
    "command",
    ["score allison odd", "score allison odd --json", "prepare odd corpus", "prepare odd strict --strict",
     "features allison odd f.npz", *[["score", "allison", f"odd/{name}"] for name in ODD],
     *[["score", "allison", f"odd/bad {name}"] for name in ODD], *[["info", f"odd/{name}"] for name in ODD],
     *[["compress", "allison", f"odd/{name}", "odd.wgn"] for name in ODD],
     *[["generate", "allison", f"odd/new {name}", "--seconds", "0.01"] for name in ODD]],
)  # fmt: skip
def test_a_terminal_gets_no_control_characters(command, recordings, capsys):
    main(command.split() if isinstance(command, str) else command)
    said = capsys.readouterr()
    assert said.out + said.err
    assert not CONTROLS.search(said.out)
    assert not CONTROLS.search(re.sub(r"\r[^\n]*", "", said.err)), "but for bars of progress"
    assert not re.search(r"^wavegen: warning: forged", said.out + said.err, re.MULTILINE)


def test_a_coding_that_a_file_names_is_spelt_out(tmp_path, capsys):
    data = bad_audio.coded("CAF")
    at = data.index(b"lpcm")
    (tmp_path / "a.caf").write_bytes(data[:at] + b"ms\x1b\x02" + data[at + 4 :])
    assert main(["score", "allison", str(tmp_path / "a.caf")]) == 2
    assert r"holds ms\x1b\x02 in CAF" in capsys.readouterr().err


def test_whatever_is_said_keeps_its_lines_alone(capsys):
    streams.say("one\x1b[2J\ntwo\ttabs")
    assert capsys.readouterr().out == "one\\x1b[2J\ntwo\\x09tabs\n"
