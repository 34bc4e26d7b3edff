"""The live view: each recorded request as a Server-Sent Event."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from proxy.twin.keys import CLOSING, TWIN

_PULSE_SECONDS = 15.0


async def stream(request: web.Request) -> web.StreamResponse:
    """Send ``event: request`` with the record as JSON and its seq as id, from now on.

    Query: ``vendor`` to see one only; ``since`` (or the header ``Last-Event-ID``) to begin after that seq. It reads
    from the ring, so a slow reader costs no memory: what has left the ring is told as ``event: missed`` with a count.

    Raises:
        ValueError: ``since`` is not a whole number.
    """
    recorder = request.app[TWIN].recorder
    vendor = request.query.get("vendor") or None
    last = int(request.query.get("since") or request.headers.get("Last-Event-ID") or recorder.seq)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    await response.write(b": the twin's live view\n\n")
    closing: asyncio.Future[Any] = asyncio.ensure_future(request.app[CLOSING].wait())
    try:
        while not closing.done():
            oldest = recorder.oldest
            if oldest > last + 1:
                await response.write(b"event: missed\ndata: %d\n\n" % (oldest - last - 1))
                last = oldest - 1
            until = recorder.seq  # more may come while we write
            for item in list(recorder.since(last, vendor)):
                await response.write(
                    b"event: request\nid: %d\ndata: %s\n\n" % (item.seq, orjson.dumps(item.view()))
                )
            last = until
            if recorder.seq == last:
                await _next(asyncio.ensure_future(recorder.changed()), closing, response)
    except ConnectionResetError:
        return response  # the reader went away, as readers do
    finally:
        closing.cancel()
    return response


async def _next(
    changed: asyncio.Future[Any], closing: asyncio.Future[Any], response: web.StreamResponse
) -> None:
    """Wait for a request or the end, with a comment now and then that shows whether the reader is still there."""
    try:
        done, _ = await asyncio.wait(
            {changed, closing}, timeout=_PULSE_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            await response.write(b": still here\n\n")
    finally:
        changed.cancel()
