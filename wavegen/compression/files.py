"""Lossless compression with a model: to the bits that it claims, which proves them."""

from __future__ import annotations

import filecmp
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.examination import CODED, Findings, Mix
from wavegen.audio.wav import Wav, read_wav
from wavegen.compression.conditions import Frames, condition_named, condition_of, given_again, told_of
from wavegen.compression.decoding import decode, restoring
from wavegen.compression.encoding import Compressed, compressing, encode, per_sample
from wavegen.compression.lockstep import lockstep
from wavegen.compression.mono import mono_of
from wavegen.compression.results import CompressResult, DecompressResult, RestoredFile
from wavegen.compression.wgn import BLOCK, Preamble, model_digest, read_preamble
from wavegen.engine import native, precision_of
from wavegen.errors import UserError, unreadable
from wavegen.models.familiarity import Familiarity
from wavegen.models.given import Given
from wavegen.models.model import AnyAudio, Model
from wavegen.system.atomic import Target, check_place, check_room, path_of
from wavegen.system.contents import no_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
Paths = Sequence[tuple[str | Path, Target]]  # inputs with their outputs


def compress(
    model: AnyAudio,
    paths: Paths,
    *,
    speaker: str | None = None,
    frames: Frames | None = None,
    given: str | None = None,
    threads: int | None = None,
    precision: str | None = None,
    force: bool = False,
    progress: bool = False,
) -> CompressResult:
    """Compresses WAV files of 16-bit PCM. Outputs are whole or absent.

    Args:
        model: one that the cpu engine runs.
        paths: (input, output) each.
        speaker: of all files, one of the model's; unknown unless given.
        frames: of each file, an array or a file of them. They are not stored: `decompress` needs them again.
        given: which conditions to use; by default `speaker`, if it is named, and the `frames` that the model takes.
        threads: of the cpu engine.
        precision: to which the layers' weights are rounded; the model's own unless given.
        force: replaces outputs that exist.
        progress: shows a bar on stderr.

    Returns:
        `bits_per_sample` is the compressed file's size over its samples (frames times channels, each channel being a
        stream of its own), `model_bits_per_sample` the model's −log2 p of them, as `score` gives it for the file.

    Raises:
        UserError: before any output is written, for files that are no such WAV files, outputs that exist unless
            `force` is given, models without a C++ engine, and conditions that the model does not take. In the end, for
            files that turned out to be unreadable: they do not keep the others from being compressed.
    """
    data = _runnable(model)
    check_outputs(paths, force)
    samples = [read_wav(source).frames for source, _ in paths] if frames is not None else [None] * len(paths)
    told = told_of(data, samples, speaker, frames, given)
    result = _compress(data, paths, told.given, threads, precision, "compressing" if progress else None, force)
    result["warnings"] = told.warnings + result["warnings"]
    return result


def _compress(
    model: Model,
    paths: Paths,
    given: Sequence[Given],
    threads: int | None,
    precision: str | None,
    label: str | None,
    force: bool,
) -> CompressResult:
    begun = time.monotonic()
    precision = precision or precision_of(model)
    check_outputs(paths, force)
    wavs = [(read_wav(source), out) for source, out in paths]
    digest = model_digest(model)
    jobs = [
        compressing(wav, out, force, precision, digest, one, condition_of(model, one))
        for (wav, out), one in zip(wavs, given, strict=True)
    ]
    files = _whole(lockstep(model, jobs, encode, threads, precision, label))
    samples = sum(file.samples for file in files)
    size = sum(file.bytes for file in files)
    return {
        "files": [file.result() for file in files],
        "samples": samples,
        "bytes": size,
        "bits_per_sample": per_sample(8 * size, samples),
        "model_bits_per_sample": per_sample(sum(file.model_bits for file in files), samples),
        "model_bytes": model.num_bytes,
        "precision": precision,
        "condition": condition_named(model, given),
        "warnings": _warnings(model, [wav for wav, _ in wavs], files),
        "seconds": round(time.monotonic() - begun, 3),
    }


def _warnings(model: Model, wavs: Sequence[Wav], files: Sequence[Compressed]) -> list[str]:
    """A line for each thing that is odd about the files, or about them and the model."""
    findings = Findings(CODED)
    familiarity = Familiarity(model)
    for wav, file in zip(wavs, files, strict=True):
        name = str(wav.path)
        if wav.sample_rate == model.sample_rate and wav.frames:
            familiarity.look_up(name, file.content_hash, _whole_if_cut(wav, file.mix, familiarity))
            familiarity.add_figures(name, file.measured)
        noticed = {"noticed": [wav.warning]} if wav.warning else {}
        findings.add(name, {**file.figures, **noticed}, familiarity.tells(name))
    rates = [
        f"{wav.path}: {wav.sample_rate} Hz, but the model was trained at {model.sample_rate} Hz"
        for wav in wavs
        if wav.sample_rate != model.sample_rate
    ]
    return rates + findings.warnings() + familiarity.warnings()


def _whole_if_cut(wav: Wav, mix: Mix, familiarity: Familiarity) -> NDArray[np.int16] | None:
    """The recording, (frames,), if the model was trained on pieces of recordings, which only all of it tells."""
    if familiarity.provenance.cut is None:
        return None
    pcm = np.empty(wav.frames, np.int16)
    for start in range(0, wav.frames, BLOCK):
        pcm[start : start + BLOCK] = mono_of(wav.pcm(start, min(start + BLOCK, wav.frames)), mix)
    return pcm


