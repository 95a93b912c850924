"""The names of the conventions by which toolkits make mel spectrograms."""

from __future__ import annotations

import typing
from typing import Literal

Convention = Literal["librosa", "parallel-wavegan", "hifigan", "tacotron2", "r9y9"]
CONVENTIONS: tuple[str, ...] = typing.get_args(Convention)
ALIASES: dict[str, Convention] = {"espnet": "parallel-wavegan"}
