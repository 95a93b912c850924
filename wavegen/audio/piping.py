"""Bytes of a file handed to a decoder through a pipe: it cannot seek in them, and it guesses no length."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from wavegen.audio.headers import Piece

BLOCK = 1 << 16


@contextlib.contextmanager
def piped(file: BinaryIO, pieces: Sequence[Piece]) -> Iterator[int]:
    """A descriptor of a pipe through which the pieces come: bytes, or stretches (start, stop) of `file`."""
    reader, writer = os.pipe()
    thread = threading.Thread(target=_pump, args=(file.fileno(), pieces, writer), daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)  # a pump that still writes gets EPIPE and ends
        thread.join()


def _pump(descriptor: int, pieces: Sequence[Piece], writer: int) -> None:
    with contextlib.suppress(OSError), open(writer, "wb", buffering=0) as pipe:
        for piece in pieces:
            if isinstance(piece, bytes):
                _write(pipe, piece)
                continue
            start, stop = piece
            while start < stop and (block := os.pread(descriptor, min(BLOCK, stop - start), start)):
                _write(pipe, block)
                start += len(block)


def _write(pipe: BinaryIO, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[pipe.write(rest) :]
