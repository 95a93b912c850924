"""The C++ engine: maps PCM to symbols and back, and calls the extension."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wavegen.constants import NUMERICS
from wavegen.engine.base import Decoder, Encoder, checked_kept, checked_pcm, cpus
from wavegen.engine.packing import Parts, conditions, engine_arguments, packs
from wavegen.engine.symbols import SymbolEngine
from wavegen.errors import UserError
from wavegen.extension import extension, fits
from wavegen.models.model import AnyAudio
from wavegen.system.limits import MORE_MEMORY, is_no_memory
from wavegen.system.optional import reason
from wavegen.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIECE = 8192  # samples of all streams together in one call, so that an interrupt is noticed within a second or so


def missing() -> str | None:
    """Why the extension cannot be used, with the cure, in one line; None if it can."""
    again = "pip install --force-reinstall --no-deps"
    try:
        built = extension()
        numerics = built.numerics
    except Exception as error:
        if is_no_memory(error):
            return f"too little memory for the C++ engine ({reason(error)}); {MORE_MEMORY}"
        if not (isinstance(error, ModuleNotFoundError) and error.name == "wavegen_native"):
            return f"the C++ engine cannot be loaded ({reason(error)}); repeat the installation with {again}"
        if not _is_installed():
            return "the C++ engine is missing, because only wavegen's source is on the path; pip install its folder"
        return (
            "the C++ engine is missing, because wavegen was installed without a working C++ compiler; "
            f"install one (Debian: apt install g++ python3-dev) and repeat the installation with {again}"
        )
    if numerics != NUMERICS:
        return f"the C++ engine has numerics {numerics}, wavegen {NUMERICS}; repeat the installation with {again}"
    if not fits(built):
        return f"the C++ engine was built from another version of wavegen; repeat the installation with {again}"
    return None


def _is_installed() -> bool:
    import importlib.metadata  # slow to import, and seldom asked

    try:
        return bool(importlib.metadata.version("wavegen"))
    except importlib.metadata.PackageNotFoundError:
        return False


def device() -> str:
    """The widest instruction set that the extension uses on this CPU."""
    return extension().instruction_sets()[0]


def runs(model: Parts) -> bool:
    """Whether the extension, if it is there, runs this model."""
    return packs(model)


class NativeEngine(SymbolEngine):
    """See `wavegen.engine.base.Engine`. Float32 with a fixed order of operations (`numerics` = 1).

    Streams, threads and instruction sets give the same bits. Raises UserError when the extension does
    not take the model, or the CPU lacks the instruction set `isa`.
    """

    name = "cpu"

    def __init__(
        self,
        model: AnyAudio,
        streams: int,
        threads: int | None = None,
        isa: str | None = None,
        precision: str = "float32",
    ):
        data = model.data()
        if not runs(data):
            said = f"engine cpu does not run {data.network.name} networks; try `engine='torch'`"
            raise UserError(said, parameter="engine")
        if isa is not None and missing() is None and isa not in (sets := extension().instruction_sets()):
            raise UserError(f"isa {isa} is not of this CPU or not known; there are {', '.join(sets)}")
        super().__init__(data, precision)
        codes = data.codec.codes_per_symbol
        self._first_code = np.cumsum(codes) - codes - 32768
        try:
            self._arguments = engine_arguments(data, precision, isa or "auto")
            self._conditions = conditions(data, isa or "auto")
            self._open(streams, threads)
        except MemoryError as error:
            raise UserError(f"engine cpu: too little memory for {counted(streams, 'stream')}; {MORE_MEMORY}") from error
        except ValueError as error:
            raise UserError(f"engine cpu cannot run this model: {error}") from error

    def _open(self, streams: int, threads: int | None) -> None:
        self.streams = streams
        self._threads = threads
        how = {"streams": streams, "threads": threads or min(2 * streams, cpus())}
        running = extension().Engine(**self._arguments, **how)
        self._native = running
        self.isa: str = running.isa  # "avx512vnni", "avx512", "avx2", "neon" or "portable"
        self._piece = max(1, _PIECE // streams)
        self._conditions = None if self._conditions is None else self._conditions.of(streams)

    def resized(self, streams: int, kept: Sequence[int] = ()) -> NativeEngine:
        rows = checked_kept(kept, self.streams, streams)
        other = copy.copy(self)
        other._open(streams, self._threads)
        if rows:
            other.restore(self.save().over(other.save(), rows))
        return other

    def encode(self, pcm: NDArray[np.int16], encoders: Sequence[Encoder]) -> NDArray[np.float64]:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        for piece in self._pieces(pcm.shape[1]):
            codes = pcm[:, piece].astype(np.int64)
            symbols = self._symbol_of_code[codes + 32768]
            offsets = (codes - self._first_code[symbols]).astype(np.uint16)
            log2_prob[:, piece] = self._call(
                extension().encode, self._native, symbols, offsets, encoders, self._next_vectors(symbols.shape[1])
            )
        return log2_prob

    def decode(self, num_samples: int, decoders: Sequence[Decoder]) -> NDArray[np.int16]:
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        for piece in self._pieces(num_samples):
            count = piece.stop - piece.start
            given = self._next_vectors(count)
            symbols, offsets = self._call(extension().decode, self._native, count, decoders, given)
            pcm[:, piece] = self._first_code[symbols] + offsets
        return pcm
