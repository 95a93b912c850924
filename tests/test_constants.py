"""Constants that are written in Python and in C++: both sides are read and compared."""

from __future__ import annotations

import math
import re
import typing
from pathlib import Path

import pytest

from wavegen import extension
from wavegen.constants import NUMERICS, UNIFORM_SHARE
from wavegen.engine import cuda, random
from wavegen.models.codecs import PCM_CODES
from wavegen.models.configs.distributions import MAX_CATEGORIES, MAX_MIXTURES, MAX_SCALE, MIN_SCALE
from wavegen.models.configs.networks import GRUConfig, LSTMConfig, MarkovConfig, WaveNetConfig
from wavegen.models.configs.predictors import LinearPredictorConfig

CSRC = Path(__file__).parent.parent / "csrc"


def constants(file: str) -> dict[str, float]:
    """The `constexpr` numbers of a C++ source, and the numbers that it gives Python's module as attributes."""
    text = re.sub(r"//.*", "", (CSRC / file).read_text(encoding="utf-8"))
    found: dict[str, float] = {}
    for declaration in re.findall(r"constexpr [\w:]+ ([^;{}()\[\]]*=[^;()]*);", text):
        for name, value in re.findall(r"(k\w+) = ([^,]*)", declaration):
            number = re.sub(r"std::\w+\{(\w+)\}", r"\1", value)
            number = re.sub(r"0x1p-?\d+", lambda literal: repr(float.fromhex(literal[0])), number)
            found[name] = eval(number, {}, dict(found))
    return found | {name: int(value) for name, value in re.findall(r'm\.attr\("(\w+)"\) = (\d+);', text)}


def _largest(annotated: object) -> int:
    """The upper limit of an annotated number, or of the length of an annotated list."""
    limits = [getattr(limit, "le", getattr(limit, "max_length", None)) for limit in typing.get_args(annotated)[1:]]
    (found,) = [limit for limit in limits if isinstance(limit, int)]
    return found


def largest(config: type, setting: str) -> int:
    """The largest value of a setting in a recipe; of a list, its largest length."""
    return _largest(typing.get_type_hints(config, include_extras=True)[setting])


def largest_item(config: type, setting: str) -> int:
    """The largest item of a setting that is a list."""
    sequence, *_ = typing.get_args(typing.get_type_hints(config, include_extras=True)[setting])
    (item,) = typing.get_args(sequence)
    return _largest(item)


SAME = [
    (NUMERICS, "bindings/module.cpp", "numerics"),
    (NUMERICS, "bindings/cuda.cpp", "numerics"),
    (extension.INTERFACE, "bindings/module.cpp", "interface"),
    (cuda.INTERFACE, "bindings/cuda.cpp", "interface"),
    (UNIFORM_SHARE, "distributions/tables.h", "kUniform"),
    (UNIFORM_SHARE, "adaptive/coder.cpp", "kUniformShare"),
    (PCM_CODES, "distributions/tables.h", "kPcmCodes"),
    (PCM_CODES, "adaptive/coder.cpp", "kCodes"),
    (random.TOTAL, "distributions/tables.h", "kTotal"),
    (random.MODEL_SHARE, "distributions/tables.h", "kModelShare"),
    (MAX_CATEGORIES, "distributions/categorical.h", "kMaxCategories"),
    (MAX_CATEGORIES, "bindings/cuda.cpp", "kMaxCudaCategories"),
    (MAX_MIXTURES, "distributions/mixture.h", "kMaxMixtures"),
    (MAX_MIXTURES, "cuda/distribution.h", "kMaxComponents"),
    (MAX_MIXTURES, "bindings/cuda.cpp", "kMaxCudaMixtures"),
    (math.log(MIN_SCALE), "distributions/mixture.cpp", "kLogMinScale"),
    (math.log(MIN_SCALE), "cuda/mixture.cuh", "kLogMinScale"),
    (math.log(MAX_SCALE), "distributions/mixture.cpp", "kLogMaxScale"),
    (math.log(MAX_SCALE), "cuda/mixture.cuh", "kLogMaxScale"),
    (largest(WaveNetConfig, "dilations"), "bindings/wavenet.h", "kMaxLayers"),
    (largest_item(WaveNetConfig, "dilations"), "bindings/wavenet.h", "kMaxDilation"),
    (largest(WaveNetConfig, "kernel_size"), "bindings/wavenet.h", "kMaxTaps"),
    (largest(WaveNetConfig, "gate_channels"), "bindings/wavenet.h", "kMaxWidth"),
    (largest(GRUConfig, "hidden_size"), "bindings/wavenet.h", "kMaxWidth"),
    (largest(LSTMConfig, "hidden_size"), "bindings/wavenet.h", "kMaxWidth"),
    (largest_item(MarkovConfig, "hidden_sizes"), "bindings/wavenet.h", "kMaxWidth"),
    (largest(MarkovConfig, "order"), "bindings/wavenet.h", "kMaxFrontTaps"),
    (largest(LinearPredictorConfig, "taps"), "bindings/checks.h", "kMaxPredictorTaps"),
]


@pytest.mark.parametrize(("value", "file", "name"), SAME, ids=[f"{file}-{name}" for _, file, name in SAME])
def test_python_and_cpp_agree(value, file, name):
    assert constants(file)[name] == value


def test_the_uniform_share_is_one_count_for_each_code():
    tables = constants("distributions/tables.h")
    assert tables["kPcmCodes"] / tables["kTotal"] == UNIFORM_SHARE


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (largest(WaveNetConfig, "residual_channels"), "kMaxWidth"),
        (largest(WaveNetConfig, "skip_channels"), "kMaxWidth"),
        (largest(WaveNetConfig, "front_kernel_size"), "kMaxFrontTaps"),
        (largest(GRUConfig, "num_layers"), "kMaxLayers"),
        (largest(MarkovConfig, "hidden_sizes") + 1, "kMaxLayers"),
    ],
)
def test_the_engine_takes_what_a_recipe_may_ask(value, name):
    assert value <= constants("bindings/wavenet.h")[name]
