"""The command `vocode`."""

from __future__ import annotations

import argparse
import functools

from wavegen.cli.outputs import Result, check_folder, taken, warn


def vocode(args: argparse.Namespace) -> Result:
    """Speaks frames of recordings and feature files."""
    from wavegen.engine import open_engine
    from wavegen.modelfile import model_file, open_model
    from wavegen.reports.tables import vocoded_text
    from wavegen.sampling.vocoder_inputs import find_inputs
    from wavegen.sampling.vocoding import Manner, check_out, out_paths, speak

    check_folder(args.out)
    check_out(args.out, args.files)
    model = open_model(args.model)
    found = find_inputs(model, args.files, args.speaker, args.resample)
    warn(args, found.warnings)
    manner = Manner.of(model, args.speaker, args.seed, args.temperature, args.top_p, args.exact)
    how = {"engine": args.engine, "threads": args.threads, "precision": args.precision}
    paths = out_paths(args.out, found.inputs)
    with taken(args, paths, [model_file(args.model), *args.files]) as outputs:
        vocoded = speak(model, found, outputs, manner, functools.partial(open_engine, model, **how), progress=True)
    result = vocoded.describe(paths)
    return result, vocoded_text(result)
