import failing_libraries
import numpy as np
import pytest
import torch

from wavegen.models.codecs import Linear, MuLaw
from wavegen.system.optional import TORCHAUDIO

EVERY_CODE = np.arange(-32768, 32768)
CODECS = [MuLaw(bits=bits) for bits in range(8, 13)] + [Linear(bits=bits) for bits in range(8, 17)]
of_every_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{codec.name}-{codec.bits}")


@of_every_codec
def test_a_symbol_decodes_to_a_code_that_encodes_to_it(codec):
    symbols = np.arange(codec.num_symbols)
    assert np.array_equal(codec.encode(codec.decode(symbols)), symbols)


@of_every_codec
def test_cells_are_runs_of_codes_that_share_them_all(codec):
    symbols = codec.encode(EVERY_CODE)
    assert symbols[0] == 0
    assert symbols[-1] == codec.num_symbols - 1
    assert set(np.diff(symbols).tolist()) <= {0, 1}
    assert codec.codes_per_symbol.dtype == np.int64
    assert np.array_equal(codec.codes_per_symbol, np.bincount(symbols)), "none is empty"


@of_every_codec
def test_decode_gives_the_middle_of_the_cell(codec):
    last = codec.codes_per_symbol.cumsum() - 32769
    first = last - codec.codes_per_symbol + 1
    assert np.array_equal(codec.encode(first), np.arange(codec.num_symbols))
    assert np.array_equal(codec.decode(np.arange(codec.num_symbols)), np.ceil((first + last) / 2))


@of_every_codec
def test_silence_is_the_symbol_of_code_zero(codec):
    assert codec.silence == codec.encode(0)


@of_every_codec
def test_any_integers_of_any_shape_are_coded(codec):
    pcm = np.array([[-32768, 0], [5, 32767]])
    for dtype in (np.int16, np.int32, np.int64):
        assert np.array_equal(codec.encode(pcm.astype(dtype)), codec.encode(pcm))
        assert codec.decode(codec.encode(pcm.astype(dtype))).shape == pcm.shape


@pytest.mark.parametrize("bits", range(8, 13))
def test_mu_law_rounds_as_torchaudio_does(bits):
    """From 10 bits on without the levels that no code falls into."""
    mu_law_encoding = failing_libraries.importable(TORCHAUDIO, "torchaudio.functional").mu_law_encoding
    levels = mu_law_encoding(torch.from_numpy(EVERY_CODE).double() / 32768, 2**bits)
    _, theirs = levels.unique(return_inverse=True)
    assert np.array_equal(MuLaw(bits=bits).encode(EVERY_CODE), theirs)


def test_symbols_that_mu_law_makes():
    """Up to 9 bits every level has a code of its own; then the levels around zero thin out."""
    assert [MuLaw(bits=bits).num_symbols for bits in range(8, 13)] == [256, 512, 985, 1713, 2885]
    assert MuLaw().silence == 128


def test_linear_drops_the_lowest_bits():
    codec = Linear(bits=12)
    assert codec.encode([-32768, -32753, -32752, -1, 0, 15, 16, 32767]).tolist() == [
        *(0, 0, 1, 2047, 2048, 2048, 2049, 4095)
    ]
    assert np.array_equal(Linear().encode(EVERY_CODE), EVERY_CODE + 32768)
    assert np.array_equal(Linear().decode(np.arange(65536)), EVERY_CODE)
