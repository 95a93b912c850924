"""Compressed files to the WAV files that they were, block by block."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from wavegen.audio.wav import BYTES_AT_ONCE
from wavegen.compression import wgn
from wavegen.compression.lockstep import Block, CodingJob, split
from wavegen.compression.results import RestoredFile
from wavegen.compression.wgn import Preamble, damaged, digest, read_block
from wavegen.engine.base import Decoder, Engine
from wavegen.extension import extension
from wavegen.models.given import Given
from wavegen.system.atomic import Target, path_of, replacing


def restoring(
    source: str | Path, out: Target, force: bool, preamble: Preamble, given: Given
) -> CodingJob[Decoder, RestoredFile]:
    """The job that restores one file, whole and checked against its digest.

    Args:
        source: the compressed file.
        out: the output, whole in the end or absent.
        force: replaces an output that exists.
        preamble: of the compressed file.
        given: what the model is given.
    """
    return CodingJob(preamble.channels, preamble.frames, _blocks(Path(source), out, force, preamble), given)


def _blocks(
    source: Path, out: Target, force: bool, preamble: Preamble
) -> Generator[Block[Decoder], None, RestoredFile]:
    whole = digest()
    channels = preamble.channels
    with replacing(out, force) as temporary, open(source, "rb") as words, open(temporary, "wb") as file:
        end = os.fstat(words.fileno()).st_size - preamble.trailer_size
        words.seek(len(preamble.pack()))
        whole.update(preamble.wav_header)
        file.write(preamble.wav_header)
        for start in range(0, preamble.frames, wgn.BLOCK):
            found = [read_block(words, end) for _ in range(channels)]
            if any(each is None for each in found):
                raise damaged(source)
            decoders: list[Decoder] = [extension().Decoder(each) for each in found]
            block = Block(decoders, np.empty((channels, min(wgn.BLOCK, preamble.frames - start)), np.int16))
            yield block
            if not all(decoder.finished() for decoder in decoders):
                raise damaged(source)
            pcm = np.ascontiguousarray(block.samples.T, "<i2").tobytes()
            whole.update(pcm)
            file.write(pcm)
        if words.tell() != end:
            raise damaged(source)
        while chunk := words.read(BYTES_AT_ONCE):
            whole.update(chunk)
            file.write(chunk)
        if whole.digest() != preamble.digest:
            raise damaged(source)
        size = file.tell()
    return {"file": str(path_of(out)), "samples": preamble.frames * channels, "bytes": size}


def decode(engine: Engine, blocks: Sequence[Block[Decoder]], count: int) -> None:
    """The next `count` frames of each block from its decoders."""
    pcm = engine.decode(count, [decoder for block in blocks for decoder in block.coders])
    for block, rows in zip(blocks, split(pcm, blocks), strict=True):
        block.samples[:, block.done : block.done + count] = rows
