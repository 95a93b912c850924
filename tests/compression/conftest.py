"""Fixtures of the tests of compression."""

import pytest
import sensitive_models

from wavegen.audio.wav import plain_header


@pytest.fixture(scope="module")
def model():
    return sensitive_models.combined("logistics")


@pytest.fixture
def written(tmp_path):
    """Writes a WAV file of int16 (frames, channels) and gives its path."""

    def write(name, pcm, trailer=b""):
        path = tmp_path / name
        path.write_bytes(plain_header(8000, pcm.shape[1], len(pcm)) + pcm.astype("<i2").tobytes() + trailer)
        return path

    return write
