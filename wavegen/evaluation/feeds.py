"""How a model is fed where no engine is asked for."""

from __future__ import annotations

from wavegen.engine import native, open_engine, precision_of
from wavegen.engine.base import PRECISIONS
from wavegen.evaluation.feeding import OpenFeed
from wavegen.models.model import AnyAudio


def feed_of(model: AnyAudio) -> OpenFeed:
    """Opens feeds of a model: by the C++ engine, or by the forward pass of its torch module where that cannot run it.

    Only an engine rounds weights, and the loss by rounding is part of the result: a rounded model is always fed to one.
    """
    data = model.data()
    if precision_of(data) != PRECISIONS[0] or (native.runs(data) and native.missing() is None):
        return lambda streams: open_engine(data, streams).feed
    from wavegen.evaluation.teacher_forcing import teacher_forcing  # imports torch

    module = model.module()
    return lambda streams: teacher_forcing(module, streams)
