"""Networks of pictures by the name a recipe gives them."""

from wavegen.models.networks2d.base import Network2d
from wavegen.models.networks2d.diagonal_bilstm import DiagonalBiLSTM
from wavegen.models.networks2d.gated_pixelcnn import GatedPixelCNN
from wavegen.models.networks2d.nade import NADE
from wavegen.models.networks2d.pixelcnn import PixelCNN
from wavegen.models.networks2d.row_lstm import RowLSTM

NETWORKS2D: dict[str, type[Network2d]] = {
    network.name: network for network in (NADE, PixelCNN, GatedPixelCNN, RowLSTM, DiagonalBiLSTM)
}
