"""aiohttp's low-level server, made quiet about people.

aiohttp's own access log and its "Error handling request from" line both print the peer's address, and its answer to
a malformed request quotes the request's bytes. None of that leaves this module.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from proxy.reasons import Fault

if TYPE_CHECKING:
    import socket

MAX_BODY = 64 * 1024
MAX_HEADER = 64 * 1024
"""A full TCF string, and with it the Cookie header, is well above aiohttp's 8 kB."""

log = logging.getLogger("sayso.gateway")
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class QuietHandler(RequestHandler):
    """A connection whose errors name neither the peer nor a byte of what it sent."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed, or what failed."""
        kind = type(exc).__name__ if exc is not None else "unknown"
        if status >= 500:
            log.error("a request failed inside: %s at %s", kind, _place(exc))
        else:
            log.debug("a request could not be parsed: %s", kind)
        fault = Fault.INTERNAL if status >= 500 else Fault.MALFORMED
        detail = "it failed inside; try again" if status >= 500 else "this is not HTTP as we understand it"
        body = orjson.dumps({"reason": fault, "detail": detail})
        response = web.Response(status=status, body=body, content_type="application/json")
        response.force_close()
        return response

    def log_exception(self, *args: object, **kwargs: object) -> None:
        """Log that something went wrong, and where; aiohttp's own arguments hold the peer's address."""
        exc = kwargs.get("exc_info")
        kind = type(exc).__name__ if isinstance(exc, BaseException) else "unknown"
        log.error("a connection failed: %s at %s", kind, _place(exc))

    def log_debug(self, *args: object, **kwargs: object) -> None:
        """Say nothing: aiohttp's debug lines are about single connections."""

    def part(self, handler: Handler) -> None:
        """Have what comes from now on answered by another handler."""
        self._request_handler = handler


def _place(exc: object) -> str:
    """Name file and line of the innermost frame, and nothing that was in a variable."""
    trace = exc.__traceback__ if isinstance(exc, BaseException) else None
    where = "nowhere"
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where


class QuietServer(web.Server):
    """Makes ``QuietHandler`` connections."""

    def __call__(self) -> RequestHandler:
        """Make the handler of one connection."""
        return QuietHandler(self, loop=self._loop, **self._kwargs)

    def part(self) -> None:
        """Close each connection after its next answer, and say so in it: the client then opens a new one in time."""
        inner = self.request_handler

        async def parting(request: web.BaseRequest) -> web.StreamResponse:
            response = await inner(request)
            response.force_close()
            return response

        self.request_handler = parting
        for connection in self.connections:
            if isinstance(connection, QuietHandler):
                connection.part(parting)


def make_server(handler: Handler) -> QuietServer:
    """Make a server around one handler: no router, no access log, bounded bodies and headers."""
    loop = asyncio.get_running_loop()

    def request(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)

    return QuietServer(
        handler,
        request_factory=request,
        access_log=None,
        logger=log,
        max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER,
        lingering_time=2.0,
        keepalive_timeout=75.0,
        auto_decompress=False,
    )


async def listen(
    server: QuietServer, sock: "socket.socket", context: ssl.SSLContext | None = None
) -> asyncio.Server:
    """Serve on a socket that is already bound."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(server, sock=sock, ssl=context, backlog=1024)
