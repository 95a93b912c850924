"""Results as text for a terminal and as pictures."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

WINDOW = 0.05  # seconds of a point of the surprise curve
COLUMNS = 2000  # of a picture's waveform and spectrogram at most
DECIBELS = 80  # below the loudest are black


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first to the left, the others to the right."""
    columns = [[header[index], *(row[index] for row in rows)] for index in range(len(header))]
    widths = [max(map(len, column)) for column in columns]
    cells = [[cell.rjust(width) for cell in column] for column, width in zip(columns, widths, strict=True)]
    cells[0] = [cell.ljust(widths[0]) for cell in columns[0]]
    lines = ["  ".join(line) for line in zip(*cells, strict=True)]
    return "\n".join(line.rstrip() for line in lines)


def bits(value: float) -> str:
    return f"{value:.3f}"


def interval(low: float | None, high: float | None, sign: str = "") -> str:
    """The two ends of an interval, or a dash where there is none."""
    return "–" if low is None or high is None else f"{low:{sign}.3f} … {high:{sign}.3f}"


def count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def comparison_text(comparison: Mapping[str, Any]) -> str:
    """The table of `compare`, and the differences below it."""
    rows = [
        [
            row["name"],
            bits(row["bits_per_sample"]),
            interval(row["low"], row["high"]),
            count(row["parameters"]),
            count(row["macs_per_sample"]),
            duration(row["training_seconds"]),
        ]
        for row in comparison["rows"]
    ]
    header = ["", "bits/sample", "95 % interval", "parameters", "MACs/sample", "trained"]
    lines = [heading(comparison), "", table(header, rows)]
    if comparison["differences"]:
        differences = [
            [
                f"{difference['a']} − {difference['b']}",
                f"{difference['bits_per_sample']:+.3f}",
                interval(difference["low"], difference["high"], "+"),
            ]
            for difference in comparison["differences"]
        ]
        lines += ["", table(["difference, paired over files", "bits/sample", "95 % interval"], differences)]
    return "\n".join(lines)


def heading(comparison: Mapping[str, Any]) -> str:
    """What was measured: the split, its files and its length."""
    files, seconds = comparison["files"], comparison["samples"] / comparison["sample_rate"]
    length = f"{files} file{'s' * (files != 1)}, {duration(seconds)} at {comparison['sample_rate']} Hz"
    return f"{comparison['split']} split: {length}; bits per 16-bit sample, lower is better"


def score_text(score: Mapping[str, Any], curves: bool = False) -> str:
    """The table of `score`, with the surprise of each file over time if asked for."""
    rows = [[file["file"], f"{file['samples']:,}", bits(file["bits_per_sample"])] for file in score["files"]]
    if len(rows) > 1:
        rows.append(["all", f"{score['samples']:,}", bits(score["bits_per_sample"])])
    lines = [table(["", "samples", "bits/sample"], rows)]
    if score["low"] is not None:
        lines.append(f"95 % interval over files: {interval(score['low'], score['high'])}")
    lines.append(f"engine: {score['engine']}")
    for file in score["files"] if curves else ():
        lines += ["", f"{file['file']}: seconds, bits/sample"]
        lines += [f"{step * score['window']:10.3f}  {mean:7.3f}" for step, mean in enumerate(file["surprise"])]
    return "\n".join(lines)


def generated_text(generated: Mapping[str, Any]) -> str:
    """What `generate` wrote and how fast."""
    rate = generated["sample_rate"]
    rows = [
        [file["file"], str(file["seed"]), f"{file['samples'] / rate:.2f}", bits(file["bits_per_sample"])]
        for file in generated["files"]
    ]
    speed = f"{generated['samples_per_second']:,.0f} samples/s, {generated['real_time_factor']:.2f} x real time"
    return "\n".join([table(["", "seed", "seconds", "bits/sample"], rows), f"engine {generated['engine']}: {speed}"])


def description_text(description: Mapping[str, Any]) -> str:
    """A description, one `key  value` a line; inner tables are spelt table.key."""
    pairs = flatten(description)
    width = max(map(len, pairs), default=0)
    return "\n".join(f"{key.ljust(width)}  {value}" for key, value in pairs.items())


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} to {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def picture(
    path: str | Path,
    pcm: NDArray[np.int16],
    sample_rate: int,
    surprise: Sequence[float] | NDArray[np.floating],
    window: float,
    title: str,
) -> None:
    """Draws waveform, spectrogram and surprise under each other into a PNG file.

    `surprise` is the mean bits per sample of each `window` seconds, (⌈samples / (window · sample_rate)⌉,).
    Raises UserError if the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.2), dpi=110, layout="constrained")
    waveform, spectrum, curve = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1.5, 1.2])
    seconds = len(pcm) / sample_rate
    printable = title.encode("utf-8", "replace").decode("utf-8")  # file names need not be text
    figure.suptitle(printable, parse_math=False, fontsize=11)
    _draw_waveform(waveform, pcm, seconds)
    _draw_spectrogram(spectrum, pcm, sample_rate)
    _draw_surprise(curve, np.asarray(surprise, np.float64), window, seconds)
    curve.set(xlabel="seconds", xlim=(0, seconds))
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a title in a script that the font lacks is no reason to fail
        figure.savefig(temporary, format="png")


def _draw_waveform(axes: Axes, pcm: NDArray[np.int16], seconds: float) -> None:
    """The lowest and highest sample of each column of pixels, so that no peak is lost."""
    columns = np.array_split(pcm, min(COLUMNS, len(pcm)))
    low, high = (np.array([pick(column) for column in columns]) / 32768 for pick in (np.min, np.max))
    times = (np.arange(len(columns)) + 0.5) * seconds / len(columns)
    axes.fill_between(times, low, high, color="tab:blue", linewidth=0.6, edgecolor="tab:blue")
    peak = max(float(np.abs([low, high]).max()), 0.01)
    axes.set(ylabel="amplitude", ylim=(-1.05 * peak, 1.05 * peak))


def _draw_spectrogram(axes: Axes, pcm: NDArray[np.int16], sample_rate: int) -> None:
    import torch
    from torchaudio.functional import spectrogram

    size = 2 ** round(np.log2(0.032 * sample_rate))
    hop = max(size // 8, -(-len(pcm) // COLUMNS))
    signal = torch.from_numpy(pcm.astype(np.float32) / 32768)
    power = spectrogram(signal, 0, torch.hann_window(size), size, hop, size, 2.0, False, pad_mode="constant")
    decibels = 10 * torch.log10(power + 1e-12).numpy()
    top = decibels.max()
    # A frame is drawn around its middle, hence half a hop to either side.
    extent = (-hop / 2 / sample_rate, (decibels.shape[1] - 0.5) * hop / sample_rate, 0, sample_rate / 2000)
    axes.imshow(decibels, origin="lower", aspect="auto", cmap="magma", vmin=top - DECIBELS, vmax=top, extent=extent)
    axes.set(ylabel="kHz")


def _draw_surprise(axes: Axes, surprise: NDArray[np.floating], window: float, seconds: float) -> None:
    edges = np.append(np.arange(len(surprise)) * window, seconds)
    mean = float(np.dot(surprise, np.diff(edges)) / seconds)
    axes.stairs(surprise, edges, baseline=None, color="tab:red", linewidth=1.2)
    axes.axhline(mean, color="0.4", linewidth=0.8, linestyle="--", label=f"mean {mean:.3f}")
    axes.set(ylabel="surprise\n(bits/sample)", ylim=(0, max(16.0, 1.05 * float(surprise.max()))))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="upper right", fontsize=8)
