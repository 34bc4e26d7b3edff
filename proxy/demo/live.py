"""The live view over HTTP: the feed as Server-Sent Events, and single requests as the twin keeps them."""

import asyncio

import orjson
from aiohttp import web

from proxy.demo.feed import Feed
from proxy.demo.parts import CLOSING, FEED, TWIN
from proxy.twin.recorder import Recorded
from proxy.twin.twin import Twin

_PULSE_S = 15.0
# What says how the request travelled to the twin, and nothing of what the vendor would be told.
_HOW_IT_TRAVELLED = frozenset({"host", "connection", "content-length", "accept-encoding"})


def find(twin: Twin, seq: int) -> Recorded | None:
    """Return a request that the twin still keeps."""
    record = next(twin.recorder.since(seq - 1), None) if seq > 0 else None
    return record if record is not None and record.seq == seq else None


async def feed(request: web.Request) -> web.StreamResponse:
    """Send every card, then each one that changes. A slow reader costs no memory: it gets a card as it is by then."""
    source, closing = request.app[FEED], request.app[CLOSING]
    last = request.headers.get("Last-Event-ID", "")
    version = int(last) if last.isdecimal() and len(last) < 16 else 0
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    try:
        await response.write(b"retry: 1000\n\n")
        while not closing.is_set():
            for card in source.since(version):
                version = card.version
                await response.write(b"id: %d\ndata: %s\n\n" % (version, orjson.dumps(card.view())))
            if not await _wait(source, version, closing):
                await response.write(b": still here\n\n")
    except ConnectionResetError:
        return response  # the page was closed, as pages are
    return response


async def _wait(source: Feed, version: int, closing: asyncio.Event) -> bool:
    """Wait for a change after a version, or the end; False after a while without either."""
    waits = {asyncio.ensure_future(source.changed(version)), asyncio.ensure_future(closing.wait())}
    try:
        done, _ = await asyncio.wait(waits, timeout=_PULSE_S, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for one in waits:
            one.cancel()


async def one_request(request: web.Request) -> web.Response:
    """Show one request as the vendor would have got it."""
    record = find(request.app[TWIN], int(request.match_info["seq"]))
    if record is None:
        raise web.HTTPNotFound
    view = record.view()
    shown = {
        "method": record.method,
        "url": f"https://{record.host}{record.path}",
        "query": view["params"],
        "headers": [pair for pair in record.headers if pair[0] not in _HOW_IT_TRAVELLED],
        "body": view["body"],
        "json": view["json"],
        "status": record.status,
        "errors": record.errors,
        "fault": record.fault,
    }
    return web.Response(body=orjson.dumps(shown), content_type="application/json")
