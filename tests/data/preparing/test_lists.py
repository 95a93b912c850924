"""Somebody's own data laid out like LJSpeech, and what is wrong with lists of recordings."""

import json

import miniature_corpora
import pytest
import soundfile
from audits import layout_of

from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError

RATE, BY_BARS = 16000, "separate them by |, as in NAME|TEXT"
TEXTS = {f"r{number:02}": f"It’s line {number}" for number in range(12)}


def own_data(folder, lines=None, encoding="utf-8", suffix=".wav", rate=RATE):
    """Twelve recordings in wavs, and the list; `lines` are NAME|TEXT if not given."""
    (folder / "wavs").mkdir(parents=True)
    for number, name in enumerate(TEXTS):
        soundfile.write(folder / "wavs" / f"{name}{suffix}", miniature_corpora.sound(number, rate), rate, format="WAV")
    lines = [f"{name}|{text}" for name, text in TEXTS.items()] if lines is None else lines
    (folder / "metadata.csv").write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return folder


def transcripts(folder, tmp_path, **options):
    """The transcripts by id of the corpus that is made of a folder."""
    audit = prepare(folder, tmp_path / "corpus", name="ljspeech", **options)
    assert audit["refused"] == []
    return {recording.id: recording.transcript for recording in open_corpus(tmp_path / "corpus").recordings}


EXPECTED = {f"{name}.wav": text for name, text in TEXTS.items()}


@pytest.mark.parametrize(("asked", "rate"), [(None, 16000), (None, 44100), (22050, 16000)])
def test_own_data_keep_their_rate_unless_another_is_asked_for(tmp_path, capsys, asked, rate):
    own_data(tmp_path / "own", rate=rate)
    argv = ["prepare", "ljspeech", str(tmp_path / "own"), str(tmp_path / "corpus"), "--json"]
    assert main([*argv, *(["--sample-rate", str(asked)] if asked else [])]) == 0
    out, err = capsys.readouterr()
    audit = json.loads(out)
    assert (audit["sample_rate"], audit["resampled"]) == (asked or rate, 12 if asked else 0)
    assert audit["layout"]["parts"] == [
        {"part": "own", "files": 12, "official_files": None, "speakers": 1, "official_speakers": None}
    ]
    assert "officially" not in err  # nothing is missing of what is no LJSpeech
    assert {recording.speaker for recording in open_corpus(tmp_path / "corpus").recordings} == {None}


def test_files_of_two_rates_need_a_choice(tmp_path):
    own_data(tmp_path / "own")
    soundfile.write(tmp_path / "own/wavs/r03.wav", miniature_corpora.sound(3, 22050), 22050)
    with pytest.raises(UserError, match=r"11 of 16000 Hz, 1 of 22050 Hz\); choose one, as `sample_rate=16000`"):
        prepare(tmp_path / "own", tmp_path / "corpus", name="ljspeech")


@pytest.mark.parametrize("name", ["ljspeech", "vctk", "yesno", "cmu-arctic"])
def test_a_known_corpus_at_another_rate_keeps_it_and_says_so(tmp_path, name):
    miniature_corpora.MINIATURES[name](tmp_path / "s")
    files = [path for path in (tmp_path / "s").rglob("*") if path.suffix in (".wav", ".flac")]
    for number, path in enumerate(files):
        soundfile.write(path, miniature_corpora.sound(number, 12000), 12000)
    audit = prepare(tmp_path / "s", tmp_path / "corpus", name=name)
    assert (audit["sample_rate"], audit["resampled"]) == (12000, 0)
    assert any(f"{audit['files']} files have 12000 Hz (officially " in line for line in layout_of(audit)["differences"])


def test_an_own_voice_beside_those_of_arctic(tmp_path):
    miniature_corpora.cmu_arctic(tmp_path / "s")
    (tmp_path / "s/cmu_us_slt_arctic").rename(tmp_path / "s/cmu_us_mine_arctic")
    audit = prepare(tmp_path / "s", tmp_path / "both", name="cmu-arctic")
    parts = {row["part"]: row for row in layout_of(audit)["parts"]}
    assert (parts["bdl"]["files"], parts["mine"]["files"], len(parts)) == (16, 16, 19)
    audit = prepare(tmp_path / "s/cmu_us_mine_arctic", tmp_path / "own", name="cmu-arctic")
    assert [row["part"] for row in layout_of(audit)["parts"]] == ["mine"]
    assert layout_of(audit)["differences"] == []


