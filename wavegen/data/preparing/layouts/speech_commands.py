"""SC09: the ten digits of Speech Commands v0.02, a second each, with the split of the corpus's own lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wavegen.data.preparing.layouts.base import Count, Layout, Listed, names_in, root_of
from wavegen.data.splits import OFFICIAL
from wavegen.errors import UserError
from wavegen.system.text import read_lines

DIGITS = ("eight", "five", "four", "nine", "one", "seven", "six", "three", "two", "zero")
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}


def recordings(folder: Path) -> Iterator[Listed]:
    """zero/0132a06d_nohash_1.wav: the word, the speaker and which of theirs; what no list names is for training."""
    root = root_of(folder, LISTS["validation"], "speech_commands_v0.02", "SpeechCommands/speech_commands_v0.02")
    held_out = _held_out(root)
    for digit in DIGITS:
        there = names_in(root / digit, ".wav") if (root / digit).is_dir() else []
        listed = [name.partition("/")[2] for name in held_out if name.startswith(f"{digit}/")]
        for name in sorted({*there, *listed}):
            split = held_out.get(f"{digit}/{name}", "train")
            speaker = name.partition("_nohash_")[0]
            yield Listed(f"{digit}/{name}", root / digit / name, split, speaker, digit, split)


def _held_out(root: Path) -> dict[str, str]:
    """The split of each name in the two lists; raises UserError, with all that is wrong, for one listed twice."""
    held_out: dict[str, str] = {}
    problems = []
    for split, file in LISTS.items():
        for number, line in enumerate(read_lines(root / file), start=1):
            name = line.strip().replace("\\", "/")
            if name in held_out:
                where = "in this list" if held_out[name] == split else f"in {LISTS[held_out[name]]}"
                problems.append(f"{root / file}, line {number}: {name} is {where} already; keep one")
            elif name:
                held_out[name] = split
    if problems:
        raise UserError(*problems)
    return held_out


def download(folder: Path) -> None:
    from torchaudio.datasets import SPEECHCOMMANDS

    SPEECHCOMMANDS(str(folder), download=True)


PARTS = {"train": Count(31158), "validation": Count(3643), "test": Count(4107)}
SPEECH_COMMANDS = Layout("speech-commands", 16000, OFFICIAL, recordings, download, PARTS)
