"""Outputs of commands: checked before work begins, by one rule."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from wavegen.cli.messages import sentences_in_flags
from wavegen.data.format import DESCRIPTION, LINES, PCM, ROWS, is_corpus
from wavegen.errors import UserError
from wavegen.system import pipes
from wavegen.system.atomic import Output, Target, check_place, check_suffix, replacing
from wavegen.system.signals import Ended, number_of
from wavegen.wording import counted, visible

Result = tuple[Mapping[str, object], str]  # what --json prints, and what is printed otherwise
Command = Callable[[argparse.Namespace], Result | None]
MAX_WARNINGS = 20
MODEL_FILE = "model.safetensors"  # of a run folder
SIGNS_OF_A_RUN = {"resume.safetensors", "metrics.jsonl", "recipe.toml"}  # beside its model, which may lie alone
RUN_FILES = {MODEL_FILE, "last.safetensors", *SIGNS_OF_A_RUN}
CORPUS_FILES = {DESCRIPTION, LINES, ROWS, PCM}


def warn(args: argparse.Namespace, warnings: Sequence[str]) -> None:
    """Prints warnings of the library on stderr; of very many the first, since --json has all."""
    for warning in warnings[:MAX_WARNINGS]:
        print(f"wavegen: warning: {visible(sentences_in_flags(warning, args.flags))}", file=sys.stderr)
    if (more := len(warnings) - MAX_WARNINGS) > 0:
        print(f"wavegen: and {counted(more, 'more warning')}; --json has all", file=sys.stderr)


def write(target: Target, text: str) -> None:
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")  # file names need not be text


def check_output(args: argparse.Namespace, path: Path | None, suffix: str = "") -> None:
    """Raises UserError for a path that cannot become a new file with that suffix."""
    if path is None:
        return
    if suffix:
        check_suffix(path, suffix, suffix[1:])
    check_folder(path)
    check_not_owned(path)  # first: --force would not help
    check_place(path, args.force)


def check_folder(path: Path) -> None:
    """Raises UserError unless the parent folder of `path` exists."""
    if not pipes.is_stream(path) and not os.path.isdir(path.parent):
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")


@contextlib.contextmanager
def taken(
    args: argparse.Namespace,
    paths: Sequence[Path | None],
    reads: Iterable[str | Path | None] = (),
    size: int = 0,
    again: str = "give the others again, or all with --force",
) -> Iterator[list[Output]]:
    """Opens the outputs of a command for the time of the block.

    Args:
        args: with `force` and `json`; `stdout_taken` is set if an output goes to stdout, which then holds nothing else.
        paths: of the outputs; None for an option that is not given.
        reads: files and folders that the command reads, none of which may be replaced, with `force` either.
        size: of each output in bytes, where it is known.
        again: advice for an interruption after which only some of the outputs are written.

    Raises UserError if an output cannot be opened, or two are one file. An interruption says how many of several
    outputs are complete, unless the block has already said so.
    """
    given = [path for path in paths if path is not None]
    check_apart(given)
    reads = [Path(path) for path in reads if path is not None]
    with contextlib.ExitStack() as opened:
        outputs = []
        for path in given:
            if pipes.is_stdout(path):
                _take_stdout(args, path)
            check_not_read(path, reads)
            check_not_owned(path)
            outputs.append(opened.enter_context(Output(path, args.force, size)))
        try:
            yield outputs
        except KeyboardInterrupt as error:
            if str(error) or not (number := sum(output.whole for output in outputs)):
                raise
            kept = f"interrupted: {number} of {counted(len(outputs), 'file')} written, those are whole and kept"
            raise Ended(number_of(error), f"{kept}; {again}") from error


def check_apart(paths: Sequence[Path]) -> None:
    """Raises UserError if two outputs are one file."""
    targets = [os.path.realpath(path) for path in paths]
    for path, target in zip(paths, targets, strict=True):
        if targets.count(target) > 1 and target != os.devnull:
            raise UserError(f"{path}: two of the files would become it; name another")


def _take_stdout(args: argparse.Namespace, path: Path) -> None:
    if args.json:
        raise UserError(f"{path}: --json prints to stdout as well; name a file, or leave out --json")
    args.stdout_taken = True


def check_not_read(path: Path, reads: Iterable[Path]) -> None:
    """Raises UserError if the file `path` is one of `reads`, by whatever name, or lies in a folder of them as input."""
    if pipes.is_stream(path) or not os.path.exists(path):
        return
    for read in reads:
        same = os.path.exists(read) and path.samefile(read)
        if same or (os.path.isdir(read) and _is_input_of(path, read)):
            raise UserError(f"{path}: is an input of this command; name another file")


def check_not_owned(path: Path) -> None:
    """Raises UserError if `path` leads to a file of a corpus or a run, which only `prepare` and `train` replace."""
    if pipes.is_stream(path) or not os.path.exists(path):
        return
    resolved = path.resolve()
    if resolved.name in CORPUS_FILES and is_corpus(resolved.parent):
        raise UserError(f"{path}: is a file of a corpus, which --force does not replace either; name another file")
    if resolved.name in RUN_FILES and _is_run(resolved.parent):
        raise UserError(f"{path}: is a file of a run, which --force does not replace either; name another file")


def _is_run(folder: Path) -> bool:
    return (folder / MODEL_FILE).exists() and any((folder / name).exists() for name in SIGNS_OF_A_RUN)


def _is_input_of(path: Path, folder: Path) -> bool:
    """Whether a command that reads the folder reads this file: any of a corpus, the model of a run, or a recording."""
    if not path.resolve().is_relative_to(folder.resolve()):
        return False
    from wavegen.audio.files import SUFFIXES

    if is_corpus(folder):
        return True
    return path.name == MODEL_FILE or path.suffix.lower() in SUFFIXES
