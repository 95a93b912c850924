"""Commands of models of pictures."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.cli.outputs import Result, check_output, taken, warn
from wavegen.data.format import is_corpus
from wavegen.errors import UserError
from wavegen.modelfile import Contents, model_file
from wavegen.models.pictures import PictureModel
from wavegen.system.signals import Ended

if TYPE_CHECKING:
    from wavegen.evaluation.features import LabelledTakes


def opened(contents: Contents) -> PictureModel:
    """The model in a file."""
    return PictureModel.from_contents(contents)


def generate(args: argparse.Namespace, model: PictureModel) -> Result:
    """Draws pictures into one PNG, or completes those of --prime below its first --rows."""
    from wavegen.data.picture_files import check_tiles, read_tiles
    from wavegen.evaluation.pictures import known_of_tiles
    from wavegen.models.familiarity import Familiarity
    from wavegen.reports.pictures import generated_text
    from wavegen.sampling.pictures import PartDrawn, generate_pictures

    _refuse(args, args.model, "seconds", "threads", "precision", "resample", "speaker")
    check_tiles(args.out, model.form)
    check_output(args, args.out)
    if args.rows is not None and args.prime is None:
        raise UserError("--rows says how much of a picture is given; give the picture with --prime")
    prime = None
    warnings: list[str] = []
    if args.prime is not None:
        prime = read_tiles(args.prime, model.form)
        familiarity = Familiarity(model)
        known_of_tiles(args.prime, prime[: args.number], familiarity)
        warn(args, warnings := familiarity.warnings("pictures"))
    rows = args.rows or 0
    if prime is not None and args.rows is None:
        rows = model.form.height // 2
    seeds = range(args.seed, args.seed + args.number)
    with taken(args, [args.out], [model_file(args.model), args.prime]) as (out,):
        how = {"exact": args.exact, "progress": True}
        try:
            draws = generate_pictures(
                model, seeds=seeds, temperature=args.temperature, top_p=args.top_p, prime=prime, rows=rows, **how
            )
        except PartDrawn as part:
            part.write_to(out)
            kept = f"interrupted: {args.out} holds the first {part.rows} of {model.form.height} rows"
            raise Ended(part.number, f"{kept}; to go on: --prime {args.out} --rows {part.rows}") from part
        result = draws.describe(draws.write_to(out))
        result["warnings"] = warnings
    return result, generated_text(result)


def score(args: argparse.Namespace, model: PictureModel) -> Result:
    """Scores PNG files, folders of them, or corpora, in nats."""
    from wavegen.evaluation.pictures import score_pictures
    from wavegen.reports.pictures import score_text

    _refuse(args, args.model, "window", "csv", "plot", "threads", "precision", "resample", "speaker", "given")
    result = score_pictures(model, args.files, progress=True)
    result["model"] = {"path": str(args.model), **result["model"]}
    warn(args, result["warnings"])
    return result, score_text(result)


def features(args: argparse.Namespace, model: PictureModel) -> tuple[LabelledTakes, None]:
    """Finds the pictures whose features are wanted."""
    from wavegen.data.corpus import open_corpus
    from wavegen.data.picture_files import read_tiles
    from wavegen.evaluation.features import LabelledTake, LabelledTakes, of_corpus
    from wavegen.evaluation.feeding import check_form
    from wavegen.evaluation.pictures import known_of_tiles, png_files
    from wavegen.evaluation.refusals import Refusals
    from wavegen.models.familiarity import Familiarity

    _refuse(args, args.model, "window", "resample", "speaker", "given")
    recordings: list[LabelledTake] = []
    familiarity = Familiarity(model)
    refusals = Refusals()
    read = functools.partial(read_tiles, form=model.form)
    for given in args.files:
        if is_corpus(given):
            corpus = open_corpus(given)
            check_form(str(given), corpus.form, model.form, "take a corpus of such pictures")
            recordings += of_corpus(corpus, model, familiarity, progress=True)
            continue
        for path, tiles in refusals.usable(given, png_files(given), read):
            recordings += [LabelledTake(take) for take in known_of_tiles(path, tiles, familiarity)]
    if not recordings:
        raise UserError(f"{', '.join(map(str, args.files))}: no pictures")
    return LabelledTakes(recordings, [*refusals.warnings, *familiarity.warnings("pictures")], refusals.refused), None


def compare(args: argparse.Namespace, models: Mapping[str, PictureModel], paths: Mapping[str, Path]) -> Result:
    """Compares models and independent pixels over a split of a corpus."""
    from wavegen.evaluation.pictures import compare_pictures
    from wavegen.reports.pictures import comparison_text

    _refuse(args, next(iter(paths.values())), "html", "proof", "bits_per_symbol", "without", "given")
    result = compare_pictures(models, args.corpus, split=args.split, against=args.against, progress=True)
    return result, comparison_text(result)


def _refuse(args: argparse.Namespace, model: str | Path, *names: str) -> None:
    """Raises UserError if an option was given that only models of audio have."""
    for name in names:
        if getattr(args, name):
            raise UserError(f"--{name.replace('_', '-')} is for sound, and {model} is a model of pictures")
    if (engine := getattr(args, "engine", "auto")) not in ("auto", "torch"):
        raise UserError(f"engine {engine} does not run pictures; leave out --engine for {model}")
