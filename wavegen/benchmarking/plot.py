"""A benchmark as a picture."""

from __future__ import annotations

from wavegen.benchmarking import label
from wavegen.benchmarking.results import BenchResult
from wavegen.reports.plots import write_png
from wavegen.system.atomic import Target


def plot(path: Target, result: BenchResult) -> None:
    """Draws the samples per second of each row as a bar, with the least and most of its turns: a PNG file."""
    from matplotlib.figure import Figure

    rows = list(reversed(result["rows"]))
    figure = Figure(figsize=(9, 0.9 + 0.3 * len(rows)), layout="constrained")
    title = f"{result['model']} on {result['machine']['cpu']} ({result['machine']['isa']})"
    axes = figure.add_subplot(xscale="log", xlabel="samples per second", title=title)
    rates = [row["samples_per_second"] for row in rows]
    spread = [
        [rate - row["low"] for rate, row in zip(rates, rows, strict=True)],
        [row["high"] - rate for rate, row in zip(rates, rows, strict=True)],
    ]
    colours = ["tab:blue" if row["engine"] == "cpu" else "tab:gray" for row in rows]
    axes.barh([label(row) for row in rows], rates, xerr=spread, color=colours)
    axes.axvline(result["sample_rate"], color="black", linestyle=":", label="real time")
    axes.legend()
    write_png(path, figure)
