"""What it costs that a million entries wait: memory, start, ingest, claims, exposition, expiry. ``python -m bench.million``.

The entries are real ones: an event is sent to a gateway, and what it stored for Meta is written as often as is asked for,
each for another visitor. Meta is paused meanwhile, then left to itself.
"""

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bench.load import Load
from bench.processes import family, name, resident_mb, start
from bench.scenarios import consenting, events, revision, write_config
from proxy.store.claims import Claimed, Claims, Give, Park
from proxy.store.client import Store
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import OutboxKeys, outbox_keys

SITE, FORWARDER = "shop", "meta"
KEYS: OutboxKeys = outbox_keys(0, SITE, FORWARDER)
PATIENCE_S = 60.0
LONGEST_S = 300.0


@dataclass(slots=True)
class Report:
    """Lines of a table."""

    lines: list[str] = field(default_factory=list)

    def say(self, what: str, value: str) -> None:
        """Add a line, and print it at once: the whole takes minutes."""
        self.lines.append(f"| {what} | {value} |")
        print(self.lines[-1], flush=True)

    async def time(self, what: str, action: Callable[[], Awaitable[object]], times: int = 5) -> None:
        """Do something some times and say how long it took."""
        took = []
        for _ in range(times):
            began = time.perf_counter()
            await action()
            took.append((time.perf_counter() - began) * 1000)
        self.say(what, f"{statistics.median(took):.1f} ms, at most {max(took):.1f}")


@dataclass(slots=True)
class Sayso:
    """A running ``sayso serve``, and where it is."""

    process: asyncio.subprocess.Process
    urls: dict[str, str]
    started_s: float

    @classmethod
    async def begin(cls, config: Path) -> "Sayso":
        """Start it; how long that took is kept."""
        began = time.perf_counter()
        process = await start("-m", "proxy.cli", "serve", "--config", str(config))
        line: str = process.first_line  # type: ignore[attr-defined]  # set by start
        urls = dict(part.split("=", 1) for part in line.split() if "=" in part)
        return cls(process, urls, time.perf_counter() - began)

    async def end(self) -> float:
        """Stop it; returns how long that took."""
        began = time.perf_counter()
        self.process.terminate()
        await self.process.wait()
        return time.perf_counter() - began

    def memory(self) -> str:
        """Return the resident memory of the gateway and of the process that delivers."""
        gateways = [pid for pid in family(self.process.pid) if "proxy.worker" in name(pid)]
        return f"gateway {max(map(resident_mb, gateways)):.0f} MB, delivery {resident_mb(self.process.pid):.0f} MB"


async def fill(store: Store, entry: bytes, number: int, *, age_ms: int = 0) -> None:
    """Write an entry for so many visitors, as the gateway would have, and count them."""
    body = orjson.loads(entry)
    body["t"] -= age_ms
    body["s"]["time_ms"] -= age_ms
    visitor, ref = body["v"], body["i"]
    raw = orjson.dumps(body)
    redis = store.redis
    for begin in range(0, number, 5000):
        async with redis.pipeline(transaction=False) as pipe:
            for each in range(begin, min(begin + 5000, number)):
                other = raw.replace(visitor.encode(), f"{each:022d}".encode())
                pipe.xadd(KEYS.stream, {"e": other.replace(ref.encode(), f"{each:024x}".encode())})
            await pipe.execute()
    who = f"{SITE}|{FORWARDER}"
    for count in (f"r|{SITE}", f"f|{who}", f"d|{who}|full|granted"):
        await redis.hincrby(KEYS.counts, count, number)


async def get(session: aiohttp.ClientSession, url: str) -> str:
    """Return what is there."""
    async with session.get(url) as answer:
        answer.raise_for_status()
        return await answer.text()


async def ingest(sayso: Sayso, seconds: float) -> str:
    """Send full events to a gateway for a while; return what came of it."""
    load = Load(
        int(sayso.urls["public"].rsplit(":", 1)[1]),
        events(100, cookies=await consenting(sayso.urls["public"], 100)),
        32,
    )
    await load.connect()
    await load.stretch(0.3)
    tally = await load.paced(300.0, seconds)
    ordered = sorted(tally.latencies)
    wrong = f", {tally.wrong} errors" if tally.wrong else ""
    return f"p50 {ordered[len(ordered) // 2] * 1000:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1000:.1f} ms{wrong}"


