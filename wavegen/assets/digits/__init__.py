"""1797 handwritten digits, 8 x 8 pixels of 17 levels, under CC BY 4.0 (see ATTRIBUTION.md): small enough for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).parent / "digits.npz"


def load() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1797, 8, 8) uint8 from 0 to 16, and the digit that each shows, (1797,) uint8."""
    import numpy as np

    with np.load(FILE) as file:
        return file["pictures"], file["labels"]
