"""Classical coders of the same files, in the same unit."""

from wavegen.evaluation.baselines.adaptive import adaptive_bits, adaptive_missing
from wavegen.evaluation.baselines.base import Baseline, without_training
from wavegen.evaluation.baselines.flac import flac_bits
from wavegen.evaluation.baselines.histogram import Histogram, training_histogram
from wavegen.evaluation.baselines.programs import FLAC, WAVPACK, flac_order_32_bits, wavpack_bits

__all__ = ["BASELINES", "EARLIER_NAMES", "TRAINED", "Baseline", "Histogram", "flac_bits"]

TRAINED = "training histogram"  # the one that reads the training split
BASELINES = (
    Baseline("FLAC", without_training(flac_bits)),
    Baseline("FLAC, order 32", without_training(flac_order_32_bits), FLAC.missing),
    Baseline("WavPack -hhx6", without_training(wavpack_bits), WAVPACK.missing),
    Baseline("adaptive coder", without_training(adaptive_bits), adaptive_missing),
    Baseline(TRAINED, training_histogram),
)
EARLIER_NAMES = {"adaptive mixture": "adaptive coder"}  # which commands written before still use
