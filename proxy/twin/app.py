"""The twin as an aiohttp application, and a running one for tests and the demo."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from aiohttp import web

from proxy.twin.control import add_control
from proxy.twin.faults import Fault
from proxy.twin.keys import CLOSING, TWIN
from proxy.twin.reply import JSON_TYPE, Reply
from proxy.twin.request import TwinRequest
from proxy.twin.twin import Twin

MAX_BODY = 32 * 1024 * 1024
SEQ_HEADER = "X-Twin-Seq"
"""On every answer of a vendor: the number under which the request is recorded."""
_HANG_CHECK_SECONDS = 0.25


def make_twin(
    *,
    capacity: int = 10_000,
    record: bool = True,
    strict: bool = True,
    clock: Callable[[], float] = time.time,
) -> web.Application:
    """Make the application; the twin itself is at ``app[TWIN]``.

    Args:
        capacity: Most requests kept.
        record: Whether to keep requests, or only count them.
        strict: Whether to check events as the vendors do.
        clock: Unix seconds.
    """
    app = web.Application(client_max_size=MAX_BODY)
    app[TWIN] = Twin(capacity=capacity, record=record, strict=strict, clock=clock)
    app[CLOSING] = asyncio.Event()
    app.on_shutdown.append(_close)
    add_control(app)
    app.router.add_route("*", "/{target:.*}", _answer)
    return app


async def _close(app: web.Application) -> None:
    app[CLOSING].set()


async def _answer(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    taken = TwinRequest(request.method, request.raw_path, request.raw_headers, body)
    twin = request.app[TWIN]
    reply, fault = twin.take(taken)
    reply = replace(reply, headers={**reply.headers, SEQ_HEADER: str(twin.recorder.seq)})
    if fault is None:
        return _response(reply)
    return await _act_out(request, reply, fault)


def _response(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body or None, headers=reply.headers)
    if reply.content_type:
        response.content_type = reply.content_type
        if reply.content_type == JSON_TYPE:
            response.charset = "utf-8"
    return response


async def _act_out(request: web.Request, reply: Reply, fault: Fault) -> web.StreamResponse:
    """Do to the connection what the fault says."""
    if fault.delay_ms:
        await asyncio.sleep(fault.delay_ms / 1000)
    if fault.hang:
        await _hang(request)
    if fault.hang or fault.reset:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)  # goes nowhere: the connection is gone
    if fault.truncate:
        return await _truncate(request, reply)
    return _response(reply)


async def _hang(request: web.Request) -> None:
    """Wait until the client gives up or the twin stops."""
    closing = request.app[CLOSING]
    while request.transport is not None and not closing.is_set():
        try:
            await asyncio.wait_for(closing.wait(), _HANG_CHECK_SECONDS)
        except TimeoutError:
            continue


async def _truncate(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Declare a body and breaks off in the middle of it."""
    body = reply.body or b"{}"
    response = web.StreamResponse(status=200 if reply.status == 204 else reply.status, headers=reply.headers)
    response.content_type = reply.content_type or JSON_TYPE
    response.content_length = len(body) * 2
    await response.prepare(request)
    await response.write(body[: len(body) // 2 + 1])
    if request.transport is not None:
        request.transport.close()
    return response


class _Nameless(logging.Filter):
    """Takes client addresses and request lines out of aiohttp's own log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the kind of error and the line of code where it arose, nothing else."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None and not record.args:
            return True
        trace = error.__traceback__ if error else None
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        record.msg = f"error while answering a request: {type(error).__name__}{where}"
        record.args, record.exc_info, record.exc_text = (), None, None
        return True


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """A twin that listens.

    Attributes:
        twin: The twin, for looking at requests and setting faults in-process.
        url: ``http://HOST:PORT``, to be used as Sayso's ``[egress] origin``.
    """

    twin: Twin
    url: str
    _runner: web.AppRunner

    async def stop(self) -> None:
        """Stop listening and closes all connections."""
        await self._runner.cleanup()


async def start_twin(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    capacity: int = 10_000,
    record: bool = True,
    strict: bool = True,
    clock: Callable[[], float] = time.time,
) -> RunningTwin:
    """Start a twin on this event loop.

    Args:
        host: Address to listen on.
        port: Port; 0 = a free one.
        capacity: Most requests kept.
        record: Whether to keep requests, or only count them.
        strict: Whether to check events as the vendors do.
        clock: Unix seconds.

    Raises:
        OSError: The address is not free.
    """
    app = make_twin(capacity=capacity, record=record, strict=strict, clock=clock)
    logger = logging.getLogger("sayso.twin")
    if not any(isinstance(item, _Nameless) for item in logger.filters):
        logger.addFilter(_Nameless())
    runner = web.AppRunner(app, access_log=None, logger=logger, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    bound_host, bound_port = runner.addresses[0][:2]
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    return RunningTwin(app[TWIN], f"http://{shown}:{bound_port}", runner)
