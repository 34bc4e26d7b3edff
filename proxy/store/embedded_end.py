"""The orderly end of the embedded Valkey: everything on disk, the process gone, nothing left lying about."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.store.embedded_place import Lock, Place, StoreStartError
from proxy.store.embedded_wire import POLL, Wire, WireError, greet

if TYPE_CHECKING:
    import subprocess

_END_WAIT = 6.0
"""Seconds for an orderly end; the process that stops us has 10 in all."""
_KILL_WAIT = 2.0


async def end_server(place: Place, child: subprocess.Popen[bytes] | None) -> str:
    """End the server of `place` and remove its socket.

    Args:
        place: whose owner calls this.
        child: the server's process, or None if another process started it.

    Returns:
        "" if it ended by itself, otherwise what the operator should know.

    Raises:
        StoreStartError: data_dir cannot be written any more.
    """
    if child is None:
        await _ask(place)
    else:
        child.send_signal(signal.SIGTERM)
    trouble = ""
    try:
        lock = await _gone(place, child, _END_WAIT)
        if lock is None and child is not None:
            # With `always`, everything acknowledged is on disk already; with `everysec`, in the kernel's hands.
            child.kill()
            trouble = "did not end in time and was killed"
            lock = await _gone(place, child, _KILL_WAIT)
    except StoreStartError:  # data_dir was moved or removed under us; a socket elsewhere was not
        place.forget_socket()
        raise
    if lock is None:
        return "did not end; the next owner will adopt it"
    # Under the server's lock: the socket of a server that is just being started must not be removed.
    place.forget_socket()
    lock.release()
    return trouble


async def _ask(place: Place) -> None:
    """End an adopted server by command: it is no child of ours, so its pid might be somebody else's by now."""
    for path in place.sockets():
        answer = await greet(path)
        if isinstance(answer, Wire):
            with suppress(OSError, WireError):  # it closes the connection instead of answering
                await answer.call("SHUTDOWN")
            answer.close()


async def _gone(place: Place, child: subprocess.Popen[bytes] | None, seconds: float) -> Lock | None:
    """Wait until no server has the append-only file open, which is when its lock can be had."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                ended = child is None or child.poll() is not None
                lock = Lock.take(place.server_lock) if ended else None
                if lock is not None:
                    return lock
                await asyncio.sleep(POLL)
    return None
