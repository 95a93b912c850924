"""The command `mel`: mel spectrograms of recordings as other toolkits' programs write them."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.cli import values
from wavegen.cli.outputs import Result, check_output, taken, warn
from wavegen.errors import UserError
from wavegen.wording import counted, listed

if TYPE_CHECKING:
    from wavegen.audio.spectral.settings import FrameSettings
    from wavegen.evaluation.results import MelFile, MelResult, MelSettings

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
    """Writes the mel spectrogram of a recording, or of each in a folder."""
    from wavegen.audio import files as audio_files
    from wavegen.audio.examination import Findings
    from wavegen.audio.spectral.files import write_frames
    from wavegen.audio.spectral.frames import frames
    from wavegen.audio.spectral.settings import FrameSettings
    from wavegen.audio.spectral.statistics import read_statistics
    from wavegen.evaluation.refusals import Refusals
    from wavegen.system.progress import progress_bar

    paths = audio_files.find(args.source)
    outs = _outputs(args, paths)
    rate = args.sample_rate or _common_rate(args.source, paths)
    settings = FrameSettings.usual(args.convention, rate, args.f0, **{name: getattr(args, name) for name in SIZES})
    statistics = None if args.statistics is None else read_statistics(args.statistics, settings.bands)
    findings, refusals = Findings(), Refusals()
    files: list[MelFile] = []
    read = functools.partial(audio_files.read, sample_rate=args.sample_rate)
    label = f"mel spectrograms of {args.source}"
    with (
        _folders_made({out.parent for out in outs}),
        taken(args, outs, [*paths, args.statistics]) as outputs,
        progress_bar(len(paths), label, " files", delay=1) as bar,
    ):
        of_path = dict(zip(paths, outputs, strict=True))
        for path, sound in refusals.usable(args.source, paths, read):
            findings.add(str(path), sound.figures)
            made = frames(sound.pcm, settings, in_file=True)
            write_frames(of_path[path], made, settings, statistics)
            file = str(of_path[path].path)
            files.append({"file": file, "source": str(path), "samples": len(sound.pcm), "frames": len(made)})
            bar.update(1)
    warnings = [*refusals.warnings, *findings.warnings()]
    warn(args, warnings)
    result: MelResult = {
        "files": files,
        "settings": _described(settings),
        "warnings": warnings,
        "refused": refusals.refused,
    }
    return result, _text(args.out, files, settings)


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


@contextlib.contextmanager
def _folders_made(folders: set[Path]) -> Iterator[None]:
    """Makes the folders, and removes what is left empty of them if the block fails."""
    new: list[Path] = []
    try:
        for folder in sorted(folders):
            for each in reversed([folder, *folder.parents]):
                if not os.path.lexists(each):
                    _make(each)
                    new.append(each)
        yield
    except BaseException:
        for folder in reversed(new):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror or error}") from error
