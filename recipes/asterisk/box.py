"""Bundles a trained model: a file that belongs to no corpus, and names every recording that it was trained on.

    python recipes/asterisk/box.py runs/allison corpus-allison wavegen/assets/pretrained/allison.safetensors

Other models are compared on their own corpus only. This one may be compared on any whose held-out recordings it was
neither trained nor validated on: it keeps the start of the content hash of each that it was. In the place of the run, a
model that was bundled before is brought up to date; its weights stay what they are.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.verification import verify
from wavegen.errors import UserError
from wavegen.evaluation.checks import check_fit
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import load, save
from wavegen.models.training_provenance import SHORT, SHORT_DIGITS, TRAINED, HashSet
from wavegen.training.origin import USED, origin


def check_same(model: AudioModel, corpus: Corpus) -> None:
    """Raises UserError unless the corpus is the one whose recordings a bundled model names."""
    used = [entry.content_hash for split in USED for entry in corpus.split(split)]
    if SHORT in model.metadata and set(model.metadata[SHORT].split()) != {content[:SHORT_DIGITS] for content in used}:
        raise UserError(f"{corpus.path}: not the corpus that the model was trained on")
    training = HashSet.of(entry.content_hash for entry in corpus.split("train")).encode()
    if model.metadata.get(TRAINED, training) != training:
        raise UserError(f"{corpus.path}: not the corpus that the model was trained on")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="the run folder of allison.toml on what without_speech.py linked")
    parser.add_argument("corpus", type=Path, help="that corpus")
    parser.add_argument("model", type=Path, help="the file to write; its card stands beside it")
    arguments = parser.parse_args()
    model = load(arguments.run)
    corpus = open_corpus(arguments.corpus)
    check_fit({arguments.run.name: model}, corpus)
    check_same(model, corpus)
    verify(corpus, USED)
    kept = {key: value for key, value in model.metadata.items() if key != SHORT}
    save(model, arguments.model, {**kept, "corpus_fingerprint": None, **origin(corpus)})
    print(f"{arguments.model}: {model.num_parameters} parameters, weights {model.metadata['weights_hash']}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"box.py: {error}")
