import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from wavegen.assets.speech import folder
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.evaluation.baselines import flac_bits

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech") / "corpus"
    prepare(folder(), path, strict=True)
    return open_corpus(path)


def test_it_is_five_to_seven_minutes_without_anything_odd(corpus):
    audit = corpus.audit
    assert 5 <= audit["minutes"] <= 7
    assert corpus.sample_rate == 8000
    assert audit["subtypes"] == {"PCM_16": audit["files"]}
    assert (audit["warnings"], audit["refused"], audit["duplicates"], audit["mixed_to_mono"]) == ([], [], [], 0)


def test_its_splits_are_worth_having(corpus):
    splits, minutes = corpus.audit["splits"], corpus.audit["minutes"]
    for name, share, files in (("train", 0.8, 50), ("validation", 0.1, 3), ("test", 0.1, 4)):
        assert abs(splits[name]["minutes"] / minutes - share) < 0.03
        assert splits[name]["files"] >= files
        assert max(recording.samples for recording in corpus.split(name)) > 5 * 8000  # connected speech in each


def test_it_is_speech(corpus):
    test = corpus.split("test")
    bits = sum(flac_bits(corpus.pcm(recording), 8000) for recording in test)
    assert 9 < bits / sum(recording.samples for recording in test) < 11


def test_every_file_is_flac_of_one_kind():
    files = list(folder().rglob("*.flac"))
    assert len(files) == 120
    for path in files:
        about = soundfile.info(path)
        assert (about.samplerate, about.channels, about.subtype) == (8000, 1, "PCM_16")
    assert sum(path.stat().st_size for path in files) < 5e6


def test_licence_and_attribution_are_beside_it():
    assert "CREATIVE COMMONS PUBLIC LICENSE" in (folder() / "LICENSE").read_text()
    attribution = (folder() / "ATTRIBUTION.md").read_text()
    for words in ("Allison Smith", "Digium", "CC BY-SA 3.0", "asterisk-core-sounds-en-wav", "What was changed"):
        assert words in attribution


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "usage: get.sh LANGUAGE FOLDER"), (["xx", "sounds"], "known: en es fr it ru it-menardi")],
)
def test_get_refuses_in_one_line(tmp_path, arguments, words):
    script = ROOT / "recipes/asterisk/get.sh"
    done = subprocess.run([script, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_asking_for_the_folder_imports_nothing_heavy():
    code = (
        "import sys, wavegen.assets.speech as s; s.folder(); sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
