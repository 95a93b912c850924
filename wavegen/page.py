"""A report as one HTML file that needs nothing else: table, pictures, and recordings that play."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from wavegen import __version__
from wavegen.atomic import replacing
from wavegen.report import bits, count, duration, heading, interval


class Sound(NamedTuple):
    """A WAV file to play, what to call it, and a picture of it or None."""

    title: str
    wav: Path
    picture: Path | None = None


STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5d6878; --line: #d9dee6; --back: #fff; --card: #f6f8fa;
  --model: #1769aa; --baseline: #8a94a3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #333c49; --back: #14181e;
  --card: #1d232b; --model: #6cb6ff; --baseline: #8a94a3; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 62rem;
  margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p { max-width: 46rem; } .soft { color: var(--soft); } .lead { font-size: 1.1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .85rem; } th:first-child, td:first-child { text-align: left; }
tr.model td:first-child, td.main { font-weight: 600; } svg { display: block; }
.sounds { display: grid; gap: 1rem; } figure { margin: 0; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: .9rem 1rem; } figcaption { margin-bottom: .5rem; overflow-wrap: anywhere; }
audio { width: 100%; } img { width: 100%; height: auto; border-radius: .4rem; margin-top: .7rem; background: #fff; }
dt { font-weight: 600; margin-top: .7rem; } dd { margin: 0; max-width: 46rem; }
code { font-size: .88em; overflow-wrap: anywhere; }
"""

GUIDE = {
    "bits/sample": "How many bits the model needs on average to say which of the 65 536 codes comes next, over whole "
    "files that it was not trained on, from their first sample on. Lower is better; an unpacked WAV has 16.",
    "FLAC": "What the lossless coder needs for the same files, at its strongest setting and without its headers. "
    "A model below it knows more of the sound than a linear predictor does.",
    "training histogram": "Every code by its frequency in the training files, each for itself: no past is used.",
    "95 % interval": "Where the number would fall for other files of the same kind: 19 times out of 20 in there. It "
    "comes from drawing files anew (bootstrap). Of a difference it is paired: if zero is not inside, one is better.",
    "surprise": "The bits that each stretch of a recording costs. Silence is cheap; the start of a word is dear.",
    "MACs/sample": "Multiply-adds to compute one sample: what the number costs in generating.",
}


def page(comparison: Mapping[str, Any], sounds: Sequence[Sound] = (), title: str = "wavegen: bits per sample") -> str:
    """The whole page as a string; recordings and pictures are read and embedded."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(_verdict(comparison))}</p>',
        f'<p class="soft">{escape(heading(comparison))}</p>',
        _rows(comparison),
        _differences(comparison),
    ]
    if sounds:
        parts.append("<h2>Listen</h2>\n<div class=sounds>" + "\n".join(map(_sound, sounds)) + "</div>")
    guide = "\n".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in GUIDE.items())
    parts += [f"<h2>How to read this</h2>\n<dl>{guide}</dl>", _provenance(comparison)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def write_page(path: str | Path, *args: Any, **kwargs: Any) -> None:
    """Writes `page(…)` to a file, whole or not at all. Raises UserError."""
    text = page(*args, **kwargs)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")  # file names need not be text


def _verdict(comparison: Mapping[str, Any]) -> str:
    """One sentence: the best model, and how it stands to each baseline."""
    models = [row for row in comparison["rows"] if row["kind"] == "model"]
    best = (models or comparison["rows"])[0]
    best_of = {0: "", 1: "The model "}.get(len(models), "The best of the models, ")
    comma = "," if len(models) > 1 else ""
    sentence = f"{best_of}{best['name']}{comma} needs {bits(best['bits_per_sample'])} bits a sample"
    ratios = [
        f"{abs(ratio):.1%} {'less' if ratio >= 0 else 'more'} than {row['name']}"
        for row in comparison["rows"]
        if row["kind"] == "baseline" and row is not best
        for ratio in [1 - best["bits_per_sample"] / row["bits_per_sample"]]
    ]
    return sentence + (": " + ", ".join(ratios) if ratios else "") + "."


def _rows(comparison: Mapping[str, Any]) -> str:
    rows = comparison["rows"]
    ends = [end for row in rows for end in (row["low"], row["high"], row["bits_per_sample"]) if end is not None]
    low, high = min(ends), max(ends)
    body = "\n".join(
        f'<tr class="{row["kind"]}"><td>{escape(row["name"])}</td><td class=main>{bits(row["bits_per_sample"])}</td>'
        f"<td>{interval(row['low'], row['high'])}</td><td>{_whisker(row, low, high)}</td>"
        f"<td>{count(row['parameters'])}</td><td>{count(row['macs_per_sample'])}</td>"
        f"<td>{duration(row['training_seconds'])}</td></tr>"
        for row in rows
    )
    header = "".join(
        f"<th>{name}</th>" for name in ("", "bits/sample", "95 % interval", "", "parameters", "MACs/sample", "trained")
    )
    return f"<h2>The table</h2>\n<div class=scroll><table><tr>{header}</tr>\n{body}</table></div>"


def _whisker(row: Mapping[str, Any], low: float, high: float, width: int = 180) -> str:
    """The number as a dot and its interval as a line, on the scale that all rows share."""

    def place(value: float) -> float:
        return 6 + (width - 12) * (value - low) / (high - low or 1)

    colour = f"var(--{row['kind']})"
    line = ""
    if row["low"] is not None:
        line = f'<line x1="{place(row["low"]):.1f}" x2="{place(row["high"]):.1f}" y1="9" y2="9" stroke="{colour}"/>'
    label = escape(f"{row['name']}: {bits(row['bits_per_sample'])}", quote=True)
    dot = f'<circle cx="{place(row["bits_per_sample"]):.1f}" cy="9" r="4.5" fill="{colour}"/>'
    return f'<svg width="{width}" height="18" stroke-width="2" role="img" aria-label="{label}">{line}{dot}</svg>'


def _differences(comparison: Mapping[str, Any]) -> str:
    if not comparison["differences"]:
        return ""
    body = "\n".join(
        f"<tr><td>{escape(row['a'])} − {escape(row['b'])}</td><td class=main>{row['bits_per_sample']:+.3f}</td>"
        f"<td>{interval(row['low'], row['high'], '+')}</td></tr>"
        for row in comparison["differences"]
    )
    header = "<tr><th>difference over the same files</th><th>bits/sample</th><th>95 % interval</th></tr>"
    return f"<h2>Differences</h2>\n<div class=scroll><table>{header}\n{body}</table></div>"


def _sound(sound: Sound) -> str:
    wav = base64.b64encode(sound.wav.read_bytes()).decode("ascii")
    drawn = ""
    if sound.picture is not None:
        png = base64.b64encode(sound.picture.read_bytes()).decode("ascii")
        alt = escape(f"waveform, spectrogram and surprise of {sound.title}", quote=True)
        drawn = f'<img alt="{alt}" src="data:image/png;base64,{png}">'
    player = f'<audio controls preload="metadata" src="data:audio/wav;base64,{wav}"></audio>'
    return f"<figure><figcaption>{escape(sound.title)}</figcaption>{player}{drawn}</figure>"


def _provenance(comparison: Mapping[str, Any]) -> str:
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