async def status(config: Path) -> None:
    """Run ``sayso status``."""
    await start("-m", "proxy.cli", "status", "--json", "--config", str(config))


async def claiming(report: Report, store: Store, title: str) -> None:
    """Time what a lane does, at this depth."""
    claims = Claims(store, KEYS, site=SITE, forwarder=FORWARDER, worker="bench")
    await claims.prepare()
    held: list[Claimed] = []

    async def take() -> None:
        held.extend(await claims.due(1000) or await claims.new(1000, block_ms=1))

    async def give() -> None:
        await claims.settle([Give(one.id) for one in held[:250]])
        del held[:250]

    await report.time(f"{title}: nothing but a sign of life", lambda: claims.due(0))
    await report.time(f"{title}: claim 1000", take)
    await report.time(
        f"{title}: look for what was lost on the way",
        lambda: claims.unseen({one.id for one in held}, idle_ms=0),
    )
    await report.time(f"{title}: give 250 back", give)
    await report.time(f"{title}: leave, with {len(held)} in hand", claims.leave, 1)


async def park_all(store: Store) -> None:
    """Claim everything and put it aside for an hour, as a vendor's long outage would."""
    claims = Claims(store, KEYS, site=SITE, forwarder=FORWARDER, worker="parking")
    while found := await claims.due(1000) or await claims.new(1000, block_ms=1):
        for begin in range(0, len(found), 250):
            await claims.settle([Park(one.id, 3_600_000) for one in found[begin : begin + 250]])
    await claims.leave()


async def memory_of(store: Store) -> tuple[int, int]:
    """Return how many bytes the store holds, and how many its process."""
    found = await store.redis.info("memory")
    return int(found["used_memory"]), int(found["used_memory_rss"])


async def aof_mb(store: Store) -> float:
    """Return how large the append-only file is."""
    return int((await store.redis.info("persistence"))["aof_current_size"]) / 1e6


async def drained(sayso: Sayso, store: Store, seconds: float) -> str:
    """Let Meta's entries go for a while; return how fast, and what memory that took."""
    before = await store.redis.xlen(KEYS.stream)
    most = ""
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        await asyncio.sleep(0.5)
        most = max(most, sayso.memory())
    left = await store.redis.xlen(KEYS.stream)
    return f"{(before - left) / (time.perf_counter() - began):.0f} per second; {most}"


