"""The canary's vendor: a listener on loopback that takes what Google Analytics would, and notes which events came."""

import asyncio
import logging
from typing import Any, Final, Self

import orjson
from aiohttp import web

log = logging.getLogger("sayso.canary")
_MOST: Final = 1000
_MOST_BYTES: Final = 1 << 17


class Sink:
    """``await sink.start()``; ``sink.origin`` then stands in for the vendor's host.

    It takes whatever comes, as Google does, and remembers the last thousand transaction ids.
    """

    def __init__(self) -> None:
        self.origin = ""
        self._runner: web.ServerRunner | None = None
        self._came: dict[str, asyncio.Event] = {}

    async def start(self) -> Self:
        """Listen on a free port."""
        self._runner = web.ServerRunner(web.Server(self._take), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.origin = f"http://{host}:{port}"
        return self

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def came(self, order: str) -> bool:
        """Tell whether an order has arrived."""
        found = self._came.get(order)
        return found is not None and found.is_set()

    async def wait(self, order: str, within_s: float) -> bool:
        """Wait for an order; tell whether it came in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._event(order).wait()
        except TimeoutError:
            return False
        return True

    def _event(self, order: str) -> asyncio.Event:
        while len(self._came) >= _MOST:
            del self._came[next(iter(self._came))]
        return self._came.setdefault(order, asyncio.Event())

    async def _take(self, request: web.BaseRequest) -> web.Response:
        if (request.content_length or 0) <= _MOST_BYTES:
            for order in _orders_in(await request.read()):
                self._event(order).set()
        return web.Response(status=204)


def _orders_in(body: bytes) -> list[str]:
    """Return the transaction ids in a Measurement Protocol body; none where it is none."""
    try:
        events: Any = orjson.loads(body)["events"]
        return [str(one["params"]["transaction_id"]) for one in events]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
