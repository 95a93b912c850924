"""Commands of the command line; each imports its modules when it runs."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from wavegen.assets import pretrained
from wavegen.cli import exits
from wavegen.cli.arguments import make_parser
from wavegen.cli.mel import mel
from wavegen.cli.messages import errors_in_flags, result_in_flags, sentences_in_flags
from wavegen.cli.model_names import called
from wavegen.cli.outputs import MODEL_FILE, Command, Result, check_folder, check_output, taken, warn
from wavegen.data.format import is_corpus
from wavegen.errors import UserError, closest
from wavegen.system import streams
from wavegen.wording import visible

if TYPE_CHECKING:
    from wavegen.evaluation.results import FeaturesResult
    from wavegen.models.forms import Form

COMMANDS_OF_KIND = {"audio": "wavegen.cli.audio", "pictures": "wavegen.cli.pictures"}  # modules, by a form's kind

RECIPES = "recipes"  # what `info` lists by that name


class _Described(Protocol):
    """A model of any kind, as data."""

    @property
    def form(self) -> Form: ...

    def describe(self) -> Mapping[str, object]: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 done, 2 the user can fix it, 1 our bug, 128 + n ended by signal n."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a thread a core stalls for minutes on a busy machine
    if "OMP_WAIT_POLICY" not in os.environ:
        # Rounds before a thread of GNU's OpenMP that waits for others sleeps. By its default they keep the core busy on
        # which another process holds up the one that they wait for, and a step takes fifty times as long.
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where HOME takes no cache of fonts
    return exits.ended(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> None:
    args = make_parser(COMMANDS).parse_args(argv)
    command: Command = args.command
    with errors_in_flags(args.flags):
        answer = command(args)
    if answer is None:  # of several processes that train together one speaks
        return
    result, text = answer
    if getattr(args, "stdout_taken", False):  # by the file that was asked for
        print(visible(sentences_in_flags(text, args.flags), lines=True), file=sys.stderr)
    elif args.json:
        streams.say(json.dumps(result_in_flags(result, args.flags), allow_nan=False))
    else:
        streams.say(sentences_in_flags(text, args.flags))


def _of(module: str, name: str) -> Command:
    """The command `name` of another module of the command line, which is imported when it runs."""
    return lambda args: getattr(importlib.import_module(f"wavegen.cli.{module}"), name)(args)


def _prepare(args: argparse.Namespace) -> Result:
    from wavegen.data.preparing.audio import prepare
    from wavegen.data.preparing.audit import describe
    from wavegen.data.preparing.pictures import PICTURE_SETS, picture_set_meant, prepare_pictures
    from wavegen.data.preparing.pictures import describe as describe_pictures

    given = [word for word in (args.first, args.second, args.third) if word is not None]
    if (name := picture_set_meant(given)) is not None:
        for option in ("sample_rate", "split_by", "cut", "strict", "fetch"):
            if getattr(args, option):
                raise UserError(f"{args.flags[option]} is for sound, and {name} is a set of pictures")
        source = given[1] if len(given) == 3 else None
        audit = prepare_pictures(name, source, given[-1], levels=args.levels, force=args.force, progress=True)
        return audit, describe_pictures(audit)
    if args.levels is not None:
        raise UserError(f"--levels is for sets of pictures: {', '.join(PICTURE_SETS)}")
    name, source, corpus = given if len(given) == 3 else [None, *given]
    how = {"sample_rate": args.sample_rate, "split_by": args.split_by, "cut": args.cut, "strict": args.strict}
    audit = prepare(source, corpus, name=name, fetch=args.fetch, **how, force=args.force, progress=True)
    for difference in audit.get("layout", {}).get("differences", ()):
        print(f"wavegen: {name}: {difference}", file=sys.stderr)
    if audit["advice"]:
        rate = ["--sample-rate", str(args.sample_rate)] if args.sample_rate else []
        again = shlex.join(["wavegen", "prepare", source, f"{corpus.rstrip(os.sep)}-cut", *rate])
        print(f"wavegen: for larger held-out splits: {again} {audit['advice']}", file=sys.stderr)
    return audit, describe(audit)


def _train(args: argparse.Namespace) -> Result | None:
    from wavegen.data.corpus import open_corpus
    from wavegen.models.checkpoint import load
    from wavegen.models.density import Density
    from wavegen.models.training_provenance import in_short
    from wavegen.reports.tables import description_text
    from wavegen.training import plan, together, train
    from wavegen.training.folder import check_minutes
    from wavegen.training.recipe import load_recipe
    from wavegen.training.recipe_names import recipe_file

    with together() as processes:
        with processes.agreed():
            file, bundled = recipe_file(args.recipe)
            if args.corpus is None and bundled:
                raise UserError(f"{args.recipe}: a recipe of wavegen knows no corpus; give --corpus")
            recipe = load_recipe(file, args.overrides, needs_corpus=args.corpus is None)
            corpus = open_corpus(args.corpus or file.parent / str(recipe.corpus.path))
        run = args.run or Path("runs") / args.recipe.stem
        if args.dry_run:
            result = dict(plan(recipe, corpus, init=args.init))
        else:
            if args.resume and processes.first:
                check_minutes(run, recipe)
            model_file = train(recipe, corpus, run, resume=args.resume, init=args.init, progress=True)
            result = {"run": str(run), "model": str(model_file)}
        if not processes.first:
            return None
    if not args.dry_run:
        result |= in_short(load(str(result["model"]), Density).metadata)
    return result, description_text(result)


def _generate(args: argparse.Namespace) -> Result:
    check_folder(args.out)
    commands, model = _opened(args.model)
    return commands.generate(args, model)


def _score(args: argparse.Namespace) -> Result:
    commands, model = _opened(args.model)
    return commands.score(args, model)


def _features(args: argparse.Namespace) -> Result:
    from wavegen.evaluation.features import features, write_features
    from wavegen.modelfile import model_file
    from wavegen.models.checkpoint import load
    from wavegen.models.density import Density

    check_output(args, args.out, ".npz")
    model = load(args.model, Density)
    with taken(args, [args.out], [model_file(args.model), *args.files]) as (out,):
        recordings, window = _commands(model.form).features(args, model)
        warn(args, recordings.warnings)
        arrays = features(model, recordings.found, window_samples=window, progress=True)
        write_features(out, arrays)
    rows, channels = arrays["features"].shape
    number = len(recordings.found)
    result: FeaturesResult = {
        "file": str(args.out),
        "recordings": number,
        "rows": rows,
        "channels": channels,
        "condition": recordings.condition,
        "warnings": recordings.warnings,
        "refused": recordings.refused,
    }
    return result, f"{args.out}: {rows} rows of {channels} features, from {number} recordings"


def _compare(args: argparse.Namespace) -> Result:
    check_output(args, args.html)
    paths = called(args.models)
    opened = {name: _opened(path) for name, path in paths.items()}
    models = {name: model for name, (_, model) in opened.items()}
    firsts: dict[str, str] = {}
    for name, model in models.items():
        firsts.setdefault(model.form.kind, name)
    (kind, first), *others = firsts.items()
    for other, name in others:
        raise UserError(f"{first} is a model of {kind}, {name} of {other}; name one kind")
    return opened[first][0].compare(args, models, paths)


def _commands(form: Form) -> ModuleType:
    """The command module for models of that form."""
    return importlib.import_module(COMMANDS_OF_KIND[form.kind])


def _opened(path: Path) -> tuple[ModuleType, _Described]:
    """The command module for a model, and the model as its functions take it."""
    from wavegen.modelfile import read

    contents = read(path)
    commands = _commands(contents.form)
    return commands, commands.opened(contents)


def _bench(args: argparse.Namespace) -> Result:
    from wavegen.benchmarking import ROUNDS, bench
    from wavegen.benchmarking.plot import plot
    from wavegen.benchmarking.table import bench_text
    from wavegen.benchmarking.training import ROUNDS as TRAINING_ROUNDS
    from wavegen.benchmarking.training import bench_training
    from wavegen.modelfile import model_file
    from wavegen.reports.plots import try_plotting
    from wavegen.system.optional import MATPLOTLIB, needed

    check_output(args, args.plot, ".png")
    if args.plot:
        with needed(MATPLOTLIB, "--plot"):
            try_plotting()
    with taken(args, [args.plot], [model_file(args.what)]) as outputs:
        if args.training:
            result = bench_training(args.what, args.rounds or TRAINING_ROUNDS, progress=True)
        else:
            result = bench(args.what, rounds=args.rounds or ROUNDS, progress=True)
        for png in outputs:
            with needed(MATPLOTLIB, "--plot"):
                plot(png, result)
    return result, bench_text(result)


def _quantize(args: argparse.Namespace) -> Result:
    from wavegen.data.corpus import open_corpus
    from wavegen.evaluation.quantization import quantize
    from wavegen.modelfile import model_file
    from wavegen.models.checkpoint import load
    from wavegen.reports.tables import description_text

    if args.out.resolve() == model_file(args.model).resolve():
        raise UserError(f"{args.out}: is the model itself; name another file")
    check_output(args, args.out, ".safetensors")
    model = load(args.model)
    corpus = open_corpus(args.corpus)
    with taken(args, [args.out], [args.corpus, model_file(args.model)]) as (out,):
        result = quantize(model, corpus, out, precision=args.precision, max_cost=args.max_cost, progress=True)
    return result, description_text(result)


def _info(args: argparse.Namespace) -> Result:
    from wavegen.reports.tables import description_text, engines_text

    if args.path is None:
        from wavegen.engine import describe_engines

        return (about := describe_engines()), engines_text(about)
    meant = None if os.path.lexists(args.path) else closest(str(args.path), [RECIPES, *pretrained.names()])
    if meant == RECIPES != str(args.path):
        raise UserError(f"{args.path}: no such file; did you mean {RECIPES}?")
    if str(args.path) == RECIPES and not is_corpus(args.path) and not (args.path / MODEL_FILE).exists():
        from wavegen.training.recipe_names import described

        recipes = described()
        return {RECIPES: recipes}, description_text(recipes)
    if is_corpus(args.path):
        return _about_corpus(args.path)
    _, model = _opened(args.path)
    return (about := model.describe()), description_text(about)


def _about_corpus(path: Path) -> Result:
    from wavegen.data.corpus import open_corpus

    corpus = open_corpus(path)
    about = {"corpus": str(path), "fingerprint": corpus.fingerprint, **corpus.audit}
    return about, f"corpus {corpus.fingerprint}\n{corpus.description()}"


COMMANDS = {
    "quickstart": _of("quickstart", "quickstart"),
    "prepare": _prepare,
    "train": _train,
    "generate": _generate,
    "vocode": _of("vocoding", "vocode"),
    "score": _score,
    "compare": _compare,
    "features": _features,
    "mel": mel,
    "compress": _of("compression", "compress"),
    "decompress": _of("compression", "decompress"),
    "quantize": _quantize,
    "bench": _bench,
    "info": _info,
}

if __name__ == "__main__":
    sys.exit(main())
