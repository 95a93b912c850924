"""Results as text for a terminal, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


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


def rounded(value: int | None) -> str:
    """A count to three digits: 512, 18.4 k, 22.3 M."""
    if value is None:
        return "–"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}" if value < 999.5 * size else f"{value / size:,.0f} {unit}"
    return str(value)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def columns(comparison: Mapping[str, Any], symbols: bool = False) -> dict[str, list[str]]:
    """The columns of a comparison's table but for its names, header to cells.

    With `symbols`, or where all that was scored is 8-bit mu-law, models that code mu-law symbols have bits per
    symbol too, and how many symbols those are.
    """
    rows = comparison["rows"]
    found = {
        "bits/sample": [bits(row["bits_per_sample"]) for row in rows],
        "95 % interval": [interval(row["low"], row["high"]) for row in rows],
    }
    if (symbols or comparison["mu_law_corpus"]) and any(row["bits_per_symbol"] is not None for row in rows):
        found["bits/symbol"] = [
            "–" if row["bits_per_symbol"] is None else f"{bits(row['bits_per_symbol'])} of {row['num_symbols']}"
            for row in rows
        ]
    if any(row.get("compressed_bits_per_sample") is not None for row in rows):
        proofs = [row["compressed_bits_per_sample"] for row in rows]
        found["compressed"] = ["–" if proof is None else bits(proof) for proof in proofs]
    if any(row["precision"] not in (None, "float32") for row in rows):
        found["precision"] = [row["precision"] or "–" for row in rows]
    found["parameters"] = [count(row["parameters"]) for row in rows]
    found["MACs/sample"] = [count(row["macs_per_sample"]) for row in rows]
    found["bytes"] = [rounded(row["model_bytes"]) for row in rows]
    found["trained"] = [duration(row["training_seconds"]) for row in rows]
    found["samples seen"] = [rounded(row["samples_seen"]) for row in rows]
    return found


def comparison_text(comparison: Mapping[str, Any], symbols: bool = False) -> str:
    """The table of `compare`, the differences below it, and what is missing."""
    found = {"": [row["name"] for row in comparison["rows"]], **columns(comparison, symbols)}
    lines = [heading(comparison), "", table(list(found), list(zip(*found.values(), strict=True)))]
    for title, group in differences(comparison).items():
        cells = [
            [each["a"], f"{each['bits_per_sample']:+.3f}", interval(each["low"], each["high"], "+")] for each in group
        ]
        lines += ["", table([title, "bits/sample", "95 % interval"], cells)]
    lines += [""] if comparison["missing"] else []
    lines += [f"missing: {each['name']}: {each['why']}" for each in comparison["missing"]]
    return "\n".join(lines)


def differences(comparison: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The differences by what they mean: a title, which names the row that is subtracted, to the rows."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in comparison["differences"]:
        divergence = each["meaning"] == "KL divergence"
        title = f"KL divergence from the {each['b']}" if divergence else f"less {each['b']}, paired over files"
        groups.setdefault(title, []).append(each)
    return groups


def heading(comparison: Mapping[str, Any]) -> str:
    """What was measured: the split, its files and its length."""
    files, seconds = comparison["files"], comparison["samples"] / comparison["sample_rate"]
    length = f"{files} file{'s' * (files != 1)}, {duration(seconds)} at {comparison['sample_rate']} Hz"
    heard = "; the models were trained on them" if comparison["split"] == "train" else ""
    return f"{comparison['split']} split: {length}{heard}; bits per 16-bit sample, lower is better"


def score_text(score: Mapping[str, Any], curves: bool = False) -> str:
    """The table of `score`, with the surprise of each file over time if asked for."""
    rows = [[file["file"], f"{file['samples']:,}", *_beside_flac(file)] for file in score["files"]]
    if len(rows) > 1:
        rows.append(["all", f"{score['samples']:,}", *_beside_flac(score)])
    lines = [table(["", "samples", "bits/sample", "FLAC", "above FLAC"], rows)]
    if score["low"] is not None:
        lines.append(f"95 % interval over files: {interval(score['low'], score['high'])}")
    lines.append(f"engine: {score['engine']}, {score['precision']}")
    for file in score["files"] if curves else ():
        lines += ["", f"{file['file']}: seconds, bits/sample, FLAC's, above FLAC's"]
        lines += [
            f"{start:10.3f}  {surprise:7.3f}  {flac:7.3f}  {above:+8.3f}"
            for start, surprise, flac, above in _windows(file, score["window"])
        ]
    return "\n".join(lines)


def _beside_flac(scored: Mapping[str, Any]) -> list[str]:
    return [bits(scored["bits_per_sample"]), bits(scored["flac_bits_per_sample"]), f"{scored['above_flac']:+.3f}"]


def _windows(file: Mapping[str, Any], window: float) -> list[tuple[float, float, float, float]]:
    """When each window starts, in seconds, its bits a sample, FLAC's, and the difference."""
    starts = [round(index * window, 6) for index in range(len(file["surprise"]))]
    return list(zip(starts, file["surprise"], file["flac_surprise"], file["surprise_above_flac"], strict=True))


