"""Measures what opening a corpus of a thousand hours takes, and making its index. Not a test: run it by hand.

    python tests/by_hand/large_corpus.py FOLDER [RECORDINGS]

FOLDER comes to hold an index of that many recordings (500 000) of 7.2 s at 16 kHz beside 115 GB of PCM that are a
hole in the disk. What is printed are wall time and peak memory of fresh processes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from wavegen.data.preparing import gathering

SAMPLES, RATE = 115_200, 16_000
BEGIN = """
import resource, sys, time
def tell(what):
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{what:34} {time.monotonic() - begun:6.2f} s {memory:7.0f} MB")
begun = time.monotonic()
import numpy
if sys.argv[3:]:
    import torch
tell("imports")
begun = time.monotonic()
"""
END = "tell(sys.argv[2])\n"
OPEN = "from wavegen.data.corpus import open_corpus; corpus = open_corpus(sys.argv[1])\n"
FINISH = """
import json
from wavegen.data import finishing, gathering
from pathlib import Path
gathering.Gathering._take_up = lambda self: None  # 115 GB are not read
work = gathering.Gathering(Path(sys.argv[1]))
work.done.seek(0)
for line in work.done:
    work._note(json.loads(line))
work.audit.counts[100] = len(work.prefixes) * 115200
finishing.finish(work, finishing.Wanted(16000))
"""


def line(number: int) -> dict[str, object]:
    """What done.jsonl says of a recording, about as long as for LibriTTS."""
    name = f"train-clean-360/{number // 400}/{number // 50}/{number // 400}_{number // 50}_{number:06}_000000.wav"
    said = "and so it was that the whole of what he had to say on the matter came to nothing in the end"
    found = {"silent": 0, "clipped": 0, "lossy": False, "sample_rate": RATE, "source_rate": RATE, "channels": 1}
    return {
        "id": name,
        "path": f"/data/LibriTTS/{name}",
        "source": name,
        "split": None,
        "speaker": str(number // 400),
        "transcript": said,
        "part": "train-clean-360",
        "state": [230_444, 1_500_000_000_000_000_000],
        "samples": SAMPLES,
        "content_hash": hashlib.sha256(str(number // 2 if number < 2000 else number).encode()).hexdigest(),
        "figures": found | {"subtype": "PCM_16", "samples": SAMPLES, "peak": 9000, "mean": 0.0, "deviation": 900.0},
        "landmarks": hashlib.shake_256(str(number).encode()).hexdigest(256),
    }


def make(folder: Path, recordings: int) -> None:
    folder.mkdir(parents=True)
    with open(folder / gathering.DONE, "w", encoding="ascii") as file:
        file.writelines(json.dumps(line(number)) + "\n" for number in range(recordings))
    with open(folder / gathering.PCM, "wb") as file:
        file.truncate(2 * SAMPLES * recordings)
    measure("writing the index", FINISH, folder)


def measure(what: str, code: str, folder: Path, *imports: str) -> None:
    subprocess.run([sys.executable, "-c", BEGIN + code + END, folder, what, *imports], check=True)


def main() -> None:
    folder = Path(sys.argv[1])
    recordings = int(sys.argv[2]) if len(sys.argv) > 2 else 500_000
    if not folder.exists():
        make(folder, recordings)
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.0f} MB" for path in sorted(folder.iterdir()))
    print(f"{recordings} recordings: {sizes}")
    measure("open_corpus", OPEN, folder)
    measure("and 100 batches of windows", OPEN + WINDOWS, folder, "torch")
    measure("and every recording of a split", OPEN + 'sum(1 for _ in corpus.split("test"))\n', folder)


WINDOWS = """
from wavegen.training.windows import Windows
windows = Windows(corpus.pcms("train"), window=4096, context=1024, batch_size=8, seed=0)
for step in range(100):
    windows.batch(step)
"""

if __name__ == "__main__":
    main()
