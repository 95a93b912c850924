"""Networks by the name a recipe gives them."""

from wavegen.models.networks.base import Network
from wavegen.models.networks.markov import Markov
from wavegen.models.networks.nade import NADE
from wavegen.models.networks.rnn import GRU, LSTM
from wavegen.models.networks.wavenet import WaveNet

NETWORKS: dict[str, type[Network]] = {network.name: network for network in (WaveNet, GRU, LSTM, NADE, Markov)}
