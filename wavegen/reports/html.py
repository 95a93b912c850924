"""A report as one HTML file that needs nothing else: table, charts, pictures, and recordings that play."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from wavegen import __version__
from wavegen.evaluation.results import CompareResult
from wavegen.reports.charts import bars, extent, learning_curves, shortened, whisker
from wavegen.reports.tables import bits, columns, count, differences, heading, interval, parts
from wavegen.system.atomic import Target, replacing


class Sound(NamedTuple):
    """A WAV file to play, its title, and a picture of it or None."""

    title: str
    wav: Path
    picture: Path | None = None


TITLE = "wavegen: bits per sample"
STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5d6878; --line: #d9dee6; --back: #fff; --card: #f6f8fa;
  --model: #1769aa; --baseline: #8a94a3; --truth: #2e8b57; --line-0: #1769aa; --line-1: #c4501b; --line-2: #2e8b57;
  --line-3: #8e44ad; --line-4: #b8860b; --line-5: #c2185b; --line-6: #00838f; --line-7: #6d4c41; --line-8: #5c6bc0;
  --line-9: #558b2f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #333c49; --back: #14181e;
  --card: #1d232b; --model: #6cb6ff; --baseline: #8a94a3; --truth: #5fd39a; --line-0: #6cb6ff; --line-1: #ff9b6a;
  --line-2: #5fd39a; --line-3: #d2a0ff; --line-4: #f0c24b; --line-5: #ff86b5; --line-6: #5ed6e0; --line-7: #c9a794;
  --line-8: #a7b1ff; --line-9: #a9d86e; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 76rem;
  margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p { max-width: 46rem; } .soft { color: var(--soft); } .lead { font-size: 1.1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
table + table { margin-top: 1.4rem; }
th, td { padding: .34rem .5rem; font-size: .92rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .85rem; } th:first-child, td:first-child { text-align: left; }
tr.model td:first-child, tr.truth td:first-child, td.main { font-weight: 600; } svg { display: block; }
.chart { width: 100%; max-width: 60rem; height: auto; font-size: 13px; font-variant-numeric: tabular-nums; }
.chart text { fill: var(--ink); } .chart .tick { fill: var(--soft); }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); } .error { stroke: var(--ink); fill: none; }
.course { fill: none; stroke-width: 2; } line.truth { stroke: var(--truth); stroke-width: 2; stroke-dasharray: 6 4; }
.sounds { display: grid; gap: 1rem; } figure { margin: 0; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: .9rem 1rem; } figcaption { margin-bottom: .5rem; overflow-wrap: anywhere; }
audio { width: 100%; } img { width: 100%; height: auto; border-radius: .4rem; margin-top: .7rem; background: #fff; }
dt { font-weight: 600; margin-top: .7rem; } dd { margin: 0; max-width: 46rem; }
code { font-size: .88em; overflow-wrap: anywhere; }
"""

GUIDE = {
    "bits/sample": "The bits that the model needs on average to code the next of the 65 536 codes, over whole "
    "files, from their first sample on. Lower is better; an unpacked WAV has 16.",
    "FLAC": "The bits of the lossless coder for the same files, at its strongest setting and without its headers. "
    "A model below it knows more of the sound than a linear predictor does.",
    "training histogram": "Every code by its frequency in the training files, independent of the codes before it.",
    "95 % interval": "Where the number would fall for other files of the same kind: 19 times out of 20 in there. It "
    "comes from drawing files anew (bootstrap). Of a difference it is paired: if zero is not inside, one is better.",
    "surprisal": "The bits that each stretch of a recording costs. Silence is cheap; the start of a word is dear.",
    "MACs/sample": "Multiply-adds to compute one sample: the cost of generating.",
    "bytes": "Of the weights, as stored: float32.",
}
RARER = {
    "true density": "The recordings were drawn from a source whose density is known: no model can need fewer bits over "
    "enough of them, and its excess is its KL divergence from the source.",
    "given ": "Bits of a model that was told something of each file beforehand: who speaks, or a spectrogram of it. "
    "They stand apart, since no coder is told that; a difference between rows of one model says what it is worth.",
    "bits/symbol": "The bits that the model needs to code the next mu-law symbol, of how many: the unit of papers "
    "whose data are 256 levels. It leaves out which of the level's codes it is, so that only models of the same "
    "symbols can be compared by it, and FLAC cannot.",
}


