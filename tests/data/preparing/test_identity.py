"""Recordings and corpora are known by their contents."""

import shutil

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from noise_corpora import NAMES, folder_of, noise

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.data.splits import split_of


@given(
    names=st.sets(st.text("ab/é ", min_size=1, max_size=6).map(lambda s: s.strip("/ ") or "x"), min_size=2, max_size=8)
)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_identical_audio_is_never_on_both_sides(tmp_path, names):
    shutil.rmtree(tmp_path)
    pcm = noise()
    names = {"/".join(part.strip() or "y" for part in name.split("/")) for name in names}
    folder_of(tmp_path / "source", {f"{name}.wav": pcm for name in names})
    audit = prepare(tmp_path / "source", tmp_path / "corpus")
    assert len({recording.split for recording in open_corpus(tmp_path / "corpus").recordings}) == 1
    assert audit["duplicates"] == ([sorted(f"{name}.wav" for name in names)] if len(names) > 1 else [])


def test_an_added_copy_takes_nothing_back_from_what_is_held_out(tmp_path):
    """Whatever the copy is called, one name sorts before all others; copies of what is trained on may be held out."""
    held_out = [name for name in NAMES if split_of(name) != "train"]
    folder_of(tmp_path / "source", {name: noise(1000 + 7 * n) for n, name in enumerate(NAMES)})
    prepare(tmp_path / "source", tmp_path / "before")
    train = next(f"0{n}.wav" for n in range(99) if split_of(f"0{n}.wav") == "train")
    for number, name in enumerate(held_out):
        copy = tmp_path / "source" / f"{'!' * (number + 1)}" / train
        copy.parent.mkdir()
        shutil.copy(tmp_path / "source" / name, copy)
    prepare(tmp_path / "source", tmp_path / "after")
    before, after = (
        {recording.id: recording.split for recording in open_corpus(tmp_path / name).recordings}
        for name in ("before", "after")
    )
    assert {after[name] for name in held_out if before[name] == "test"} == {"test"}
    assert {after[name] for name in held_out} <= {"validation", "test"}


def test_fingerprint_is_of_the_contents(source, tmp_path):
    def fingerprint(name, source=source, **options):
        prepare(source, tmp_path / name, **options)
        return open_corpus(tmp_path / name).fingerprint

    first = fingerprint("1")
    assert first == fingerprint("2", shutil.copytree(source, tmp_path / "elsewhere"))
    assert len(first) == 16
    assert first != fingerprint("3", split_by="speaker")
    assert first != fingerprint("4", sample_rate=16000)
    pcm = audio_files.read(source / NAMES[3]).pcm.copy()
    pcm[5] += 1
    audio_files.write(source / NAMES[3], pcm, 8000)
    changed = fingerprint("5")
    assert first != changed
    (source / NAMES[3]).rename(source / "renamed.wav")
    assert changed != fingerprint("6")
