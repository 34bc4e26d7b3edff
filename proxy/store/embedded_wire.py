"""One raw connection to the embedded Valkey, for starting, watching and ending it.

No client library: the owner needs four commands, and must tell "loading", "nobody there" and "hangs" apart without
a pool or a retry policy in between. The same connection, left open, is how the server's end is noticed at once,
whoever its parent is: the kernel closes it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from enum import Enum
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_WAIT = 1.0
"""Seconds that a server may take to answer. A busy one needs milliseconds; one that is stopped never answers."""

POLL = 0.02
"""Seconds between two looks at a server that is starting or ending."""

PATIENCE = 10.0
"""Seconds without any answer after which a server is given up."""

_PEER = struct.Struct("3i")
"""Linux: `struct ucred` of SO_PEERCRED, process, user and group."""


class Silence(Enum):
    """Why there is no server to talk to."""

    NOBODY = "nobody answers"
    LOADING = "it is reading its append-only file"


class WireError(Exception):
    """The server refused a command, or the connection ended before it answered."""


class Wire:
    """An open connection; one command at a time."""

    __slots__ = ("_parser", "_reader", "_writer")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = hiredis.Reader(encoding="utf-8", errors="replace")

    @classmethod
    async def open(cls, path: Path) -> Wire:
        """Connect to the unix socket at `path`.

        Raises:
            OSError: nobody listens there, or it cannot be reached.
            TimeoutError: no answer within `ANSWER_WAIT` (an OSError as well).
        """
        async with asyncio.timeout(ANSWER_WAIT):
            return cls(*await asyncio.open_unix_connection(path))

    async def call(self, *words: str) -> object:
        """Send one command and return its answer: str, int, None or a list of these.

        Raises:
            WireError: the server's answer is an error (its words), or it closed the connection.
            OSError: the connection broke, or there was no answer within `ANSWER_WAIT`.
        """
        async with asyncio.timeout(ANSWER_WAIT):
            self._writer.write(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub knows one word only
            answer: object = False
            while (answer := self._parser.gets()) is False:
                chunk = await self._reader.read(65536)
                if not chunk:
                    raise WireError("the connection was closed")
                self._parser.feed(chunk)
        if isinstance(answer, hiredis.ReplyError):
            raise WireError(str(answer))
        return answer

    async def ended(self) -> None:
        """Wait until the server closes the connection, which it does by itself only when it ends."""
        try:
            while await self._reader.read(65536):
                continue
        except OSError:
            return

    async def server_pid(self) -> int:
        """Process id of the server, as this process sees it.

        The kernel is asked first (Linux): its answer is right across pid namespaces, such as two containers that
        share a data_dir, where `INFO server` names a process of another world.

        Raises:
            WireError: the server cannot tell.
            OSError: as for `call`.
        """
        raw: socket.socket | None = self._writer.get_extra_info("socket")
        if sys.platform == "linux" and raw is not None:
            pid: int = _PEER.unpack(raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[0]
            return pid
        for line in str(await self.call("INFO", "server")).splitlines():
            if line.startswith("process_id:"):
                return int(line.partition(":")[2])
        raise WireError("INFO server names no process_id")

    def close(self) -> None:
        """Hang up. Harmless when the connection has ended."""
        self._writer.close()


async def greet(path: Path) -> Wire | Silence:
    """Look whether a server answers at `path`.

    Returns:
        The open connection over which it said PONG, or why there is none. A server that takes the connection and
        stays silent for `ANSWER_WAIT` counts as nobody.
    """
    try:
        wire = await Wire.open(path)
    except OSError:
        return Silence.NOBODY
    reply = Silence.NOBODY
    try:
        if await wire.call("PING") == "PONG":
            return wire
    except WireError as error:
        if str(error).startswith("LOADING"):
            reply = Silence.LOADING
    except OSError:
        reply = Silence.NOBODY
    wire.close()
    return reply


class Patience:
    """How long one goes on asking for a server; renewed by every "I am loading", which may take minutes."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = asyncio.get_running_loop().time() + PATIENCE

    async def another(self, answer: Wire | Silence) -> bool:
        """Wait a moment before the next try; False when it has taken too long."""
        now = asyncio.get_running_loop().time()
        if answer is Silence.LOADING:
            self._until = now + PATIENCE
        await asyncio.sleep(POLL)
        return now < self._until
