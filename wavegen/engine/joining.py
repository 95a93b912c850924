"""States of streams of the torch engine, side by side in one state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor

from wavegen.models.audio import AudioState
from wavegen.models.predictors import PredictorState

_Nested: TypeAlias = "Tensor | tuple[_Nested, ...] | None"


def joined(old: AudioState, fresh: AudioState, kept: Tensor, axes: list[int]) -> AudioState:
    """The streams `kept` of a state, then as many of a fresh state as it has more.

    `axes` are those of streams, one for each tensor of a state, which has no conditions.
    """
    joined: list[Tensor] = []
    for mine, other, axis in zip(_tensors(old), _tensors(fresh), axes, strict=True):
        selected = mine.index_select(axis, kept)
        if added := other.shape[axis] - len(kept):
            if selected.movedim(axis, 0).shape[1:] != other.movedim(axis, 0).shape[1:]:
                raise ValueError("streams of this network join others only at the start of a frame")
            selected = torch.cat([selected, other.narrow(axis, len(kept), added)], axis)
        joined.append(selected)
    last, network, predictor, _ = _rebuilt(tuple(old), iter(joined))
    return AudioState(last, network, None if predictor is None else PredictorState(*predictor))


def stream_axes(one: AudioState, two: AudioState) -> list[int]:
    """The axis of streams in each tensor: where states of one stream and of two differ."""
    pairs = zip(_tensors(one), _tensors(two), strict=True)
    return [next(i for i, (a, b) in enumerate(zip(x.shape, y.shape, strict=True)) if a != b) for x, y in pairs]


def _tensors(nested: _Nested) -> Iterator[Tensor]:
    if isinstance(nested, tuple):
        for inner in nested:
            yield from _tensors(inner)
    elif nested is not None:
        yield nested


def _rebuilt(like: tuple[_Nested, ...], tensors: Iterator[Tensor]) -> tuple[Any, ...]:
    """The tensors, nested as those of `like` are."""
    found = (next(tensors) if isinstance(each, Tensor) else each for each in like)
    return tuple(_rebuilt(each, tensors) if isinstance(each, tuple) else each for each in found)
