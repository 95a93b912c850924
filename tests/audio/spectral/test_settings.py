"""Settings of frames: from a recipe's table or a convention's own recipe, and one line for what cannot be."""

from dataclasses import dataclass, replace

import pytest

from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

PLAIN = FrameSettings("parallel-wavegan", 16000, 128, 1024, 1024, 80, 80, 7600)
R9Y9 = replace(PLAIN, convention="r9y9", hop=256)
REFUSED = [
    (PLAIN, {"convention": "hifi-gam"}, "'hifi-gam' is no convention of mel spectrograms; did you mean hifigan"),
    (PLAIN, {"convention": ""}, "neither a mel spectrogram nor F0; give `convention`"),
    (PLAIN, {"sample_rate": 50}, "a sample rate of 50 Hz"),
    (PLAIN, {"n_fft": 1023, "win_length": 1000}, "`n_fft=1023` is not an even number"),
    (PLAIN, {"hop": 0}, "`hop=0` is not from 1 to `n_fft`, 1024"),
    (PLAIN, {"hop": 1025}, "`hop=1025` is not from 1 to `n_fft`, 1024"),
    (PLAIN, {"win_length": 1025}, "`win_length=1025` is not from 2 to `n_fft`, 1024"),
    (PLAIN, {"bands": 0}, "`bands=0` is not from 1"),
    (PLAIN, {"fmin": 7600}, "`fmin=7600` is not from 0 Hz to below `fmax`, 7600 Hz"),
    (PLAIN, {"fmin": -1}, "`fmin=-1` is not from 0 Hz"),
    (PLAIN, {"sample_rate": 8000}, "`fmax=7600` is above half of 8000 Hz, where there is nothing; give at most 4000"),
    (PLAIN, {"convention": "", "f0": True, "sample_rate": 1000}, "`f0` needs 2000 Hz, and this is 1000 Hz"),
    (R9Y9, {"hop": 200}, "`hop=200` does not divide `n_fft`, 1024, as r9y9 needs"),
    (R9Y9, {"win_length": 800}, "`win_length=800` is not `n_fft`, 1024, as it is for r9y9"),
]


@dataclass
class Conditioning:
    """The table of a recipe, as far as it is about frames."""

    mel: str = "hifigan"
    hop: int = 100
    n_fft: int = 600
    win_length: int = 500
    bands: int = 40
    fmin: int = 50
    fmax: int = 3900
    f0: bool = True


@pytest.mark.parametrize(("settings", "changed", "said"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_cannot_be_is_one_line(settings, changed, said):
    with pytest.raises(UserError) as error:
        replace(settings, **changed)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert all(f"`{name}" in str(error.value) for name in error.value.parameters if name != "convention")


def test_a_table_of_a_recipe():
    settings = FrameSettings.of(Conditioning(), 8000)
    assert settings == FrameSettings("hifigan", 8000, 100, 600, 500, 40, 50, 3900, f0=True)
    assert (settings.mel_channels, settings.channels) == (40, 42)
    only_f0 = FrameSettings.of(Conditioning(mel="", fmax=7600), 8000)
    assert (only_f0.mel, only_f0.channels) == (None, 2)


def test_espnets_is_parallel_wavegans():
    assert replace(PLAIN, convention="espnet") == PLAIN
    assert FrameSettings.usual("espnet", 24000) == FrameSettings.usual("parallel-wavegan", 24000)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rate", [8000, 11025, 22050, 48000])
def test_the_usual_sizes_fit_the_rate(convention, rate):
    settings = FrameSettings.usual(convention, rate)
    assert 2 * settings.fmax <= rate
    assert FrameSettings.usual(convention, rate, hop=64, n_fft=None).hop == 64
    assert settings.n_fft in (1024, 2048)
