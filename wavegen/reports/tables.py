"""Results as text for a terminal, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from wavegen.compression.results import CompressedFile, CompressResult
from wavegen.engine import EnginesResult
from wavegen.evaluation.results import (
    BesideFlac,
    CompareResult,
    ComparisonRow,
    Difference,
    ScoredFile,
    ScoreResult,
)
from wavegen.sampling.results import GenerateResult, VocodeResult
from wavegen.wording import visible


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first to the left, the others to the right."""
    columns = [[header[index], *(visible(row[index]) for row in rows)] for index in range(len(header))]
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


def parts(comparison: CompareResult) -> dict[str | None, list[ComparisonRow]]:
    """The rows of a comparison by their condition, those without one first: only rows of one part are ranked."""
    found: dict[str | None, list[ComparisonRow]] = {None: []}
    for row in comparison["rows"]:
        found.setdefault(row["condition"], []).append(row)
    return {condition: rows for condition, rows in found.items() if rows}


def columns(comparison: CompareResult, rows: Sequence[ComparisonRow], symbols: bool = False) -> dict[str, list[str]]:
    """The columns of a table of some rows of a comparison but for their names, header to cells.

    With `symbols`, or where all files are 8-bit mu-law, models that code mu-law symbols have bits per symbol too, and
    the number of symbols.
    """
    found = {
        "bits/sample": [bits(row["bits_per_sample"]) for row in rows],
        "95 % interval": [interval(row["low"], row["high"]) for row in rows],
    }
    if (symbols or comparison["mu_law_corpus"]) and any(row["bits_per_symbol"] is not None for row in rows):
        found["bits/symbol"] = [
            "–" if row["bits_per_symbol"] is None else f"{bits(row['bits_per_symbol'])} of {row['num_symbols']}"
            for row in rows
        ]
    proofs = [row.get("compressed_bits_per_sample") for row in rows]
    if any(proof is not None for proof in proofs):
        found["compressed"] = ["–" if proof is None else bits(proof) for proof in proofs]
    if any(row["precision"] not in (None, "float32") for row in rows):
        found["precision"] = [row["precision"] or "–" for row in rows]
    found["parameters"] = [count(row["parameters"]) for row in rows]
    found["MACs/sample"] = [count(row["macs_per_sample"]) for row in rows]
    found["bytes"] = [rounded(row["model_bytes"]) for row in rows]
    found["trained"] = [duration(row["training_seconds"]) for row in rows]
    found["samples seen"] = [rounded(row["samples_seen"]) for row in rows]
    return found


def comparison_text(comparison: CompareResult, symbols: bool = False) -> str:
    """The table of `compare`, the differences below it, and the baselines that did not run."""
    lines = [heading(comparison)]
    for condition, rows in parts(comparison).items():
        found = columns(comparison, rows, symbols)
        header = ["" if condition is None else f"given {condition}", *found]
        cells = [[row["name"], *each] for row, each in zip(rows, zip(*found.values(), strict=True), strict=True)]
        lines += ["", table(header, cells)]
    for title, group in differences(comparison).items():
        cells = [
            [each["a"], f"{each['bits_per_sample']:+.3f}", interval(each["low"], each["high"], "+")] for each in group
        ]
        lines += ["", table([title, "bits/sample", "95 % interval"], cells)]
    lines += [""] if comparison["missing"] else []
    lines += [f"missing: {each['name']}: {each['why']}" for each in comparison["missing"]]
    return "\n".join(lines)


def differences(comparison: CompareResult) -> dict[str, list[Difference]]:
    """The differences by their meaning: a title, which names the row that is subtracted, to the rows."""
    groups: dict[str, list[Difference]] = {}
    for each in comparison["differences"]:
        divergence = each["meaning"] == "KL divergence"
        title = f"KL divergence from the {each['b']}" if divergence else f"less {each['b']}, paired over files"
        groups.setdefault(title, []).append(each)
    return groups


def heading(comparison: CompareResult) -> str:
    """The split, its number of files and its length."""
    files = comparison["files"]
    seconds = comparison["samples"] / comparison["sample_rate"]
    length = f"{files} file{'s' * (files != 1)}, {duration(seconds)} at {comparison['sample_rate']} Hz"
    trained_on = "; the models were trained on them" if comparison["split"] == "train" else ""
    return f"{comparison['split']} split: {length}{trained_on}; bits per 16-bit sample, lower is better"


def score_text(score: ScoreResult, curves: bool = False) -> str:
    """The table of `score`, with the surprisal of each file over time if asked for."""
    rows = [[file["file"], f"{file['samples']:,}", *_beside_flac(file)] for file in score["files"]]
    if len(rows) > 1:
        rows.append(["all", f"{score['samples']:,}", *_beside_flac(score)])
    above = [] if score["above_flac"] is None else ["above FLAC"]
    lines = [table(["", "samples", _bits_given(score["condition"]), "FLAC", *above], rows)]
    if score["low"] is not None:
        lines.append(f"95 % interval over files: {interval(score['low'], score['high'])}")
    lines.append(f"engine: {score['engine']}, {score['precision']}")
    if curves:
        for file in score["files"]:
            lines += [
                "",
                ", ".join([f"{file['file']}: seconds", "bits/sample", "FLAC's", *(f"{each}'s" for each in above)]),
            ]
            lines += [
                f"{start:10.3f}  {surprisal:7.3f}  {flac:7.3f}" + "".join(f"  {each:+8.3f}" for each in difference)
                for start, surprisal, flac, *difference in _windows(file, score.get("window", 0.0))
            ]
    return "\n".join(lines)