def page(
    comparison: CompareResult,
    sounds: Sequence[Sound] = (),
    title: str = TITLE,
    runs: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    symbols: bool = False,
) -> str:
    """The whole page as a string; recordings and pictures are read and embedded.

    Args:
        comparison: the table.
        sounds: recordings to play.
        title: of the page.
        runs: the points (seconds trained, validation bits) of each run that is known, by the row's name.
        symbols: adds bits per symbol to the table.
    """
    sections = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(_verdict(comparison))}</p>',
        f'<p class="soft">{escape(heading(comparison))}</p>',
        _rows(comparison, symbols),
        _missing(comparison),
        _charts(comparison),
        _differences(comparison),
    ]
    truth = next((row["bits_per_sample"] for row in comparison["rows"] if row["kind"] == "truth"), None)
    if curves := learning_curves(runs or {}, truth):
        sections.append(f"<h2>Bits over training time</h2>\n{curves}")
        line = "" if truth is None else f" The line of the true density is of the {comparison['split']} split."
        said = "Of the validation split, by the averaged weights; time includes validating."
        sections.append(f'<p class="soft">{said}{line}</p>')
    if sounds:
        sections.append("<h2>Listen</h2>\n<div class=sounds>" + "\n".join(map(_sound, sounds)) + "</div>")
    sections += [_guide("\n".join(sections)), _provenance(comparison)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def write_page(
    path: Target,
    comparison: CompareResult,
    sounds: Sequence[Sound] = (),
    title: str = TITLE,
    runs: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    symbols: bool = False,
) -> None:
    """Writes `page(…)` of the other arguments to a file, whole or not at all. Raises UserError."""
    text = page(comparison, sounds, title, runs, symbols)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")  # file names need not be text


def _verdict(comparison: CompareResult) -> str:
    """One sentence: the best model, beside the best baseline and FLAC; a model that is given a condition by itself."""
    alike = [row for row in comparison["rows"] if row["condition"] is None]
    models = [row for row in alike if row["kind"] == "model"]
    given = [row for row in comparison["rows"] if row["condition"] is not None]
    if given and not models:
        return f"The model {given[0]['name']} needs {bits(given[0]['bits_per_sample'])} bits a sample."
    best = (models or alike)[0]
    best_of = {0: "", 1: "The model "}.get(len(models), "The best of the models, ")
    comma = "," if len(models) > 1 else ""
    sentence = f"{best_of}{best['name']}{comma} needs {bits(best['bits_per_sample'])} bits a sample"
    baselines = [row for row in alike if row["kind"] == "baseline" and row is not best]
    ratios = [
        f"{abs(ratio):.1%} {'less' if ratio >= 0 else 'more'} than {row['name']}"
        for row in baselines
        if row is baselines[0] or row["name"] == "FLAC"
        for ratio in [1 - best["bits_per_sample"] / row["bits_per_sample"]]
    ]
    return sentence + (": " + ", ".join(ratios) if ratios else "") + "."


def _rows(comparison: CompareResult, symbols: bool) -> str:
    """A table for each condition: rows of different ones are not ranked."""
    tables: list[str] = []
    low, high = extent(comparison["rows"])
    for condition, rows in parts(comparison).items():
        found = columns(comparison, rows, symbols)
        header = [_given(condition), "bits/sample", "95 % interval", "", *list(found)[2:]]
        body: list[str] = []
        for index, row in enumerate(rows):
            value, ends, *others = [cells[index] for cells in found.values()]
            name = _name(row["name"])
            drawn = whisker(row, low, high, f"var(--{row['kind']})")
            rest = "".join(f"<td>{cell}</td>" for cell in (ends, drawn, *others))
            body.append(f'<tr class="{row["kind"]}">{name}<td class=main>{value}</td>{rest}</tr>')
        tables.append(_table(header, body))
    return "<h2>The table</h2>\n<div class=scroll>" + "\n".join(tables) + "</div>"


def _charts(comparison: CompareResult) -> str:
    """A chart of bars for each condition."""
    charts = [
        "\n".join([f'<p class="soft">{escape(_given(condition))}</p>' if condition else "", bars(rows)]).strip()
        for condition, rows in parts(comparison).items()
    ]
    return "<h2>Bits per sample</h2>\n" + "\n".join(charts)


def _given(condition: str | None) -> str:
    return "" if condition is None else f"given {condition}"


def _table(header: Sequence[str], body: Sequence[str]) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f"<table><tr>{heads}</tr>\n" + "\n".join(body) + "</table>"


def _name(name: str) -> str:
    return f'<td title="{escape(name, quote=True)}">{escape(shortened(name, 34))}</td>'


def _missing(comparison: CompareResult) -> str:
    """The baselines that could not run, each with its reason."""
    return "\n".join(
        f'<p class="soft">Missing: {escape(each["name"])}: {escape(each["why"])}</p>' for each in comparison["missing"]
    )


def _differences(comparison: CompareResult) -> str:
    tables: list[str] = []
    for title, group in differences(comparison).items():
        low, high = extent(group)
        low, high = min(low, 0), max(high, 0)
        body: list[str] = []
        for row in group:
            drawn = whisker(row, low, high, "var(--model)", 260)
            value = f"{row['bits_per_sample']:+.3f}"
            ends = interval(row["low"], row["high"], "+")
            body.append(f"<tr>{_name(row['a'])}<td class=main>{value}</td><td>{ends}</td><td>{drawn}</td></tr>")
        tables.append(_table([title, "bits/sample", "95 % interval", ""], body))
    if not tables:
        return ""
    return "<h2>Differences over the same files</h2>\n<div class=scroll>" + "\n".join(tables) + "</div>"


def _guide(text: str) -> str:
    """The terms with their meanings; of the rarer ones those that the page uses."""
    terms = GUIDE | {term: meaning for term, meaning in RARER.items() if term in text}
    meanings = "\n".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in terms.items())
    return f"<h2>How to read this</h2>\n<dl>{meanings}</dl>"


