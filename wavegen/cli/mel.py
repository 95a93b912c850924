"""The command `mel`: mel spectrograms of recordings as other toolkits' programs write them."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.cli import values
from wavegen.cli.outputs import Result, check_apart, check_output, taken, warn
from wavegen.cli.skipping import GO_ON, finished_already
from wavegen.errors import UserError
from wavegen.wording import counted, listed

if TYPE_CHECKING:
    from wavegen.audio.files import Audio
    from wavegen.audio.spectral.settings import FrameSettings
    from wavegen.audio.spectral.statistics import Statistics
    from wavegen.evaluation.results import MelFile, MelResult, MelSettings

Pair = tuple[Path, Path]

SUFFIXES = NPY, NPZ = (".npy", ".npz")
SIZES = {  # of the library, and what help says of each
    "hop": "samples from one frame to the next",
    "n_fft": "samples of a frame",
    "win_length": "samples of the window inside a frame",
    "bands": "of the mel spectrogram",
    "fmin": "lower limit of the bands in Hz",
    "fmax": "upper limit in Hz",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `wavegen mel` but those that all commands have."""
    parser.add_argument("source", type=Path, metavar="IN.wav|DIR", help="a recording, or a folder of them")
    out = "the new file; .npz holds all settings too; of a folder a folder, which is made"
    parser.add_argument("out", type=values.path, metavar="OUT.npy|OUT.npz|DIR", help=out)
    convention = "librosa, parallel-wavegan (or espnet), hifigan, tacotron2, r9y9: whose sizes are the defaults"
    parser.add_argument("--convention", required=True, metavar="NAME", help=convention)
    rate = "to resample to; default: the recordings' own"
    parser.add_argument("--sample-rate", type=values.at_least_one, metavar="R", help=rate)
    for name, what in SIZES.items():
        check = values.at_least_zero if name == "fmin" else values.at_least_one
        parser.add_argument(f"--{name.replace('_', '-')}", type=check, metavar="N", help=what)
    f0 = "add log F0 (0 where unvoiced) and 1 where voiced"
    parser.add_argument("--f0", action="store_true", help=f0)
    statistics = "normalise by the mean and deviation of each band in this file"
    parser.add_argument("--statistics", type=Path, metavar="FILE", help=statistics)
    parser.add_argument("--npz", action="store_true", help="into a folder: .npz files; default: .npy")


def mel(args: argparse.Namespace) -> Result:
    """Writes the mel spectrogram of a recording, or of each in a folder; those that are there already are skipped."""
    from wavegen.audio import files as audio_files
    from wavegen.audio.spectral.settings import FrameSettings
    from wavegen.audio.spectral.statistics import read_statistics

    paths = audio_files.find(args.source)
    outs = _outputs(args, paths)
    rate = args.sample_rate or _common_rate(args.source, paths)
    settings = FrameSettings.usual(args.convention, rate, args.f0, **{name: getattr(args, name) for name in SIZES})
    statistics = None if args.statistics is None else read_statistics(args.statistics, settings.bands)
    check_apart(outs)
    pairs = list(zip(paths, outs, strict=True))
    skipped = [] if args.force or not _into_folder(args) else _finished(args, pairs, settings, statistics)
    result = _written(args, pairs, {path for path, _ in skipped}, settings, statistics)
    result["skipped"] = [str(out) for _, out in skipped]
    warn(args, result["warnings"])
    return result, _text(args.out, result["files"], settings)


def _written(
    args: argparse.Namespace,
    pairs: Sequence[Pair],
    skipped: set[Path],
    settings: FrameSettings,
    statistics: Statistics | None,
) -> MelResult:
    """Writes the file of each recording but for those that are skipped."""
    from wavegen.audio import files as audio_files
    from wavegen.audio.examination import Findings
    from wavegen.audio.spectral.files import write_frames
    from wavegen.audio.spectral.frames import frames
    from wavegen.evaluation.refusals import Refusals
    from wavegen.system.folders import folders_made
    from wavegen.system.progress import progress_bar

    def read(path: Path) -> Audio | None:
        return None if path in skipped else audio_files.read(path, args.sample_rate)

    paths = [path for path, _ in pairs]
    left = [pair for pair in pairs if pair[0] not in skipped]
    findings = Findings()
    refusals = Refusals()
    files: list[MelFile] = []
    with (
        folders_made({out.parent for _, out in left}),
        taken(args, [out for _, out in left], [*paths, args.statistics], again=GO_ON) as outputs,
        progress_bar(len(left), f"mel spectrograms of {args.source}", " files", delay=1) as bar,
    ):
        of_path = dict(zip([path for path, _ in left], outputs, strict=True))
        for path, sound in refusals.usable(args.source, paths, read):
            if sound is not None:
                findings.add(str(path), sound.figures)
                made = frames(sound.pcm, settings, in_file=True)
                write_frames(of_path[path], made, settings, statistics)
                file = str(of_path[path].path)
                files.append({"file": file, "source": str(path), "samples": len(sound.pcm), "frames": len(made)})
                bar.update(1)
    warnings = [*refusals.warnings, *findings.warnings()]
    return {"files": files, "settings": _described(settings), "warnings": warnings, "refused": refusals.refused}


