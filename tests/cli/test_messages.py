"""The library names parameters, the command line the flags that give them."""

import argparse
import ast
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import wavegen
from wavegen.cli.arguments import make_parser
from wavegen.cli.main import COMMANDS, main
from wavegen.cli.messages import SENTENCES, errors_in_flags, in_flags, result_in_flags
from wavegen.errors import UserError
from wavegen.evaluation.feeding import RESAMPLE
from wavegen.quickstart import quickstart
from wavegen.sampling.audio import Draws

PACKAGE = Path(wavegen.__file__).parent
LIBRARY = sorted(path for path in PACKAGE.rglob("*.py") if "cli" not in path.relative_to(PACKAGE).parts)
PUBLIC = [*(getattr(wavegen, name) for name in wavegen.__all__ if name != "__version__"), quickstart, Draws.write]
NAMED_FOR_OTHERS = {  # in texts that others raise, or that results hold
    "data/preparing/held_out.py": {"cut"},
    "evaluation/feeding.py": {"sample_rate", "resample"},
    "models/settings.py": {"overrides"},
    "training/recipe.py": {"corpus"},
    "training/toml.py": {"overrides"},
}
STORED = {"data/preparing/held_out.py": ["--cut ……", " --split-by time"]}  # in corpora, since their first version
FLAGS = {"force": "--force", "split_by": "--split-by", "cut": "--cut", "against": "--against"}


def parsers():
    (commands,) = (each for each in make_parser(COMMANDS)._actions if isinstance(each, argparse._SubParsersAction))
    return commands.choices


def own_flags():
    return {flag for parser in parsers().values() for action in parser._actions for flag in action.option_strings}


def flags_of(command):
    return parsers()[command].get_default("flags")


