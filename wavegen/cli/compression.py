"""Commands that compress and restore; files that an interrupted call has finished are skipped."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from wavegen.cli.outputs import Result, check_apart, taken, warn
from wavegen.cli.skipping import GO_ON, finished_already
from wavegen.errors import UserError
from wavegen.system.atomic import Output
from wavegen.wording import listed

Pair = tuple[Path, Path]


def compress(args: argparse.Namespace) -> Result:
    """Compresses WAV files."""
    from wavegen.compression.conditions import told_of
    from wavegen.compression.files import compress
    from wavegen.compression.resumption import compressed_already
    from wavegen.modelfile import open_model
    from wavegen.reports.tables import compressed_text

    model = cache(lambda: open_model(args.model))

    def finished(pairs: Sequence[Pair]) -> list[Pair]:
        frames = _frames_of([source for source, _ in pairs], args, needed=True)
        told = told_of(model(), [None] * len(pairs), args.speaker, frames, args.given)
        return compressed_already(model(), pairs, args.precision, told.given)

    with _pairs(args, ".wgn", finished) as (paths, skipped):
        how = {"progress": True, "force": args.force, "speaker": args.speaker, "given": args.given}
        frames = _frames_of([source for source, _ in paths], args, needed=True)
        result = compress(model(), paths, threads=args.threads, precision=args.precision, frames=frames, **how)
    warn(args, result["warnings"])
    result["skipped"] = skipped
    return result, compressed_text(result)


def decompress(args: argparse.Namespace) -> Result:
    """Restores WAV files."""
    from wavegen.compression.files import decompress
    from wavegen.compression.resumption import restored_already
    from wavegen.modelfile import open_model
    from wavegen.reports.tables import description_text

    model = cache(lambda: open_model(args.model))

    def finished(pairs: Sequence[Pair]) -> list[Pair]:
        return restored_already(model(), pairs)

    with _pairs(args, ".wav", finished) as (paths, skipped):
        frames = _frames_of([source for source, _ in paths], args, needed=False)
        result = decompress(model(), paths, threads=args.threads, progress=True, force=args.force, frames=frames)
    names = {file["file"]: f"{file['bytes']:,} bytes" for file in result["files"]}
    result["skipped"] = skipped
    return result, description_text(names)


@contextlib.contextmanager
def _pairs(
    args: argparse.Namespace, suffix: str, finished: Callable[[Sequence[Pair]], list[Pair]]
) -> Iterator[tuple[list[tuple[Path, Output]], list[str]]]:
    """Gives pairs of input and output to work on, and the names of the outputs that are skipped.

    Args:
        args: with `files`, `out` (a file, or a folder for OUT/NAME with the suffix) and `force`.
        suffix: of the outputs.
        finished: gives those of the pairs whose output is complete; in a folder they are skipped.

    Raises UserError for other outputs that exist, unless `force` is set.
    """
    into_folder = os.path.isdir(args.out)
    if len(args.files) > 1 and not into_folder:
        raise UserError(f"{args.out}: {len(args.files)} files go into a folder; make it first, or name one file")
    outs = [args.out / f"{file.stem}{suffix}" for file in args.files] if into_folder else [args.out]
    check_apart(outs)
    pairs = list(zip(args.files, outs, strict=True))
    skipped = [] if args.force or not into_folder else finished_already(pairs, finished)
    left = [pair for pair in pairs if pair not in skipped]
    reads = [args.model, args.frames, *args.files]
    with taken(args, [out for _, out in left], reads, again=GO_ON) as outputs:
        yield list(zip([source for source, _ in left], outputs, strict=True)), [str(out) for _, out in skipped]


def _frames_of(sources: Sequence[Path], args: argparse.Namespace, needed: bool) -> list[Path | None] | None:
    """The file of frames of each source: --frames itself, or the one there of the source's name, None without one.

    Raises UserError if several sources are to share one file, have several each, or lack one that is `needed`.
    """
    if args.frames is None:
        return None
    if not args.frames.is_dir():
        if len(args.files) > 1:
            said = f"is no folder, and there are {len(args.files)} files; name a folder with the frames of each"
            raise UserError(f"{args.frames}: {said}")
        return [args.frames] * len(sources)
    return [_frames_in(args.frames, source, needed) for source in sources]


def _frames_in(folder: Path, source: Path, needed: bool) -> Path | None:
    """The file of frames of a source in a folder. Raises UserError for several, and for none if one is `needed`."""
    from wavegen.audio.spectral.arrays import SUFFIXES

    found = [path for suffix in SUFFIXES if (path := folder / f"{source.stem}{suffix}").exists()]
    if len(found) > 1:
        raise UserError(f"{folder}: has {listed([path.name for path in found])} for {source}; keep one")
    if needed and not found:
        raise UserError(
            f"{folder}: has no frames of {source}; their file would be {source.stem}{SUFFIXES[0]} or another"
        )
    return found[0] if found else None