class Run:
    """One run, step by step. ``folder`` is its own.

    Args:
        number: how many entries are to wait.
        folder: where everything is kept meanwhile.
        store: the store, as large as it gets.
        config: Sayso's configuration.
    """

    def __init__(self, number: int, folder: Path, store: Store, config: Path) -> None:
        self._number = number
        self._folder = folder
        self._store = store
        self._config = config
        self._report = Report()
        self._say, self._time = self._report.say, self._report.time
        self._entry = b""
        self._bare = 0
        self._sayso: Sayso | None = None

    async def begin(self, title: str) -> Sayso:
        """Start Sayso, and look at it from outside."""
        self._sayso = sayso = await Sayso.begin(self._config)
        self._say(f"{title}: started in", f"{sayso.started_s:.1f} s")
        self._say(f"{title}: answers to events, 300 per second", await ingest(sayso, 5.0))
        await asyncio.sleep(3.0)
        self._say(f"{title}: resident", sayso.memory())
        async with aiohttp.ClientSession() as session:
            for path in ("metrics", "readyz"):
                await self._time(f"{title}: /{path}", partial(get, session, f"{sayso.urls['admin']}/{path}"))
        await self._time(f"{title}: sayso status, a process of its own", lambda: status(self._config), 3)
        return sayso

    async def end(self, title: str = "") -> None:
        """Stop Sayso."""
        if self._sayso is not None:
            took = await self._sayso.end()
            self._sayso = None
            if title:
                self._say(f"{title}: stopped in", f"{took:.1f} s")

    async def empty(self) -> None:
        """See what it is like before anything waits, and learn what an entry looks like."""
        await order(self._store, "pause")
        await self.begin("empty")
        await self.end()
        found: Any = await self._store.redis.xrange(KEYS.stream, count=1)
        self._entry = found[0][1][b"e"]
        await self._store.redis.xtrim(KEYS.stream, maxlen=0)
        await claiming(self._report, self._store, "empty")
        self._bare, _ = await memory_of(self._store)

    async def waiting(self) -> None:
        """Let so many wait, Meta being paused."""
        began = time.perf_counter()
        await fill(self._store, self._entry, self._number)
        self._say("entries written", f"{self._number} in {time.perf_counter() - began:.0f} s")
        self._say("an entry, as written", f"{len(self._entry)} bytes")
        await self._held("waiting")
        self._say("append-only file", f"{await aof_mb(self._store):.0f} MB")
        await self.begin("waiting")
        await self.end("waiting")
        await claiming(self._report, self._store, "waiting")

    async def parked(self) -> None:
        """Put all of it aside, as after an hour in which Meta was down."""
        began = time.perf_counter()
        await park_all(self._store)
        self._say("all parked in", f"{time.perf_counter() - began:.0f} s")
        await self._held("parked")
        await claiming(self._report, self._store, "parked")
        await self.begin("parked")

    async def resumed(self) -> None:
        """Let the hour be over, and Meta take what it is given."""
        assert self._sayso is not None  # noqa: S101  # the step before has started it
        await order(self._store, f"resume|{int(time.time() * 1000)}")
        for at in range(0, self._number, 100_000):  # due now
            found: Any = await self._store.redis.zrange(KEYS.parked, at, at + 99_999)
            for begin in range(0, len(found), 5000):
                await self._store.redis.zadd(KEYS.parked, dict.fromkeys(found[begin : begin + 5000], begin))
        self._say("resumed, for 20 s", await drained(self._sayso, self._store, 20.0))
        await order(self._store, "pause")
        await self.end()

    async def too_old(self) -> None:
        """Let all of it be too old, Meta being paused."""
        await self._store.redis.delete(KEYS.stream, KEYS.tries, KEYS.dead, KEYS.parked)
        await fill(self._store, self._entry, self._number, age_ms=73 * 3_600_000)
        self._sayso = sayso = await Sayso.begin(self._config)
        began, left = time.perf_counter(), self._number
        while left and time.perf_counter() - began < LONGEST_S:
            await asyncio.sleep(0.5)
            left = await self._store.redis.xlen(KEYS.stream)
        took = time.perf_counter() - began
        self._say(
            "too old: ended, though Meta is paused",
            f"{self._number - left} in {took:.0f} s; {sayso.memory()}",
        )
        await self.end()

    async def _held(self, title: str) -> None:
        held, resident = await memory_of(self._store)
        each = (held - self._bare) / self._number
        self._say(
            f"{title}: the store holds", f"{each:.0f} bytes per entry, resident {resident / 1e6:.0f} MB"
        )


async def order(store: Store, word: str) -> None:
    """Pause Meta, or resume it."""
    await store.redis.hset("sayso:orders", f"{SITE}|{FORWARDER}", word)


async def measure(number: int, folder: Path) -> None:
    """Start what is needed, do all of it, and stop it."""
    embedded = await EmbeddedStore.start(
        folder / "store", durability="everysec", log=logging.getLogger("bench")
    )
    store = Store(f"unix://{embedded.socket}", patience_s=PATIENCE_S)
    twin = await start("-m", "proxy.cli", "twin")
    line: str = twin.first_line  # type: ignore[attr-defined]  # set by start
    origin = dict(part.split("=", 1) for part in line.split() if "=" in part)["url"]
    config = write_config(folder, durability="everysec", origin=origin)
    text = config.read_text().replace("[store]", f'[store]\nurl = "unix://{embedded.socket}"')
    config.write_text(f"{text}\n[delivery]\nmax_entries = {10 * number}\nmax_bytes = {1 << 40}\n")
    run = Run(number, folder, store, config)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.put(f"{origin}/_twin/mode", json={"record": False, "strict": False}) as answer,
        ):
            answer.raise_for_status()
        for step in (run.empty, run.waiting, run.parked, run.resumed, run.too_old):
            await step()
    finally:
        await run.end()
        twin.terminate()
        await twin.wait()
        await store.close()
        await embedded.stop()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    chosen = parser.parse_args()
    print(f"{revision()}, {chosen.entries} entries\n\n| what | value |\n| --- | --- |")
    with tempfile.TemporaryDirectory(prefix="sayso-million-") as folder:
        asyncio.run(measure(chosen.entries, Path(folder)))


if __name__ == "__main__":
    main()
