"""Reads the listed recordings, in this process or in several, and gives them in the order of the list."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.cutting import piece_lengths
from wavegen.audio.examination.examiner import SILENCE_SECONDS, silent_samples
from wavegen.data.preparing.fingerprints import landmarks
from wavegen.data.preparing.layouts.base import Listed
from wavegen.data.preparing.lines import Done, Line, Piece, Planned
from wavegen.data.preparing.workfolder import KeptWorkError
from wavegen.errors import UserError

SHORTEST_SECONDS = 0.1
SHARE_BYTES, SHARE_FILES = 2**22, 64  # of files that a process reads before it hands over, unless one is larger
SHARES_EACH = 4  # fewer are not worth starting another process
COUNTS = np.dtype("<i8")
BLOCK = 2**20  # bytes of samples that are handed on at a time
AHEAD = 2  # shares that a process has before it
CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from wavegen.data.preparing.reading import serve; serve()"
)


@dataclass(frozen=True)
class ReadingJob:
    """A job of reading: `plan` is a file of JSON lines, one for each recording, as `planned` makes them."""

    plan: str
    sample_rate: int
    split_by: str | None
    cut: float | None = None  # seconds of the pieces that recordings are cut into


class Read(NamedTuple):
    """A listed recording as it was read: a JSON object, and its samples in blocks, (n,) int16; none if it was refused.

    The blocks come once, and before the next recording. The last of a share brings how often each code occurs in all
    of it, (65536,); counting is for those who read.
    """

    line: Line
    blocks: Iterable[np.ndarray]
    counts: np.ndarray | None = None


class Share(NamedTuple):
    """Recordings that one process reads together: where their lines start in the plan, in bytes, and how many."""

    start: int
    number: int


def planned(listed: Listed, source: Path, state: Sequence[int] | None = None) -> Planned:
    """A line of the plan; `state`, size and time of change, tells whether the file is still the same.

    The name within `source` is what the corpus keeps: it does not change when the folder is moved.
    """
    name = listed.path.name if listed.path == source else os.path.relpath(listed.path, source).replace(os.sep, "/")
    return {
        "id": listed.id,
        "path": str(listed.path),
        "split": listed.split,
        "speaker": listed.speaker,
        "transcript": listed.transcript,
        "part": listed.part,
        "source": name,
        "state": None if state is None else list(state),
    }


def shares(sizes: Sequence[int], starts: Sequence[int], first: int) -> list[Share]:
    """The plan's recordings from number `first` on in shares; `sizes` of the files and `starts` of their lines."""
    made: list[Share] = []
    gathered = 0
    for number in range(first, len(sizes)):
        if not made or gathered + sizes[number] > SHARE_BYTES or made[-1].number == SHARE_FILES:
            made.append(Share(starts[number], 0))
            gathered = 0
        made[-1] = Share(made[-1].start, made[-1].number + 1)
        gathered += sizes[number]
    return made


