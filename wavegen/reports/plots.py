"""Pictures of recordings: waveform, spectrogram, surprisal."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

from wavegen.system.atomic import Target, path_of, replacing
from wavegen.system.optional import MATPLOTLIB, adorned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

T = TypeVar("T")
WINDOW = 0.05  # seconds of a point of the surprisal curve
COLUMNS = 2000  # of a picture's waveform and spectrogram at most
DECIBELS = 80  # below the loudest are black
# Colours of curves, in their order.
ON_PAPER = ("tab:red", "0.45", "tab:blue")
ON_BLACK = ("#4de3ff", "white", "#8dff6a")

Curves: TypeAlias = "Mapping[str, Sequence[float] | NDArray[np.floating]]"  # bits per sample of each window, by name


def picture(path: Target, pcm: NDArray[np.int16], sample_rate: int, curves: Curves, window: float, title: str) -> Path:
    """Draws waveform, spectrogram and surprisal under each other into a PNG file; gives its path.

    Args:
        path: of the PNG file.
        pcm: (samples,) int16.
        sample_rate: Hz.
        curves: named, each (⌈samples / (window · sample_rate)⌉,) bits per sample.
        window: seconds.
        title: above the picture.

    Raises:
        UserError: the file cannot be written. A broken matplotlib raises other exceptions.
    """
    return write_png(path, drawn(pcm, sample_rate, curves, window, title))


def pixels(figure: Figure) -> NDArray[np.floating]:
    """A figure as an array, (height, width, 3), from 0 to 1."""
    from matplotlib.image import imread

    return imread(io.BytesIO(_png(figure)), format="png")[..., :3]


def drawn(pcm: NDArray[np.int16], sample_rate: int, curves: Curves, window: float, title: str) -> Figure:
    """The figure of `picture`."""
    figure = _figure(6.2, title)
    waveform, spectrum, curve = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1.5, 1.2])
    seconds = len(pcm) / sample_rate
    _draw_waveform(waveform, pcm, seconds)
    _draw_spectrogram(spectrum, pcm, sample_rate)
    _draw_surprisal(curve, curves, ON_PAPER, window, seconds)
    curve.grid(axis="y", alpha=0.3)
    curve.set(xlabel="seconds", xlim=(0, seconds))
    return figure


def surprisal_over_spectrogram(
    path: Target, pcm: NDArray[np.int16], sample_rate: int, curves: Curves, window: float, title: str
) -> Path:
    """As `picture`, but with the curves drawn over the spectrogram, on a scale at its right."""
    figure = _figure(3.4, title)
    spectrum = figure.subplots()
    seconds = len(pcm) / sample_rate
    _draw_spectrogram(spectrum, pcm, sample_rate, brightest=0.25)  # dim enough for the curves to stand out
    _draw_surprisal(spectrum.twinx(), curves, ON_BLACK, window, seconds)
    spectrum.set(xlabel="seconds", xlim=(0, seconds))
    return write_png(path, figure)


def _figure(height: float, title: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, height), dpi=110, layout="constrained")
    printable = title.encode("utf-8", "replace").decode("utf-8")  # file names need not be text
    figure.suptitle(printable, parse_math=False, fontsize=11)
    return figure


def write_png(path: Target, figure: Figure) -> Path:
    """Writes a figure as a PNG file, whole or not at all; gives its path. Raises UserError if it cannot be written.

    It is drawn in memory first: an error of matplotlib's is not taken for one of the disk.
    """
    png = _png(figure)
    with replacing(path) as temporary:
        temporary.write_bytes(png)
    return path_of(path)


def _png(figure: Figure) -> bytes:
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a title in a script that the font lacks is no reason to fail
        figure.savefig(drawn, format="png")
    return drawn.getvalue()


@functools.cache
def try_plotting() -> None:
    """Draws a small picture in memory, once a process. Raises the error of a missing or broken matplotlib."""
    _png(drawn(np.zeros(64, np.int16), 8000, {"try": [1.0, 2.0]}, 0.004, "try"))


def adorning(draw: Callable[[], T]) -> T | None:
    """The result of `draw`, which draws with this module; None, with one line, where matplotlib fails."""
    return adorned(MATPLOTLIB, "pictures", draw)


def _draw_waveform(axes: Axes, pcm: NDArray[np.int16], seconds: float) -> None:
    """The lowest and highest sample of each column of pixels, so that no peak is lost."""
    columns = np.array_split(pcm, min(COLUMNS, len(pcm)))
    low, high = (np.array([pick(column) for column in columns]) / 32768 for pick in (np.min, np.max))
    times = (np.arange(len(columns)) + 0.5) * seconds / len(columns)
    axes.fill_between(times, low, high, color="tab:blue", linewidth=0.6, edgecolor="tab:blue")
    peak = max(float(np.abs([low, high]).max()), 0.01)
    axes.set(ylabel="amplitude", ylim=(-1.05 * peak, 1.05 * peak))


def _draw_spectrogram(axes: Axes, pcm: NDArray[np.int16], sample_rate: int, brightest: float = 0.0) -> None:
    """`brightest` is the share of the colour scale above the loudest point."""
    import torch

    size = 2 ** round(np.log2(0.032 * sample_rate))
    hop = max(size // 8, -(-len(pcm) // COLUMNS))
    signal = torch.from_numpy(pcm.astype(np.float32) / 32768)
    window = torch.hann_window(size)
    power = torch.stft(signal, size, hop, window=window, pad_mode="constant", return_complex=True).abs().square()
    decibels = 10 * torch.log10(power + 1e-12).numpy()
    top = decibels.max()
    # A frame is drawn around its middle, hence half a hop to either side.
    extent = (-hop / 2 / sample_rate, (decibels.shape[1] - 0.5) * hop / sample_rate, 0, sample_rate / 2000)
    scale = {"vmin": top - DECIBELS, "vmax": top + DECIBELS * brightest / (1 - brightest)}
    axes.imshow(decibels, origin="lower", aspect="auto", cmap="magma", extent=extent, **scale)
    axes.set(ylabel="kHz")


def _draw_surprisal(axes: Axes, curves: Curves, colours: Sequence[str], window: float, seconds: float) -> None:
    highest = 16.0
    for colour, (name, curve) in zip(colours, curves.items(), strict=False):
        values = np.asarray(curve, np.float64)
        edges = np.append(np.arange(len(values)) * window, seconds)
        mean = float(np.dot(values, np.diff(edges)) / seconds)
        label = f"{mean:.3f} {name}".encode("utf-8", "replace").decode("utf-8")
        axes.stairs(values, edges, baseline=None, color=colour, linewidth=1.3, label=label)
        highest = max(highest, 1.05 * float(values.max()))
    axes.set(ylabel="surprisal\n(bits/sample)", ylim=(0, highest))
    dark = colours is ON_BLACK
    legend = axes.legend(loc="upper right", fontsize=8, labelcolor="white" if dark else "black")
    legend.get_frame().set(facecolor="black" if dark else "white", alpha=0.6)
    for text in legend.get_texts():
        text.set_parse_math(False)
