"""Networks by the name a recipe gives them."""

from wavegen.networks.markov import Markov
from wavegen.networks.nade import NADE
from wavegen.networks.rnn import GRU, LSTM
from wavegen.networks.wavenet import WaveNet

NETWORKS = {network.name: network for network in (WaveNet, GRU, LSTM, NADE, Markov)}
