"""Coders that are programs of their own: used where they are on the PATH, never required."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.errors import UserError
from wavegen.evaluation.baselines.flac import FLAC_MAX_RATE, metadata_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAW_FLAC = ("--force-raw-format", "--endian=little", "--sign=signed", "--channels=1", "--bps=16")


@dataclass(frozen=True)
class Program:
    """A program that reads raw PCM on stdin and writes the coded file to stdout."""

    name: str
    package: str  # of Debian and Ubuntu

    def missing(self) -> str | None:
        if shutil.which(self.name):
            return None
        return f"the program {self.name} is not on the PATH; on Debian and Ubuntu: apt install {self.package}"

    def run(self, options: Sequence[str], pcm: NDArray[np.int16]) -> bytes:
        """The output for `pcm`, (samples,) int16. Raises UserError with the program's own words when it fails."""
        data = np.ascontiguousarray(pcm, "<i2").tobytes()
        done = subprocess.run([self.name, *options], input=data, capture_output=True)
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
            raise UserError(f"{self.name} {' '.join(options)}: {said}")
        return done.stdout


FLAC = Program("flac", "flac")
WAVPACK = Program("wavpack", "wavpack")


def flac_order_32_bits(pcm: NDArray[np.int16], sample_rate: int) -> int:
    """Bits of the FLAC frames, as `flac_bits` counts them, with linear prediction up to order 32, every order tried.

    That is `flac -8 -e -p -l 32 --lax`, which leaves FLAC's streamable subset (orders up to 12 at up to 48 kHz).
    """
    if not len(pcm):
        return 0
    rate = f"--sample-rate={min(sample_rate, FLAC_MAX_RATE)}"
    flac = FLAC.run(["-8", "-e", "-p", "-l", "32", "--lax", "--silent", "--stdout", *RAW_FLAC, rate, "-"], pcm)
    return 8 * (len(flac) - metadata_bytes(flac))


def wavpack_bits(pcm: NDArray[np.int16], sample_rate: int) -> int:
    """Bits of the WavPack file of `pcm` at `-hhx6`: all its blocks with their headers.

    It is made from raw PCM, so it holds no WAV header, and no checksum besides the blocks' own.
    """
    if not len(pcm):
        return 0
    return 8 * len(WAVPACK.run(["-hhx6", "-q", "-y", f"--raw-pcm={sample_rate},16s,1,le", "-", "-o", "-"], pcm))
