"""The training provenance in a model's file, and the check that the recordings are those that were prepared."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from wavegen.data.corpus import Corpus
from wavegen.data.verification import Verification
from wavegen.models import training_provenance
from wavegen.models.metadata import Metadata
from wavegen.models.ranges import RANGES, Ranges
from wavegen.training.distributed import Processes

USED = ("train", "validation")  # splits
MAX_RECORDINGS = 1000  # of the training split, evenly spread, whose level, DC and bandwidth are measured
MAX_SAMPLES = 2**26  # of them all, some two seconds of measuring


def check_recordings(corpus: Corpus, processes: Processes, progress: bool) -> None:
    """Raises UserError unless the training and validation recordings are those that were prepared.

    Each machine reads its own copy, which its processes share; none waits for another longer than a round.
    """
    environment = os.environ if processes.world > 1 else {}
    here = int(environment.get("LOCAL_RANK", "0")), int(environment.get("LOCAL_WORLD_SIZE", "1"))
    if here[0] >= here[1]:  # without LOCAL_WORLD_SIZE each reads all
        here = 0, 1
    verification = Verification(corpus, USED, *here, progress=progress and processes.first)
    rounds = verification.rounds()
    done = False
    while not done:
        with processes.agreed():
            ended = next(rounds, StopIteration) is StopIteration
        done = all(processes.gathered(ended))
    with contextlib.suppress(OSError):
        verification.stamp()


def origin(corpus: Corpus) -> Metadata:
    """The training provenance and training ranges in the metadata of this corpus's models."""
    hashes = ((recording.content_hash for recording in corpus.split(split)) for split in USED)
    found = training_provenance.entries(*hashes)
    found[RANGES] = Ranges.of(list(_figures(corpus))).encode()
    if "cut" in corpus.audit:
        found[training_provenance.CUT] = corpus.audit["cut"]["seconds"]
    return found


def _figures(corpus: Corpus) -> Iterator[dict[str, float]]:
    recordings = corpus.pcms("train")
    number = min(MAX_RECORDINGS, len(recordings))
    for index in range(0, len(recordings), -(-len(recordings) // number)):
        yield corpus.form.figures(recordings[index], MAX_SAMPLES // number)