def score_csv(score: Mapping[str, Any]) -> str:
    """The windows of a score as CSV: file, start_seconds, bits_per_sample, flac_bits_per_sample, above_flac."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", "start_seconds", "bits_per_sample", "flac_bits_per_sample", "above_flac"])
    for file in score["files"]:
        writer.writerows([file["file"], *row] for row in _windows(file, score["window"]))
    return out.getvalue()


def generated_text(generated: Mapping[str, Any]) -> str:
    """What `generate` wrote and how fast."""
    rate = generated["sample_rate"]
    rows = [
        [file["file"], str(file["seed"]), f"{file['samples'] / rate:.2f}", bits(file["bits_per_sample"])]
        for file in generated["files"]
    ]
    engine = f"engine {generated['engine']}, {generated['precision']}"
    speed = f"{generated['samples_per_second']:,.0f} samples/s, {generated['real_time_factor']:.2f} x real time"
    return "\n".join([table(["", "seed", "seconds", "bits/sample"], rows), f"{engine}: {speed}"])


def compressed_text(compressed: Mapping[str, Any]) -> str:
    """What `compress` wrote, beside the model's claim."""
    rows = [
        [file["file"], f"{file['samples']:,}", f"{file['bytes']:,}"]
        + ["–" if file[key] is None else bits(file[key]) for key in ("bits_per_sample", "model_bits_per_sample")]
        for file in compressed["files"]
    ]
    if len(rows) > 1:
        sums = [f"{compressed[key]:,}" for key in ("samples", "bytes")]
        means = [compressed[key] for key in ("bits_per_sample", "model_bits_per_sample")]
        rows.append(["all", *sums, *("–" if mean is None else bits(mean) for mean in means)])
    lines = [table(["", "samples", "bytes", "bits/sample", "the model's claim"], rows)]
    model = f"{compressed['model_bytes']:,} bytes"
    return "\n".join([*lines, f"to restore them takes the model, {model}, and precision {compressed['precision']}"])


def bench_text(bench: Mapping[str, Any]) -> str:
    """The table of `bench`, its ratios, and what is missing."""
    machine = bench["machine"]
    trained = "window" in bench
    rows = [
        [row["engine"], row["precision"], str(row["threads"]), str(row["streams"])]
        + [rounded(round(row[key])) for key in ("samples_per_second", "low", "high")]
        + [f"{row['bits_per_sample']:.3f}" if trained else f"{row['samples_per_second'] / bench['sample_rate']:.2f}"]
        for row in bench["rows"]
    ]
    ratios = [
        [f"{ratio['a']} / {ratio['b']}", f"{ratio['ratio']:.2f}", f"{ratio['low']:.2f}", f"{ratio['high']:.2f}"]
        for ratio in bench["ratios"]
    ]
    header = ["", "precision", "threads", "streams", "samples/s", "least", "most"]
    header += ["bits/sample in the end" if trained else "x real time"]
    about = f"{bench['macs_per_sample']:,} multiply-adds a sample; {machine['cpu']}, {machine['cpus']} CPUs"
    about += f"; {machine['gpu']}" if machine["gpu"] else ""
    lines = [f"{bench['model']}: {about}, {machine['isa']}; median of {bench['rounds']} rounds", ""]
    lines += [table(header, rows), "", table(["ratio within a round", "median", "least", "most"], ratios)]
    lines += [f"{missing['engine']}: {missing['why']}" for missing in bench["missing"]]
    return "\n".join(lines)


def engines_text(about: Mapping[str, Any]) -> str:
    """A line for each engine."""
    engines = about["engines"].items()
    return "\n".join(f"{name:<6} {of['on'] or 'missing: ' + of['missing']}" for name, of in engines)


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
