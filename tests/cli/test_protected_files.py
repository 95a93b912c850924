"""Files of corpora and runs, which no other command's output replaces, even with --force."""

import os

import pytest
import workspace

from wavegen.cli.main import main

pytestmark = pytest.mark.usefixtures("in_the_folder")

COMMANDS = ("score wavenet a.wav --csv {}", "decompress wavenet a.wgn {}")


@pytest.fixture(scope="module")
def furnished(furnished):
    assert main(["compress", str(furnished / "wavenet"), str(furnished / "a.wav"), str(furnished / "a.wgn")]) == 0
    (furnished / "gru/metrics.jsonl").write_text("{}\n")
    (furnished / "link").symlink_to("corpus/pcm.i16")
    return furnished


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("file", ["corpus/corpus.json", "corpus/index.jsonl", "corpus/index.rows", "corpus/pcm.i16",
                                  "link", "gru/model.safetensors", "gru/metrics.jsonl"])  # fmt: skip
def test_force_replaces_no_file_of_a_corpus_or_a_run(furnished, capsys, command, file, force):
    before = workspace.tree(furnished)
    assert main([*command.format(file).split(), *force]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    kind = "run" if file.startswith("gru") else "corpus"
    assert f"{file}: is a file of a {kind}, which --force does not replace either; name another file" in line
    assert workspace.tree(furnished) == before


def test_a_model_that_lies_alone_is_no_run(tmp_path):
    for name, code in (("a.wav", 0), ("metrics.jsonl", 2)):
        (tmp_path / name).write_text("{}\n")
        (tmp_path / "model.safetensors").write_text("mine")
        assert main(["score", "wavenet", "a.wav", "--csv", str(tmp_path / "model.safetensors"), "--force"]) == code


def test_files_of_such_names_elsewhere_are_replaced(tmp_path):
    for name in ("index.jsonl", "metrics.jsonl"):
        (tmp_path / name).write_text("mine")
        assert main(["score", "wavenet", "a.wav", "--csv", str(tmp_path / name), "--force"]) == 0
        assert (tmp_path / name).read_text() != "mine"
    assert sorted(os.listdir(tmp_path)) == ["index.jsonl", "metrics.jsonl"]
