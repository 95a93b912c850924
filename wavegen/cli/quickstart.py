"""The command `quickstart`."""

from __future__ import annotations

import argparse
import shlex

from wavegen.cli.outputs import Result


def quickstart(args: argparse.Namespace) -> Result:
    """Trains, compares and draws; names commands to try next."""
    from wavegen.quickstart import BUNDLED, quickstart
    from wavegen.reports.tables import comparison_text, duration

    result = quickstart(args.out, args.minutes)
    model, real, recipe, corpus = (
        shlex.quote(str(args.out / name)) for name in ("wavenet", "real.wav", "wavenet/recipe.toml", "corpus")
    )
    lines = [
        comparison_text(result["table"]),
        "",
        f"done in {duration(result['seconds'])}; open {result['report']} to listen, look and read. Next, try:",
        "",
        f"  wavegen generate {BUNDLED} hello.wav",
        f"  wavegen generate {model} more.wav -n 3 --seconds 10 --seed 7",
        f"  wavegen score {model} {real} --plot surprisal.png",
        f"  wavegen train {recipe} --corpus {corpus} --run longer --set training.minutes=60",
    ]
    return result, "\n".join(lines)
