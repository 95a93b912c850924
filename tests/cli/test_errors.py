"""What a user can get wrong: each gives one clear line and exit code 2, no result, and leaves nothing half-made."""

import json
import os
import pickle
import re
import shutil

import bad_audio
import numpy as np
import pytest
import small_models
import soundfile
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.models import checkpoint

WRONG_RECIPES = {
    "key": ("hidden_size", "hiden_size"),
    "table": ("[training]", "[trainning]"),
    "network": ('"gru"', '"wavnet"'),
    "type": ("steps = 3", 'steps = "three"'),
    "range": ("hidden_size = 4", "hidden_size = 0"),
    "endless": ("steps = 3", ""),
    "toml": ("[training]", "[training"),
    "nowhere": ('path = "corpus"', ""),
    "astray": ('path = "corpus"', 'path = "elsewhere"'),
    "rate": ("[corpus]", "[corpus]\nsample_rate = 16000"),
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """The workplace, and beside it everything that can be wrong with it."""
    folder = tmp_path_factory.mktemp("errors")
    workspace.furnish(folder)
    (folder / "empty").mkdir()
    (folder / "letters").mkdir()
    (folder / "letters" / "a.txt").write_text("no audio")
    (folder / "bad").mkdir()
    for name, (contents, _) in bad_audio.BAD.items():
        (folder / "bad" / name).write_bytes(contents)
    model = (folder / "gru" / "model.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(model[: len(model) // 2])
    (folder / "flipped.safetensors").write_bytes(model[:-9] + bytes([model[-9] ^ 64]) + model[-8:])
    (folder / "text.safetensors").write_text("these are no weights")
    (folder / "torch.pt").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    for name, file, keep in [("half", "pcm.i16", 2000), ("headless", "corpus.json", 30), ("lost", "index.jsonl", 0)]:
        shutil.copytree(folder / "corpus", folder / name)
        os.truncate(folder / name / file, keep)
    (folder / "other").mkdir()
    for index in range(24):
        audio_files.write(folder / "other" / f"{index}.wav", workspace.wander(2000, 500 + index), 16000)
    assert main(["prepare", str(folder / "other"), str(folder / "16k-corpus")]) == 0
    assert main(["prepare", str(folder / "other"), str(folder / "8k-corpus"), "--sample-rate", "8000"]) == 0
    recipe = (folder / "recipe.toml").read_text()
    for name, (old, new) in WRONG_RECIPES.items():
        (folder / f"{name}.toml").write_text(recipe.replace(old, new))
    shutil.copytree(folder / "gru", folder / "trained")
    for name in ("resume.safetensors", ".lock"):
        (folder / "trained" / name).write_bytes(b"")
    checkpoint.save(small_models.mu_law_model(name="nade"), folder / "nade.safetensors", {})
    compressed(folder)
    return folder


def compressed(folder):
    """Files to compress that cannot be, and compressed ones that are damaged."""
    soundfile.write(folder / "24-bit.wav", np.zeros(2), 8000, "PCM_24")
    soundfile.write(folder / "six.wav", np.zeros((1, 6)), 8000, "PCM_16")
    assert main(["compress", str(folder / "gru"), str(folder / "a.wav"), str(folder / "a.wgn")]) == 0
    small = bytearray((folder / "a.wgn").read_bytes())
    (folder / "cut.wgn").write_bytes(small[:-5])
    (folder / "newer.wgn").write_bytes(small[:4] + b"\x09" + small[5:])
    small[-30] ^= 16
    (folder / "flipped.wgn").write_bytes(small)


@pytest.fixture
def refused(furnished, monkeypatch, capsys):
    """Runs a command that must be refused, gives its line, and compares all files before and after."""

    def run(command: str) -> str:
        before = workspace.tree(furnished)
        monkeypatch.chdir(furnished)
        capsys.readouterr()
        code = main(command.split())
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), err
        assert re.fullmatch(r"wavegen: [^\n]+\n", err), f"one line: {err}"
        assert workspace.tree(furnished) == before, "something was left"
        return err

    return run


# command: what its line must hold
REFUSED = {
    # recordings
    "score gru absent.wav": r"absent\.wav: .*(no such|missing|does not exist|No such)",
    "score gru empty": "empty: no audio file in it",
    "score gru letters": r"letters: no audio file in it \(1 \.txt\)",
    "score gru 16k.wav": "16k.wav: 16000 Hz, the model was trained at 8000 Hz; give --resample to convert it",
    "score gru a.wav bad": "bad/",
    "generate gru o.wav --prime absent.wav": r"absent\.wav",
    "generate gru o.wav --prime 16k.wav": "--resample",
    "generate gru o.wav --prime bad/nan.wav": "NaN",
    # models
    "score absent a.wav": "absent: no such file",
    "info absent.safetensors": "no such file",
    "info cut.safetensors": "cut.safetensors: .*damaged",
    "info flipped.safetensors": "flipped.safetensors: .*hash",
    "info text.safetensors": "text.safetensors: is text, not a model; give a .safetensors file",
    "info torch.pt": "torch.pt: is a pickle of Python, not a model",
    "info empty": "empty/model.safetensors: no such file",
    "info a.wav": "a.wav: is a WAV file, not a model",
    "score gru gru/model.safetensors": "gru/model.safetensors: is a safetensors file, not an audio file",
    "compress gru bad o.wgn": "bad: is no file but a folder; name a WAV file",
    "decompress gru bad o.wav": "bad: is no file but a folder; name a file that wavegen compressed",
    "generate nade.safetensors o.wav --engine cpu": r"engine cpu does not run nade networks|C\+\+ engine is missing",
    # corpora
    "generate gru o.wav --precision int4": "--precision: invalid choice: 'int4'",
    "generate gru o.wav --precision int8 --engine torch": "engine torch does not know precision int8",
    "bench absent": "absent: no such file",
    "bench A --rounds 0": "0 is not a whole number from 1 on",
    "bench A --plot absent/o.png": "there is no folder absent",
    "quantize gru q.safetensors --corpus absent": "absent: no such folder",
    "quantize gru q.safetensors --corpus 8k-corpus": "8k-corpus: not the corpus of this model",
    "quantize gru q.safetensors --corpus 16k-corpus": "16k-corpus: 16000 Hz, the model was trained at 8000 Hz",
    "quantize gru absent/q.safetensors --corpus corpus": "there is no folder absent",
    "quantize gru q.safetensors --corpus corpus --precision float32": "--precision: invalid choice: 'float32'",
    # compression
    "compress gru absent.wav o.wgn": "absent.wav: no such file",
    "compress gru empty o.wgn": "empty: is no file",
    "compress gru . empty": r"\.: is no file",
    "compress gru recipe.toml o.wgn": r"recipe.toml: is text, not a WAV file; name one",
    "compress gru 24-bit.wav o.wgn": "24-bit.wav: holds 24-bit samples, not 16-bit ones; convert it",
    "compress gru six.wav o.wgn": "six.wav: has 6 channels; split them",
    "compress gru a.wav b.wav o.wgn": "o.wgn: 2 files go into a folder; make it first",
    "compress gru source/0.wav source/0.wav empty": "empty/0.wgn: two of the files would become it",
    "compress gru a.wav a.wav": "a.wav: is an input of this command; name another file",
    "compress gru a.wav absent/o.wgn": "there is no folder absent",
    "compress gru a.wav /proc/o.wgn": "/proc/o.wgn: cannot be written",
    "compress nade.safetensors a.wav o.wgn": r"nade networks have no C\+\+ engine, which compression needs",
    "compress absent a.wav o.wgn": "absent: no such file",
    "decompress gru a.wav o.wav": "a.wav: is not a file that wavegen compressed",
    "decompress gru absent.wgn o.wav": "absent.wgn: no such file",
    "decompress wavenet a.wgn o.wav": "a.wgn: was compressed with model [0-9a-f]{16}, this one is [0-9a-f]{16}",
    "decompress gru cut.wgn o.wav": "cut.wgn: damaged or cut short",
    "decompress gru flipped.wgn o.wav": "flipped.wgn: damaged or cut short",
    "decompress gru newer.wgn o.wav": "newer.wgn: format 9 of another wavegen, this one reads 1 and 2; install that",
    "decompress gru a.wgn a.wav": "a.wav: exists already",
    "compare gru --corpus absent": "absent: no such folder.*wavegen prepare",
    "compare gru --corpus source": "source: is not a corpus",
    "compare gru --corpus half": "half/pcm.i16: has 2000 bytes",
    "compare gru --corpus headless": "headless/corpus.json: damaged",
    "compare gru --corpus lost": "lost/index.jsonl",
    "info headless": "headless/corpus.json: damaged",
    "prepare absent corpus2": "absent",
    "prepare empty corpus2": "empty: no audio file in it",
    "prepare letters corpus2": "no audio file",
    "prepare bad corpus2 --sample-rate 8000": "none of its .* files is usable",
    "prepare source corpus": "corpus: exists already",
    "prepare source corpus2 --sample-rate 5": "sample rate 5",
    "prepare source corpus2 --split-by speaker": "speaker",
    "prepare bad/nan.wav corpus2 --strict": "NaN",
    "prepare source a.wav/corpus2": "cannot be written",
    # what does not fit
    "compare gru --corpus 16k-corpus": "16k-corpus: 16000 Hz, the model was trained at 8000 Hz; gru",
    "compare gru --corpus 8k-corpus": "gru was trained on corpus [0-9a-f]{8}, 8k-corpus is [0-9a-f]{8}",
    "score gru 16k-corpus": "16k-corpus: 16000 Hz, the model was trained at 8000 Hz",
    "compare gru gru --corpus corpus": "gru: a model is named twice; name each once, or as in A=gru B=gru",
    "compare A=gru A=wavenet --corpus corpus": "A: is the name of 2 models; .* as in A-1=gru A-2=wavenet",
    "compare FLAC=gru --corpus corpus": "FLAC: another row has this name",
    "compare A=absent --corpus corpus": "absent: no such file",
    "compare gru --corpus corpus --against FALC": "did you mean FLAC",
    # recipes
    "train absent.toml": "absent.toml: no such file, nor a recipe of wavegen; `wavegen info recipes` lists them",
    "train toml.toml": "toml.toml: not TOML",
    "train key.toml": "network.hiden_size is not a setting; did you mean hidden_size",
    "train table.toml": r"\[trainning\] is not a table of a recipe; did you mean training",
    "train network.toml": "'wavnet' is unknown; did you mean wavenet",
    "train type.toml": "training.steps = 'three'",
    "train range.toml": "network.hidden_size = 0",
    "train endless.toml": "either steps or minutes",
    "train nowhere.toml": "corpus.path is missing",
    "train astray.toml": "elsewhere: no such folder",
    "train rate.toml": "8000 Hz, but the recipe says 16000 Hz",
    "train a.wav": "a.wav: is not text; name a text file",
    "train recipe.toml --set network": "write it as TABLE.KEY=VALUE",
    "train recipe.toml --set network.hiden_size=3": "did you mean hidden_size",
    "train recipe.toml --set training.learning_rate=fast": "training.learning_rate = 'fast'",
    "train recipe.toml --run= --dry-run": "argument --run/--run-folder: is empty; name a file or folder",
    "quickstart --out=": "argument --out: is empty",
    "train recipe.toml --run trained": "holds a training run; give --resume",
    "train recipe.toml --run a.wav": "a.wav: cannot be written",
    "train recipe.toml --run new --init absent": "absent: no such file",
    "train recipe.toml --run new --init wavenet": r"wavenet: network\.\w+ = .*, the recipe says .*; --init takes",
    "train recipe.toml --dry-run --init wavenet": "--init takes a model of the recipe's settings",
    "train recipe.toml --set training.accumulate=0": "training.accumulate = 0: should be greater than or equal to 1",
    "train recipe.toml --set training.patience=0": "training.patience = 0: should be greater than or equal to 1",
    # outputs
    "generate gru absent/o.wav": "there is no folder absent",
    "generate absent.safetensors absent/o.wav": "there is no folder absent",
    "generate gru o.mp3": "o.mp3: what is written is WAV; name it o.wav",
    "generate gru empty": "empty: is a folder",
    "generate gru /proc/o.wav --seconds 0.01": "/proc/o.wav: cannot be written",
    "score gru a.wav --plot absent/o.png": "there is no folder absent",
    "score gru a.wav --plot empty": "empty: is a folder",
    "score gru a.wav --csv absent/o.csv": "there is no folder absent",
    "score gru a.wav --csv empty": "empty: is a folder",
    "score gru a.wav b.wav --plot o.png": "--plot draws one recording",
    "compare gru --corpus corpus --html absent/o.html": "there is no folder absent",
    "quickstart --out source": "source: exists and is no quickstart's folder",
    "quickstart --out a.wav": "a.wav: exists and is no quickstart's folder",
    # usage
    "": "COMMAND.*see wavegen --help",
    "scoer gru a.wav": "invalid choice: 'scoer'",
    "score": "required: MODEL, FILE",
    "score gru": "required: FILE",
    "score gru a.wav --fast": "unrecognized arguments: --fast",
    "score gru a.wav --engine gpu": "invalid choice: 'gpu'",
    "score gru a.wav --window 0": "0 is not a number above zero",
    "compare gru": "required: --corpus",
    "compare gru --corpus corpus --split trian": "invalid choice: 'trian'",
    "generate gru o.wav --seconds long": "long is not a number above zero",
    "generate gru o.wav --seconds -1": "-1 is not a number above zero",
    "generate gru o.wav --seconds nan": "nan is not a number above zero",
    "generate gru o.wav --seconds 1e9": "at most",
    "generate gru o.wav --seconds 1e308": r"1e308 is not a number above zero, at most 1e\+09",
    "generate gru o.wav -n 300000": "300000 recordings: at most 4096 at once",
    "generate gru o.wav --threads 99999999999999999999": "99999999999999999999 threads; give 1 to 256",
    "score gru a.wav --window 1e300": r"1e300 is not a number above zero, at most 1e\+09",
    "score gru a.wav --plot o.svg": "o.svg: what is written is png; name it o.png",
    "bench A --plot o": "o: what is written is png; name it o.png",
    "quantize gru q.wav --corpus corpus": "q.wav: what is written is safetensors; name it q.safetensors",
    "quantize gru gru/model.safetensors --corpus corpus": "gru/model.safetensors: is the model itself",
    "score nade.safetensors a.wav --precision int8": "precision int8 is the cpu engine's, which does not run nade",
    "generate gru o.wav -n 0": "0 is not a whole number from 1 on",
    "generate gru o.wav --seed -1": "-1 is not a whole number",
    "generate gru o.wav --seed 18446744073709551615 -n 2": "seed 18446744073709551616",
    "generate gru o.wav --temperature 0": "0 is not a number above zero",
    "generate gru o.wav --temperature 1e9": "temperature",
    "generate gru o.wav --top-p 0": "0 is not a number above 0, at most 1",
    "generate gru o.wav --top-p 1.5": "1.5 is not a number above 0, at most 1",
    "quickstart --minutes 0": "0 is not a number above zero",
}


@pytest.mark.parametrize("command", REFUSED, ids=lambda command: command or "nothing")
def test_one_line_and_nothing_left(refused, command):
    line = refused(command)
    assert re.search(REFUSED[command], line), line


@pytest.mark.parametrize("name", bad_audio.BAD)
def test_a_bad_recording_is_refused_by_name(refused, name):
    assert f"bad/{name}: " in refused(f"score gru a.wav bad/{name}")


@pytest.mark.parametrize("command", ["score gru absent.wav --json", "compare gru --corpus absent --json", "--json"])
def test_json_promises_nothing_about_errors(refused, command):
    refused(command)


def test_one_bad_recording_does_not_stop_prepare_and_is_listed(furnished, tmp_path, capsys):
    source = tmp_path / "source"
    shutil.copytree(furnished / "source", source)
    shutil.copy(furnished / "bad" / "nan.wav", source)
    assert main(["prepare", str(source), str(tmp_path / "corpus"), "--json"]) == 0
    (refused,) = json.loads(capsys.readouterr().out)["refused"]
    assert "NaN" in refused["reason"]
    assert main(["prepare", str(source), str(tmp_path / "strict"), "--strict"]) == 2
    assert not (tmp_path / "strict").exists()


@pytest.mark.parametrize(
    "command",
    [["score", "gru", ""], ["compress", "gru", "a.wav", ""], ["prepare", "", "c"], ["prepare", "a", ""], ["info", ""]],
    ids=" ".join,
)
def test_an_empty_name_is_not_the_folder_one_is_in(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    assert "is empty; name a file or folder" in capsys.readouterr().err
    assert os.listdir() == []