def read_shares(job: ReadingJob, these: Sequence[Share], processes: int) -> Generator[Read, None, None]:
    """Every recording of the shares in their order, whatever the number of processes.

    This process holds a block of one recording at a time, each other one share. Raises KeptWorkError if one of the
    others ends before its time.
    """
    processes = min(processes, len(these) // SHARES_EACH)
    if processes < 2:
        with open(job.plan, "rb") as plan:
            for share in these:
                yield from _read_share(job, plan, share)
        return
    with _started(job, processes) as readers:
        to_send = deque(these)
        for _ in range(AHEAD):
            for reader in readers:
                _send(reader, to_send)
        for turn, share in enumerate(these):
            reader = readers[turn % processes]
            for left in reversed(range(share.number)):
                died = functools.partial(_died, reader, job, share, share.number - left - 1)
                yield _receive(reader, died, last=not left)
            _send(reader, to_send)


def _read_share(job: ReadingJob, plan: IO[bytes], share: Share) -> Iterator[Read]:
    plan.seek(share.start)
    counts = np.zeros(65536, np.int64)
    for left in reversed(range(share.number)):
        # No variable here holds a recording while the next one is read.
        yield _counted(_read(json.loads(plan.readline()), job), counts, last=not left)


def _counted(read: Read, counts: np.ndarray, last: bool) -> Read:
    """Adds the codes of a recording to `counts`, (65536,), which the last one of a share hands over."""
    blocks = list(read.blocks)
    for pcm in blocks:
        counts += audio_files.count_codes(pcm)
    return Read(read.line, iter(blocks), counts if last else None)


def _read(line: Planned, job: ReadingJob) -> Read:
    """Reads one recording of the plan; what is wrong with it becomes part of the result."""
    path = Path(line["path"])
    try:
        sound = audio_files.read(path, job.sample_rate)
        if sound.seconds < SHORTEST_SECONDS:
            short = f"too short, {sound.seconds:.3f} s; recordings from {SHORTEST_SECONDS} s on are used"
            raise UserError(f"{path}: {short}")
        if job.split_by == "speaker" and line["speaker"] is None:
            raise UserError(f"{path}: lies in no speaker's folder; a split by speaker reads SOURCE/SPEAKER/…")
        return read_of(line, sound, job.cut)
    except UserError as error:
        return Read({**line, "refused": str(error)}, [])
    except MemoryError:
        short = "too little memory for its samples; free some, or cut it into shorter recordings"
        return Read({**line, "refused": f"{path}: {short}"}, [])


def read_of(line: Planned, sound: audio_files.Audio, cut: float | None = None) -> Read:
    """A line of the plan and what was found in its file; also in each piece of about `cut` seconds, if it is given."""
    content_hash = audio_files.content_hash(sound.pcm)
    done: Done = {**line, "samples": len(sound.pcm), "content_hash": content_hash, "figures": sound.figures}
    if cut is None:
        done["landmarks"] = landmarks(sound.pcm, sound.sample_rate)
    else:
        ends = np.cumsum(piece_lengths(sound.pcm, sound.sample_rate, cut))
        done["pieces"] = [_piece(pcm, sound.sample_rate) for pcm in np.split(sound.pcm, ends[:-1])]
    return Read(done, [sound.pcm])


def _piece(pcm: np.ndarray, sample_rate: int) -> Piece:
    return {
        "samples": len(pcm),
        "content_hash": audio_files.content_hash(pcm),
        "silent": silent_samples(pcm, max(2, round(SILENCE_SECONDS * sample_rate))),
        "landmarks": landmarks(pcm, sample_rate),
    }


@contextlib.contextmanager
def _started(job: ReadingJob, processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that read; they end with the block, or with this process, however that ends."""
    # Not multiprocessing, which would run the caller's script again in each. Ctrl-C is for this process alone.
    command = [sys.executable, "-c", CODE, json.dumps(sys.path), json.dumps(asdict(job))]
    pipe = subprocess.PIPE
    readers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            readers.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True))
        yield readers
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()


def _send(reader: subprocess.Popen[bytes], to_send: deque[Share]) -> None:
    if to_send:
        assert reader.stdin is not None
        start, number = to_send.popleft()
        with contextlib.suppress(BrokenPipeError):  # receiving will tell
            reader.stdin.write(f"{start} {number}\n".encode())
            reader.stdin.flush()


def _receive(reader: subprocess.Popen[bytes], died: Callable[[], UserError], last: bool) -> Read:
    """The next recording that a process hands over. Raises what `died` gives if it ends before."""

    def received(size: int) -> bytes:
        assert reader.stdout is not None
        if len(data := reader.stdout.read(size)) < size:
            raise died()
        return data

    def blocks(size: int) -> Iterator[np.ndarray]:
        for start in range(0, size, BLOCK):
            yield np.frombuffer(received(min(BLOCK, size - start)), "<i2")

    assert reader.stdout is not None
    header = reader.stdout.readline()
    if not header.endswith(b"\n"):
        raise died()
    line: Line = json.loads(header)
    counts = np.frombuffer(received(65536 * COUNTS.itemsize), COUNTS) if last else None
    return Read(line, blocks(0 if "refused" in line else 2 * line["samples"]), counts)


def _died(reader: subprocess.Popen[bytes], job: ReadingJob, share: Share, received: int) -> KeptWorkError:
    """The error for a reading process that ended before it handed over the recordings of `share` after `received`."""
    with open(job.plan, "rb") as plan:
        plan.seek(share.start)
        paths = [json.loads(plan.readline())["path"] for _ in range(share.number)][received:]
    code = reader.wait()
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    cause = ", as the system does where memory is short" if code == -signal.SIGKILL else ""
    more = f" or the {len(paths) - 1} files after it" if len(paths) > 1 else ""
    return KeptWorkError(
        f"{paths[0]}: the process that read this file{more} {how}{cause}; what was read is kept, and the same command "
        "goes on from there"
    )


def _hand_over(read: Read, out: BinaryIO) -> None:
    out.write(json.dumps(read.line).encode() + b"\n")
    out.write(b"" if read.counts is None else read.counts.astype(COUNTS).data)
    for pcm in read.blocks:
        out.write(np.ascontiguousarray(pcm, "<i2").data)


def serve() -> None:
    """Reads shares whose start and number come on stdin; their lines and samples go to stdout, until stdin ends."""
    job = ReadingJob(**json.loads(sys.argv[2]))
    out = sys.stdout.buffer
    with open(job.plan, "rb") as plan, contextlib.suppress(BrokenPipeError):
        for message in sys.stdin:
            for read in list(_read_share(job, plan, Share(*map(int, message.split())))):
                _hand_over(read, out)
            out.flush()
    os._exit(0)  # what nobody reads any more needs no farewell
