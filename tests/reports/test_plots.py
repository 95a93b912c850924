"""Pictures that show the recording whatever its length and name."""

import struct

import numpy as np
import pytest

from wavegen.errors import UserError
from wavegen.evaluation.feeding import windowed
from wavegen.reports import plots
from wavegen.reports.plots import picture, surprisal_over_spectrogram

DRAWN = pytest.mark.parametrize("draw", [picture, surprisal_over_spectrogram])


@DRAWN
@pytest.mark.parametrize("samples", [1, 3, 500, 400_000])
def test_a_picture_of_any_length(draw, samples, tmp_path):
    random = np.random.default_rng(0)
    pcm = random.normal(0, 3000, samples).round().astype(np.int16)
    curve = windowed(random.uniform(5, 15, samples), 400)
    title = "音声 $x^2 <b>\udcff"
    draw(tmp_path / "a.png", pcm, 8000, {f"_{title}": curve, "FLAC": curve - 1}, 0.05, title)
    head = (tmp_path / "a.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert width >= 1000
    assert height >= 300


@DRAWN
def test_silence_has_a_picture(draw, tmp_path):
    draw(tmp_path / "a.png", np.zeros(4000, np.int16), 8000, {"a": np.zeros(10)}, 0.05, "silence")
    assert (tmp_path / "a.png").exists()


def test_each_curve_is_drawn(tmp_path):
    pcm = np.zeros(4000, np.int16)
    curve = np.linspace(1, 12, 10)
    for name, curves in {"one": {"a": curve}, "two": {"a": curve, "b": curve[::-1]}}.items():
        surprisal_over_spectrogram(tmp_path / f"{name}.png", pcm, 8000, curves, 0.05, "")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_a_picture_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"absent/a\.png: cannot be written"):
        picture(tmp_path / "absent" / "a.png", np.zeros(400, np.int16), 8000, {"a": np.zeros(1)}, 0.05, "")


def test_the_spectrogram_shows_a_tone_at_its_frequency(monkeypatch):
    """2 kHz at 8 kHz: the brightest row lies in the middle, in every frame but the cut-off ones at both ends."""
    from matplotlib.axes import Axes

    shown = []
    monkeypatch.setattr(Axes, "imshow", lambda self, values, **kwargs: shown.append((values, kwargs["extent"])))
    pcm = np.round(9000 * np.sin(np.arange(8000) * np.pi / 2 + 0.3)).astype(np.int16)
    monkeypatch.setattr(plots, "_draw_surprisal", lambda *_: None)
    plots.drawn(pcm, 8000, {}, 0.05, "")
    ((decibels, extent),) = shown
    assert decibels.shape == (129, 251)
    assert extent == pytest.approx((-0.002, 1.002, 0, 4.0))
    assert set(decibels[:, 4:-4].argmax(axis=0)) == {64}
    # A full window of a tone of amplitude a: power (a · Σ window / 2)².
    assert decibels[64, 100] == pytest.approx(20 * np.log10(9000 / 32768 * 128 / 2), abs=0.1)
