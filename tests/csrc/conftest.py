"""A GPU, or what stands in for one."""

import sys

import pytest
from cuda_stand_in import cannot, stand_in

from wavegen.engine import cuda

ON_A_GPU = cuda.missing()  # before anything stands in for it


@pytest.fixture(params=["stand-in", "device"])
def gpu(request, monkeypatch):
    """Something to run the engine on; a test may describe the stand-in's GPU in the environment."""
    if request.param == "device":
        if ON_A_GPU is not None:
            pytest.skip(f"no GPU: {ON_A_GPU}")
        return request.param
    if (why := cannot()) is not None:
        pytest.skip(why)
    monkeypatch.setitem(sys.modules, "wavegen_cuda", stand_in())
    return request.param


@pytest.fixture
def stand_in_gpu(monkeypatch):
    """The stand-in alone, whose GPU can be made small; gives a function that sets WAVEGEN_SHIM_… variables."""
    if (why := cannot()) is not None:
        pytest.skip(why)
    monkeypatch.setitem(sys.modules, "wavegen_cuda", stand_in())
    return lambda **values: [monkeypatch.setenv(f"WAVEGEN_SHIM_{key}", str(value)) for key, value in values.items()]
