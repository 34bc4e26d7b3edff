"""Ten thousand entries, three delivering processes, a slow vendor and one that is down; then visitors withdraw.

From a second after a withdrawal was answered no full request starts for that visitor: by the API or by an operator's
command, with a worker killed and started again in between, parked for a retry or not.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest

from proxy.store.client import Store
from proxy.store.keys import outbox_keys, partition_keys
from tests.support.own_valkey import Valkey
from tests.support.processes import Sayso
from tests.support.rig import ADS, DENY, GRANT, ORIGIN, PAGE
from tests.support.serving import metrics
from tests.support.vendor import FakeVendor, Reply, Seen
from tests.support.waiting import wait_until

VISITORS = 40
EVENTS = 125
ENTRIES = 2 * VISITORS * EVENTS
GA, META = "www.google-analytics.com", "graph.facebook.com"
SLOW_S = 0.4
_EVENT = re.compile(r"shop\.example/v(\d+)/(\d+)")
SITE = f"""
[sites.shop]
hosts = ["127.0.0.1"]
origins = ["{ORIGIN}"]
[sites.shop.policy]
preset = "consent-mode"
[sites.shop.forwarders.google_analytics]
measurement_id = "G-SHOP"
api_secret = "secret-of-google-analytics"
[sites.shop.forwarders.meta]
dataset_id = "1111111111"
access_token = "secret-of-meta"
"""


@dataclass(slots=True)
class Visitor:
    """One visitor, and when their withdrawal was answered (monotonic s)."""

    number: int
    cookie: str = ""
    answered_at: float | None = None
    withdrawn_from: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Scenery:
    """What runs: the vendors, the folder and configuration, where the gateway is, and the visitors."""

    vendor: FakeVendor
    folder: Path
    gateway: str
    visitors: list[Visitor]
    session: aiohttp.ClientSession

    async def request(self, visitor: Visitor, method: str, path: str, body: object = None) -> None:
        """Send a visitor's request, and keep the cookie."""
        headers = {"Cookie": visitor.cookie} if visitor.cookie else {}
        async with self.session.request(method, self.gateway + path, json=body, headers=headers) as answer:
            assert answer.status == 204, await answer.text()
            if "_sayso" in answer.cookies and answer.cookies["_sayso"].value:
                visitor.cookie = f"_sayso={answer.cookies['_sayso'].value}"

    async def fill(self) -> None:
        """Have all visitors grant everything, and look at many pages, all of them mixed."""
        await gathered(self.request(one, "POST", "/consent", dict(GRANT)) for one in self.visitors)
        for start in range(0, EVENTS, 25):
            await gathered(
                self.request(one, "POST", "/collect", {"events": [page(one, start + at) for at in range(25)]})
                for one in self.visitors
            )

    async def command(self, *words: str) -> None:
        """Give a command."""
        async with Sayso(self.folder, *words, "--config", "sayso.toml") as command:
            assert await command.wait() == 0, command.err


def page(visitor: Visitor, number: int) -> dict[str, object]:
    """Return the event of a page that names the visitor and the event in its path, which every mode carries."""
    return {"name": "scroll", "page": {"url": f"{ORIGIN}/v{visitor.number}/{number}"}}


async def gathered(requests: Iterable[Awaitable[None]]) -> None:
    """Send requests, ten at a time."""
    rest = iter(requests)
    while some := list(islice(rest, 10)):
        await asyncio.gather(*some)


def events_of(seen: Seen) -> list[tuple[int, int]]:
    """Return visitor and event of all that a request holds."""
    query = "&".join(unquote(value) for _, value in seen.query)
    text = seen.body.decode() + query
    return [(int(visitor), int(number)) for visitor, number in _EVENT.findall(text)]


@pytest.fixture
async def scenery(short_path: Path) -> AsyncIterator[Scenery]:
    """Start a store, a gateway and the vendors, and have the visitors leave what is to be delivered."""
    async with AsyncExitStack() as stack:
        valkey = Valkey(short_path)
        valkey.start()
        stack.callback(valkey.stop)
        vendor = await stack.enter_async_context(FakeVendor())
        (short_path / "sayso.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:0"\nadmin_listen = "127.0.0.1:0"\nrate_limit_per_minute = 0\n'
            f'[store]\nurl = "{valkey.url}"\n[egress]\norigin = "{vendor.origin}"\n{SITE}',
            encoding="utf-8",
        )
        gateway = await stack.enter_async_context(Sayso(short_path, "gateway", "--config", "sayso.toml"))
        urls = await gateway.ready()
        session = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers=dict(PAGE))
        )
        visitors = [Visitor(number) for number in range(VISITORS)]
        scenery = Scenery(vendor, short_path, urls["public"], visitors, session)
        await scenery.fill()
        yield scenery


async def withdraw(scenery: Scenery, visitor: Visitor) -> None:
    """Withdraw: every way in turn."""
    visitor.withdrawn_from = {GA, META}
    match visitor.number % 4:
        case 0:
            await scenery.request(visitor, "DELETE", "/consent")
        case 1:
            await scenery.request(visitor, "POST", "/consent", dict(DENY))
        case 2:
            visitor.withdrawn_from = {META}
            await scenery.request(visitor, "POST", "/consent", dict.fromkeys(ADS, "denied"))
        case _:
            await scenery.command("consent", "withdraw", visitor.cookie.removeprefix("_sayso="))
    visitor.answered_at = time.monotonic()


def is_full(seen: Seen) -> bool:
    """Tell whether it is a full request."""
    return seen.method == "POST"


