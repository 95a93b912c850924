"""The help of each command, and facts that it repeats since importing their modules takes too long."""

import re

import pytest

from wavegen.audio.cutting import LONGEST, SHORTEST
from wavegen.cli import arguments
from wavegen.cli.main import main
from wavegen.engine import ENGINES
from wavegen.engine.base import PRECISIONS


def test_help_of_every_command_and_none_that_does_not_exist(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    commands = ["quickstart", "prepare", "train", "generate", "score", "features", "mel", "compare"]
    commands += ["compress", "decompress", "quantize", "bench", "info"]
    assert [line.split()[0] for line in text.splitlines() if re.match(" {4}[a-z]", line)] == commands
    for command in commands:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert "--json" in capsys.readouterr().out


def test_the_command_line_knows_the_engines_and_precisions_that_there_are():
    """It must not import the engines to say so, which takes seconds."""
    assert arguments.ENGINES == ENGINES
    assert arguments.PRECISIONS == PRECISIONS


def test_help_says_how_long_pieces_may_be(capsys):
    with pytest.raises(SystemExit):
        main(["prepare", "--help"])
    assert f"from {SHORTEST} to {LONGEST}" in " ".join(capsys.readouterr().out.split())
