"""The command `vocode`."""

from __future__ import annotations

import argparse
import functools

from wavegen.cli.outputs import Result, check_folder, taken, warn


def vocode(args: argparse.Namespace) -> Result:
    """Speaks frames of recordings and feature files."""
    from wavegen.engine import open_engine
    from wavegen.modelfile import model_file, open_model
    from wavegen.models.frame_sources import FrameReader
    from wavegen.reports.tables import vocoded_text
    from wavegen.sampling.vocoder_inputs import find_inputs
    from wavegen.sampling.vocoding import Manner, check_out, out_paths, speak
    from wavegen.system.folders import folders_made

    check_folder(args.out)
    folder = check_out(args.out, args.files)
    model = open_model(args.model)
    how = {"engine": args.engine, "threads": args.threads, "precision": args.precision}
    open_streams = functools.partial(open_engine, model, **how)
    reader = FrameReader.of(model, args.convention, args.statistics)
    found = find_inputs(reader, args.files, args.speaker, args.resample, args.check, open_streams)
    warn(args, found.warnings)
    manner = Manner.of(model, args.speaker, args.seed, args.temperature, args.top_p, args.exact)
    paths = out_paths(args.out, folder, found.inputs)
    reads = [model_file(args.model), args.statistics, args.check, *args.files]
    with folders_made({path.parent for path in paths} if folder else ()), taken(args, paths, reads) as outputs:
        vocoded = speak(model, found, outputs, manner, open_streams, progress=True)
    result = vocoded.describe(paths)
    return result, vocoded_text(result)
