"""The whole way of an event in the test's own loop: a gateway, a delivery, the twin, and every byte between the last two.

``Whole`` starts them around a ``Rig``. What left is kept twice: as the twin understood it, request by request, and
as the very bytes that went over the wire.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from proxy.delivery.delivery import Delivery
from proxy.store.consents import Consents
from proxy.store.keys import outbox_keys
from proxy.twin.app import RunningTwin, start_twin
from proxy.twin.recorder import Recorded
from tests.support.delivery import FAST, TurnedClock
from tests.support.rig import Rig
from tests.support.waiting import wait_until

NOT_EVENTS = frozenset({"google_oauth"})
"""Vendor words of the twin under which no event is sent."""


class Tee:
    """A relay that keeps every byte that passes towards ``host:port``. ``origin`` is where to connect."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._kept: list[bytes] = []
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()
        self.origin = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.origin = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def sent(self) -> bytes:
        """Return all that has passed."""
        return b"".join(self._kept)

    def forget(self) -> None:
        """Begin anew."""
        self._kept.clear()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(
                self._copy(reader, inner_writer, keep=True), self._copy(inner_reader, writer, keep=False)
            )
        except ConnectionError:
            return  # either side may hang up as it likes
        finally:
            writer.close()
            inner_writer.close()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, keep: bool) -> None:
        while part := await source.read(65_536):
            if keep:
                self._kept.append(part)
            sink.write(part)
            await sink.drain()
        sink.write_eof()


class Whole:
    """``async with Whole(store_url, sites) as whole``: takes what ``Rig`` takes. Delivery starts with ``deliver``."""

    def __init__(self, store_url: str, *args: Any, **settings: Any) -> None:
        self.rig = Rig(store_url, *args, **settings)
        self.clock = TurnedClock()
        """Delivery's own; the gateway's is the rig's."""
        self.running: RunningTwin
        self.tee: Tee
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.rig)
            self.running = await start_twin()
            stack.push_async_callback(self.running.stop)
            host, _, port = self.running.url.removeprefix("http://").rpartition(":")
            self.tee = await stack.enter_async_context(Tee(host, int(port)))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def deliver(self, name: str = "w1", **settings: Any) -> Delivery:
        """Start a delivery; it is stopped at the end."""
        chosen: dict[str, Any] = {"linger_ms": 20, "timeout_s": 5.0, "pace": FAST, "clock": self.clock}
        delivery = Delivery(
            self.rig.sites,
            self.rig.store,
            Consents(self.rig.store),
            partitions=self.rig.settings.store.partitions,
            origin=self.tee.origin,
            worker_name=name,
            **{**chosen, **settings},
        )
        await delivery.start()
        self._stack.push_async_callback(delivery.stop)
        return delivery

    async def waiting(self) -> int:
        """Return how many entries have not ended yet."""
        names = [
            outbox_keys(partition, site.name, link.name).stream
            for partition in range(self.rig.settings.store.partitions)
            for site in self.rig.sites
            for link in site.links
        ]
        return sum([int(await self.rig.ask("XLEN", name)) for name in names])

    async def quiet(self) -> list[Recorded]:
        """Wait until every entry has ended; return the requests with events that reached the vendors."""

        async def empty() -> bool:
            return await self.waiting() == 0

        await wait_until(empty, within_s=20.0, what="empty outboxes")
        return self.seen()

    def seen(self, vendor: str | None = None) -> list[Recorded]:
        """Return the requests with events that the twin has had, oldest first."""
        return [
            one
            for one in self.running.twin.requests(vendor)
            if one.vendor not in NOT_EVENTS and not one.path.endswith("/requestStatus:retrieve")
        ]


def bytes_of(one: Recorded) -> bytes:
    """Return all of a request: where it went, its headers and its body."""
    request = one.request
    head = [f"{request.method} {request.host}{request.path}?{request.query}".encode()]
    head += [name + b": " + value for name, value in request.raw_headers]
    return b"\r\n".join([*head, b"", request.body])


StartWhole = Callable[..., Awaitable[Whole]]
