"""The folder into which the processes of one start count, so that ``/metrics`` shows all of them together.

Each process maps files of its own, named by its process id (the Prometheus library's way). What a worker counted must go
on counting when it has gone, but a file for every worker that ever was would make each scrape slower than the one
before; so the files of those that are gone are folded into one.

A folder is locked while its owner lives, and the workers to which it has handed the lock; the kernel lets the lock go
however they end. A start therefore knows which folders nobody uses any more, whatever has become of process ids, and
removes them.
"""

import fcntl
import logging
import os
import shutil
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "sayso-metrics-"
OWNER: Final = "owner"
"""Name of the file that is locked."""
GONE: Final = "gone"
"""Stands where others' files have the process id."""
_KINDS: Final = ("counter", "histogram")
_locks: Final[dict[Path, int]] = {}
log = logging.getLogger("sayso")


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """Make a folder for as long as the context lasts; remove those that a killed process has left behind.

    Raises:
        OSError: no folder can be made.
    """
    _clear_away(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = None
    try:
        descriptor = _locks[folder] = _own(folder)
        yield folder
    finally:
        _locks.pop(folder, None)
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def lock_of(folder: Path) -> int:
    """Return the descriptor of a folder's lock. A worker keeps it: it may still be starting when its parent is killed."""
    return _locks[folder]


def _own(folder: Path) -> int:
    """Lock a folder. The file gets its name only once it is locked, so that nobody ever finds it unlocked too early."""
    early = folder / f"{OWNER}.new"
    descriptor = os.open(early, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return (
            descriptor  # a file system without locks: without the name, nobody will take it for left behind
        )
    early.rename(folder / OWNER)
    return descriptor


def _clear_away(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if _is_left_behind(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left_behind(folder: Path) -> bool:
    """Tell whether a folder was ours, and its owner is gone."""
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False  # not one of ours, not locked yet, or removed meanwhile
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # its owner lives
    finally:
        os.close(descriptor)
    return True


def fold(folder: Path, pid: int) -> None:
    """Add what a process counted to what all those counted that are gone, and remove its files.

    Call it once the process has ended, in the thread that answers scrapes, so that none sees a count twice or not at all.
    """
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415  # only after the folder is in the environment

    for kind in _KINDS:
        file = folder / f"{kind}_{pid}.db"
        if not file.exists():
            continue
        try:
            counted = [(key, value) for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file))]  # type: ignore[no-untyped-call]  # the library is only partly typed
        except (OSError, struct.error, UnicodeDecodeError, RuntimeError) as error:
            # It would spoil every scrape from now on.
            log.warning(
                "what process %d counted is lost: its file is damaged (%s)", pid, type(error).__name__
            )
            counted = []
        try:
            total = MmapedDict(str(folder / f"{kind}_{GONE}.db"))  # type: ignore[no-untyped-call]
        except OSError as error:  # the disk is full: it stays a file of its own
            log.warning("what process %d counted could not be folded (%s)", pid, error.strerror)
            continue
        for key, value in counted:
            total.write_value(key, total.read_value(key)[0] + value, 0.0)  # type: ignore[no-untyped-call]
        total.close()  # type: ignore[no-untyped-call]
        with suppress(FileNotFoundError):
            file.unlink()
