"""`wavegen vocode` into a folder, given again: what is whole stays, and what is something else is refused."""

import json
import os

import numpy as np
import pytest
import voices
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.engine import open_engine
from wavegen.sampling import speaking

LONG = 9000  # samples, of which a part is compared


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("again")
    voices.furnish(folder, recordings=4)
    return folder


@pytest.fixture
def folder(furnished, tmp_path, monkeypatch):
    """rec/a.wav, rec/deep/b.wav, and what was spoken of them in out/; the working folder has the models."""
    monkeypatch.chdir(furnished)
    (tmp_path / "rec" / "deep").mkdir(parents=True)
    for name, samples in (("a.wav", 1500), ("deep/b.wav", LONG)):
        audio_files.write(tmp_path / "rec" / name, workspace.wander(samples, samples), 8000)
    assert main(words(tmp_path)) == 0
    return tmp_path


def words(folder, model="both", *flags):
    return ["vocode", model, str(folder / "rec"), str(folder / "out"), "--speaker", "ben", *flags]


def contents(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (folder / "out").rglob("*.wav")}


@pytest.mark.parametrize("lost", ["a.wav", "deep/b.wav"])
def test_what_is_missing_is_spoken_and_the_rest_left(folder, capsys, lost):
    before = contents(folder)
    (folder / "out" / lost).unlink()
    kept = folder / "out" / ("deep/b.wav" if lost == "a.wav" else "a.wav")
    capsys.readouterr()
    assert main([*words(folder), "--json"]) == 0
    said = capsys.readouterr()
    assert f"wavegen: 1 of 2 files skipped: what would be written is there, as {kept}\n" in said.err
    result = json.loads(said.out)
    assert [file["file"] for file in result["files"]] == [str(folder / "out" / lost)]
    assert result["skipped"] == [str(kept)]
    after = contents(folder)
    assert after[kept.name] == before[kept.name]
    assert [pcm for pcm, _ in after.values()] == [pcm for pcm, _ in before.values()]


def test_nothing_is_left_to_do(folder, capsys):
    before = contents(folder)
    capsys.readouterr()
    assert main(words(folder)) == 0
    said = capsys.readouterr()
    assert "wavegen: 2 of 2 files skipped" in said.err
    assert said.out == "nothing left to do\n"
    assert contents(folder) == before
    assert main([*words(folder), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == []
    assert contents(folder) != before, "spoken again"


@pytest.mark.parametrize("change", ["seed", "speaker", "temperature", "model", "input", "length", "cut", "sample"])
def test_what_is_something_else_is_refused_before_the_work(folder, capsys, change):
    command = {
        "seed": words(folder, "both", "--seed", "3"),
        "speaker": words(folder, "both", "--speaker", "anna"),
        "temperature": words(folder, "both", "--temperature", "0.8"),
        "model": words(folder, "vocoder")[:4],
    }.get(change, words(folder))
    recording, spoken = folder / "rec" / "a.wav", folder / "out" / "a.wav"
    if change in ("input", "length"):
        audio_files.write(recording, workspace.wander(1500 if change == "input" else 1501, 7), 8000)
    if change == "cut":
        spoken.write_bytes(spoken.read_bytes()[:-2])
    if change == "sample":
        spoken.write_bytes(spoken.read_bytes()[:-1] + b"\x55")
    (folder / "out" / "deep" / "b.wav").unlink()
    before = contents(folder)
    capsys.readouterr()
    assert main(command) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"{spoken}: exists already, and is not what would be made of {recording}; name another folder" in line
    assert contents(folder) == before


def test_of_a_long_one_the_start_is_drawn_again(folder, capsys, monkeypatch):
    """Half a second, whatever its length: that is what makes it quicker than speaking."""
    drawn = []
    plain = speaking.draws

    def counted(*args):
        for index, draw in plain(*args):
            drawn.append(len(draw.pcm))
            yield index, draw

    monkeypatch.setattr("wavegen.sampling.resumption.draws", counted)
    assert main(words(folder)) == 0
    assert sorted(drawn) == [1500, 4000]


def test_a_recording_that_has_changed_after_its_start_is_not_done(folder, capsys):
    """The part that is drawn again would be the same."""
    recording, spoken = folder / "rec/deep/b.wav", folder / "out/deep/b.wav"
    pcm = audio_files.read(recording).pcm.copy()
    pcm[-1000:] = 0
    audio_files.write(recording, pcm, 8000)
    os.utime(recording, ns=(0, spoken.stat().st_mtime_ns))
    assert main(words(folder)) == 0, "as old as what was spoken of it"
    os.utime(recording, ns=(0, spoken.stat().st_mtime_ns + 1))
    capsys.readouterr()
    assert main(words(folder)) == 2
    assert f"{spoken}: exists already, and is not what would be made of {recording}" in capsys.readouterr().err
    assert main(words(folder, "both", "--force")) == 0


def test_speed_is_that_of_drawing(folder, capsys, monkeypatch):
    """Computing frames, for which libraries are loaded and compiled, is not part of it."""
    seconds = 1000.0
    now = [0.0]
    monkeypatch.setattr(speaking.time, "monotonic", lambda: now[0])

    class Slow:
        def __init__(self, engine):
            self.engine = engine

        def __getattr__(self, name):
            return getattr(self.engine, name)

        def condition(self, *args):
            now[0] += seconds
            self.engine.condition(*args)

        def generate(self, count, seeds, *args):
            now[0] += count * len(seeds) / 100
            return self.engine.generate(count, seeds, *args)

        def resized(self, *args):
            now[0] += seconds
            return Slow(self.engine.resized(*args))

    monkeypatch.setattr("wavegen.engine.open_engine", lambda *args, **how: Slow(open_engine(*args, **how)))
    assert main([*words(folder), "--force", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["samples_per_second"] == pytest.approx(100)
    assert np.isclose(result["real_time_factor"], 100 / 8000, atol=1e-4)
