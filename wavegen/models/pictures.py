"""A density of pictures: network and distribution make log-probabilities of every pixel's channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from wavegen import modelfile
from wavegen.models.codecs import PCM_CODES
from wavegen.models.configs.base import Part, Settings, Tables, part_of, settings_of
from wavegen.models.configs.distributions import DISTRIBUTION_CONFIGS
from wavegen.models.configs.networks2d import NETWORK2D_CONFIGS
from wavegen.models.density import Density
from wavegen.models.distributions import DISTRIBUTIONS, Distribution
from wavegen.models.forms import PICTURES, PictureForm
from wavegen.models.network import State
from wavegen.models.networks2d import NETWORKS2D
from wavegen.models.networks2d.base import Network2d

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.modelfile import Contents


class PictureModel(Density):
    """p(picture) = Π_d p(x_d | x_<d), with p(x_d = k | ·) = (1 − ε) P(k | ·) + ε / levels.

    d counts row by row, pixel by pixel, a pixel's channels in their order; ε = 2⁻¹⁴. The network sees levels from
    −1 to 1. To a mixture, which counts in PCM codes, the levels are cells that share the 65 536 codes evenly.
    """

    kind: ClassVar[str] = PICTURES
    PARTS: ClassVar = {"distribution": DISTRIBUTION_CONFIGS, "network": NETWORK2D_CONFIGS}
    DEFAULTS: ClassVar = {"distribution": {"name": "categorical"}}
    OPTIONAL: ClassVar = ()

    network: Network2d

    def __init__(self, distribution: Distribution, network: Network2d, form: PictureForm):
        super().__init__(distribution, network, np.ones(form.levels, np.int64))
        self._form = form

    @classmethod
    def from_settings(cls, settings: Settings, form: PictureForm) -> PictureModel:
        """Builds an untrained model of pictures of that form from the settings of a model or the tables of a recipe.

        Raises KeyError for an unknown name and TypeError for an unknown setting; `wavegen.models.parts` checks before.
        """
        distribution = part_of(settings, "distribution", DISTRIBUTIONS, codes_per_level(form.levels))
        sizes = (form.height, form.width, form.channels, form.levels, distribution.num_params)
        return cls(distribution, part_of(settings, "network", NETWORKS2D, *sizes), form)

    @classmethod
    def from_contents(cls, contents: Contents) -> PictureModel:
        settings = modelfile.settings_of(contents)
        with torch.device("meta"):  # nothing is allocated until the shapes are known to agree
            model = cls.from_settings(settings, cast(PictureForm, contents.form))
        contents.check_weights({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()})
        model.take_weights(contents.arrays, contents.metadata)
        return model

    @classmethod
    def table(cls) -> Tables:
        return {"density": {"name": cls.kind}}

    @property
    def settings(self) -> Tables:
        """The argument of `from_settings`, to build this model again."""
        parts: dict[str, Part] = {"distribution": self.distribution.config, "network": self.network.config}
        return self.table() | {name: settings_of(part) for name, part in parts.items()}

    @property
    def form(self) -> PictureForm:
        return self._form

    @property
    def whole(self) -> int:
        return self.form.dimensions

    @property
    def receptive_field(self) -> int:
        """How many dimensions before it a distribution depends on at most: all."""
        return self.form.dimensions - 1

    @property
    def macs_per_sample(self) -> int:
        """A dimension's share of the multiply-adds of one pass over a picture."""
        return self.network.macs_per_picture // self.form.dimensions

    def params(self, pictures: Tensor) -> Tensor:
        """The parameters of each dimension's distribution, (batch, dimensions) integer to (…, num_params)."""
        return self.network(self._inputs(pictures)).flatten(1, 3)

    def features(self, batch: Tensor, state: None = None) -> tuple[Tensor, None]:
        """The network's features of whole pictures, (batch, dimensions) integer to (batch, 1, channels) float."""
        return self.network.features(self._inputs(batch)).unsqueeze(1), None

    def row_params(self, row: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The parameters of the next row, (batch, width · channels), and the state after it; None is the top."""
        params, state = self.network.rows(self._inputs(row), state)
        return params.flatten(1, 3), state

    def _inputs(self, rows: Tensor) -> Tensor:
        """The levels scaled to −1 … 1, (batch, rows, width, channels)."""
        levels = rows.reshape(len(rows), -1, self.form.width, self.form.channels).to(next(self.parameters()).dtype)
        return 2 * levels / (self.form.levels - 1) - 1

    def log2_prob(self, batch: Tensor, state: None = None) -> tuple[Tensor, None]:
        """log2 p of each dimension of whole pictures, (batch, dimensions) integer to (batch, dimensions) float."""
        return self.symbol_log2_prob(self.params(batch), batch.long()), None


def codes_per_level(levels: int) -> NDArray[np.int64]:
    """How many of the 65 536 PCM codes each level has, as even as possible, (levels,) int64."""
    return np.diff(np.arange(levels + 1) * PCM_CODES // levels)
