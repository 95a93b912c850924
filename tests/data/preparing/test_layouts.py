"""Known corpora are read as they are laid out: speakers, transcripts, splits, and what is missing or too many."""

import json
import shutil
from collections import Counter

import miniature_corpora
import pytest
import soundfile
from audits import layout_of
from miniature_corpora import SIZES

from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.census import Census
from wavegen.data.preparing.layouts import LAYOUTS, named
from wavegen.errors import UserError

# Of each miniature: an id, its split (None: by hash), speaker, transcript and source below the folder.
KNOWN = {
    "yesno": ("0_0_0_0_1_1_1_1.wav", None, None, "no no no no yes yes yes yes", "waves_yesno/0_0_0_0_1_1_1_1.wav"),
    "speech-commands": (
        "zero/0a5d485d_nohash_1.wav",
        "validation",
        "0a5d485d",
        "zero",
        "speech_commands_v0.02/zero/0a5d485d_nohash_1.wav",
    ),
    "cmu-arctic": (
        "slt/arctic_b0003.wav",
        None,
        "slt",
        "Author of the danger trail, number 3.",
        "cmu_us_slt_arctic/wav/arctic_b0003.wav",
    ),
    "ljspeech": ("LJ002-0007.wav", None, "LJ", "in fourteen sixty-five", "LJSpeech-1.1/wavs/LJ002-0007.wav"),
    "vctk": (
        "p225/p225_002_mic1.flac",
        "validation",
        "p225",
        "Please call Stella.",
        "VCTK-Corpus-0.92/wav48_silence_trimmed/p225/p225_002_mic1.flac",
    ),
    "libritts": (
        "dev-clean/84/121123/84_121123_000001_000000.wav",
        "validation",
        "84",
        "Mister Holmes",
        "LibriTTS/dev-clean/84/121123/84_121123_000001_000000.wav",
    ),
}


@pytest.fixture(params=list(LAYOUTS))
def name(request, tmp_path):
    miniature_corpora.MINIATURES[request.param](tmp_path / "source")
    return request.param


def test_speakers_transcripts_splits_and_sources(name, tmp_path):
    prepare(tmp_path / "source", tmp_path / "corpus", name=name)
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.sample_rate == LAYOUTS[name].sample_rate
    assert len(corpus.recordings) == SIZES[name]
    ids = [recording.id for recording in corpus.recordings]
    assert ids == sorted(set(ids))
    wanted, split, speaker, transcript, path = KNOWN[name]
    recording = corpus.recordings[ids.index(wanted)]
    assert recording.split == (split or recording.split)
    assert (recording.speaker, recording.transcript) == (speaker, transcript)
    assert recording.source == path
    assert soundfile.read(tmp_path / "source" / path, dtype="int16")[0].tolist() == corpus.pcm(recording).tolist()


def test_the_folder_within_is_as_good(name, tmp_path):
    prepare(tmp_path / "source", tmp_path / "outer", name=name)
    inner = next((tmp_path / "source").iterdir()) if name != "cmu-arctic" else tmp_path / "source"
    prepare(inner, tmp_path / "inner", name=name)
    assert open_corpus(tmp_path / "outer").fingerprint == open_corpus(tmp_path / "inner").fingerprint


def test_official_and_speaker_disjoint_splits(tmp_path):
    for name in ("speech-commands", "libritts", "vctk"):
        miniature_corpora.MINIATURES[name](tmp_path / name)
        prepare(tmp_path / name, tmp_path / f"{name}-corpus", name=name)
        corpus = open_corpus(tmp_path / f"{name}-corpus")
        speakers = {(recording.speaker, recording.split) for recording in corpus.recordings}
        assert len(speakers) == len({speaker for speaker, _ in speakers})
        assert {split for _, split in speakers} == {"train", "validation", "test"}
    listed = (tmp_path / "speech-commands/speech_commands_v0.02/testing_list.txt").read_text().split()
    held_out = {recording.id for recording in open_corpus(tmp_path / "speech-commands-corpus").split("test")}
    assert held_out == {name for name in listed if not name.startswith("bed/")}


