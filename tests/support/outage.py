"""A crowd that sends events to a gateway process without pause, and ways to spoil the store beneath it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from redis import Redis

from tests.support.own_valkey import Valkey

PAGE = {"Origin": "https://shop.example", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of the crowd: its event's title, when it began and ended (monotonic s), and what came back."""

    title: str
    began: float
    ended: float
    status: int
    retry_after: str | None


@dataclass(slots=True)
class Crowd:
    """``async with Crowd(url) as crowd``: visitors who send one event after the other, each with an id of its own."""

    url: str
    visitors: int = 12
    sent: list[Sent] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Names of errors where no answer came."""
    _stop: bool = False
    _number: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._visit()) for _ in range(self.visitors)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.finish()

    async def finish(self) -> None:
        """Let everybody's last request end."""
        self._stop = True
        await asyncio.gather(*self._tasks)

    async def _visit(self) -> None:
        async with aiohttp.ClientSession() as session:
            while not self._stop:
                self._number += 1
                title = f"n-{self._number}"
                body = orjson.dumps({"name": "page_view", "event_id": f"e-{title}", "page": {"title": title}})
                began = time.monotonic()
                try:
                    async with session.post(f"{self.url}/collect", data=body, headers=PAGE) as answer:
                        await answer.read()
                        self.sent.append(
                            Sent(
                                title,
                                began,
                                time.monotonic(),
                                answer.status,
                                answer.headers.get("Retry-After"),
                            )
                        )
                except aiohttp.ClientError as error:
                    self.broken.append(type(error).__name__)
                await asyncio.sleep(0.02)

    def acknowledged(self) -> set[str]:
        """Return the titles of events that were answered 204."""
        return {one.title for one in self.sent if one.status == 204}

    def between(self, start: float, end: float) -> list[Sent]:
        """Return the requests that began and ended in that time."""
        return [one for one in self.sent if start <= one.began and one.ended <= end]

    def first_204_after(self, moment: float) -> float | None:
        """Return when the first request that was answered 204 after that moment ended."""
        return min((one.ended for one in self.sent if one.status == 204 and one.ended > moment), default=None)


@dataclass(slots=True)
class Fault:
    """A way to spoil a store and to mend it, over a connection that was there before."""

    spoil: Callable[[Valkey, "Redis"], None]
    mend: Callable[[Valkey, "Redis"], None]


def _tell(admin: "Redis", *command: str) -> None:
    admin.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types here


def _config(name: str, value: str, back: str, *, anew: bool = False) -> Fault:
    def spoil(_: Valkey, admin: "Redis") -> None:
        admin.config_set(name, value)
        if anew:
            _tell(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def mend(_: Valkey, admin: "Redis") -> None:
        admin.config_set(name, back)

    return Fault(spoil, mend)


def _failing_snapshots(store: Valkey, admin: "Redis") -> None:
    (store.socket.parent / "dump.rdb").mkdir()  # so that it cannot be replaced by a file
    admin.config_set("save", "3600 1")
    admin.bgsave()
    while admin.info("persistence")["rdb_bgsave_in_progress"]:
        time.sleep(0.01)


def _snapshots_again(store: Valkey, admin: "Redis") -> None:
    Path(store.socket.parent / "dump.rdb").rmdir()
    admin.config_set("save", "")


FAULTS: dict[str, Fault] = {
    "killed": Fault(lambda store, _: store.stop(), lambda store, _: store.start()),
    "hung": Fault(lambda store, _: store.freeze(), lambda store, _: store.thaw()),
    "a replica": Fault(
        lambda _, admin: _tell(admin, "REPLICAOF", "127.0.0.1", "1"),
        lambda _, admin: _tell(admin, "REPLICAOF", "NO", "ONE"),
    ),
    "full": _config("maxmemory", "1", "0"),
    "without its replicas": _config("min-replicas-to-write", "1", "0"),
    "cannot write its snapshot": Fault(_failing_snapshots, _snapshots_again),
    "wants a password": _config("requirepass", "not-ours", "", anew=True),
    "without connections": _config("maxclients", "1", "10000", anew=True),
}


async def stored(store: Valkey) -> list[str]:
    """Return the titles of all events in the outbox of Google Analytics."""
    found: list[str] = []
    with Redis(unix_socket_path=str(store.socket)) as redis:
        entries: Any = redis.xrange("sayso:{p0}:out:shop:google_analytics")
        for _, fields in entries:
            found.append(orjson.loads(fields[b"e"])["s"]["title"])
    return found
