"""The command line; the only module that knows all others, and imports each where it is used."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from wavegen import __version__
from wavegen.errors import UserError

DONE, OUR_BUG, USER_ERROR, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
ENGINES, TRACEBACK = ("auto", "torch", "cpu"), "WAVEGEN_TRACEBACK"
T = TypeVar("T", int, float)
Result = tuple[dict[str, Any], str]  # what --json prints, and what is printed otherwise


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 done, 2 the user can fix it, 1 our bug."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a thread a core stalls for minutes on a busy machine
    try:
        args = _parser().parse_args(argv)
        result, text = args.run(args)
        print(json.dumps(result, allow_nan=False) if args.json else text, flush=True)
        return DONE
    except UserError as error:
        return _fail(str(error), USER_ERROR)
    except BrokenPipeError:
        # Python flushes stdout once more when it ends; what nobody reads goes nowhere, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except MemoryError:
        return _fail("out of memory; ask for less at once", USER_ERROR)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        what = f"internal error, {type(error).__name__}: {error}"
        return _fail(f"{what}; set {TRACEBACK}=1 to see where, and please report it", OUR_BUG)


def _fail(message: str, code: int) -> int:
    print(f"wavegen: {' '.join(message.split())}", file=sys.stderr)
    return code


def _quickstart(args: argparse.Namespace) -> Result:
    from wavegen.quickstart import quickstart

    return quickstart(args.out, args.minutes)


def _prepare(args: argparse.Namespace) -> Result:
    from wavegen.data.audit import describe
    from wavegen.data.corpus import prepare

    audit = prepare(args.source, args.corpus, args.sample_rate, args.split_by, args.strict)
    return audit, describe(audit)


def _train(args: argparse.Namespace) -> Result:
    from wavegen.checkpoint import load
    from wavegen.data.corpus import open_corpus
    from wavegen.recipe import load_recipe
    from wavegen.report import description_text
    from wavegen.training import train

    recipe = load_recipe(args.recipe, args.set)
    if args.corpus is None and recipe.corpus.path is None:
        raise UserError(f"{args.recipe}: corpus.path is missing; write it there, or give --corpus")
    corpus = open_corpus(args.corpus or args.recipe.parent / str(recipe.corpus.path))
    run = args.run_folder or Path("runs") / args.recipe.stem
    model_file = train(recipe, corpus, run, resume=args.resume)
    result = {"run": str(run), "model": str(model_file), **load(model_file).metadata}
    return result, description_text(result)


def _generate(args: argparse.Namespace) -> Result:
    from wavegen.checkpoint import load
    from wavegen.report import generated_text
    from wavegen.sampling import generate, out_paths
    from wavegen.scoring import read_at

    out_paths(args.out, args.number)
    model = load(args.model)
    prime = None if args.prime is None else read_at(args.prime, model.sample_rate, args.resample)
    num_samples = max(1, round(args.seconds * model.sample_rate))
    seeds = range(args.seed, args.seed + args.number)
    draws = generate(model, num_samples, seeds, args.temperature, prime, args.engine, args.threads, progress=True)
    result = draws.describe(draws.write(args.out))
    return result, generated_text(result)


def _score(args: argparse.Namespace) -> Result:
    from wavegen.checkpoint import load
    from wavegen.report import WINDOW, picture, score_text
    from wavegen.scoring import read_at, score

    if args.plot:
        _check_output(args.plot)
        if len(args.files) > 1 or args.files[0].is_dir():
            raise UserError("--plot draws one recording; name one file")
    model = load(args.model)
    window = args.window or (WINDOW if args.plot else None)
    result = score(model, args.files, args.engine, args.resample, args.threads, window, progress="scoring")
    result["model"] = {"path": str(args.model), **result["model"]}
    for warning in result["warnings"]:
        print(f"wavegen: warning: {warning}", file=sys.stderr)
    if args.plot:
        pcm, (file,) = read_at(args.files[0], model.sample_rate, args.resample), result["files"]
        title = f"{file['file']}: {file['bits_per_sample']:.3f} bits/sample"
        picture(args.plot, pcm, model.sample_rate, file["surprise"], result["window"], title)
    return result, score_text(result, curves=args.window is not None)


def _compare(args: argparse.Namespace) -> Result:
    from wavegen.checkpoint import load
    from wavegen.comparison import compare
    from wavegen.page import write_page
    from wavegen.report import comparison_text

    if args.html:
        _check_output(args.html)
    models = {name: load(path) for name, path in _names(args.models).items()}
    result = compare(models, args.corpus, args.split, args.against, progress=True)
    if args.html:
        write_page(args.html, result)
    return result, comparison_text(result)


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """A short name for each model: its run folder's or its file's, or the path as given where two would be alike."""
    short = [path.parent.name if path.name == "model.safetensors" else path.stem for path in map(Path.absolute, paths)]
    names = {name if short.count(name) == 1 else str(path): path for name, path in zip(short, paths, strict=True)}
    if len(names) < len(paths):
        raise UserError("a model is named twice; name each once")
    return names


def _info(args: argparse.Namespace) -> Result:
    from wavegen.checkpoint import load
    from wavegen.data.audit import describe
    from wavegen.data.corpus import open_corpus
    from wavegen.report import description_text

    if (args.path / "corpus.json").exists():
        corpus = open_corpus(args.path)
        about = {"corpus": str(args.path), "fingerprint": corpus.fingerprint, **corpus.audit}
        return about, f"corpus {corpus.fingerprint}\n{describe(corpus.audit)}"
    about = load(args.path).describe()
    return about, description_text(about)


def _check_output(path: Path) -> None:
    """Raises UserError for a path that cannot be a new file, before work is spent on what goes there."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")


