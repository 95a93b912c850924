"""How a network hears a codec's symbols: by an embedding that it learns, or as amplitudes where they are too many."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wavegen.models.codecs import Codec

EMBEDDING_CHANNELS = 32
MOST_EMBEDDINGS = 512  # symbols; more of them are heard as amplitudes
AMPLITUDE_CHANNELS = 2


def companded(codes: Tensor) -> Tensor:
    """2 sign(x) ln(1 + 255 |x|) / ln 256 with x = code / 32768: how loud it is, from −2 to 2; float32."""
    codes = codes.float()
    return 2 * codes.sign() * torch.log1p(255 * codes.abs() / 32768) / math.log(256)


def symbol_channels(codec: Codec) -> int:
    """How many numbers a network hears of each symbol."""
    return EMBEDDING_CHANNELS if codec.num_symbols <= MOST_EMBEDDINGS else AMPLITUDE_CHANNELS


def embedding(codec: Codec) -> nn.Embedding | None:
    """What is heard of each symbol until it is learned better; None for a codec of more than MOST_EMBEDDINGS."""
    if codec.num_symbols > MOST_EMBEDDINGS:
        return None
    table = nn.Embedding(codec.num_symbols, EMBEDDING_CHANNELS)
    with torch.no_grad():  # two channels say what a symbol sounds like, so that nothing has to be learned twice
        table.weight[:, 0] = torch.linspace(-2, 2, codec.num_symbols, device="cpu")
        table.weight[:, 1] = _amplitude(codec) / 8192
    return table


def amplitudes(codec: Codec) -> Tensor:
    """What is heard of each symbol, linear and companded, (num_symbols, 2) float32."""
    amplitude = _amplitude(codec)
    return torch.stack([amplitude / 4096, companded(amplitude)], dim=1)


def _amplitude(codec: Codec) -> Tensor:
    return codec.decode(torch.arange(codec.num_symbols, device="cpu")).float()