def test_a_voice_laid_out_by_festvox_whatever_its_name(tmp_path):
    miniature_corpora.cmu_arctic(tmp_path / "s")
    voice = (tmp_path / "s/cmu_us_slt_arctic").rename(tmp_path / "msu_ru_nsh_clunits")
    audit = prepare(voice, tmp_path / "corpus", name="cmu-arctic")
    assert [row["part"] for row in layout_of(audit)["parts"]] == ["msu_ru_nsh_clunits"]
    recordings = open_corpus(tmp_path / "corpus").recordings
    assert {recording.speaker for recording in recordings} == {"msu_ru_nsh_clunits"}
    texts = {recording.id.split("/")[-1]: recording.transcript for recording in recordings}
    beside = tmp_path / "s/other voice"
    voice.rename(beside)
    prepare(tmp_path / "s", tmp_path / "both", name="cmu-arctic")
    assert {recording.speaker for recording in open_corpus(tmp_path / "both").recordings} == {"bdl", "other voice"}
    assert len(texts) == 16
    assert texts["arctic_a0003.wav"] == "Author of the danger trail, number 3."
    (beside / "etc/txt.done.data").unlink()
    with pytest.raises(UserError, match="cmu_us_\\*_arctic is missing"):
        prepare(beside, tmp_path / "other", name="cmu-arctic")


@pytest.mark.parametrize(
    "line",
    [
        "{name}.wav|{text}",
        "wavs/{name}.wav|{text}",
        "./wavs/{name}|{text}",
        r"C:\data\wavs\{name}.WAV|{text}",
        "/home/someone/data/wavs/{name}.flac|{text}",
        " {name} | {text} ",
        "{name}|as printed|{text}",
        "{name}|{text}|",
        '"{name}"|"{text}"',
        "{name}|{text}\r",
    ],
)
def test_names_and_columns_may_be_written_in_these_ways(tmp_path, line):
    lines = [line.format(name=name, text=text) for name, text in TEXTS.items()]
    assert transcripts(own_data(tmp_path / "own", lines), tmp_path) == EXPECTED


def test_a_quoted_text_may_hold_bars_and_an_unbalanced_quote_is_a_quote(tmp_path):
    lines = [f"{name}|{text}" for name, text in TEXTS.items()]
    lines[0], lines[1] = '"r00"|"one | ""two"""', 'r01|said "so'
    found = transcripts(own_data(tmp_path / "own", lines), tmp_path)
    assert (found["r00.wav"], found["r01.wav"]) == ('one | "two"', 'said "so')


def test_capitals_other_formats_and_folders_below(tmp_path):
    folder = own_data(tmp_path / "own", suffix=".WAV")
    assert transcripts(folder, tmp_path) == {f"{name}.WAV": text for name, text in TEXTS.items()}
    (folder / "wavs/anna").mkdir()
    soundfile.write(folder / "wavs/anna/a.flac", miniature_corpora.sound(50, RATE), RATE)
    with open(folder / "metadata.csv", "a", encoding="utf-8") as file:
        file.write("anna/a|Hello\n")
    assert prepare(folder, tmp_path / "more", name="ljspeech")["refused"] == []
    recording = open_corpus(tmp_path / "more").recordings[0]
    assert (recording.id, recording.speaker, recording.transcript) == ("anna/a.flac", "anna", "Hello")


def test_a_line_of_headings_is_no_recording(tmp_path):
    lines = ["Filename|Text", *(f"{name}|{text}" for name, text in TEXTS.items())]
    assert transcripts(own_data(tmp_path / "own", lines), tmp_path) == EXPECTED


def test_names_are_found_whichever_way_their_letters_are_composed(tmp_path):
    folder = own_data(tmp_path / "own", ["caf\u00e9|one"])
    (folder / "wavs/r00.wav").rename(folder / "wavs/cafe\u0301.wav")
    prepare(folder, tmp_path / "corpus", name="ljspeech")
    texts = [recording.transcript for recording in open_corpus(tmp_path / "corpus").recordings]
    assert (texts.count("one"), texts.count(None)) == (1, 11)


