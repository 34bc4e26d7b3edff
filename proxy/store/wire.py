"""One pipelined connection for our scripts: hiredis writes and reads, asyncio carries, answers come in order.

redis-py does everything else. On the hot path it costs as much as the rest of a request (see ADR 2), and what is needed
there is little: a command at a time, many under way. AUTH, SELECT and TLS are handled; cluster redirection is not.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis
from redis.exceptions import ConnectionError as GoneError
from redis.exceptions import NoScriptError, ResponseError

Arg = str | bytes | int | float


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where a store is, and how to log in. ``path`` is a unix socket's; then there is no host."""

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None
    user: str
    password: str
    database: int


def endpoint_of(url: str) -> Endpoint:
    """Read a ``redis://``, ``rediss://`` or ``unix://`` URL.

    Raises:
        ValueError: the port or the database is no number.
    """
    parts = urlsplit(url)
    database = parts.path.strip("/") if parts.scheme != "unix" else ""
    asked = parse_qs(parts.query).get("db", [""])[0]
    return Endpoint(
        host=parts.hostname or "localhost",
        port=parts.port or 6379,
        path=unquote(parts.path) if parts.scheme == "unix" else "",
        tls=_tls_of(parse_qs(parts.query)) if parts.scheme == "rediss" else None,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(asked or database or 0),
    )


def _tls_of(options: dict[str, list[str]]) -> ssl.SSLContext:
    """Read the TLS options of a URL, by redis-py's names, so that both connections are made alike."""
    told = {name: values[0] for name, values in options.items()}
    context = ssl.create_default_context(cafile=told.get("ssl_ca_certs"), capath=told.get("ssl_ca_path"))
    if told.get("ssl_check_hostname", "true").lower() in {"false", "0", "no"}:
        context.check_hostname = False
    if told.get("ssl_cert_reqs", "required") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in told:
        context.load_cert_chain(told["ssl_certfile"], told.get("ssl_keyfile"))
    return context


class _Pipe(asyncio.Protocol):
    """A connection. ``waiting`` are the answers that are still to come, in order."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader(protocolError=GoneError, replyError=_error)
        self.waiting: deque[asyncio.Future[Any]] = deque()
        self.transport: asyncio.WriteTransport | None = None

    @property
    def live(self) -> bool:
        """Whether it can be written to, as far as is known."""
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Give each answer to whoever waits longest."""
        self.reader.feed(data)
        try:
            while (reply := self.reader.gets()) is not False:
                future = self.waiting.popleft()
                if future.done():
                    continue
                if isinstance(reply, Exception):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)
        except (GoneError, IndexError):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits that no answer will come."""
        self.transport = None
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_exception(GoneError("the connection is gone"))
                future.exception()  # whoever waited may have given up

    def close(self) -> None:
        """Give the connection up; answers under way are lost."""
        if self.transport is not None:
            self.transport.abort()
            self.connection_lost(None)


def _error(message: str) -> ResponseError:
    return NoScriptError(message) if message.startswith("NOSCRIPT") else ResponseError(message)


class Wire:
    """Sends commands over one connection, opened when it is needed and again when it was lost.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._endpoint = endpoint_of(url)
        self._pipe: _Pipe | None = None
        self._opening = asyncio.Lock()

    async def call(self, *command: Arg) -> Any:  # a RESP value
        """Send a command and return its answer. Set a timeout around it: a hung server answers never.

        Raises:
            redis.exceptions.ConnectionError, OSError: the connection is gone; whether it was done is not known.
            redis.exceptions.ResponseError: the server refused it.
        """
        pipe = self._pipe
        if pipe is None or not pipe.live:
            pipe = await self.open()
        try:
            return await _send(pipe, command)
        except asyncio.CancelledError:
            # Given up, most often by a timeout: the server hangs, and what is asked next should not queue behind it.
            pipe.close()
            raise

    @property
    def live(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._pipe is not None and self._pipe.live

    async def open(self) -> _Pipe:
        """Open the connection if there is none; it is one when the server has run a script on it.

        Raises:
            redis.exceptions.ConnectionError, OSError: nobody answers there.
            redis.exceptions.ResponseError: the server does not let us in, or cannot do anything yet.
        """
        async with self._opening:
            pipe = self._pipe
            if pipe is not None and pipe.live:
                return pipe
            at = self._endpoint
            loop = asyncio.get_running_loop()
            if at.path:
                _, pipe = await loop.create_unix_connection(_Pipe, at.path)
            else:
                _, pipe = await loop.create_connection(_Pipe, at.host, at.port, ssl=at.tls)
            try:
                if at.password:
                    await _send(pipe, ("AUTH", *([at.user] if at.user else []), at.password))
                if at.database:
                    await _send(pipe, ("SELECT", at.database))
                # Not PING: a server whose writes are paused answers that.
                await _send(pipe, ("EVAL", "return 1", 0))
            except BaseException:  # raised again: a connection that is not logged in must not stay
                pipe.close()
                raise
            self._pipe = pipe
            return pipe

    def close(self) -> None:
        """Close the connection."""
        if self._pipe is not None:
            self._pipe.close()


async def _send(pipe: _Pipe, command: tuple[Arg, ...]) -> Any:
    if pipe.transport is None:
        raise GoneError("the connection is gone")
    # Packed first: were it to fail after that, every later answer would go to the one before whom it is meant for.
    packed = hiredis.pack_command(command)  # type: ignore[arg-type]  # any length, whatever its stub says
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    pipe.waiting.append(future)
    pipe.transport.write(packed)
    return await future