def test_a_copy_of_an_official_test_file_is_not_trained_on(tmp_path):
    miniature_corpora.speech_commands(tmp_path / "source")
    root = tmp_path / "source/speech_commands_v0.02/zero"
    shutil.copy(root / "0132a06d_nohash_0.wav", root / "00004afa_nohash_0.wav")  # test over train
    prepare(tmp_path / "source", tmp_path / "corpus", name="speech-commands")
    splits = {recording.id: recording.split for recording in open_corpus(tmp_path / "corpus").recordings}
    assert splits["zero/0132a06d_nohash_0.wav"] == splits["zero/00004afa_nohash_0.wav"] == "test"
    assert splits["seven/00004afa_nohash_0.wav"] == "train"


def test_official_numbers_add_up():
    files = {name: sum(count.files or 0 for count in layout.parts.values()) for name, layout in LAYOUTS.items()}
    assert files["speech-commands"] == 38908
    assert files["libritts"] == 375086
    assert sum(count.speakers or 0 for count in LAYOUTS["libritts"].parts.values()) == 2456
    assert len(LAYOUTS["cmu-arctic"].parts) == 18


def census_of(name, counts, transcript: str | None = "a"):
    """The differences that a census of so many recordings and speakers a part finds."""
    census = Census(named(name))
    for part, (files, speakers) in counts.items():
        for number in range(files):
            census.add(part, str(number % speakers), transcript, census.layout.sample_rate)
    return census.summary()["differences"]


def test_what_is_missing_and_what_is_too_many():
    assert census_of("ljspeech", {"all": (13100, 1)}) == []
    assert census_of("ljspeech", {"all": (13098, 1)}) == ["13098 files, 2 missing (officially 13100)"]
    assert census_of("ljspeech", {"all": (13101, 2)}) == [
        "13101 files, 1 too many (officially 13100)",
        "2 speakers, 1 too many (officially 1)",
    ]
    assert census_of("yesno", {"all": (60, 1)}, None) == ["60 recordings have no transcript; officially 0 have none"]
    found = census_of("libritts", {"dev-clean": (5736, 40), "test-clean": (4837, 38)})
    assert found[0] == "test-clean: 38 speakers, 1 missing (officially 39)"
    assert found[1].startswith("not there: dev-other, test-other, train-clean-100")


def test_what_lists_name_and_folders_lack(tmp_path, capsys):
    for name in ("speech-commands", "cmu-arctic", "ljspeech"):
        miniature_corpora.MINIATURES[name](tmp_path / name)
    lost = [
        tmp_path / "speech-commands/speech_commands_v0.02/zero/0a5d485d_nohash_1.wav",
        tmp_path / "cmu-arctic/cmu_us_slt_arctic/wav/arctic_b0003.wav",
        tmp_path / "ljspeech/LJSpeech-1.1/wavs/LJ002-0007.wav",
    ]
    for file, name in zip(lost, ("speech-commands", "cmu-arctic", "ljspeech"), strict=True):
        file.unlink()
        assert main(["prepare", name, str(tmp_path / name), str(tmp_path / f"{name}-corpus"), "--json"]) == 0
        out, err = capsys.readouterr()
        audit = json.loads(out)
        assert [entry["file"] for entry in audit["refused"]] == [str(file.relative_to(tmp_path / name))]
        assert audit["files"] == SIZES[name] - 1
        assert audit["layout"]["name"] == name
        for difference in audit["layout"]["differences"]:
            assert f"wavegen: {name}: {difference}\n" in err
    added = tmp_path / "ljspeech/LJSpeech-1.1/wavs/LJ009-0001.wav"
    soundfile.write(added, miniature_corpora.sound(5, 22050), 22050)
    audit = prepare(tmp_path / "ljspeech", tmp_path / "more", name="ljspeech")
    assert "1 recordings have no transcript; officially 0 have none" in layout_of(audit)["differences"]


