"""The arguments of each command: the parser of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from wavegen import __version__
from wavegen.cli import mel, options, values
from wavegen.cli.options import PRECISIONS
from wavegen.errors import UserError

if TYPE_CHECKING:
    from wavegen.cli.outputs import Command

RECIPE = "a TOML file, or a bundled recipe, as asterisk/wavenet; `wavegen info recipes` lists them"
PARAMETERS = {"seconds": "num_samples", "number": "seeds"}  # of the library, by the name of an argument here


class _Parser(argparse.ArgumentParser):
    """Raises UserError for wrong usage: one line and exit code 2, as for all errors of the user's."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")

    @property
    def flags(self) -> dict[str, str]:
        """The flag of each parameter of the library that has one."""
        options = [action for action in self._actions if action.option_strings]
        return {PARAMETERS.get(option.dest, option.dest): option.option_strings[0] for option in options}


if TYPE_CHECKING:
    _Commands: TypeAlias = argparse._SubParsersAction[_Parser]


def make_parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser of all commands.

    It leaves in the namespace, as `command`, the one of `commands` that was named, and as `flags` the flag of each
    parameter that a message may name: the command's own, else that of another command.
    """
    parser = _Parser(
        prog="wavegen",
        description="Autoregressive models of raw audio: train, sample, and say in bits per sample how good they are.",
        epilog="`wavegen quickstart` shows all of it on bundled speech within minutes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wavegen {__version__}")
    added = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for add in ADDERS:
        add(added)
    of_any = {name: flag for each in reversed(added.choices.values()) for name, flag in each.flags.items()}
    for name, command in commands.items():
        added.choices[name].set_defaults(command=command, flags=of_any | added.choices[name].flags)
    return parser


def _command(commands: _Commands, name: str, summary: str) -> _Parser:
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.register("type", Path, values.path)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, all else on stderr")
    return parser


def _add_quickstart(commands: _Commands) -> None:
    parser = _command(commands, "quickstart", "bundled speech: train, compare, generate, report")
    out = "default: quickstart; a folder that holds anything else is refused"
    parser.add_argument("--out", type=values.path, default=Path("quickstart"), metavar="DIR", help=out)
    parser.add_argument("--minutes", type=values.above_zero, default=8.0, metavar="M", help="in all; default: 8")


def _add_prepare(commands: _Commands) -> None:
    parser = _command(commands, "prepare", "make a corpus of the recordings in a folder")
    parser.usage = "wavegen prepare [-h] [--json] [options] [NAME] SOURCE CORPUS"
    source = (
        "a folder of WAV, FLAC, OGG, MP3 …, one file, or source:NAME, a source of known density as source:ar2; after "
        "the NAME of a known corpus (yesno, speech-commands, cmu-arctic, ljspeech, vctk, libritts) its official "
        "folder; pictures: mnist and the folder of its four files, or digits alone, which are bundled"
    )
    # Three arguments, the last optional: argparse cannot take an optional first one after an option.
    parser.add_argument("first", type=values.name, metavar="[NAME] SOURCE", help=source)
    parser.add_argument("second", type=values.name, metavar="CORPUS", help="the new folder to write")
    parser.add_argument("third", type=values.name, nargs="?", help=argparse.SUPPRESS)
    rate = "of the corpus; default: the recordings' own"
    parser.add_argument("--sample-rate", type=values.at_least_one, metavar="R", help=rate)
    split_by = (
        "speaker: the top folders; time: the end of each recording, with --cut; default: file, time for fewer than ten "
        "recordings that are cut, or the custom of a known corpus"
    )
    parser.add_argument("--split-by", choices=("file", "speaker", "time"), help=split_by)
    cut = "cut recordings into pieces of about so many seconds, from 1 to 3600, at quiet places"
    parser.add_argument("--cut", type=values.above_zero, metavar="SECONDS", help=cut)
    levels = "of a set of pictures; default: 2 for mnist, drawn once for all, and 17 for digits"
    parser.add_argument("--levels", type=values.at_least_one, metavar="L", help=levels)
    strict = "stop at the first file that is refused; files of other kinds than are read are counted all the same"
    parser.add_argument("--strict", action="store_true", help=strict)
    fetch = "get the known corpus into SOURCE first, with torchaudio; files that are there are kept"
    parser.add_argument("--download", dest="fetch", action="store_true", help=fetch)
    options.add_force(parser, "replace a corpus that is there already; any other folder is refused")


def _add_train(commands: _Commands) -> None:
    parser = _command(commands, "train", "train a model as a recipe says")
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help=RECIPE)
    parser.add_argument("--corpus", type=values.path, metavar="DIR", help="instead of the recipe's corpus.path")
    parser.add_argument(  # torchrun takes --run for an option of its own, hence the longer name
        "--run",
        "--run-folder",
        type=values.path,
        metavar="DIR",
        help="default: runs/ and the recipe's name; one that holds a run already is refused without --resume",
    )
    overrides = "override a recipe's key"
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help=overrides)
    parser.add_argument(
        "--resume", action="store_true", help="go on where the run folder allows it; with more steps, beyond its end"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would take, and train and write nothing")
    parser.add_argument("--init", type=values.path, metavar="MODEL", help="start from its weights, with its settings")


def _add_generate(commands: _Commands) -> None:
    parser = _command(commands, "generate", "draw new recordings from a model")
    options.add_model(parser)
    parser.add_argument(
        "out", type=Path, metavar="OUT.wav|OUT.png", help="with -n: OUT-0.wav, OUT-1.wav …; of pictures all in one"
    )
    parser.add_argument("--seconds", type=values.above_zero, metavar="S", help="to generate; default: 5")
    parser.add_argument(
        "-n", dest="number", type=values.at_least_one, default=1, metavar="N", help="how many; default: 1"
    )
    parser.add_argument(
        "--seed", type=values.seed, default=0, metavar="K", help="of the first, the next has K + 1; default: 0"
    )
    options.add_drawing(parser)
    options.add_speaker(parser)
    parser.add_argument("--prime", type=Path, metavar="FILE", help="a recording to go on from; it starts OUT.wav")
    rows = "of pictures: how many rows of those in --prime, a PNG, are kept; default: half"
    parser.add_argument("--rows", type=values.at_least_one, metavar="N", help=rows)
    options.add_engine(parser)
    options.add_force(parser)


def _add_vocode(commands: _Commands) -> None:
    parser = _command(commands, "vocode", "speak mel spectrograms, or a recording again from its own")
    inputs = "a recording, .npy, .npz, .h5, .pt, or a folder of these"
    options.add_model_files_and_out(parser, ("IN", inputs), ("OUT.wav", "the new file, or the folder of several"))
    seed = "of every recording; default: 0"
    parser.add_argument("--seed", type=values.seed, default=0, metavar="K", help=seed)
    convention = "of files, if not the model's: librosa, parallel-wavegan (or espnet), hifigan, tacotron2, r9y9"
    parser.add_argument("--convention", metavar="NAME", help=convention)
    statistics = "the mean and deviation by which the bands of files are normalised"
    parser.add_argument("--statistics", type=Path, metavar="FILE", help=statistics)
    check = "the recording that IN, a file of features, is of: its likelihood decides which convention that is"
    parser.add_argument("--check", type=Path, metavar="FILE", help=check)
    options.add_drawing(parser)
    options.add_speaker(parser)
    options.add_engine(parser)
    options.add_force(parser)


def _add_score(commands: _Commands) -> None:
    parser = _command(commands, "score", "bits per sample of recordings")
    options.add_model(parser)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE|DIR|CORPUS", help="of a corpus: its test split")
    parser.add_argument("--window", type=values.above_zero, metavar="S", help="also the mean of every S seconds")
    parser.add_argument("--csv", type=Path, metavar="OUT.csv", help="write the windows there; default: of 0.05 s")
    parser.add_argument(
        "--plot", type=Path, metavar="OUT.png", help="draw waveform, spectrogram, surprisal of one file"
    )
    options.add_speaker(parser, "of a corpus: each recording's own")
    options.add_given(parser)
    options.add_engine(parser)
    options.add_force(parser)


def _add_features(commands: _Commands) -> None:
    parser = _command(commands, "features", "means of a model's hidden features over recordings or pictures, as .npz")
    options.add_model_files_and_out(parser, ("FILE|DIR|CORPUS", "of a corpus: all splits"), ("OUT.npz", "the new file"))
    parser.add_argument(
        "--window", type=values.above_zero, metavar="S", help="of so many seconds; default: whole recordings"
    )
    parser.add_argument("--resample", action="store_true", help="convert recordings of other rates")
    options.add_speaker(parser, "of a corpus: each recording's own")
    options.add_given(parser)
    options.add_force(parser)


def _add_mel(commands: _Commands) -> None:
    parser = _command(commands, "mel", "mel spectrograms of recordings, as other toolkits make them")
    mel.add_arguments(parser)
    options.add_force(parser)


def _add_compress(commands: _Commands) -> None:
    parser = _command(commands, "compress", "WAV files to the bits that a model says they have, without loss")
    files = ("IN.wav", "16-bit PCM, one or two channels")
    out = ("OUT.wgn", "the new file, or the folder of several")
    options.add_model_files_and_out(parser, files, out)
    options.add_speaker(parser)
    frames = "a file of frames for a model that is conditioned on them, or the folder of several, by the names of IN"
    parser.add_argument("--frames", type=Path, metavar="FILE", help=frames)
    given = "nothing, speaker, frames, or speaker+frames; default: the speaker, if named, and the frames that it takes"
    options.add_given(parser, given)
    options.add_precision(parser)
    options.add_force(parser)


def _add_decompress(commands: _Commands) -> None:
    parser = _command(commands, "decompress", "compressed files to the WAV files that they were, byte for byte")
    files = ("IN.wgn", "compressed with this model")
    out = ("OUT.wav", "the new file, or the folder of several")
    options.add_model_files_and_out(parser, files, out)
    frames = "the frames that IN was compressed given, or the folder of those of several, by the names of IN"
    parser.add_argument("--frames", type=Path, metavar="FILE", help=frames)
    options.add_threads(parser)
    options.add_force(parser)


def _add_compare(commands: _Commands) -> None:
    parser = _command(commands, "compare", "models and baselines over the same held-out files")
    parser.add_argument("models", nargs="+", metavar="[NAME=]MODEL", help=f"{options.MODEL}; and what to call it")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="that the models were trained on")
    parser.add_argument("--split", choices=("test", "validation", "train"), default="test", help="default: test")
    against = (
        "the row, or the model of one row, to subtract; default: the true density, else FLAC, else the best baseline"
    )
    parser.add_argument("--against", metavar="NAME", help=against)
    parser.add_argument(
        "--bits-per-symbol", action="store_true", help="also of mu-law models; the unit of papers on 8-bit mu-law"
    )
    parser.add_argument("--html", type=Path, metavar="OUT", help="write the report as one HTML file")
    proof = "also compress the files with each model, restore them, and say how large they were"
    parser.add_argument("--proof", action="store_true", help=proof)
    slow = "a baseline to leave out, as in: --without 'adaptive coder', which takes the longest; may be repeated"
    parser.add_argument("--without", metavar="NAME", action="append", default=[], help=slow)
    given = "conditions that models are given, a row for each, as in: --given speaker --given nothing; may be repeated"
    parser.add_argument("--given", metavar="WHAT", action="append", default=[], help=f"{given}; {options.GIVEN}")
    options.add_force(parser)


def _add_info(commands: _Commands) -> None:
    parser = _command(commands, "info", "describe a model or a corpus; list engines or recipes")
    what = "recipes: the bundled ones; default: the engines, and why one is missing"
    parser.add_argument("path", type=Path, nargs="?", metavar="MODEL|CORPUS|recipes", help=what)


def _add_bench(commands: _Commands) -> None:
    parser = _command(commands, "bench", "how fast samples are drawn, beside other ways and the machine's limits")
    what = "a model, or the untrained WaveNet A, B or C; default: A"
    parser.add_argument("what", nargs="?", default="A", metavar="MODEL|A|B|C", help=what)
    training = "time steps of training instead, beside a Conv1d loop, and say what bits each comes to"
    parser.add_argument("--training", action="store_true", help=training)
    rounds = "turns of each; default: 7, or of training 30"
    parser.add_argument("--rounds", type=values.at_least_one, metavar="N", help=rounds)
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the bars")
    options.add_force(parser)


def _add_quantize(commands: _Commands) -> None:
    parser = _command(commands, "quantize", "a model whose weights the cpu engine rounds, once that has been tried")
    options.add_model(parser)
    parser.add_argument("out", type=Path, metavar="OUT", help="the new .safetensors file")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="that the model was trained on")
    parser.add_argument("--precision", choices=PRECISIONS[1:], default="int8", help="of the layers; default: int8")
    max_cost = "bits per sample that it may cost on validation files; default: 0.05"
    parser.add_argument("--max-cost", type=values.above_zero, default=0.05, metavar="BITS", help=max_cost)
    options.add_force(parser)


ADDERS = (
    _add_quickstart,
    _add_prepare,
    _add_train,
    _add_generate,
    _add_vocode,
    _add_score,
    _add_features,
    _add_mel,
    _add_compare,
    _add_compress,
    _add_decompress,
    _add_quantize,
    _add_bench,
    _add_info,
)
