"""How a model is fed where no engine is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from wavegen.engine import native, open_engine, precision_of
from wavegen.engine.base import PRECISIONS, Engine
from wavegen.evaluation.feeding import OpenFeed
from wavegen.models.given import Given
from wavegen.models.model import AnyAudio


def feed_of(model: AnyAudio) -> OpenFeed:
    """Opens feeds of a model: by the C++ engine, or by the forward pass of its torch module where that cannot run it.

    Only an engine rounds weights, and the loss by rounding is part of the result: a rounded model is always fed to one.
    """
    data = model.data()
    if precision_of(data) != PRECISIONS[0] or (native.runs(data) and native.missing() is None):
        return fed_by(functools.partial(open_engine, data))
    from wavegen.evaluation.teacher_forcing import teacher_forcing  # imports torch

    module = model.module()
    return functools.partial(teacher_forcing, module)


def fed_by(open_streams: Callable[[int], Engine]) -> OpenFeed:
    """Feeds of the engine that `open_streams` opens for a number of streams."""
    return lambda given: conditioned(open_streams(len(given)), given).feed


def conditioned(engine: Engine, given: Sequence[Given]) -> Engine:
    """The engine, whose streams have the conditions `given`. Raises UserError for one that its model does not take."""
    for stream, one in enumerate(given):
        if one.speaker is not None or one.frames is not None:
            engine.condition(stream, one.speaker, one.frames)
    return engine
