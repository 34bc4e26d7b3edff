"""An erasure on a running Sayso with its own store: not a byte of the visitor's data is left in its folder."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
from redis import Redis

from proxy.delivery.states import ORDERS, STATES
from proxy.twin.app import RunningTwin
from tests.support.processes import Sayso, config
from tests.support.rig import GRANT, ORIGIN
from tests.support.serving import ADS, SERVE, VENDORS, metrics
from tests.support.taken_back import on_disk
from tests.support.waiting import wait_until

MARKS = (b"Kj4qUrlMark", b"Kj4qClickMark", b"Kj4qUserMark")
EVENTS = 30


async def shop_at(session: aiohttp.ClientSession, url: str, mark: str) -> str:
    """Have a visitor grant everything and buy a lot; return the value of the id cookie."""
    async with session.post(f"{url}/consent", json=dict(GRANT)) as answer:
        assert answer.status == 204
        cookie = answer.cookies["_sayso"].value
    events = [
        {
            "name": "purchase",
            "page": {"url": f"{ORIGIN}/thanks?merke={mark}UrlMark&fbclid={mark}ClickMark{at:04d}"},
            "params": {"value": 499, "currency": "NOK", "transaction_id": f"{mark[:1]}-{at}"},
            "user_id": f"{mark}UserMark",
            "user_data": {"email": f"{mark}@example.com"},
        }
        for at in range(EVENTS)
    ]
    for start in range(0, EVENTS, 10):
        body = {"events": events[start : start + 10]}
        async with session.post(
            f"{url}/collect", json=body, headers={"Cookie": f"_sayso={cookie}"}
        ) as answer:
            assert answer.status == 204
    return cookie


def marks_on(folder: Path) -> list[bytes]:
    """Return the marks of the first visitor that are anywhere in the store's folder."""
    data = on_disk(folder)
    return [one for one in MARKS if one in data]


async def command(folder: Path, *words: str) -> str:
    """Give a command in a process of its own; return what it prints."""
    async with Sayso(folder, *words, "--config", "sayso.toml", **ADS) as process:
        assert await process.wait() == 0, process.err
        return process.out


async def test_nothing_of_the_visitor_is_left_on_disk(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Two visitors' entries wait side by side for vendors that are paused; one of the two is erased."""
    config(short_path, twin.url)
    data = short_path / "data"
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        with Redis(unix_socket_path=str(data / "valkey.sock")) as redis:
            redis.config_set("rdbcompression", "no")  # so that what is looked for could be found
            redis.hset(ORDERS, mapping={f"shop|{name}": "pause" for name in VENDORS})
            await wait_until(lambda: redis.hlen(STATES) == len(VENDORS), what="four pauses that are obeyed")
        samples = await metrics(session, urls["admin"])
        paused = [
            value for name, value in samples.items() if name.startswith('sayso_forwarder_paused{by="op')
        ]
        assert paused == [1] * len(VENDORS)
        cookie, other = await asyncio.gather(
            shop_at(session, urls["public"], "Kj4q"), shop_at(session, urls["public"], "Zw9p")
        )
        assert marks_on(data) == list(MARKS)
        receipt: Any = json.loads(await command(short_path, "consent", "erase", cookie, "--json"))
        assert marks_on(data) == []
        assert receipt["append_only_file"]["fate"] == "rewritten"
        assert receipt["append_only_file"]["notes"] == []
        (shop,) = receipt["sites"]
        assert (shop["record"], shop["session"]) == (1, 1)
        assert shop["pending_lowered"] + shop["pending_dropped"] == 4 * EVENTS
        assert b"Zw9pUserMark" in on_disk(data), "the neighbour's data is there as before"
        assert "nothing was held" in await command(short_path, "consent", "erase", cookie)
        with Redis(unix_socket_path=str(data / "valkey.sock")) as redis:
            redis.delete(ORDERS)

        async def quiet() -> bool:
            samples = await metrics(session, urls["admin"])
            return not any(
                value for name, value in samples.items() if name.startswith("sayso_outbox_entries")
            )

        await wait_until(quiet, within_s=60, what="empty outboxes")
        assert not any(mark in request.request.body for mark in MARKS for request in twin.twin.requests())
        samples = await metrics(session, urls["admin"])
        outcomes = {name: value for name, value in samples.items() if name.startswith("sayso_outcomes_total")}
        assert sum(outcomes.values()) == 4 * 2 * EVENTS
        erased = sum(value for name, value in outcomes.items() if 'reason="erased"' in name)
        assert erased == shop["pending_dropped"]
        assert other != cookie