def _sound(sound: Sound) -> str:
    wav = base64.b64encode(sound.wav.read_bytes()).decode("ascii")
    drawn = ""
    if sound.picture is not None:
        png = base64.b64encode(sound.picture.read_bytes()).decode("ascii")
        alt = escape(f"spectrogram and surprisal of {sound.title}", quote=True)
        drawn = f'<img alt="{alt}" src="data:image/png;base64,{png}">'
    player = f'<audio controls preload="metadata" src="data:audio/wav;base64,{wav}"></audio>'
    return f"<figure><figcaption>{escape(sound.title)}</figcaption>{player}{drawn}</figure>"


def _provenance(comparison: CompareResult) -> str:
    """Where the numbers come from: corpus, models' hashes, seeds and samples seen."""
    lines = [
        f"<p>Corpus <code>{escape(comparison['corpus_fingerprint'])}</code>, {escape(comparison['split'])} split, "
        f"{comparison['files']} files, {comparison['samples']:,} samples; wavegen {__version__}.</p>"
    ]
    for row in comparison["rows"]:
        if row["kind"] == "model":
            lines.append(
                f"<p>{escape(row['name'])}: weights <code>{escape(str(row['weights_hash']))}</code>, "
                f"{count(row['model_bytes'])} bytes of weights, seed {escape(str(row['seed']))}, "
                f"{count(row['samples_seen'])} samples seen in {count(row['steps'])} steps.</p>"
            )
    return '<h2>Where the numbers come from</h2>\n<div class="soft">' + "\n".join(lines) + "</div>"