def _finished(
    args: argparse.Namespace, pairs: Sequence[Pair], settings: FrameSettings, statistics: Statistics | None
) -> list[Pair]:
    """The recordings whose file holds what would be written. Raises UserError for another file that is there."""
    from wavegen.audio import files as audio_files
    from wavegen.audio.spectral.resumption import written_already
    from wavegen.system.progress import progress_bar

    def finished(there: Sequence[Pair]) -> list[Pair]:
        found: list[Pair] = []
        with progress_bar(len(there), f"files in {args.out}", " files", delay=1) as bar:
            for path, out in there:
                with contextlib.suppress(UserError):  # a recording that cannot be read, of which nothing is made
                    if written_already(out, audio_files.read(path, args.sample_rate).pcm, settings, statistics):
                        found.append((path, out))
                bar.update(1)
        return found

    return finished_already(pairs, finished)


def _described(s: FrameSettings) -> MelSettings:
    return {
        "convention": s.convention,
        "sample_rate": s.sample_rate,
        "hop": s.hop,
        "n_fft": s.n_fft,
        "win_length": s.win_length,
        "bands": s.bands,
        "fmin": s.fmin,
        "fmax": s.fmax,
        "f0": s.f0,
        "channels": s.channels,
    }


def _text(out: Path, files: Sequence[MelFile], s: FrameSettings) -> str:
    if not files:
        return f"{out}: nothing left to do"
    frames = counted(sum(file["frames"] for file in files), "frame")
    what = files[0]["file"] if len(files) == 1 else f"{out}: {counted(len(files), 'file')}"
    bands = f"{s.bands} bands from {s.fmin} to {s.fmax} Hz{' and F0' if s.f0 else ''}"
    sizes = f"one each {s.hop} samples at {s.sample_rate} Hz, n_fft {s.n_fft}, window {s.win_length}"
    return f"{what}: {frames} of {s.convention}, {bands}, {sizes}"


def _outputs(args: argparse.Namespace, paths: Sequence[Path]) -> list[Path]:
    """The file for each recording. Raises UserError if one cannot become that."""
    suffix = NPZ if args.npz else NPY
    if os.path.isdir(args.source):
        if args.out.suffix.lower() in SUFFIXES or (os.path.exists(args.out) and not os.path.isdir(args.out)):
            raise UserError(f"{args.out}: the recordings of a folder go into a folder; name one")
        return [args.out / path.relative_to(args.source).with_suffix(suffix) for path in paths]
    if os.path.isdir(args.out):
        return [args.out / f"{args.source.stem}{suffix}"]
    if not args.npz and args.out.suffix.lower() == NPZ:
        suffix = NPZ
    check_output(args, args.out, suffix)
    return [args.out]


def _into_folder(args: argparse.Namespace) -> bool:
    """Whether the output is a folder, in which what is finished is skipped."""
    return os.path.isdir(args.source) or os.path.isdir(args.out)


def _common_rate(source: Path, paths: Sequence[Path]) -> int:
    """The sample rate of all recordings whose header can be read. Raises UserError if there is none, or several."""
    from wavegen.audio import files as audio_files

    rates: Counter[int] = Counter()
    for path in paths:
        with contextlib.suppress(UserError):
            rates[audio_files.sample_rate_of(path)] += 1
    if not rates:
        return audio_files.read(paths[0]).sample_rate  # which says what is wrong with it
    if len(rates) > 1:
        found = listed([f"{count} of {rate} Hz" for rate, count in rates.most_common()])
        said = f"files of different sample rates ({found}); choose one, as `sample_rate={rates.most_common(1)[0][0]}`"
        raise UserError(f"{source}: {said}", parameter="sample_rate")
    return next(iter(rates))
