"""Results about pictures as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from wavegen.evaluation.results import Nats, PictureCompareResult, PictureScoreResult, ScoredPicture
from wavegen.models.forms import PictureForm
from wavegen.reports.tables import count, duration, rounded, table
from wavegen.sampling.results import DrawnPicture, GeneratePicturesResult

MAX_ROWS = 20  # of single pictures


def comparison_text(comparison: PictureCompareResult) -> str:
    """The table of `compare`, and the differences below it."""
    rows = comparison["rows"]
    columns = {
        "": [row["name"] for row in rows],
        "nats/picture": [f"{row['nats']:.2f}" for row in rows],
        "95 % interval": [_interval(row) for row in rows],
        "bits/dimension": [f"{row['bits_per_dimension']:.4f}" for row in rows],
        "parameters": [count(row["parameters"]) for row in rows],
        "MACs/dimension": [count(row["macs_per_sample"]) for row in rows],
        "trained": [duration(row["training_seconds"]) for row in rows],
        "pictures seen": [rounded(row["pictures_seen"]) for row in rows],
    }
    pictures = f"{comparison['pictures']} pictures of {PictureForm(**comparison['picture_shape'])}"
    seen = "; the models were trained on them" if comparison["split"] == "train" else ""
    lines = [f"{comparison['split']} split: {pictures}{seen}; lower is better", ""]
    lines.append(table(list(columns), list(zip(*columns.values(), strict=True))))
    if comparison["differences"]:
        title = f"less {comparison['differences'][0]['b']}, paired over pictures"
        cells = [[each["a"], f"{each['nats']:+.2f}", _interval(each, "+")] for each in comparison["differences"]]
        lines += ["", table([title, "nats/picture", "95 % interval"], cells)]
    return "\n".join(lines)


def score_text(score: PictureScoreResult) -> str:
    """The table of `score`: every picture if they are few, and the mean of all."""
    files = score["files"] if len(score["files"]) <= MAX_ROWS else []
    rows = [_row(file["file"], file) for file in files]
    if len(score["files"]) > 1:
        rows.append(_row(f"mean of {score['pictures']} pictures", score))
    lines = [table(["", "nats/picture", "bits/dimension"], rows)]
    if score["low"] is not None:
        lines.append(f"95 % interval over pictures: {_interval(score)}")
    return "\n".join(lines)


def generated_text(generated: GeneratePicturesResult) -> str:
    """The pictures of `generate`, and their file."""
    pictures = generated["pictures"]
    rows = [_row(str(picture["seed"]), picture) for picture in pictures[:MAX_ROWS]]
    lines = [table(["seed", "nats/picture", "bits/dimension"], rows)]
    lines += [f"… and {len(pictures) - MAX_ROWS} more"] if len(pictures) > MAX_ROWS else []
    mean = sum(picture["nats"] for picture in pictures) / len(pictures)
    return "\n".join([*lines, f"{generated['file']}: {len(pictures)} pictures, {mean:.2f} nats in the mean"])


def _row(name: str, scored: Nats | ScoredPicture | DrawnPicture) -> Sequence[str]:
    return [name, f"{scored['nats']:.2f}", f"{scored['bits_per_dimension']:.4f}"]


def _interval(scored: Nats, sign: str = "") -> str:
    low = scored["low"]
    high = scored["high"]
    return "–" if low is None or high is None else f"{low:{sign}.2f} … {high:{sign}.2f}"
