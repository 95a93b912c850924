"""Voices of the bundled speech."""

import numpy as np
import pytest
from feature_files import NAMES, voice_named


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    return [voice_named(name) for name in NAMES]


@pytest.fixture
def voice(voices) -> np.ndarray:
    return voices[0]
