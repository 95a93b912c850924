"""Puts a trained model into the box: a file that is at home on no corpus, and knows every recording it has heard.

    python recipes/asterisk/box.py runs/allison corpus-allison wavegen/models/allison.safetensors

Other models are compared on their own corpus only. This one may be compared on any whose recordings it has not heard:
it keeps the start of the content hash of each that it was trained or validated on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wavegen.checkpoint import load, save
from wavegen.comparison import check_fit
from wavegen.data.corpus import open_corpus
from wavegen.errors import UserError
from wavegen.evaluation import HASH_DIGITS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="the run folder of allison.toml on what without_speech.py linked")
    parser.add_argument("corpus", type=Path, help="that corpus")
    parser.add_argument("model", type=Path, help="the file to write; its card stands beside it")
    arguments = parser.parse_args()
    model, corpus = load(arguments.run), open_corpus(arguments.corpus)
    check_fit({arguments.run.name: model}, corpus)
    heard = " ".join(entry.content_hash[:HASH_DIGITS] for entry in corpus.recordings if entry.split != "test")
    save(model, arguments.model, {**model.metadata, "corpus_fingerprint": None, "heard": heard})
    print(f"{arguments.model}: {model.num_parameters} parameters, weights {model.metadata['weights_hash']}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"box.py: {error}")
