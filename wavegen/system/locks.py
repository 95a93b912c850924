"""Locks on folders in which one process at a time may work."""

from __future__ import annotations

import errno
import fcntl
import logging
from pathlib import Path
from typing import IO

_log = logging.getLogger("wavegen")
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)


def hold(lock: IO[str] | IO[bytes], folder: Path) -> bool:
    """Locks the open file `lock` of `folder` until it is closed; False if another process holds it.

    On a file system without locks (some of NFS and Lustre) a warning is logged and the work goes on.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        _log.warning(
            "wavegen: %s: cannot be locked: %s; see to it that no other process writes there", folder, error.strerror
        )
    return True
