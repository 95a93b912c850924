"""The exit code of a command, and the line that says why it failed."""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable

from wavegen.errors import UserError
from wavegen.system import limits, signals, streams
from wavegen.wording import visible

DONE, OUR_BUG, USER_ERROR, PIPE_CLOSED, SIGNALLED = 0, 1, 2, 141, 128
TRACEBACK = "WAVEGEN_TRACEBACK"
LIMITS = "ulimit -u, ulimit -v"  # of processes, each thread being one; of memory, of which each takes some
_NO_THREAD = re.compile("can't start new thread|cannot create thread|resource temporarily unavailable", re.IGNORECASE)


def ended(command: Callable[[], None]) -> int:
    """Runs `command` and gives its exit code: 0 done, 2 the user can fix it, 1 our bug, 128 and a signal's number."""
    try:
        with streams.prepared(), limits.guarded_imports(), warnings.catch_warnings(), signals.raising() as raiser:
            warnings.filterwarnings("ignore", "tqdm:disabling monitor support")  # a bar is drawn without that thread
            return _run(command, raiser)
    except KeyboardInterrupt as error:  # while the last line was being printed
        return SIGNALLED + signals.number_of(error)


def _run(command: Callable[[], None], raiser: signals.Raiser) -> int:
    try:
        streams.check_stdout()
        _flushed(command)
        return DONE
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", SIGNALLED + signals.number_of(error))
    except BrokenPipeError:
        streams.forget_stdout()
        return PIPE_CLOSED
    except Exception as error:
        if raiser.came is not None:  # a library has made another exception of it
            return _fail("interrupted", SIGNALLED + raiser.came)
        if isinstance(error, UserError):
            for problem in error.problems:
                _fail(problem, USER_ERROR)
            return USER_ERROR
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        if (what := refusal(error)) is not None:
            return _fail(what, USER_ERROR)
        what = f"internal error, {type(error).__name__}: {error}"
        return _fail(f"{what}; set {TRACEBACK}=1 to see where, and please report it", OUR_BUG)


def _flushed(command: Callable[[], None]) -> None:
    """Runs the command and flushes stdout after --help too, where argparse ignores a failure."""
    try:
        command()
    except SystemExit as end:
        if end.code == DONE:
            streams.say("", end="")
        raise


def refusal(error: BaseException) -> str | None:
    """The line for what the system refused, as memory or a file, or has not, as a library; None for other errors."""
    if limits.is_no_memory(error):
        detail = "" if isinstance(error, MemoryError) else f" ({error})"
        return f"too little memory{detail}; {limits.MORE_MEMORY}"
    of_no_file = isinstance(error, BlockingIOError) and error.filename is None
    if (of_no_file or isinstance(error, RuntimeError)) and _NO_THREAD.search(str(error)):
        return f"no more threads or processes can be started ({error}); end some, or raise the limits ({LIMITS})"
    if isinstance(error, OSError) and error.errno is not None:
        names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
        advice = "; change its permissions" if names and error.errno == errno.EACCES else ""
        return f"{' and '.join(names) or 'the system'}: {error.strerror or os.strerror(error.errno)}{advice}"
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] != "wavegen":
        return f"the Python module {error.name} is missing; `pip check` names what is to be installed"
    return None


def _fail(message: str, code: int) -> int:
    print(f"wavegen: {visible(' '.join(message.split()))}", file=sys.stderr)
    return code