def test_what_is_no_part_of_the_corpus_is_left_alone(tmp_path):
    miniature_corpora.speech_commands(tmp_path / "speech-commands")
    miniature_corpora.vctk(tmp_path / "vctk")
    listed = list(LAYOUTS["speech-commands"].recordings(tmp_path / "speech-commands"))
    assert Counter(entry.transcript for entry in listed) == {"seven": 6, "zero": 6}
    listed = list(LAYOUTS["vctk"].recordings(tmp_path / "vctk"))
    assert all(entry.path.name.endswith("_mic1.flac") for entry in listed)
    assert [entry.speaker for entry in listed if entry.transcript is None] == ["p315"] * 3


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ljspech", "source", "corpus"], "ljspech: is not a known corpus; did you mean ljspeech?"),
        (["ljspeech", "nowhere", "corpus"], "nowhere: no such folder; get the corpus first, or give --download"),
        (["ljspeech", "source", "corpus"], "metadata.csv is missing; looked for it in"),
        (["cmu-arctic", "source", "corpus"], "cmu_us_*_arctic is missing"),
        (["libritts", "source", "corpus"], "train-clean-100 is missing"),
        (["vctk", "source", "corpus"], "wav48_silence_trimmed is missing"),
        (["speech-commands", "source", "corpus"], "validation_list.txt is missing"),
        (["speech-commands", "source", "corpus", "--split-by", "file"], "has an official split, which is used"),
        (["yesno", "source", "corpus"], "source: there is no recording in it"),
        (["source", "corpus", "--download"], "only a known corpus can be downloaded"),
        (["source"], "the following arguments are required: CORPUS"),
    ],
)
def test_bad_input_gets_one_line(tmp_path, monkeypatch, capsys, argv, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    assert main(["prepare", *argv]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_options_may_stand_anywhere(tmp_path):
    miniature_corpora.ljspeech(tmp_path / "s")
    for number, argv in enumerate(
        (
            ["ljspeech", "--sample-rate", "16000", "{s}", "{c}"],
            ["--sample-rate", "16000", "ljspeech", "{s}", "{c}"],
            ["ljspeech", "{s}", "{c}", "--sample-rate", "16000"],
            ["{s}", "--sample-rate", "16000", "{c}"],
        )
    ):
        places = {"{s}": str(tmp_path / "s"), "{c}": str(tmp_path / str(number))}
        assert main(["prepare", *(places.get(word, word) for word in argv)]) == 0
        assert len(open_corpus(tmp_path / str(number)).recordings) == 24


def test_an_index_written_before_transcripts_is_read(tmp_path):
    miniature_corpora.own_recordings(tmp_path / "source")
    prepare(tmp_path / "source", tmp_path / "corpus", sample_rate=16000)
    lines = (tmp_path / "corpus/index.jsonl").read_text().splitlines()
    before = ["id", "split", "speaker", "offset", "samples", "content_hash", "source"]
    assert all(list(json.loads(line)) == before for line in lines)
    assert {recording.transcript for recording in open_corpus(tmp_path / "corpus").recordings} == {None}


def test_a_damaged_list_gets_its_line_and_a_mark_of_the_encoding_is_no_part_of_it(tmp_path):
    miniature_corpora.ljspeech(tmp_path / "s")
    file = tmp_path / "s/LJSpeech-1.1/metadata.csv"
    text = file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + text)
    assert prepare(tmp_path / "s", tmp_path / "marked", name="ljspeech")["refused"] == []
    file.write_bytes(text[:40] + bytes(8))
    with pytest.raises(UserError, match=r"metadata\.csv, line 1: holds zero bytes; the file is damaged"):
        prepare(tmp_path / "s", tmp_path / "damaged", name="ljspeech")


def test_files_beside_the_folders_of_libritts_are_left_alone(tmp_path):
    miniature_corpora.libritts(tmp_path / "s")
    part = next((tmp_path / "s").rglob("dev-clean"))
    (part / "notes.txt").touch()
    next(path for path in part.iterdir() if path.is_dir()).joinpath("notes.txt").touch()
    assert prepare(tmp_path / "s", tmp_path / "corpus", name="libritts")["refused"] == []
