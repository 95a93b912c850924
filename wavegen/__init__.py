"""Autoregressive models of raw audio with explicit likelihoods: train, sample, and measure them in bits per sample.

    model = wavegen.open_model("runs/wavenet")
    wavegen.score(model, "speech/a.wav")["bits_per_sample"]
    wavegen.generate(model, num_samples=16000, seeds=[0, 1]).write("speech.wav")

`load` gives the torch module of a model instead, which every function here takes as well.

Each public name is imported when it is first used, so `import wavegen` takes next to no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wavegen.audio.spectral.recording import mel
    from wavegen.benchmarking import bench
    from wavegen.compression.files import compress, decompress
    from wavegen.data.corpus import open_corpus
    from wavegen.data.preparing.audio import prepare
    from wavegen.data.preparing.pictures import prepare_pictures
    from wavegen.engine import open_engine
    from wavegen.errors import UserError
    from wavegen.evaluation.audio import score
    from wavegen.evaluation.comparison import compare
    from wavegen.evaluation.features import features
    from wavegen.evaluation.pictures import compare_pictures, score_pictures
    from wavegen.evaluation.quantization import quantize
    from wavegen.modelfile import open_model
    from wavegen.models.checkpoint import load
    from wavegen.sampling.audio import generate
    from wavegen.sampling.pictures import generate_pictures
    from wavegen.sampling.vocoding import vocode
    from wavegen.training import train
    from wavegen.training.recipe import load_recipe

__version__ = "0.1.0"
__all__ = [
    "UserError",
    "__version__",
    "bench",
    "compare",
    "compare_pictures",
    "compress",
    "decompress",
    "features",
    "generate",
    "generate_pictures",
    "load",
    "load_recipe",
    "mel",
    "open_corpus",
    "open_engine",
    "open_model",
    "prepare",
    "prepare_pictures",
    "quantize",
    "score",
    "score_pictures",
    "train",
    "vocode",
]

_HOME = {
    "UserError": "errors",
    "bench": "benchmarking",
    "compare": "evaluation.comparison",
    "compare_pictures": "evaluation.pictures",
    "compress": "compression.files",
    "decompress": "compression.files",
    "features": "evaluation.features",
    "generate": "sampling.audio",
    "generate_pictures": "sampling.pictures",
    "load": "models.checkpoint",
    "load_recipe": "training.recipe",
    "mel": "audio.spectral.recording",
    "open_corpus": "data.corpus",
    "open_engine": "engine",
    "open_model": "modelfile",
    "prepare": "data.preparing.audio",
    "prepare_pictures": "data.preparing.pictures",
    "quantize": "evaluation.quantization",
    "score": "evaluation.audio",
    "score_pictures": "evaluation.pictures",
    "train": "training",
    "vocode": "sampling.vocoding",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"wavegen.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