def _beside_flac(scored: BesideFlac) -> list[str]:
    above = [] if scored["above_flac"] is None else [f"{scored['above_flac']:+.3f}"]
    return [bits(scored["bits_per_sample"]), bits(scored["flac_bits_per_sample"]), *above]


def _windows(file: ScoredFile, window: float) -> list[tuple[float, ...]]:
    """The start of each window, in seconds, its bits a sample and FLAC's; empty without windows.

    The difference is the last of them, where the bits are given no condition.
    """
    surprisal = file.get("surprisal", [])
    starts = [round(index * window, 6) for index in range(len(surprisal))]
    columns = [starts, surprisal, file.get("flac_surprisal", [])]
    if file["above_flac"] is not None:
        columns.append(file.get("surprisal_above_flac", []))
    return list(zip(*columns, strict=True))


def score_csv(score: ScoreResult) -> str:
    """The windows of a score as CSV: file, start_seconds, bits_per_sample, flac_bits_per_sample, above_flac.

    Bits that are given a condition have `condition` for the last column instead.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    given = [] if score["condition"] is None else [score["condition"]]
    last = "above_flac" if not given else "condition"
    writer.writerow(["file", "start_seconds", "bits_per_sample", "flac_bits_per_sample", last])
    for file in score["files"]:
        writer.writerows([file["file"], *row, *given] for row in _windows(file, score.get("window", 0.0)))
    return out.getvalue()


def generated_text(generated: GenerateResult) -> str:
    """The files of `generate`, and its speed."""
    rate = generated["sample_rate"]
    rows = [
        [file["file"], str(file["seed"]), f"{file['samples'] / rate:.2f}", bits(file["bits_per_sample"])]
        for file in generated["files"]
    ]
    return "\n".join([table(["", "seed", "seconds", _bits_given(generated["condition"])], rows), _speed(generated)])


def vocoded_text(vocoded: VocodeResult) -> str:
    """The files of `vocode`, and its speed."""
    rate = vocoded["sample_rate"]
    if not vocoded["files"]:
        return "nothing left to do"
    rows = [[file["file"], f"{file['samples'] / rate:.2f}", bits(file["bits_per_sample"])] for file in vocoded["files"]]
    lines = [table(["", "seconds", _bits_given(vocoded["condition"])], rows), _speed(vocoded)]
    if (check := vocoded.get("check")) is not None:
        found = {**check["bits_per_sample"], "its own frames": check["own_bits_per_sample"]}
        found["no frames"] = check["nothing_bits_per_sample"]
        checked = [[name, bits(value)] for name, value in sorted(found.items(), key=lambda item: item[1])]
        lines += ["", table([f"{check['recording']}, given", "bits/sample"], checked)]
    return "\n".join(lines)


def _bits_given(condition: str | None) -> str:
    """The heading of bits that a model has when it is given something."""
    return "bits/sample" if condition is None else f"bits/sample given {condition}"


def _speed(drawn: GenerateResult | VocodeResult) -> str:
    engine = f"engine {drawn['engine']}, {drawn['precision']}"
    return f"{engine}: {drawn['samples_per_second']:,.0f} samples/s, {drawn['real_time_factor']:.2f} x real time"


def compressed_text(compressed: CompressResult) -> str:
    """The files of `compress`, beside the model's claim."""
    rows = [_compressed_row(file["file"], file) for file in compressed["files"]]
    if len(rows) > 1:
        rows.append(_compressed_row("all", compressed))
    given = "" if compressed["condition"] is None else f" given {compressed['condition']}"
    lines = [table(["", "samples", "bytes", "bits/sample", f"the model's claim{given}"], rows)]
    model = f"{compressed['model_bytes']:,} bytes"
    return "\n".join([*lines, f"to restore them takes the model, {model}, and precision {compressed['precision']}"])


def _compressed_row(name: str, compressed: CompressedFile | CompressResult) -> list[str]:
    means = [compressed["bits_per_sample"], compressed["model_bits_per_sample"]]
    sizes = [f"{compressed['samples']:,}", f"{compressed['bytes']:,}"]
    return [name, *sizes, *("–" if mean is None else bits(mean) for mean in means)]


def engines_text(about: EnginesResult) -> str:
    """A line for each engine."""
    engines = about["engines"].items()
    return "\n".join(f"{name:<6} {of['on'] or f'missing: {why}'}" for name, of in engines for why in [of["missing"]])


def description_text(description: Mapping[str, object]) -> str:
    """A description, one `key  value` a line; inner tables are spelt table.key."""
    pairs = flatten(description)
    width = max(map(len, pairs), default=0)
    return "\n".join(f"{key.ljust(width)}  {value}" for key, value in pairs.items())


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """{"a": {"b": 1}} to {"a.b": 1}."""
    flat: dict[str, object] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
