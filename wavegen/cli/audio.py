"""What the command line does with a model of sound."""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.cli.outputs import Result, check_output, taken, warn, write
from wavegen.data.format import is_corpus
from wavegen.errors import UserError
from wavegen.modelfile import Contents, model_file, model_of
from wavegen.models.model import Model
from wavegen.system.signals import Ended

if TYPE_CHECKING:
    from wavegen.evaluation.features import Sources
    from wavegen.models.audio import AudioModel

SECONDS = 5.0  # that are generated unless told otherwise


def opened(contents: Contents) -> Model:
    """The model in a file, with what the C++ engine needs: no torch."""
    return model_of(contents)


def generate(args: argparse.Namespace, model: Model) -> Result:
    """Draws recordings, or goes on from one."""
    from wavegen.audio.examination import Findings
    from wavegen.evaluation.audio import read_whole
    from wavegen.models.familiarity import Familiarity
    from wavegen.reports.tables import generated_text
    from wavegen.sampling.audio import HEADER, PartDrawn, check_amount, generate, out_paths

    if args.rows is not None:
        raise UserError(f"--rows is for pictures, and {args.model} is a model of audio; --seconds says how long")
    paths = out_paths(args.out, args.number)
    for path in paths:
        check_output(args, path)
    prime, warnings = None, []
    if args.prime is not None:
        findings, familiarity = Findings(), Familiarity(model)
        sound = read_whole(args.prime, model.sample_rate, args.resample)
        prime, name = sound.pcm, str(args.prime)
        familiarity.add(name, None, prime)
        findings.add(name, sound.figures, familiarity.tells(name))
        warn(args, warnings := findings.warnings() + familiarity.warnings())
    num_samples = max(1, round((args.seconds or SECONDS) * model.sample_rate))
    primed = 0 if prime is None else len(prime)
    check_amount(num_samples, primed, args.number)
    seeds = range(args.seed, args.seed + args.number)
    how = {"temperature": args.temperature, "top_p": args.top_p, "engine": args.engine}
    how |= {"threads": args.threads, "precision": args.precision, "exact": args.exact}
    with taken(args, paths, [model_file(args.model), args.prime], HEADER + 2 * (primed + num_samples)) as outputs:
        try:
            draws = generate(model, num_samples, seeds, prime=prime, progress=True, **how)
        except PartDrawn as part:
            part.draws.write_to(outputs)
            drawn, asked = (samples / model.sample_rate for samples in (part.draws.generated, num_samples))
            files = " and ".join(map(str, dict.fromkeys([paths[0], paths[-1]])))
            raise Ended(part.number, f"interrupted: {files}: {drawn:.3f} of {asked:.3f} s were drawn") from part
        result = draws.describe(draws.write_to(outputs)) | {"warnings": warnings}
    return result, generated_text(result)


def score(args: argparse.Namespace, model: Model) -> Result:
    """Bits of recordings, with a plot or windows if asked for."""
    from wavegen.evaluation.audio import read_at, score
    from wavegen.reports.plots import WINDOW, picture, try_plotting
    from wavegen.reports.tables import score_csv, score_text
    from wavegen.system.optional import MATPLOTLIB, needed

    check_output(args, args.csv)
    check_output(args, args.plot, ".png")
    if args.plot and (len(args.files) > 1 or args.files[0].is_dir()):
        raise UserError("--plot draws one recording; name one file")
    if args.plot:
        with needed(MATPLOTLIB, "--plot"):
            try_plotting()
    window = args.window or (WINDOW if args.plot or args.csv else None)
    how = {"engine": args.engine, "threads": args.threads, "precision": args.precision}
    with taken(args, [args.csv, args.plot], [model_file(args.model), *args.files]) as outputs:
        result = score(model, args.files, resample=args.resample, window=window, progress="scoring", **how)
        result["model"] = {"path": str(args.model), **result["model"]}
        warn(args, result["warnings"])
        if args.csv:
            write(outputs.pop(0), score_csv(result))
        if args.plot:
            pcm, (file,) = read_at(args.files[0], model.sample_rate, args.resample), result["files"]
            title = f"{file['file']}: {file['bits_per_sample']:.3f} bits/sample, {file['above_flac']:+.3f} above FLAC"
            curves = {"the model": file["surprise"], "FLAC": file["flac_surprise"]}
            with needed(MATPLOTLIB, "--plot"):
                picture(outputs.pop(), pcm, model.sample_rate, curves, result["window"], title)
    return result, score_text(result, curves=args.window is not None and not args.csv)


def features(args: argparse.Namespace, model: AudioModel) -> tuple[Sources, int | None]:
    """The recordings whose features are asked for, and the window in samples."""
    from wavegen.audio import files as audio_files
    from wavegen.audio.examination import Findings
    from wavegen.data.corpus import open_corpus
    from wavegen.evaluation.audio import read_at, read_whole
    from wavegen.evaluation.features import Source, Sources, of_corpus
    from wavegen.evaluation.feeding import PREPARE_AGAIN, Take, check_form
    from wavegen.evaluation.refusals import Refusals
    from wavegen.models.familiarity import Familiarity

    sources, findings, familiarity, refusals = [], Findings(), Familiarity(model), Refusals()
    read = functools.partial(read_whole, sample_rate=model.sample_rate, resample=args.resample)
    for given in args.files:
        if is_corpus(given):
            corpus = open_corpus(given)
            check_form(str(given), corpus.form, model.form, PREPARE_AGAIN, parameter="sample_rate")
            found = of_corpus(corpus, progress=True)
            for source in found:
                familiarity.add(source.take.name, None, source.take.pcm())
            sources += found
            continue
        for path, sound in refusals.usable(given, audio_files.find(given), read):
            familiarity.add(str(path), None, sound.pcm)
            findings.add(str(path), sound.figures, familiarity.tells(str(path)))
            again = functools.partial(read_at, path, model.sample_rate, args.resample)
            sources.append(Source(Take(str(path), len(sound.pcm), again)))
    window = None if args.window is None else max(1, round(args.window * model.sample_rate))
    warnings = [*refusals.warnings, *findings.warnings(), *familiarity.warnings()]
    return Sources(sources, warnings, refusals.refused), window


def compare(args: argparse.Namespace, models: Mapping[str, AudioModel], paths: Mapping[str, Path]) -> Result:
    """Models and baselines over a split of a corpus, with a report if asked for."""
    from wavegen.data.corpus import open_corpus
    from wavegen.evaluation.comparison import compare
    from wavegen.reports.examples import sounds, training_course
    from wavegen.reports.html import write_page
    from wavegen.reports.tables import comparison_text

    corpus = open_corpus(args.corpus)
    how = {"progress": True, "proof": args.proof, "without": args.without}
    with taken(args, [args.html], [args.corpus, *map(model_file, paths.values())]) as outputs:
        result = compare(models, corpus, args.split, args.against, **how)
        warn(args, result["warnings"])
        for html in outputs:
            runs = {name: training_course(path) for name, path in paths.items()}
            with tempfile.TemporaryDirectory() as folder:
                shown = list(sounds(models, result, corpus, Path(folder)))
                write_page(html, result, shown, runs=runs, symbols=args.bits_per_symbol)
    return result, comparison_text(result, args.bits_per_symbol)
