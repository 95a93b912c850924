"""Computes frames of recordings into a file, in this process or in several."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data.corpus import open_corpus
from wavegen.data.frame_plan import HEADER, ITEM, Plan
from wavegen.errors import UserError
from wavegen.system.machine import cpus

if TYPE_CHECKING:
    Process = subprocess.Popen[bytes]

# Samples for which another process is worth its start, of mel spectrograms alone and with F0, which takes far longer.
SAMPLES_EACH, SAMPLES_EACH_WITH_F0 = 2**26, 2**22
AT_ONCE = 256  # recordings that each process is given before all are waited for
CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from wavegen.data.frame_workers import serve; serve()"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class Writer:
    """Computes frames of recordings and writes them where they belong; several may write one file.

    `values` is the file of the plan, of its size, and `done` one of a byte for each recording.
    """

    def __init__(self, plan: Plan, values: Path, done: Path):
        self.plan = plan
        self.values, self.done = (os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in (values, done))

    def close(self) -> None:
        os.close(self.values)
        os.close(self.done)

    def write(self, number: int) -> None:
        """Those of one recording, which is then marked. Raises OSError."""
        plan = self.plan
        found = frames(plan.corpus.pcm(plan.corpus.recordings[number]), plan.settings)
        assert len(found) == plan.lengths[number], "as many as were counted on"
        data = memoryview(found.astype(ITEM, copy=False).tobytes())
        offset = HEADER + int(plan.starts[number]) * ITEM.itemsize * plan.settings.channels
        while data:  # a disk that is nearly full takes a part
            written = os.pwrite(self.values, data, offset)
            data = data[written:]
            offset += written
        os.pwrite(self.done, b"\1", number)


def compute(
    plan: Plan, values: Path, done: Path, numbers: Sequence[int], processes: int | None = None
) -> Generator[int, None, None]:
    """Computes the frames of the recordings with these numbers, and yields each number once it is marked.

    `processes` defaults to as many CPUs as have enough to do. Raises UserError if one of them ends before its time,
    OSError if the file cannot be written.
    """
    if processes is None:
        samples = int(plan.corpus.recordings.rows["samples"][numbers].sum())
        processes = min(cpus(), samples // (SAMPLES_EACH_WITH_F0 if plan.settings.f0 else SAMPLES_EACH))
    if processes < 2:
        with contextlib.closing(Writer(plan, values, done)) as writer:
            for number in numbers:
                writer.write(number)
                yield number
        return
    idle: queue.SimpleQueue[Process] = queue.SimpleQueue()
    with ThreadPoolExecutor(processes) as threads, _started(plan, values, done, processes) as started:
        for process in started:
            idle.put(process)
        for first in range(0, len(numbers), AT_ONCE * processes):
            some = numbers[first : first + AT_ONCE * processes]
            for task in as_completed([threads.submit(_asked, plan, idle, number) for number in some]):
                yield task.result()


@contextlib.contextmanager
def _started(plan: Plan, values: Path, done: Path, processes: int) -> Iterator[list[Process]]:
    """Processes that compute; they end with the block, or with this process, however that ends."""
    # Not multiprocessing, which would run the caller's script again in each. Ctrl-C is for this process alone.
    job = {"settings": asdict(plan.settings), "files": [str(plan.corpus.path), str(values), str(done)]}
    command = [sys.executable, "-c", CODE, json.dumps(sys.path), json.dumps(job)]
    pipe = subprocess.PIPE
    started: list[Process] = []
    try:
        for _ in range(processes):
            started.append(
                subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True, env=os.environ | ONE_THREAD)
            )
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate()


def _asked(plan: Plan, idle: queue.SimpleQueue[Process], number: int) -> int:
    """Lets a process that has nothing to do compute a recording's frames; gives the recording's number."""
    process = idle.get()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):  # reading will tell
            process.stdin.write(f"{number}\n".encode())
            process.stdin.flush()
        answer = process.stdout.readline()
    finally:
        idle.put(process)
    if answer == b"done\n":
        return number
    if answer.startswith(b"OSError "):
        code = int(answer.split()[1])
        raise OSError(code, os.strerror(code))
    raise _died(process, plan.corpus.recordings[number].id)


def _died(process: Process, name: str) -> UserError:
    code = process.wait()
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    cause = ", as the system does where memory is short" if code == -signal.SIGKILL else ""
    return UserError(f"{name}: the process that computed the frames of this recording {how}{cause}")


def serve() -> None:
    """Computes the frames of the recordings whose numbers come on stdin, until it ends."""
    job = json.loads(sys.argv[2])
    corpus, values, done = map(Path, job["files"])
    plan = Plan(open_corpus(corpus), FrameSettings(**job["settings"]))
    with contextlib.suppress(BrokenPipeError), contextlib.closing(Writer(plan, values, done)) as writer:
        for line in sys.stdin:
            try:
                writer.write(int(line))
                answer = "done"
            except OSError as error:
                answer = f"OSError {error.errno}"
            print(answer, flush=True)
    os._exit(0)  # what nobody reads any more needs no farewell