def test_recordings_without_a_text_and_texts_without_a_recording_are_told(tmp_path):
    folder = own_data(tmp_path / "own", ["r00|one", "r01|", "r02", "gone|away"])
    audit = prepare(folder, tmp_path / "corpus", name="ljspeech")
    assert layout_of(audit)["differences"] == ["11 recordings have no transcript"]
    assert [entry["file"] for entry in audit["refused"]] == ["wavs/gone.wav"]


@pytest.mark.parametrize(
    ("lines", "encoding", "problems"),
    [
        (["r00|It’s"], "cp1252", [", line 1: is not UTF-8, it looks like cp1252 (“It’s”); save it as UTF-8"]),
        (["r00|one"], "utf-16", [": is UTF-16; save it as UTF-8"]),
        (
            ["r00|one", "r01|a", "r00.wav|two", "wavs/r01|a"],
            "utf-8",
            [
                ": r00 is listed twice, in lines 1 and 3, with two texts; keep one",
                ": r01 is listed twice, in lines 2 and 4, with the same text; remove one",
            ],
        ),
        (
            ["r00\tone", "r01\ttwo"],
            "utf-8",
            [": its columns are separated by tabs; separate them by |, as in NAME|TEXT"],
        ),
        (
            ["r00,one", "r01,two"],
            "utf-8",
            [": its columns are separated by commas; separate them by |, as in NAME|TEXT"],
        ),
        (["hello", "world"], "utf-8", [": no line has a | between name and text"]),
        (
            ["r00|one", "r01 two", "r02|a|b|c", "|text"],
            "utf-8",
            [
                ", line 2: has no | between name and text; write NAME|TEXT",
                ", line 3: has 4 columns, and 2 or 3 are read; write NAME|TEXT or NAME|TEXT|NORMALISED",
                ", line 4: has no name before the first |; write NAME|TEXT",
            ],
        ),
        (["R0|one", "R1|two"], "utf-8", [": names none of the 12 recordings; it says 'R0' where they are 'r00'"]),
        ([], "utf-8", [": is empty; write NAME|TEXT for each recording"]),
    ],
)
def test_what_is_wrong_with_a_list_is_told_at_once(tmp_path, capsys, lines, encoding, problems):
    folder = own_data(tmp_path / "own", lines, encoding)
    assert main(["prepare", "ljspeech", str(folder), str(tmp_path / "corpus")]) == 2
    err = capsys.readouterr().err
    assert err.splitlines() == [f"wavegen: {folder / 'metadata.csv'}{problem}" for problem in problems]
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_a_list_without_its_folder_of_recordings(tmp_path):
    (tmp_path / "metadata.csv").write_text("r00|one\n")
    with pytest.raises(UserError, match=r"wavs: no such folder; the recordings that the list names lie there"):
        prepare(tmp_path, tmp_path / "corpus", name="ljspeech")


def test_what_two_lists_or_prompts_contradict_is_told(tmp_path):
    miniature_corpora.speech_commands(tmp_path / "sc")
    testing = tmp_path / "sc/speech_commands_v0.02/testing_list.txt"
    with open(testing, "a") as file:
        file.write("zero/0a5d485d_nohash_0.wav\n")
    words = r"testing_list\.txt, line 7: zero/0a5d485d_nohash_0\.wav is in validation_list\.txt already; keep one"
    with pytest.raises(UserError, match=words):
        prepare(tmp_path / "sc", tmp_path / "corpus", name="speech-commands")
    miniature_corpora.cmu_arctic(tmp_path / "arctic")
    prompts = tmp_path / "arctic/cmu_us_slt_arctic/etc/txt.done.data"
    with open(prompts, "a") as file:
        file.write('( arctic_a0001 "Another." )\n( arctic_a0002 "Author of the danger trail, number 2." )\n')
    with pytest.raises(UserError, match=r"done\.data: arctic_a0001 has two texts, in lines 1 and 17; keep one$"):
        prepare(tmp_path / "arctic", tmp_path / "corpus", name="cmu-arctic")
    prompts.write_bytes(prompts.read_text().replace("trail", "trail\u2026").encode("cp1252"))
    with pytest.raises(UserError, match=r"done\.data, line 1: is not UTF-8, it looks like cp1252"):
        prepare(tmp_path / "arctic", tmp_path / "corpus", name="cmu-arctic")
