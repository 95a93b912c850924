"""Pictures side by side in one PNG."""

import numpy as np
import pytest

from wavegen.data.picture_files import read_tiles, write_tiles
from wavegen.models.forms import PictureForm


@pytest.mark.parametrize(("number", "channels"), [(1, 1), (6, 3), (7, 1), (12, 4)])
def test_tiles_are_read_as_they_were_written(tmp_path, number, channels):
    grid = PictureForm(3, 5, channels, 17)
    pictures = np.random.default_rng(0).integers(0, 17, (number, *grid.shape)).astype(np.int16)
    write_tiles(tmp_path / "tiles.png", pictures, 17)
    assert np.array_equal(read_tiles(tmp_path / "tiles.png", grid), pictures)
