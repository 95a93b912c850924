import pytest
import torch
from torchaudio.functional import mu_law_encoding

from wavegen.codecs import MuLaw

EVERY_CODE = torch.arange(-32768, 32768)
BITS = [8, 9]


@pytest.mark.parametrize("bits", BITS)
def test_a_symbol_decodes_to_a_code_that_encodes_to_it(bits):
    codec = MuLaw(bits=bits)
    symbols = torch.arange(codec.num_symbols)
    assert torch.equal(codec.encode(codec.decode(symbols)), symbols)


@pytest.mark.parametrize("bits", BITS)
def test_cells_are_runs_of_codes_that_share_them_all(bits):
    codec = MuLaw(bits=bits)
    symbols = codec.encode(EVERY_CODE)
    steps = symbols.diff()
    assert symbols[0] == 0
    assert symbols[-1] == codec.num_symbols - 1
    assert set(steps.tolist()) == {0, 1}
    assert codec.codes_per_symbol.sum() == 65536
    assert torch.equal(codec.codes_per_symbol, torch.bincount(symbols))


@pytest.mark.parametrize("bits", BITS)
def test_decode_gives_the_middle_of_the_cell(bits):
    codec = MuLaw(bits=bits)
    for symbol in range(codec.num_symbols):
        cell = EVERY_CODE[codec.encode(EVERY_CODE) == symbol]
        assert abs(codec.decode(torch.tensor(symbol)) - (cell[0] + cell[-1]) / 2) <= 0.5


def test_rounds_as_torchaudio_does():
    theirs = mu_law_encoding(EVERY_CODE.double() / 32768, 256)
    assert torch.equal(MuLaw().encode(EVERY_CODE), theirs)


def test_silence_is_the_symbol_of_code_zero():
    codec = MuLaw()
    assert codec.silence == 128 == codec.encode(torch.tensor(0))