def strings(tree):
    """Every string of the code but docstrings, those of an f-string joined, with … for a value."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | inside):
            yield node.value


def parameters_in(text):
    return set(re.findall(r"`(\w+)(?:=[^`]*)?`", text))


def user_errors(tree):
    """The text and the parameters of each UserError of the code, where they stand in the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                names = [text for text in strings(keyword.value) if text.isidentifier()]
                if keyword.arg == "parameter":
                    yield " ".join(text for argument in node.args for text in strings(argument)), set(names)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_of_the_library_names_a_flag(path):
    flag = re.compile(rf"(?<![\w-])({'|'.join(own_flags())})(?![\w=-])")
    texts = strings(ast.parse(path.read_text(encoding="utf-8")))
    named = [text for text in texts if flag.search(text)]
    assert named == STORED.get(str(path.relative_to(PACKAGE)), [])


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_parameter_that_an_error_names_is_one_of_a_public_function_and_has_a_flag(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    taken = {name for function in PUBLIC for name in inspect.signature(function).parameters}
    passed = [names for _, names in user_errors(tree)]
    for text, names in user_errors(tree):
        assert names <= taken
        assert names <= flags_of("info").keys(), "every command knows the flags of all"
        assert parameters_in(text) <= names
    in_texts = {name for text in strings(tree) for name in parameters_in(text)} & taken
    assert in_texts - set().union(*passed) == NAMED_FOR_OTHERS.get(str(path.relative_to(PACKAGE)), set())


def test_the_walkers_see_what_they_are_to_see():
    code = 'def f():\n    """--force"""\n    raise UserError(f"{x}: `cut={x}`; --force", parameter=("cut", "run"))'
    assert list(strings(ast.parse(code))) == ["…: `cut=…`; --force", "cut", "run"]
    assert list(user_errors(ast.parse(code))) == [("…: `cut=…`; --force", {"cut", "run"})]
    texts = [text for path in LIBRARY for text, _ in user_errors(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(texts) > 30


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("give `force=True`", "give --force"),
        ("give another `cut`", "give another --cut"),
        ("`cut=5`: give less, as `cut=1e+09`", "--cut 5: give less, as --cut 1e+09"),
        ("leave out `split_by='time'`", "leave out --split-by time"),
        (f"`against={'a`b'!r}`", "--against a`b"),
        (f"`against={chr(39)!r}`", "--against '"),
        (f"""`against={"'" + '"'!r}`""", "--against '\""),
        (f"`against={''!r}`", "--against "),
        ("`levels` of `wavegen info`", "`levels` of `wavegen info`"),
        ("a `cut", "a `cut"),
        ("`against='", "`against='"),
    ],
)
def test_a_parameter_becomes_its_flag(text, printed):
    assert in_flags(text, FLAGS) == printed


def test_an_error_has_flags_for_the_parameters_that_it_says_it_names_alone():
    with pytest.raises(UserError) as refused, errors_in_flags(FLAGS):
        raise UserError("`cut`.wav: give `force=True`", "`force`", parameter="force")
    assert refused.value.problems == ("`cut`.wav: give --force", "--force")
    assert UserError("a").parameters == ()
    assert UserError("a", parameter=["cut", "run"]).parameters == ("cut", "run")


def test_a_result_has_flags_in_its_sentences_and_keeps_its_names():
    sentence = "8000 Hz; give `resample=True` to convert it"
    result = {
        "file": sentence,
        "warnings": ["first", f"`cut`.wav: {sentence}"],
        "refused": [{"file": "`cut`", "reason": f"`resample`: {sentence}"}],
        "curve": [0.5, 1.5],
        "missing": [],
        "bits": None,
    }
    flags = FLAGS | {"resample": "--resample"}
    assert result_in_flags(result, flags) == result | {
        "warnings": ["first", "`cut`.wav: 8000 Hz; give --resample to convert it"],
        "refused": [{"file": "`cut`", "reason": "`resample`: 8000 Hz; give --resample to convert it"}],
    }


def test_the_sentences_are_those_of_the_library():
    assert (RESAMPLE,) == SENTENCES


def test_names_in_backticks_stay_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    noise = np.random.default_rng(0).integers(-3000, 3000, 4000).astype(np.int16)
    for name, rate in (("`force=True`", 8000), ("`cut='\\x'`", 8000), ("`resample`", 16000)):
        soundfile.write(f"d/{name}.wav", noise, rate)
    assert main(["score", "allison", "d"]) == 0
    printed = capsys.readouterr()
    assert "d/`force=True`.wav" in printed.out
    assert "d/`cut='\\x'`.wav" in printed.out
    assert "d/`resample`.wav: 16000 Hz, the model was trained at 8000 Hz; give --resample to convert it" in printed.err
    assert main(["score", "allison", "d", "--json"]) == 0
    (refused,) = json.loads(capsys.readouterr().out)["refused"]
    assert refused["reason"].startswith("d/`resample`.wav: 16000 Hz")
    assert refused["reason"].endswith("give --resample to convert it")
    assert main(["generate", "allison", "`seed`.wav", "--seconds", "0.1"]) == 0
    assert "`seed`.wav" in capsys.readouterr().out


def test_a_command_has_its_own_flags_first():
    assert flags_of("generate")["num_samples"] == "--seconds"
    assert flags_of("generate")["seeds"] == "-n"
    assert flags_of("train")["run"] == "--run"
    assert flags_of("train")["corpus"] == flags_of("score")["corpus"] == "--corpus"
    assert flags_of("compare")["cut"] == "--cut"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("prepare source cut --cut 5000", "--cut 5000: give a length from 1 to 3600 seconds, as --cut 10"),
        ("prepare source cut --split-by time", "--split-by time holds out the end of each recording; say how they are "
         "cut, as with --cut 10"),
        ("prepare ljspeech nowhere cut", "nowhere: no such folder; get the corpus first, or give --download"),
        ("prepare digits cut --levels 99", "--levels 99: the pictures of digits have 17 levels; give 2 to 17"),
        ("train recipe.toml --set steps=3", "--set steps=3: write it as TABLE.KEY=VALUE, as in "
         "network.residual_channels=24"),
        ("generate allison x.wav --seconds 1000000 -n 9", "8000000000 samples in each of 9 recordings: at most "
         "268435456 are drawn at once; lower --seconds or -n"),
        ("generate allison /dev/stdout -n 2", "/dev/stdout: takes one recording, not 2; name a file, or leave out -n"),
        ("quickstart --out source", "source: exists and is no quickstart's folder; give another --out"),
    ],
)  # fmt: skip
def test_the_command_line_says_flags(tmp_path, monkeypatch, capsys, command, line):
    monkeypatch.chdir(tmp_path)
    Path("source").mkdir()
    Path("source/a.txt").touch()
    Path("recipe.toml").touch()
    assert main(command.split()) == 2
    assert f"wavegen: {line}\n" in capsys.readouterr().err
