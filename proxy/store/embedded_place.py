"""Where the embedded Valkey lives: its data_dir, its locks and its socket.

Two locks keep order between processes; both are flocks, which the kernel lets go when their holder ends, however it
ends, so that a stale one cannot exist. `owner.lock` is held by the one process that starts, restarts and ends the server.
`server.lock` is held *by the server itself*: the file is opened here and handed down through the exec. Whoever gets
it therefore knows that no server has the append-only file open, and may start one; nobody else may.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = "valkey.sock"
SOCKET_PATH_LIMIT = 100
"""Bytes. `sockaddr_un` holds 108 on Linux and 104 on macOS, the closing zero included."""

_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()


class StoreStartError(Exception):
    """The embedded store cannot be started or reached; the text is one readable line for the operator."""


class Lock:
    """A flock that this process holds."""

    __slots__ = ("__weakref__", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        _HELD.add(self)

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """Take the lock on `path` (made if absent), or None if somebody else holds it.

        Raises:
            StoreStartError: the file cannot be written, or its file system has no locks.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreStartError(f"{path}: cannot be opened for writing ({error.strerror})") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError as error:
            os.close(fd)
            raise StoreStartError(f"{path}: cannot be locked ({error.strerror})") from error
        return cls(fd)

    def release(self) -> None:
        """Close our copy of it. The lock itself is free once every process that inherited it has ended."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _drop_inherited() -> None:
    """In a fork without exec (a multiprocessing worker): owning is not inherited."""
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_drop_inherited)


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of one embedded store.

    Attributes:
        root: data_dir, absolute and without symbolic links.
        socket: where a server that is started from here listens; short enough for every system.
    """

    root: Path
    socket: Path

    @property
    def owner_lock(self) -> Path:
        """Held by the process that looks after the server."""
        return self.root / "owner.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server itself."""
        return self.root / "server.lock"

    @property
    def log(self) -> Path:
        """The server's own log: starts, ends, rewrites; nothing of any visitor."""
        return self.root / "valkey.log"

    @property
    def _note(self) -> Path:
        return self.root / "socket.path"

    def sockets(self) -> list[Path]:
        """Where a running server may be listening, the likelier place first.

        Another place than ours is possible only when the socket is not in data_dir: the other process then had
        another TMPDIR, or data_dir has been moved since.
        """
        own = [self.socket] if self.socket.parent == self.root or _is_private(self.socket.parent) else []
        noted = self._noted()
        return own if noted is None or noted in own else [noted, *own]

    def make_way(self) -> None:
        """Make the socket's path free for a server, which must hold `server_lock`.

        A socket outside data_dir is written down, for processes that would look for it elsewhere.

        Raises:
            StoreStartError: the socket's directory is not ours alone, or data_dir cannot be written.
        """
        try:
            if self.socket.parent == self.root:
                self._note.unlink(missing_ok=True)
            else:
                _make_private(self.socket.parent)
                # With the lock's inode: in a copy of data_dir the note must not lead to the original's server.
                self._note.write_text(f"{self.owner_lock.stat().st_ino} {self.socket}\n", encoding="utf-8")
            self.socket.unlink(missing_ok=True)
        except OSError as error:
            raise StoreStartError(f"{self.root}: cannot be written ({error.strerror})") from error

    def forget_socket(self) -> None:
        """Remove what an ended server left; a data_dir that is gone or read-only by now is no reason to fail."""
        with suppress(OSError):
            self.socket.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
            if self.socket.parent != self.root:
                self.socket.parent.rmdir()

    def _noted(self) -> Path | None:
        try:
            inode, _, path = self._note.read_text(encoding="utf-8").rstrip("\n").partition(" ")
            if inode != str(self.owner_lock.stat().st_ino):
                return None
        except (OSError, UnicodeDecodeError):
            return None
        return Path(path) if _is_private(Path(path).parent) else None


def prepare(data_dir: Path) -> Place:
    """Make `data_dir` (mode 0700) if it is absent, and choose the socket's path.

    Raises:
        StoreStartError: it cannot be made or is no directory, or no short path for the socket is to be had.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = data_dir.resolve(strict=True)
    except OSError as error:
        raise StoreStartError(f"data_dir {data_dir}: cannot be made ({error.strerror})") from error
    socket = root / SOCKET_NAME
    return Place(root, socket if _fits(socket) else _short_socket(root))


def _short_socket(root: Path) -> Path:
    """Choose a path under the temporary directory, the same for every process of this user and data_dir."""
    name = f"sayso-{os.geteuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}"
    for base in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")):  # noqa: S108 - the directory is checked below
        socket = base / name / SOCKET_NAME
        if _fits(socket):
            return socket
    raise StoreStartError(
        f"data_dir {root}: no socket path under {SOCKET_PATH_LIMIT} bytes; choose a shorter one"
    )


def _fits(socket: Path) -> bool:
    return len(os.fsencode(socket)) < SOCKET_PATH_LIMIT


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreStartError(f"{directory}: cannot be made ({error.strerror})") from error
    # Anybody may have made that name before us: in a directory of theirs they could replace the socket.
    if not _is_private(directory):
        raise StoreStartError(f"{directory}: is not a directory of this user alone; remove it")


def _is_private(directory: Path) -> bool:
    """Whether it is a real directory (no link) that is ours and that nobody else may enter."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.geteuid()
        and not stat.S_IMODE(found.st_mode) & 0o077
    )
