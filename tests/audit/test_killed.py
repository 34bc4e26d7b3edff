"""Real processes, killed at any moment: the trail stays whole, and tells each event and each end once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis import Redis

from proxy.audit.chain import key_of
from proxy.audit.rows import Row
from proxy.audit.verify import verify
from proxy.twin.app import RunningTwin, start_twin
from tests.support.processes import Sayso, config
from tests.support.reported import of_counters, sums
from tests.support.rig import PAGE
from tests.support.serving import ADS, SERVE, buy, delivered
from tests.support.trail import assert_agrees, of_kind, read
from tests.support.waiting import wait_until


@pytest.fixture
async def twin() -> AsyncIterator[RunningTwin]:
    """Run a twin in this process."""
    twin = await start_twin()
    yield twin
    await twin.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client whose requests go over a connection each."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=dict(PAGE)
    ) as session:
        yield session


def counts_of(folder: Path) -> dict[str, int]:
    """Return the counters of the embedded store in a folder."""
    with Redis(unix_socket_path=str(folder / "data" / "valkey.sock")) as redis:
        found: Any = redis.hgetall("sayso:{p0}:counts")
    return {name.decode(): int(number) for name, number in found.items() if int(number)}


def reports_of(folder: Path) -> dict[str, dict[str, str]]:
    """Return the reports in the embedded store in a folder, by what follows the partition in their keys."""
    with Redis(unix_socket_path=str(folder / "data" / "valkey.sock"), decode_responses=True) as redis:
        keys: Any = redis.keys("sayso:{p0}:report:*")
        found: Any = {key.split(":", 2)[2]: redis.hgetall(key) for key in keys}
    return dict(found)


def key_in(folder: Path) -> bytes:
    """Return the installation's secret."""
    with Redis(unix_socket_path=str(folder / "data" / "valkey.sock")) as redis:
        found: Any = redis.get("sayso:id-key")
    return bytes.fromhex(found.decode())


def total(counts: Mapping[str, int], kind: str) -> int:
    """Return the sum of all counters of a kind."""
    return sum(number for name, number in counts.items() if name.startswith(kind))


async def quiet(folder: Path) -> list[Row]:
    """Wait until nothing is pending and the trail tells as much as the counters do; return its rows."""

    def agrees() -> bool:
        counts = counts_of(folder)
        if total(counts, "f|") != total(counts, "o|"):
            return False  # something is pending
        try:
            assert_agrees(read(folder / "data" / "audit"), counts)
        except AssertionError:
            return False
        return True

    await wait_until(agrees, within_s=40, what="a trail that agrees with the counters")
    return read(folder / "data" / "audit")


async def test_kill_minus_9_at_any_moment_leaves_the_trail_whole_and_complete(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Of gateway, delivery, ledger and all, again and again, in the midst of events."""
    chance = random.Random(11)  # noqa: S311  # a test
    path = config(short_path, twin.url, "[delivery]", "linger_ms = 5")
    taken: set[str] = set()
    number = 0
    for _ in range(5):
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            urls = await sayso.ready()
            end = asyncio.get_running_loop().time() + chance.uniform(0.2, 1.2)
            while asyncio.get_running_loop().time() < end:
                number += 1
                if await buy(session, urls["public"], f"T-{number}") == 204:
                    taken.add(f"T-{number}")
            await sayso.kill()
        async with Sayso(short_path, "audit", "verify", "--config", str(path), **ADS) as verifying:
            assert await verifying.wait() == 0, verifying.out + verifying.err
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        await sayso.ready()
        await delivered(twin, taken)
        rows = await quiet(short_path)
        report = verify(short_path / "data" / "audit", key_of(key_in(short_path)))
        assert report.whole, report.findings
        assert report.rows == len(rows)
        reports, counts = reports_of(short_path), counts_of(short_path)
    assert sums(reports) == of_counters(counts)  # all of them were purchases
    conversions = sum(int(one["n|purchase"]) + int(one.get("x|purchase", 0)) for one in reports.values())
    assert conversions == counts["r|shop"] >= len(taken)
    decided = Counter((row["ref"], row["forwarder"]) for row in of_kind(rows, "decided"))
    assert len(decided) >= 4 * len(taken)
    assert set(decided.values()) == {1}
    ended = Counter((row["ref"], row["forwarder"]) for row in of_kind(rows, "ended"))
    assert set(ended.values()) == {1}
    origins = [row["from"] for row in rows]
    assert len(set(origins)) == len(origins)


async def test_two_delivering_processes_write_one_trail(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """One of them at a time; when it is killed, the other goes on."""
    config(short_path, twin.url, "[delivery]", "linger_ms = 5")
    async with Sayso(short_path, "gateway", "--config", "sayso.toml", **ADS) as gateway:
        urls = await gateway.ready()
        async with (
            Sayso(short_path, "deliver", "--config", "sayso.toml", **ADS) as one,
            Sayso(short_path, "deliver", "--config", "sayso.toml", **ADS) as other,
        ):
            await one.ready()
            await other.ready()
            for number in range(20):
                assert await buy(session, urls["public"], f"T-{number}") == 204
                if number == 8:
                    await one.kill()
            rows = await quiet(short_path)
    assert Counter(row["kind"] for row in rows)["decided"] == 80
    assert Counter(row["kind"] for row in rows)["ended"] == 80


async def test_a_gateway_alone_says_that_nobody_writes_the_trail(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """After a minute; here the store is told that a minute has passed."""
    config(short_path, twin.url)
    async with Sayso(short_path, "gateway", "--config", "sayso.toml", **ADS) as gateway:
        urls = await gateway.ready()
        with Redis(unix_socket_path=str(short_path / "data" / "valkey.sock")) as redis:
            redis.xadd("sayso:{p0}:trail", {"s": "[]", "w": "shop|meta"}, id="1000-1")
        async with session.get(f"{urls['admin']}/readyz") as answer:
            body = await answer.json()
        assert body["parts"]["audit"]["status"] == "degraded"
        assert "is a delivering process alive" in body["parts"]["audit"]["words"]
        assert answer.status == 200
