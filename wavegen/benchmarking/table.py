"""A benchmark as text for a terminal."""

from __future__ import annotations

from wavegen.benchmarking.results import BenchResult, BenchRow
from wavegen.reports.tables import rounded, table


def bench_text(bench: BenchResult) -> str:
    """The table of `bench`, its ratios, and the contenders that did not run."""
    machine = bench["machine"]
    trained = "window" in bench
    rows = [_row(row, bench["sample_rate"]) for row in bench["rows"]]
    ratios = [
        [f"{ratio['a']} / {ratio['b']}", f"{ratio['ratio']:.2f}", f"{ratio['low']:.2f}", f"{ratio['high']:.2f}"]
        for ratio in bench["ratios"]
    ]
    header = ["", "precision", "threads", "streams", "samples/s", "min", "max"]
    header += ["bits/sample in the end" if trained else "x real time"]
    about = f"{bench['macs_per_sample']:,} multiply-adds a sample; {machine['cpu']}, {machine['cpus']} CPUs"
    about += f"; {machine['gpu']}" if machine["gpu"] else ""
    lines = [f"{bench['model']}: {about}, {machine['isa']}; median of {bench['rounds']} rounds", ""]
    lines += [table(header, rows), "", table(["ratio within a round", "median", "min", "max"], ratios)]
    lines += [f"{missing['engine']}: {missing['why']}" for missing in bench["missing"]]
    return "\n".join(lines)


def _row(row: BenchRow, sample_rate: int) -> list[str]:
    """The cells of one row; the last one is the bits of a training, or speed over real time."""
    speeds = [rounded(round(speed)) for speed in (row["samples_per_second"], row["low"], row["high"])]
    reached = row.get("bits_per_sample")
    last = f"{row['samples_per_second'] / sample_rate:.2f}" if reached is None else f"{reached:.3f}"
    return [row["engine"], row["precision"], str(row["threads"]), str(row["streams"]), *speeds, last]
