"""A load generator on asyncio protocols: keep-alive connections, one request at a time on each."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httptools


@dataclass(slots=True)
class Tally:
    """What came back. Latencies are seconds."""

    answers: int = 0
    wrong: int = 0
    latencies: list[float] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One connection that sends its next request when the last one is answered, while it is told to."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.requests = requests
        self.tally: Tally | None = None
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.began = 0.0
        self.busy = False
        self.endless = True
        self.idle: asyncio.Queue[_Connection] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.busy = False
        tally = self.tally
        if tally is not None:
            tally.answers += 1
            tally.wrong += self.parser.get_status_code() >= 300
            tally.latencies.append(time.perf_counter() - self.began)
        self.parser = httptools.HttpResponseParser(self)
        if tally is not None and self.endless:
            self.send()
        elif self.idle is not None:
            self.idle.put_nowait(self)

    def send(self, began: float | None = None) -> None:
        assert self.transport is not None  # noqa: S101
        self.began = began if began is not None else time.perf_counter()
        self.busy = True
        self.transport.write(random.choice(self.requests))


class Load:
    """Connections to one server, which stay open between stretches."""

    def __init__(self, port: int, requests: Sequence[bytes], connections: int) -> None:
        self._port = port
        self._requests = requests
        self._number = connections
        self._connections: list[_Connection] = []

    async def connect(self) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(self._number):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._requests), "127.0.0.1", self._port
            )
            self._connections.append(connection)

    async def stretch(self, seconds: float) -> Tally:
        """Send as fast as the answers come."""
        tally = Tally()
        for connection in self._connections:
            connection.tally, connection.endless, connection.idle = tally, True, None
            connection.send()
        await asyncio.sleep(seconds)
        for connection in self._connections:
            connection.endless = False
        await self._quiet()
        return tally

    async def _quiet(self) -> None:
        while any(connection.busy for connection in self._connections):  # noqa: ASYNC110  # an event per answer would cost
            await asyncio.sleep(0.001)

    async def paced(self, rate: float, seconds: float) -> Tally:
        """Send at a fixed pace, whatever the answers do; a late start counts into the latency."""
        tally = Tally()
        idle: asyncio.Queue[_Connection] = asyncio.Queue()
        for connection in self._connections:
            connection.tally, connection.endless, connection.idle = tally, False, idle
            idle.put_nowait(connection)
        began = time.perf_counter()
        number = 0
        while (due := began + number / rate) < began + seconds:
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            connection = await idle.get()
            connection.send(due)
            number += 1
        await self._quiet()
        return tally