def decompress(
    model: AnyAudio,
    paths: Paths,
    *,
    frames: Frames | None = None,
    threads: int | None = None,
    force: bool = False,
    progress: bool = False,
) -> DecompressResult:
    """Restores the input of `compress`, byte for byte. Outputs are whole and checked against its digest, or absent.

    Args:
        model: the model that the files were compressed with.
        paths: (input, output) each.
        frames: of each file that was compressed given frames, the same ones; None for others.
        threads: of the cpu engine.
        force: replaces outputs that exist.
        progress: shows a bar on stderr.

    Raises:
        UserError: before any output is written, for files that were compressed with another model, are of another
            format or no such files, frames that are missing or not those that a file was compressed given, and outputs
            that exist unless `force` is given. In the end, for damaged files:
            they do not keep the others from being restored.
    """
    return _decompress(_runnable(model), paths, frames, threads, "decompressing" if progress else None, force)


def _decompress(
    model: Model, paths: Paths, frames: Frames | None, threads: int | None, label: str | None, force: bool
) -> DecompressResult:
    begun = time.monotonic()
    check_outputs(paths, force)
    digest = model_digest(model)
    preambles = [_preamble_of(Path(source), digest) for source, _ in paths]
    given = given_again(model, [Path(source) for source, _ in paths], preambles, frames)
    check_room({path_of(out): each.restored for (_, out), each in zip(paths, preambles, strict=True)})
    found: dict[int, RestoredFile | UserError] = {}
    for precision in sorted({preamble.precision for preamble in preambles}):
        those = [index for index, preamble in enumerate(preambles) if preamble.precision == precision]
        jobs = [restoring(*paths[index], force, preambles[index], given[index]) for index in those]
        found |= dict(zip(those, lockstep(model, jobs, decode, threads, precision, label), strict=True))
    files = _whole([found[index] for index in range(len(paths))])
    return {
        "files": files,
        "samples": sum(file["samples"] for file in files),
        "seconds": round(time.monotonic() - begun, 3),
    }


def proven(
    model: AnyAudio,
    pcms: Sequence[NDArray[np.int16]],
    label: str | None = None,
    given: Sequence[Given] | None = None,
) -> float | None:
    """The bits per sample to which recordings were really compressed, as WAV files in a temporary folder.

    Args:
        model: None is returned for one without a C++ engine.
        pcms: (samples,) int16 each.
        label: of a bar on stderr.
        given: what the model is given of each; nothing by default.

    Raises:
        RuntimeError: a file does not come back as it was.
    """
    data = model.data()
    if not native.runs(data) or native.missing() is not None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder, str(index)) for index in range(len(pcms))]
        for name, pcm in zip(names, pcms, strict=True):
            audio_files.write(name, pcm, data.sample_rate)
        pairs = [(name, name.with_suffix(".wgn")) for name in names]
        given = given or [Given()] * len(pcms)
        result = _compress(data, pairs, given, None, None, label, force=False)
        back = [(small, small.with_suffix(".wav")) for _, small in pairs]
        _decompress(data, back, [one.frames for one in given], None, label, force=False)
        for name, (_, restored) in zip(names, back, strict=True):
            if not filecmp.cmp(name, restored, shallow=False):
                raise RuntimeError(f"recording {name.name} did not come back as it was")
    return result["bits_per_sample"]


def check_outputs(paths: Paths, force: bool) -> None:
    """Raises UserError if two inputs have one output, an output is one of the inputs, or it exists unless `force`."""
    taken = {os.path.realpath(source) for source, _ in paths}
    for out in map(path_of, (out for _, out in paths)):
        if (real := os.path.realpath(out)) in taken:
            raise UserError(f"{out}: two of the files would become it, or it is one of them; name another")
        taken.add(real)
        check_place(out, force)


def _whole(found: Sequence[T | UserError]) -> list[T]:
    """The results. Raises UserError if there is an error among them: the first, and how many more there are."""
    results: list[T] = []
    errors: list[UserError] = []
    for each in found:
        if isinstance(each, UserError):
            errors.append(each)
        else:
            results.append(each)
    if errors:
        others = f" (and {len(errors) - 1} more files failed)" if len(errors) > 1 else ""
        raise UserError(f"{errors[0]}{others}", parameter=errors[0].parameters) from errors[0]
    return results


def _runnable(model: AnyAudio) -> Model:
    """The model as data. Raises UserError if no C++ engine runs it."""
    data = model.data()
    if not native.runs(data):
        raise UserError(f"{data.network.name} networks have no C++ engine, which compression needs")
    if (why := native.missing()) is not None:
        raise UserError(why)
    return data


def _preamble_of(path: Path, model: bytes) -> Preamble:
    """The fields of a compressed file. Raises UserError unless it was made with the model of that digest."""
    try:
        if not path.is_file():
            raise no_file(path, "a file that wavegen compressed")
        with open(path, "rb") as file:
            preamble = read_preamble(file, path.stat().st_size, path)
    except OSError as error:
        raise unreadable(path, error) from error
    if preamble.model != model:
        raise UserError(f"{path}: was compressed with model {preamble.model.hex()}, this one is {model.hex()}")
    return preamble