def late(scenery: Scenery) -> list[float]:
    """Return how long after the answer each full request began that held something of who had withdrawn."""
    found = []
    for seen in scenery.vendor.seen:
        for number in {visitor for visitor, _ in events_of(seen)} if is_full(seen) else ():
            visitor = scenery.visitors[number]
            if visitor.answered_at is not None and seen.host in visitor.withdrawn_from:
                found.append(seen.at - visitor.answered_at)
    return sorted(found)


def report(delays: Sequence[float], found: Sequence[Mapping[str, float]]) -> None:
    """Print how long withdrawals took, as the vendors saw it and as the processes' metrics say."""
    after = [one for one in delays if one > 0]
    lines = [f"full requests that began after the answer: {len(after)} of {len(delays)} of theirs"]
    if after:
        at = [after[min(int(len(after) * share), len(after) - 1)] for share in (0.5, 0.95, 1.0)]
        lines.append("p50 {:.3f} s, p95 {:.3f} s, max {:.3f} s after it".format(*at))
    for name in ("sayso_consent_age_seconds", "sayso_withdrawal_reach_seconds"):
        buckets = [key for key in found[0] if key.startswith(f"{name}_bucket")]
        counts = {
            key.partition('le="')[2].rstrip('"}'): int(sum(one[key] for one in found)) for key in buckets
        }
        lines.append(f"{name}: {counts}")
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


def sent(scenery: Scenery, host: str, *, full: bool) -> set[tuple[int, int]]:
    """Return the events that a vendor has taken in one mode."""
    seen = [
        one
        for one in scenery.vendor.seen
        if one.host.endswith(host.partition(".")[2]) and is_full(one) is full
    ]
    return {event for one in seen for event in events_of(one)}


async def test_no_full_request_starts_a_second_after_the_answer(scenery: Scenery) -> None:
    """Every entry of theirs that had not gone ends as a ping or as withdrawn, and the counts add up."""
    meta_is_up = asyncio.Event()

    def google(seen: Seen) -> Reply:
        if not is_full(seen):
            return Reply(204)
        answer = asyncio.Event()
        asyncio.get_running_loop().call_later(SLOW_S, answer.set)
        return Reply(204, after=answer)

    def facebook(seen: Seen) -> Reply:
        taken = len(events_of(seen))
        return Reply(json={"events_received": taken}) if meta_is_up.is_set() else Reply(503)

    scenery.vendor.answers = {GA: google, META: facebook}
    store = Store(f"unix://{scenery.folder / 's'}")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        held = [
            int(await store.redis.xlen(outbox_keys(0, "shop", name).stream))
            for name in ("google_analytics", "meta")
        ]
        assert sum(held) == ENTRIES
        workers = [
            await stack.enter_async_context(Sayso(scenery.folder, "deliver", "--config", "sayso.toml"))
            for _ in range(3)
        ]
        admins = [(await worker.ready())["admin"] for worker in workers]
        await wait_until(
            lambda: (
                len(sent(scenery, GA, full=True)) > 500
                and any(one.host == META for one in scenery.vendor.seen)
            ),
            within_s=30,
            what="a flood",
        )
        going = scenery.visitors[: VISITORS // 2]
        await asyncio.gather(*(withdraw(scenery, one) for one in going[:8]))
        await workers[0].kill()
        workers[0] = await stack.enter_async_context(
            Sayso(scenery.folder, "deliver", "--config", "sayso.toml")
        )
        await asyncio.gather(*(withdraw(scenery, one) for one in going[8:]))
        admins[0] = (await workers[0].ready())["admin"]
        gone_before = sent(scenery, GA, full=True)
        meta_is_up.set()
        await scenery.command("resume", "shop", "meta")

        async def quiet() -> bool:
            names = [outbox_keys(0, "shop", name).stream for name in ("google_analytics", "meta")]
            return not any([await store.redis.xlen(name) for name in names])

        await wait_until(quiet, within_s=120, what="empty outboxes")
        found: list[Mapping[str, float]] = [await metrics(scenery.session, one) for one in admins]
        raw: Any = await store.redis.hgetall(partition_keys(0).counts)
        counts = {name.decode(): int(value) for name, value in raw.items()}
    delays = late(scenery)
    assert len(gone_before) < VISITORS * EVENTS, "they withdrew in the middle of it"
    assert max(delays, default=0.0) <= 1.0, f"{sum(one > 1.0 for one in delays)} began later than a second"
    report(delays, found)
    for visitor in going:
        mine = {(visitor.number, at) for at in range(EVENTS)}
        full, pings = sent(scenery, GA, full=True), sent(scenery, GA, full=False)
        assert mine <= full | pings
        if GA not in visitor.withdrawn_from:
            assert mine <= full
    everything = {(one.number, at) for one in scenery.visitors for at in range(EVENTS)}
    assert everything <= sent(scenery, GA, full=True) | sent(scenery, GA, full=False)
    assert counts["o|shop|google_analytics|delivered|accepted"] == VISITORS * EVENTS
    to_meta = {event for one in scenery.vendor.seen if one.host == META for event in events_of(one)}
    of_the_gone = {(one.number, at) for one in going for at in range(EVENTS)}
    assert everything - to_meta <= of_the_gone
    delivered, dropped = (
        counts.get(f"o|shop|meta|{how}", 0) for how in ("delivered|accepted", "dropped|withdrawn")
    )
    assert delivered + dropped == VISITORS * EVENTS
    assert dropped == len(of_the_gone), "the vendor was down when they withdrew"
