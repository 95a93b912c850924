"""Classical coders of the same files, in the same unit."""

from wavegen.baselines.adaptive import adaptive_bits, adaptive_missing
from wavegen.baselines.base import Baseline, FileByFile
from wavegen.baselines.flac import flac_bits
from wavegen.baselines.histogram import Histogram, TrainingHistogram
from wavegen.baselines.programs import FLAC, WAVPACK, flac_order_32_bits, wavpack_bits

__all__ = ["BASELINES", "Baseline", "Histogram", "flac_bits"]

BASELINES: tuple[Baseline, ...] = (
    FileByFile("FLAC", flac_bits),
    FileByFile("FLAC, order 32", flac_order_32_bits, FLAC.missing),
    FileByFile("WavPack -hhx6", wavpack_bits, WAVPACK.missing),
    FileByFile("adaptive mixture", adaptive_bits, adaptive_missing),
    TrainingHistogram(),
)
