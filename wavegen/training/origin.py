"""What a model's file says of the recordings that it was trained on, and the check that these are what was prepared."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from wavegen.data.corpus import Corpus
from wavegen.data.verification import Verification
from wavegen.models import training_provenance
from wavegen.models.ranges import RANGES, Ranges
from wavegen.training.distributed import Processes

USED = ("train", "validation")  # splits
MOST_RECORDINGS = 1000  # that are looked at for their level, DC and bandwidth, evenly spread over the training split
MOST_SAMPLES = 2**26  # of them all, some two seconds' work


def check_recordings(corpus: Corpus, processes: Processes, progress: bool) -> None:
    """Raises UserError unless the training and validation recordings are those that were prepared.

    Each machine reads its own copy, which its processes divide up; none waits for another for longer than a round.
    """
    environment = os.environ if processes.world > 1 else {}
    here = int(environment.get("LOCAL_RANK", "0")), int(environment.get("LOCAL_WORLD_SIZE", "1"))
    if here[0] >= here[1]:  # not told how many there are: each reads all
        here = 0, 1
    verification = Verification(corpus, USED, *here, progress=progress and processes.first)
    rounds = verification.rounds()
    done = False
    while not done:
        with processes.agreed():
            mine = next(rounds, StopIteration) is StopIteration
        done = all(processes.gathered(mine))
    with contextlib.suppress(OSError):
        verification.stamp()


def origin(corpus: Corpus) -> dict[str, str | float]:
    """The metadata of a model of this corpus that name its recordings, and say what their figures lie between."""
    hashes = ((recording.content_hash for recording in corpus.split(split)) for split in USED)
    cut = {training_provenance.CUT: corpus.audit["cut"]["seconds"]} if "cut" in corpus.audit else {}
    return {**training_provenance.entries(*hashes), RANGES: Ranges.of(list(_figures(corpus))).encode(), **cut}


def _figures(corpus: Corpus) -> Iterator[dict[str, float]]:
    recordings = corpus.pcms("train")
    number = min(MOST_RECORDINGS, len(recordings))
    for index in range(0, len(recordings), -(-len(recordings) // number)):
        yield corpus.form.figures(recordings[index], MOST_SAMPLES // number)
