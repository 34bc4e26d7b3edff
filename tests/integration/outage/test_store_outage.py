"""The store is spoiled under load, in every way it can be, beneath a real gateway process: nothing that got a 204 is lost.

Each answer is 204 or 503 with ``Retry-After``; ``/readyz`` and ``store_up`` tell; and it goes on when the store does.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from redis import Redis

from tests.support.outage import FAULTS, Crowd, Fault, stored
from tests.support.own_valkey import Valkey
from tests.support.processes import Sayso
from tests.support.waiting import passed, wait_until

pytestmark = pytest.mark.timeout(180)
RECOVERED_S = 2.0
"""Seconds after which events are taken again, once the store takes writes again."""
CONFIG = """
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
data_dir = "{folder}/data"
rate_limit_per_minute = 0
[store]
url = "{url}"
[sites.shop]
hosts = ["127.0.0.1"]
origins = ["https://shop.example"]
[sites.shop.policy]
preset = "consent-mode"
[sites.shop.forwarders.google_analytics]
measurement_id = "G-SHOP"
api_secret = "secret-of-google-analytics"
"""


@pytest.fixture
async def gateway(own_valkey: Valkey, tmp_path: Path) -> AsyncIterator[Sayso]:
    """Return a gateway process on a store that a test may spoil."""
    config = tmp_path / "sayso.toml"
    config.write_text(CONFIG.format(folder=tmp_path, url=own_valkey.url), encoding="utf-8")
    async with Sayso(tmp_path, "gateway", "--config", config) as sayso:
        await sayso.ready()
        yield sayso
        own_valkey.thaw()


async def readiness(sayso: Sayso) -> tuple[int, str]:
    """Return status and what is said of the store."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sayso.urls['admin']}/readyz") as answer,
    ):
        part = (await answer.json())["parts"]["store"]
        return answer.status, f"{part['status']}: {part.get('words', '')}"


async def store_up(sayso: Sayso) -> float:
    """Return the metric."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sayso.urls['admin']}/metrics") as answer,
    ):
        found = re.search(r"^sayso_store_up (\S+)$", await answer.text(), re.MULTILINE)
        assert found is not None
        return float(found[1])


async def until_down(sayso: Sayso) -> None:
    """Wait until the gateway says that it cannot take events."""

    async def down() -> bool:
        return (await readiness(sayso))[0] == 503 and await store_up(sayso) == 0

    await wait_until(down, within_s=20, what="not ready")


async def until_up(sayso: Sayso) -> None:
    """Wait until it says that it can."""

    async def up() -> bool:
        return (await readiness(sayso))[0] == 200 and await store_up(sayso) == 1

    await wait_until(up, within_s=20, what="ready")


async def outage(sayso: Sayso, store: Valkey, fault: Fault, crowd: Crowd, admin: "Redis") -> float:
    """Spoil the store for some seconds and mend it; return how long it took until an event was taken again."""
    await asyncio.to_thread(fault.spoil, store, admin)
    await until_down(sayso)
    down = time.monotonic()
    await passed(2.5)
    still = time.monotonic()
    assert {one.status for one in crowd.between(down, still)} == {503}
    await asyncio.to_thread(fault.mend, store, admin)
    back = time.monotonic()
    await wait_until(lambda: crowd.first_204_after(back) is not None, within_s=30, what="a 204 again")
    await until_up(sayso)
    return (crowd.first_204_after(back) or 0.0) - back


def nothing_was_lost(crowd: Crowd, titles: list[str]) -> None:
    """Compare what was answered with what is stored."""
    assert crowd.broken == []
    assert {one.status for one in crowd.sent} == {204, 503}
    assert all(1 <= int(one.retry_after or 0) <= 60 for one in crowd.sent if one.status == 503)
    assert len(titles) == len(set(titles)), "an event was stored twice"
    assert crowd.acknowledged() <= set(titles), "an event was acknowledged and is not stored"


@pytest.mark.parametrize("kind", FAULTS)
async def test_under_load(kind: str, gateway: Sayso, own_valkey: Valkey) -> None:
    """Within 2 s after it is back events are taken again; measured up to three times, as the machine may be busy."""
    fault = FAULTS[kind]
    with Redis(unix_socket_path=str(own_valkey.socket)) as admin:
        admin.ping()
        async with Crowd(gateway.urls["public"]) as crowd:
            await wait_until(lambda: len(crowd.acknowledged()) > 20, what="load")
            took: list[float] = []
            while not took or (took[-1] > RECOVERED_S and len(took) < 3):
                took.append(await outage(gateway, own_valkey, fault, crowd, admin))
            await wait_until(lambda: crowd.sent[-1].status == 204, what="load again")
    assert took[-1] <= RECOVERED_S, took
    nothing_was_lost(crowd, await stored(own_valkey))
    assert "Traceback" not in gateway.err


async def test_a_restart_shorter_than_the_patience_costs_nobody_an_event(
    gateway: Sayso, own_valkey: Valkey
) -> None:
    """As when the embedded store is started again: whoever waits is served, and told nothing."""
    async with Crowd(gateway.urls["public"]) as crowd:
        await wait_until(lambda: len(crowd.acknowledged()) > 20, what="load")
        began = time.monotonic()
        await asyncio.to_thread(own_valkey.stop)
        await asyncio.to_thread(own_valkey.start)
        lasted = time.monotonic() - began
        await wait_until(lambda: crowd.first_204_after(began + lasted) is not None, what="a 204 again")
    if lasted < 1.0:  # else the machine was too busy for the claim
        assert {one.status for one in crowd.sent} == {204}
    titles = await stored(own_valkey)
    assert crowd.acknowledged() <= set(titles)


async def test_a_pause_of_its_clients_is_an_outage_like_any_other(gateway: Sayso, own_valkey: Valkey) -> None:
    """Connections stay open, even new ones are taken, and nothing that writes is answered."""
    with Redis(unix_socket_path=str(own_valkey.socket)) as admin:
        async with Crowd(gateway.urls["public"]) as crowd:
            await wait_until(lambda: len(crowd.acknowledged()) > 20, what="load")
            paused = time.monotonic()
            admin.execute_command("CLIENT", "PAUSE", 5000, "WRITE")
            await until_down(gateway)
            await wait_until(
                lambda: crowd.first_204_after(paused + 5.0) is not None, within_s=30, what="a 204 again"
            )
            await until_up(gateway)
    nothing_was_lost(crowd, await stored(own_valkey))


async def test_one_that_still_reads_its_files_is_waited_for(gateway: Sayso, own_valkey: Valkey) -> None:
    """After a crash with much to read: it listens, and says LOADING to everything."""
    async with Crowd(gateway.urls["public"]) as crowd:
        await wait_until(lambda: len(crowd.acknowledged()) > 200, within_s=30, what="load")
        await asyncio.to_thread(own_valkey.stop)
        own_valkey.options |= {"key-load-delay": "20000", "loading-process-events-interval-bytes": "1024"}
        began = asyncio.create_task(asyncio.to_thread(own_valkey.start))
        await until_down(gateway)
        await began
        back = time.monotonic()
        await wait_until(lambda: crowd.first_204_after(back) is not None, within_s=30, what="a 204 again")
    nothing_was_lost(crowd, await stored(own_valkey))