class _Parser(argparse.ArgumentParser):
    """Usage errors are the user's to mend like all others: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="wavegen",
        description="Autoregressive models of raw audio: train, sample, and say in bits per sample how good they are.",
        epilog="`wavegen quickstart` shows all of it on built-in speech within minutes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wavegen {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for add in (_add_quickstart, _add_prepare, _add_train, _add_generate, _add_score, _add_compare, _add_info):
        add(commands)
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], Result], summary: str) -> _Parser:
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, all else on stderr")
    parser.set_defaults(run=run)
    return parser


def _add_quickstart(commands: Any) -> None:
    parser = _command(commands, "quickstart", _quickstart, "embedded speech: train, compare, generate, report")
    parser.add_argument("--out", type=Path, default=Path("quickstart"), metavar="DIR", help="default: quickstart")
    parser.add_argument("--minutes", type=_above_zero, default=8.0, metavar="M", help="in all; default: 8")


def _add_prepare(commands: Any) -> None:
    parser = _command(commands, "prepare", _prepare, "make a corpus of the recordings in a folder")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a folder of WAV, FLAC, OGG, MP3 …, or one file")
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="the new folder to write")
    parser.add_argument(
        "--sample-rate", type=_at_least_one, metavar="R", help="of the corpus; default: the first file's"
    )
    parser.add_argument("--split-by", choices=("file", "speaker"), default="file", help="speaker: the top folders")
    parser.add_argument("--strict", action="store_true", help="stop at the first file that is refused")


def _add_train(commands: Any) -> None:
    parser = _command(commands, "train", _train, "train a model as a recipe says")
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a TOML file")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="instead of the recipe's corpus.path")
    parser.add_argument(
        "--run", dest="run_folder", type=Path, metavar="DIR", help="default: runs/ and the recipe's name"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a recipe's key")
    parser.add_argument("--resume", action="store_true", help="go on where the run folder allows it")


def _add_generate(commands: Any) -> None:
    parser = _command(commands, "generate", _generate, "draw new recordings from a model")
    _add_model(parser)
    parser.add_argument("out", type=Path, metavar="OUT.wav", help="with -n: OUT-0.wav, OUT-1.wav …")
    parser.add_argument("--seconds", type=_above_zero, default=5.0, metavar="S", help="to generate; default: 5")
    parser.add_argument("-n", dest="number", type=_at_least_one, default=1, metavar="N", help="how many; default: 1")
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="K", help="of the first, the next has K + 1; default: 0"
    )
    parser.add_argument("--temperature", type=_above_zero, metavar="T", help="below 1: more likely, less lively")
    parser.add_argument("--prime", type=Path, metavar="FILE", help="a recording to go on from; it starts OUT.wav")
    _add_engine(parser)


def _add_score(commands: Any) -> None:
    parser = _command(commands, "score", _score, "bits per sample of recordings")
    _add_model(parser)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE|DIR|CORPUS", help="of a corpus: its test split")
    parser.add_argument("--window", type=_above_zero, metavar="S", help="also the mean of every S seconds")
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw waveform, spectrogram, surprise of one file")
    _add_engine(parser)


def _add_compare(commands: Any) -> None:
    parser = _command(commands, "compare", _compare, "models and baselines over the same held-out files")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="a .safetensors file or a run folder")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="that the models were trained on")
    parser.add_argument("--split", choices=("test", "validation", "train"), default="test", help="default: test")
    parser.add_argument("--against", default="FLAC", metavar="NAME", help="the row to subtract; default: FLAC")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write the report as one HTML file")


def _add_info(commands: Any) -> None:
    parser = _command(commands, "info", _info, "what a model or a corpus is")
    parser.add_argument("path", type=Path, metavar="MODEL|CORPUS")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .safetensors file or a run folder")


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine", choices=ENGINES, default="auto", help="auto: cpu where it runs the model, else torch"
    )
    parser.add_argument("--threads", type=_at_least_one, metavar="N", help="of the cpu engine; changes no result")
    parser.add_argument("--resample", action="store_true", help="convert recordings of another rate to the model's")


def _above_zero(text: str) -> float:
    return _number(text, float, "a number above zero", lambda value: 0 < value < math.inf)


def _at_least_one(text: str) -> int:
    return _number(text, int, "a whole number from 1 on", lambda value: value >= 1)


def _seed(text: str) -> int:
    return _number(text, int, "a whole number from 0 to 2^64 - 1", lambda value: 0 <= value < 2**64)


def _number(text: str, kind: Callable[[str], T], wanted: str, fits: Callable[[T], bool]) -> T:
    try:
        if fits(value := kind(text)):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text} is not {wanted}")


if __name__ == "__main__":
    sys.exit(main())
