"""Lossless compression with a model: to the bits that it claims, which proves them."""

from __future__ import annotations

import dataclasses
import filecmp
import os
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.examination import CODED, Examiner, Findings
from wavegen.audio.examination.channels import Mix, mean_of_all
from wavegen.audio.wav import PIECE, Wav, read_wav
from wavegen.compression.lockstep import Block, Job, lockstep
from wavegen.compression.mono import Mono, mono_of
from wavegen.compression.wgn import (
    BLOCK,
    Preamble,
    damaged,
    digest,
    model_digest,
    read_block,
    read_preamble,
    write_block,
)
from wavegen.constants import DIGITS
from wavegen.engine import native, precision_of
from wavegen.errors import UserError, unreadable
from wavegen.extension import extension
from wavegen.models.familiarity import Familiarity
from wavegen.models.model import AnyAudio, Model
from wavegen.system.atomic import Target, check_place, check_room, path_of, replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

Paths = Sequence[tuple[str | Path, Target]]  # what is read and what is written


def compress(
    model: AnyAudio,
    paths: Paths,
    threads: int | None = None,
    precision: str | None = None,
    progress: str | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Compresses WAV files of 16-bit PCM, (input, output) each: what `wavegen compress --json` prints.

    `bits_per_sample` is the compressed file's size over its samples (frames times channels, each channel being a
    stream of its own), `model_bits_per_sample` the model's −log2 p of them: what its `score` says of the file.
    Outputs are whole or absent. A file that turns out to be unreadable on the way does not keep the others from being
    compressed. Raises UserError for files that are no such WAV files and outputs that exist unless `force` is given,
    before any is written, and for models without a C++ engine.
    """
    model = _runnable(model.data())
    begun, precision = time.monotonic(), precision or precision_of(model)
    check_outputs(paths, force)
    wavs = [(read_wav(source), out) for source, out in paths]
    ours = model_digest(model)
    jobs = [Job(wav.channels, wav.frames, _compressing(wav, out, force, precision, ours)) for wav, out in wavs]
    rows = _whole(lockstep(model, jobs, _encode, threads, precision, progress))
    samples, size = sum(row["samples"] for row in rows), sum(row["bytes"] for row in rows)
    claimed, findings = sum(row.pop("model_bits") for row in rows), Findings(CODED)
    familiarity = Familiarity(model)
    for (wav, _), row in zip(wavs, rows, strict=True):
        noticed = {"noticed": [wav.warning]} if wav.warning else {}
        content, measured, mix = row.pop("content_hash"), row.pop("measured"), row.pop("mix")
        if wav.sample_rate == model.sample_rate and wav.frames:
            familiarity.look_up(str(wav.path), content, _whole_if_cut(wav, mix, familiarity))
            familiarity.add_figures(str(wav.path), measured)
        findings.add(str(wav.path), row.pop("figures") | noticed, familiarity.tells(str(wav.path)))
    return {
        "files": rows,
        "samples": samples,
        "bytes": size,
        "bits_per_sample": _per_sample(8 * size, samples),
        "model_bits_per_sample": _per_sample(claimed, samples),
        "model_bytes": model.num_bytes,
        "precision": precision,
        "warnings": [
            f"{wav.path}: {wav.sample_rate} Hz, but the model was trained at {model.sample_rate} Hz"
            for wav, _ in wavs
            if wav.sample_rate != model.sample_rate
        ]
        + findings.warnings()
        + familiarity.warnings(),
        "seconds": round(time.monotonic() - begun, 3),
    }


def decompress(
    model: AnyAudio, paths: Paths, threads: int | None = None, progress: str | None = None, force: bool = False
) -> dict[str, Any]:
    """Restores what `compress` was given, byte for byte, (input, output) each: what `wavegen decompress --json` prints.

    Outputs are whole and checked against the digest of the original, or absent. A damaged file does not keep the
    others from being restored. Raises UserError for it in the end, and for files that were compressed with another
    model, are of another format or no such files, and outputs that exist unless `force` is given, before any is
    written.
    """
    model = _runnable(model.data())
    check_outputs(paths, force)
    begun, ours, found = time.monotonic(), model_digest(model), {}
    preambles = [_preamble_of(Path(source), ours) for source, _ in paths]
    check_room({path_of(out): each.restored for (_, out), each in zip(paths, preambles, strict=True)})
    for precision in sorted({preamble.precision for preamble in preambles}):
        those = [index for index, preamble in enumerate(preambles) if preamble.precision == precision]
        jobs = [_restoring(*paths[index], force, preambles[index]) for index in those]
        found |= dict(zip(those, lockstep(model, jobs, _decode, threads, precision, progress), strict=True))
    rows = _whole([found[index] for index in range(len(paths))])
    return {
        "files": rows,
        "samples": sum(row["samples"] for row in rows),
        "seconds": round(time.monotonic() - begun, 3),
    }


def proven(model: AnyAudio, pcms: Sequence[NDArray[np.int16]], progress: str | None = None) -> float | None:
    """The size in bits per sample to which recordings, (samples,) int16 each, were compressed and restored from.

    They are WAV files for that in a temporary folder. None for a model without a C++ engine. Raises RuntimeError
    if a file does not come back as it was.
    """
    model = model.data()
    if not native.runs(model) or native.missing() is not None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder, str(index)) for index in range(len(pcms))]
        for name, pcm in zip(names, pcms, strict=True):
            audio_files.write(name, pcm, model.sample_rate)
        pairs = [(name, name.with_suffix(".wgn")) for name in names]
        result = compress(model, pairs, progress=progress)
        back = [(small, small.with_suffix(".wav")) for _, small in pairs]
        decompress(model, back, progress=progress)
        for name, (_, restored) in zip(names, back, strict=True):
            if not filecmp.cmp(name, restored, shallow=False):
                raise RuntimeError(f"recording {name.name} did not come back as it was")
    return result["bits_per_sample"]


def check_outputs(paths: Paths, force: bool) -> None:
    """Raises UserError if two inputs have one output, an output is one of the inputs, or it exists unless `force`."""
    taken = {os.path.realpath(source) for source, _ in paths}
    for out in map(path_of, (out for _, out in paths)):
        if (place := os.path.realpath(out)) in taken:
            raise UserError(f"{out}: two of the files would become it, or it is one of them; name another")
        taken.add(place)
        check_place(out, force)


def _whole(found: Sequence[dict[str, Any] | UserError]) -> list[dict[str, Any]]:
    """The rows. Raises UserError if there is an error among them: the first, and how many more there are."""
    errors = [each for each in found if isinstance(each, UserError)]
    if errors:
        others = f" (and {len(errors) - 1} more files failed)" if len(errors) > 1 else ""
        raise UserError(f"{errors[0]}{others}", parameter=errors[0].parameters) from errors[0]
    return [each for each in found if not isinstance(each, UserError)]


def _runnable(model: Model) -> Model:
    """The model. Raises UserError if no C++ engine runs it."""
    if not native.runs(model):
        raise UserError(f"{model.network.name} networks have no C++ engine, which compression needs")
    if (why := native.missing()) is not None:
        raise UserError(why)
    return model


def _compressing(
    wav: Wav, out: Target, force: bool, precision: str, model: bytes
) -> Generator[Block, None, dict[str, Any]]:
    encoders = [extension().Encoder() for _ in range(wav.channels)]
    whole, bits, examiner = digest(), 0.0, Examiner(wav.channels, wav.sample_rate, "PCM_16")
    mix = mean_of_all(wav.channels)
    mono = Mono(mix)
    about = (precision, wav.channels, wav.sample_rate, wav.frames, wav.trailer_size)
    preamble = Preamble(*about, model, bytes(whole.digest_size), wav.header)
    with replacing(out, force) as temporary, open(temporary, "wb") as file:
        file.write(preamble.pack())
        whole.update(wav.header)
        for start in range(0, wav.frames, BLOCK):
            pcm = wav.pcm(start, min(start + BLOCK, wav.frames))
            whole.update(pcm.tobytes())
            examiner.add(pcm / 32768)
            mono.add(pcm)
            block = Block(encoders, np.ascontiguousarray(pcm.T, np.int16))
            yield block
            bits -= float(block.log2_prob.sum())
            for encoder in encoders:
                write_block(file, encoder.finish())
        for piece in wav.trailer():
            whole.update(piece)
            file.write(piece)
        size = file.tell()
        file.seek(0)
        file.write(dataclasses.replace(preamble, digest=whole.digest()).pack())
    if wav.frames and (mix := examiner.mix()) != mono.mix:
        mono = Mono(mix)
        for start in range(0, wav.frames, BLOCK):
            mono.add(wav.pcm(start, min(start + BLOCK, wav.frames)))
    samples = wav.frames * wav.channels
    return {
        "file": str(path_of(out)),
        "samples": samples,
        "bytes": size,
        "bits_per_sample": _per_sample(8 * size, samples),
        "model_bits_per_sample": _per_sample(bits, samples),
        "model_bits": bits,
        "figures": examiner.coded_figures() if wav.frames else {"samples": 0},
        "content_hash": mono.content.hexdigest(),
        "measured": mono.measured.figures(),
        "mix": mix,
    }


def _whole_if_cut(wav: Wav, mix: Mix, familiarity: Familiarity) -> NDArray[np.int16] | None:
    """The recording, (frames,), if the model was trained on pieces of recordings, which only all of it tells."""
    return None if familiarity.provenance.cut is None else mono_of(wav.pcm(0, wav.frames), mix)


def _restoring(source: str | Path, out: Target, force: bool, preamble: Preamble) -> Job:
    return Job(preamble.channels, preamble.frames, _decompressing(Path(source), out, force, preamble))


def _decompressing(
    source: Path, out: Target, force: bool, preamble: Preamble
) -> Generator[Block, None, dict[str, Any]]:
    whole, channels = digest(), preamble.channels
    with replacing(out, force) as temporary, open(source, "rb") as words, open(temporary, "wb") as file:
        end = os.fstat(words.fileno()).st_size - preamble.trailer_size
        words.seek(len(preamble.pack()))
        whole.update(preamble.wav_header)
        file.write(preamble.wav_header)
        for start in range(0, preamble.frames, BLOCK):
            found = [read_block(words, end) for _ in range(channels)]
            if any(each is None for each in found):
                raise damaged(source)
            decoders = [extension().Decoder(each) for each in found]
            block = Block(decoders, np.empty((channels, min(BLOCK, preamble.frames - start)), np.int16))
            yield block
            if not all(decoder.finished() for decoder in decoders):
                raise damaged(source)
            pcm = np.ascontiguousarray(block.samples.T, "<i2").tobytes()
            whole.update(pcm)
            file.write(pcm)
        if words.tell() != end:
            raise damaged(source)
        while piece := words.read(PIECE):
            whole.update(piece)
            file.write(piece)
        if whole.digest() != preamble.digest:
            raise damaged(source)
        size = file.tell()
    return {"file": str(path_of(out)), "samples": preamble.frames * channels, "bytes": size}


def _preamble_of(path: Path, model: bytes) -> Preamble:
    try:
        if not path.is_file():
            raise UserError(f"{path}: no such file" if not path.exists() else f"{path}: is no file")
        with open(path, "rb") as file:
            preamble = read_preamble(file, path.stat().st_size, path)
    except OSError as error:
        raise unreadable(path, error) from error
    if preamble.model != model:
        raise UserError(f"{path}: was compressed with model {preamble.model.hex()}, this one is {model.hex()}")
    return preamble


def _encode(engine: Any, blocks: Sequence[Block], count: int) -> None:
    """The next `count` frames of each block into its encoders."""
    pcm = np.concatenate([block.samples[:, block.done : block.done + count] for block in blocks])
    log2_prob = engine.encode(pcm, _coders(blocks))
    for block, rows in zip(blocks, _split(log2_prob, blocks), strict=True):
        block.log2_prob[:, block.done : block.done + count] = rows


def _decode(engine: Any, blocks: Sequence[Block], count: int) -> None:
    """The next `count` frames of each block from its decoders."""
    pcm = engine.decode(count, _coders(blocks))
    for block, rows in zip(blocks, _split(pcm, blocks), strict=True):
        block.samples[:, block.done : block.done + count] = rows


def _coders(blocks: Sequence[Block]) -> list[Any]:
    return [coder for block in blocks for coder in block.coders]


def _split(rows: np.ndarray, blocks: Sequence[Block]) -> list[np.ndarray]:
    """The rows of each block's channels."""
    return np.split(rows, np.cumsum([len(block.coders) for block in blocks])[:-1])


def _per_sample(bits: float, samples: int) -> float | None:
    return round(bits / samples, DIGITS) if samples else None
