"""Puts a trained model into the box: wavegen/models/NAME.safetensors, at home on no corpus.

    python recipes/asterisk/box.py runs/allison wavegen/models/allison.safetensors

A model that knows its corpus is compared on that corpus only. The one in the box has heard nothing that the English
set or the speech inside wavegen hold out, so it may be compared on both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wavegen.checkpoint import load, save
from wavegen.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="the run folder of allison.toml on what without_speech.py linked")
    parser.add_argument("model", type=Path, help="the file to write; its card stands beside it")
    arguments = parser.parse_args()
    model = load(arguments.run)
    save(model, arguments.model, {**model.metadata, "corpus_fingerprint": None})
    print(f"{arguments.model}: {model.num_parameters} parameters, weights {model.metadata['weights_hash']}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"box.py: {error}")
