"""Compresses recordings with a model, restores them, compares every byte, and sets the sizes beside FLAC's.

    recipes/asterisk/get.sh en sounds
    wavegen prepare sounds corpus
    wavegen train recipes/asterisk/wavenet.toml --corpus corpus --run runs/wavenet
    python recipes/asterisk/proof.py runs/wavenet corpus sounds others

Every file of the corpus's test split, and ten files of each other voice and of the music that get.sh knows, got into
others/NAME where they are not there yet. The sizes are of whole files, headers and checksums included, but for FLAC's
and WavPack's, which are counted without.
"""

from __future__ import annotations

import filecmp
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from anomalies import OTHERS, OTHERS_HELP, opened, parsed, shuffled

from wavegen import compress, decompress
from wavegen.audio import files as audio_files
from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus
from wavegen.errors import UserError
from wavegen.evaluation.baselines import BASELINES
from wavegen.models.audio import AudioModel
from wavegen.reports.tables import bits, table

FILES = 10  # of each other set
CODERS = [baseline for baseline in BASELINES if baseline.name in ("FLAC", "WavPack -hhx6")]


def sets(corpus: Corpus, sounds: Path, others: Path) -> Iterator[tuple[str, list[Path]]]:
    """The name of each set and its files. Raises UserError where they are not where the corpus was made from."""
    test = [sounds / recording.id for recording in corpus.split("test")]
    for path in test:
        if not path.is_file():
            raise UserError(f"{path}: no such file; give the folder that {corpus.path} was prepared from")
    yield "test split", test
    for name in OTHERS:
        yield name, list(islice(filter(_has_samples, shuffled(others, name)), FILES))


def _has_samples(path: Path) -> bool:
    try:
        return len(audio_files.read(path).pcm) > 0
    except UserError as error:  # `ru` has a file that holds no samples
        print(f"left out: {error}", file=sys.stderr)
        return False


def proof(model: AudioModel, name: str, files: Sequence[Path]) -> dict[str, Any]:
    """The row of one set. Raises RuntimeError unless every file comes back as it was."""
    with tempfile.TemporaryDirectory() as folder:
        small = [Path(folder, f"{index}.wgn") for index in range(len(files))]
        result = compress(model, list(zip(files, small, strict=True)), progress=True)
        back = [path.with_suffix(".wav") for path in small]
        decompress(model, list(zip(small, back, strict=True)), progress=True)
        for file, restored in zip(files, back, strict=True):
            if not filecmp.cmp(file, restored, shallow=False):
                raise RuntimeError(f"{file} did not come back as it was")
    read = [audio_files.read(file) for file in files]
    if any(each.channels > 1 for each in read):
        raise UserError(f"{name}: has files of several channels, which FLAC and WavPack are not measured on here")
    pcms = [each.pcm for each in read]
    row = {"set": name, "files": len(files), **{key: result[key] for key in ("samples", "bytes")}}
    for coder in CODERS:
        found = None if coder.missing() else float(coder.bits(pcms, model.sample_rate, []).sum()) / result["samples"]
        row[coder.name] = found and round(found, DIGITS)
    return row | {key: result[key] for key in ("bits_per_sample", "model_bits_per_sample", "precision", "model_bytes")}


def text(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    keys = [coder.name for coder in CODERS] + ["bits_per_sample", "model_bits_per_sample"]
    header = ["", "files", "samples", "bytes", *(coder.name for coder in CODERS), "wavegen", "the model's claim"]
    lines = [
        [row["set"], str(row["files"]), f"{row['samples']:,}", f"{row['bytes']:,}"]
        + ["–" if row[key] is None else bits(row[key]) for key in keys]
        for row in rows
    ]
    return table(header, lines)


def main() -> int:
    arguments = parsed(__doc__, sounds="the folder that the corpus was prepared from", others=OTHERS_HELP)
    try:
        model, corpus = opened(arguments)
        rows = [proof(model, name, files) for name, files in sets(corpus, arguments.sounds, arguments.others)]
    except UserError as error:
        print(f"proof.py: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"rows": rows}, allow_nan=False) if arguments.json else text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
