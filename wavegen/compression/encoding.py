"""WAV files to compressed ones, block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wavegen.audio.examination import Examiner, Mix, mean_of_all
from wavegen.audio.wav import Wav
from wavegen.compression import wgn
from wavegen.compression.lockstep import Block, CodingJob, split
from wavegen.compression.mono import Mono
from wavegen.compression.results import CompressedFile
from wavegen.compression.wgn import Condition, Preamble, digest, write_block
from wavegen.constants import DIGITS
from wavegen.engine.base import Encoder, Engine
from wavegen.extension import extension
from wavegen.models.given import Given
from wavegen.system.atomic import Target, path_of, replacing


@dataclass(frozen=True)
class Compressed:
    """A compressed file, with measurements of its samples."""

    file: str
    samples: int  # frames · channels
    bytes: int
    model_bits: float  # −log2 p of all samples
    figures: Mapping[str, object]  # of `wavegen.audio.examination`
    content_hash: str  # of the mono signal, as are `measured`
    measured: dict[str, float]
    mix: Mix

    def result(self) -> CompressedFile:
        return {
            "file": self.file,
            "samples": self.samples,
            "bytes": self.bytes,
            "bits_per_sample": per_sample(8 * self.bytes, self.samples),
            "model_bits_per_sample": per_sample(self.model_bits, self.samples),
        }


def compressing(
    wav: Wav, out: Target, force: bool, precision: str, model: bytes, given: Given, condition: Condition | None
) -> CodingJob[Encoder, Compressed]:
    """The job that compresses one file.

    Args:
        wav: the file.
        out: the output, whole in the end or absent.
        force: replaces an output that exists.
        precision: to which the engine rounds the layers' weights.
        model: the digest of the model.
        given: what the model is given.
        condition: what the compressed file says of that.
    """
    about = (precision, wav.channels, wav.sample_rate, wav.frames, wav.trailer_size)
    preamble = Preamble(*about, model, bytes(digest().digest_size), wav.header, condition)
    return CodingJob(wav.channels, wav.frames, _blocks(wav, out, force, preamble), given)


def _blocks(wav: Wav, out: Target, force: bool, preamble: Preamble) -> Generator[Block[Encoder], None, Compressed]:
    encoders: list[Encoder] = [extension().Encoder() for _ in range(wav.channels)]
    whole = digest()
    bits = 0.0
    examiner = Examiner(wav.channels, wav.sample_rate, "PCM_16")
    mono = Mono(mean_of_all(wav.channels), wav.sample_rate)
    with replacing(out, force) as temporary, open(temporary, "wb") as file:
        file.write(preamble.pack())
        whole.update(wav.header)
        for start in range(0, wav.frames, wgn.BLOCK):
            pcm = wav.pcm(start, min(start + wgn.BLOCK, wav.frames))
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
    if wav.frames and examiner.mix() != mono.mix:
        mono = _mono(wav, examiner.mix())
    figures = examiner.coded_figures() if wav.frames else {"samples": 0}
    about = (mono.content.hexdigest(), mono.measured.figures(), mono.mix)
    return Compressed(str(path_of(out)), wav.frames * wav.channels, size, bits, figures, *about)


def _mono(wav: Wav, mix: Mix) -> Mono:
    """The mono signal of a file, once it is known that it is not the mean of all channels."""
    mono = Mono(mix, wav.sample_rate)
    for start in range(0, wav.frames, wgn.BLOCK):
        mono.add(wav.pcm(start, min(start + wgn.BLOCK, wav.frames)))
    return mono


def encode(engine: Engine, blocks: Sequence[Block[Encoder]], count: int) -> None:
    """The next `count` frames of each block into its encoders."""
    pcm = np.concatenate([block.samples[:, block.done : block.done + count] for block in blocks])
    log2_prob = engine.encode(pcm, [encoder for block in blocks for encoder in block.coders])
    for block, rows in zip(blocks, split(log2_prob, blocks), strict=True):
        block.log2_prob[:, block.done : block.done + count] = rows


def per_sample(bits: float, samples: int) -> float | None:
    """Bits per sample, rounded as reports are; None without samples."""
    return round(bits / samples, DIGITS) if samples else None
