"""Autoregressive models of raw audio with explicit likelihoods: train, sample, and say honestly how good they are.

    model = wavegen.load("runs/wavenet")
    wavegen.score(model, "speech/a.wav")["bits_per_sample"]
    wavegen.generate(model, num_samples=16000, seeds=[0, 1]).write("speech.wav")

What is named here is imported when first used, so that `import wavegen` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wavegen.checkpoint import load
    from wavegen.comparison import compare
    from wavegen.compression import compress, decompress
    from wavegen.data.corpus import open_corpus, prepare
    from wavegen.engine import open_engine
    from wavegen.errors import UserError
    from wavegen.recipe import load_recipe
    from wavegen.sampling import generate
    from wavegen.scoring import score
    from wavegen.training import train

__version__ = "0.1.0"
__all__ = [
    "UserError",
    "__version__",
    "compare",
    "compress",
    "decompress",
    "generate",
    "load",
    "load_recipe",
    "open_corpus",
    "open_engine",
    "prepare",
    "score",
    "train",
]

_HOME = {
    "UserError": "errors",
    "compare": "comparison",
    "compress": "compression",
    "decompress": "compression",
    "generate": "sampling",
    "load": "checkpoint",
    "load_recipe": "recipe",
    "open_corpus": "data.corpus",
    "open_engine": "engine",
    "prepare": "data.corpus",
    "score": "scoring",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"wavegen.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
