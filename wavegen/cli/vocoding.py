"""The command `vocode`; recordings that an interrupted call has finished are skipped."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.cli.outputs import Result, check_apart, check_folder, taken, warn
from wavegen.cli.skipping import GO_ON, finished_already

if TYPE_CHECKING:
    from wavegen.sampling.speaking import Manner, OpenStreams
    from wavegen.sampling.vocoder_inputs import Input


def vocode(args: argparse.Namespace) -> Result:
    """Speaks frames of recordings and feature files."""
    from wavegen.engine import open_engine
    from wavegen.modelfile import model_file, open_model
    from wavegen.models.frame_sources import FrameReader
    from wavegen.reports.tables import vocoded_text
    from wavegen.sampling.speaking import Manner
    from wavegen.sampling.vocoder_inputs import find_inputs
    from wavegen.sampling.vocoding import check_out, out_paths, speak
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
    check_apart(paths)
    again = folder and not args.force
    skipped = _finished(found.inputs, paths, model.sample_rate, manner, open_streams) if again else set[Path]()
    left = [path for path in paths if path not in skipped]
    found = found._replace(inputs=[one for one, path in zip(found.inputs, paths, strict=True) if path not in skipped])
    reads = [model_file(args.model), args.statistics, args.check, *args.files]
    with (
        folders_made({path.parent for path in left} if folder else ()),
        taken(args, left, reads, again=GO_ON) as outputs,
    ):
        vocoded = speak(model, found, outputs, manner, open_streams, progress=True)
    result = vocoded.describe(left)
    result["skipped"] = [str(path) for path in paths if path in skipped]
    return result, vocoded_text(result)


def _finished(
    inputs: Sequence[Input], paths: Sequence[Path], sample_rate: int, manner: Manner, open_streams: OpenStreams
) -> set[Path]:
    """The outputs that are there as they would be written. Raises UserError for another file that is there."""
    from wavegen.sampling.resumption import spoken_already

    of_path = dict(zip(paths, inputs, strict=True))

    def finished(there: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
        outs = [out for _, out in there]
        asked = [of_path[out] for out in outs]
        same = spoken_already(asked, outs, sample_rate, manner, open_streams, "comparing what is there")
        return [pair for pair, whole in zip(there, same, strict=True) if whole]

    return {out for _, out in finished_already([(of_path[path].name, path) for path in paths], finished)}
