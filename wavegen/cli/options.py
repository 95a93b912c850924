"""Options that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path

from wavegen.cli import values

ENGINES = ("auto", "torch", "cpu", "cuda")
PRECISIONS = ("float32", "bfloat16", "int8")
MODEL = "a .safetensors file, a run folder, or allison, which is bundled"
GIVEN = "nothing, speaker, wrong-speaker, frames, or several joined by +; default: all that the model takes"


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL)


def add_model_files_and_out(parser: argparse.ArgumentParser, files: tuple[str, str], out: tuple[str, str]) -> None:
    """Adds MODEL FILE … OUT; `files` and `out` are a name for help, and the help."""
    add_model(parser)
    parser.add_argument("files", type=Path, nargs="+", metavar=files[0], help=files[1])
    parser.add_argument("out", type=Path, metavar=out[0], help=out[1])


def add_force(parser: argparse.ArgumentParser, what: str = "replace a file that is there already") -> None:
    parser.add_argument("--force", action="store_true", help=what)


def add_drawing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--temperature", type=values.above_zero, metavar="T", help="below 1: likelier, less varied")
    parser.add_argument(
        "--top-p", type=values.share, metavar="P", help="only the likeliest symbols that make up P of each"
    )
    exact = "draw from the scored density, with its uniform share, which clicks; default: from the model alone"
    parser.add_argument("--exact", action="store_true", help=exact)


def add_speaker(parser: argparse.ArgumentParser, default: str = "an unknown one") -> None:
    speaker = f"one of the model's speakers, which `wavegen info MODEL` lists; default: {default}"
    parser.add_argument("--speaker", metavar="NAME", help=speaker)


def add_given(parser: argparse.ArgumentParser, words: str = GIVEN) -> None:
    parser.add_argument("--given", metavar="WHAT", help=f"conditions that the model is given: {words}")


def add_engine(parser: argparse.ArgumentParser) -> None:
    engine = "auto: cpu where it runs the model, else torch; cuda: WaveNets on an NVIDIA GPU"
    parser.add_argument("--engine", choices=ENGINES, default="auto", help=engine)
    add_precision(parser)
    parser.add_argument("--resample", action="store_true", help="convert recordings of another rate to the model's")


def add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the cpu engine's layers, or cuda's: faster, less exact; default: the model's own",
    )
    add_threads(parser)


def add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=values.at_least_one, metavar="N", help="of the cpu engine; changes no result")
