"""A vendor on loopback that does as a test tells it, and remembers every request."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came. ``path`` is without the host, which ``[egress] origin`` puts before it."""

    method: str
    host: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body, if it is JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. It waits for ``after`` to be set, if there is one; ``reset`` breaks the connection instead."""

    status: int = 200
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: asyncio.Event | None = None
    reset: bool = False
    raw: bytes | None = None


Answerer = Callable[[Seen], Reply]


def always_ok(_seen: Seen) -> Reply:
    """Answer 200 and an empty object."""
    return Reply(json={})


class FakeVendor:
    """All vendors at once: ``async with FakeVendor() as vendor: ... vendor.origin``."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: dict[str, Answerer] = {}
        """By host; others answer 200 and an empty object."""
        self.queue: list[Reply] = []
        """Replies that come before all others, each once."""
        self.origin = ""
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.origin = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        at = time.monotonic()
        host, _, path = request.path.removeprefix("/").partition("/")
        seen = Seen(
            request.method,
            host,
            f"/{path}",
            list(request.query.items()),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
            at,
        )
        self.seen.append(seen)
        reply = self.queue.pop(0) if self.queue else self.answers.get(host, always_ok)(seen)
        if reply.after is not None:
            await reply.after.wait()
        if reply.reset:
            assert request.transport is not None
            request.transport.abort()
        body = (
            reply.raw if reply.raw is not None else (b"" if reply.json is None else orjson.dumps(reply.json))
        )
        return web.Response(status=reply.status, body=body, headers=dict(reply.headers))
