"""Classical coders of the same files, in the same unit."""

from wavegen.evaluation.baselines.adaptive import adaptive_bits, adaptive_missing
from wavegen.evaluation.baselines.base import Baseline, FileByFile
from wavegen.evaluation.baselines.flac import flac_bits
from wavegen.evaluation.baselines.histogram import Histogram, TrainingHistogram
from wavegen.evaluation.baselines.programs import FLAC, WAVPACK, flac_order_32_bits, wavpack_bits

__all__ = ["BASELINES", "Baseline", "Histogram", "flac_bits"]

BASELINES: tuple[Baseline, ...] = (
    FileByFile("FLAC", flac_bits),
    FileByFile("FLAC, order 32", flac_order_32_bits, FLAC.missing),
    FileByFile("WavPack -hhx6", wavpack_bits, WAVPACK.missing),
    FileByFile("adaptive mixture", adaptive_bits, adaptive_missing),
    TrainingHistogram(),
)
