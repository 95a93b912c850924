"""Distributions refuse cells, scales and parameters that cannot be, before anything is computed."""

import numpy as np
import pytest

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
ONES = np.ones(65536, dtype=np.int32)
MIXTURES = (native.mixture_of_logistics, native.mixture_of_gaussians)
GOOD = (np.zeros(3, dtype=np.float32), 0.0, 1.0, 1.0, "auto")


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros(4, dtype=np.float32), *GOOD[1:]),
        (np.zeros(3), *GOOD[1:]),
        (np.array([0, np.nan, 0], dtype=np.float32), *GOOD[1:]),
        (GOOD[0], np.nan, *GOOD[2:]),
        (GOOD[0], np.inf, *GOOD[2:]),
        (*GOOD[:2], 0.0, *GOOD[3:]),
        (*GOOD[:2], np.nan, *GOOD[3:]),
        (*GOOD[:3], 0.5, "auto"),
        (*GOOD[:3], 0.0, "auto"),
        (*GOOD[:3], np.nan, "auto"),
        (*GOOD[:4], "sse9"),
    ],
    ids=str,
)
def test_what_a_mixture_refuses(arguments):
    distribution = native.mixture_of_gaussians(ONES, np.zeros(1, dtype=np.float32))
    assert distribution.table(*GOOD)[-1] == 2**30
    with pytest.raises((ValueError, TypeError)):
        distribution.table(*arguments)


@pytest.mark.parametrize(
    ("codes", "offsets"),
    [
        (ONES[:-1], [0.0]),
        (np.zeros(65536, dtype=np.int32), [0.0]),
        (np.ones(65537, dtype=np.int32), [0.0]),
        (np.array([65536], dtype=np.int32), [0.0]),
        (np.array([65537, -1], dtype=np.int32), [0.0]),
        (np.full(256, 2**31 - 1, dtype=np.int32), [0.0]),
        (ONES.astype(np.int64), [0.0]),
        (ONES[None], [0.0]),
        (ONES, []),
        (ONES, [0.0] * 65),
        (ONES, [np.inf]),
        (ONES, [np.nan]),
        (ONES, [[0.0]]),
    ],
    ids=str,
)
def test_distributions_that_cannot_be(codes, offsets):
    for make in MIXTURES:
        with pytest.raises((ValueError, TypeError)):
            make(codes, np.array(offsets, dtype=np.float32))
    if offsets == [0.0]:
        with pytest.raises((ValueError, TypeError)):
            native.categorical(codes)


def test_a_categorical_distribution_has_its_limit():
    with pytest.raises(ValueError, match="from 2 to 4096"):
        native.categorical(ONES)
    with pytest.raises((ValueError, TypeError)):
        native.mixture_of_logistics(ONES, np.zeros(1))
