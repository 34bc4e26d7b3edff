"""A whole delivery in the test's own loop: forwarders made for tests, a vendor on loopback, a real Valkey.

``Scene`` puts entries into outboxes as the gateway would, runs workers, and asks the store what became of them.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Self

from redis.exceptions import RedisError

from forwarders.base import Batch, Forwarder, Request
from proxy.delivery.backoff import Patience
from proxy.delivery.clock import SystemClock
from proxy.delivery.delivery import Delivery
from proxy.delivery.pace import Pace
from proxy.entry import Entry, encode
from proxy.event import CookielessEvent, FullEvent
from proxy.policy import Basis, Rule
from proxy.reasons import Decision
from proxy.signals import AD_SIGNALS, Signal, Signals
from proxy.site import Link, Site, SitePolicy, VisitorCookie
from proxy.store.client import Store
from proxy.store.consents import Changed, Consents
from proxy.store.keys import outbox_keys, partition_keys
from proxy.store.outbox import Outbox, Put
from tests.support.events import cookieless_event, full_event
from tests.support.vendor import FakeVendor
from tests.support.waiting import wait_until

SITE = "shop"
FAST = Pace(
    heartbeat_s=0.02,
    silence_ms=600,
    fresh_s=0.5,
    hold_ms=50,
    sweep_s=0.05,
    tidy_s=0.1,
    asks_s=0.02,
    orders_s=0.02,
    drain_s=2.0,
    store_s=0.05,
    patience=Patience(failures=5, failing_s=(0.05, 0.2), paused_s=(0.1, 0.2)),
)


class TestForwarder(Forwarder):
    """A vendor that takes ids in a list, and cookieless ones by name."""

    __test__ = False  # not a test, whatever its name

    title: ClassVar[str] = "Test"
    has_cookieless: ClassVar[bool] = True
    hosts: ClassVar[frozenset[str]] = frozenset({"vendor.example"})
    full_keys: ClassVar[frozenset[str]] = frozenset({"ids", "note"})
    cookieless_keys: ClassVar[frozenset[str]] = frozenset({"name", "signals", "url"})
    batch: ClassVar[Batch] = Batch(limit=4)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """List the events' ids."""
        return Request("POST", "https://vendor.example/full", body={"ids": [one.event_id for one in events]})

    def cookieless(self, event: CookielessEvent) -> Request:
        """Name the event and the signals."""
        query = [("name", event.name), ("signals", event.signals.code()), ("url", event.url or "")]
        return Request("GET", "https://vendor.example/ping", query=query)


class TurnedClock(SystemClock):
    """The machine's time, put forward or back by a test."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        super().__init__()

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return super().now_ms() + self.ahead_ms


def link(
    forwarder: Forwarder | None = None,
    *,
    name: str = "vendor",
    needs: tuple[Signal, ...] = AD_SIGNALS,
    otherwise: Decision = Decision.COOKIELESS,
    basis: Basis = "consent",
) -> Link:
    """Return a forwarder's place at the site."""
    rule = Rule.of(needs, otherwise, basis, Decision.DROP)
    return Link(name, "tests", forwarder or TestForwarder(), rule, None)


def site_of(*links: Link, **policy: Any) -> Site:
    """Return a site with these forwarders."""
    values: dict[str, Any] = {
        "preset": "consent-mode",
        "version": "v1",
        "interest": any(one.rule.interest for one in links),
        "consent_max_age_ms": 365 * 86_400_000,
        "cookieless_address": True,
        "cookieless_transaction_id": True,
        "cookieless_params": frozenset(),
        "cookieless_max_age_s": 240 * 60,
    }
    return Site(
        name=SITE,
        hosts=("*",),
        base_path="/",
        origins=frozenset(),
        conversions=frozenset({"purchase"}),
        ingest_keys=(),
        cookie=VisitorCookie("_sayso", 7 * 86_400, 90 * 86_400),
        policy=SitePolicy(**{**values, **policy}),
        links=links,
    )


@dataclass(frozen=True, slots=True)
class Account:
    """What the store says of one forwarder: entries received, how they ended, and how many have not."""

    received: int
    outcomes: dict[str, int]
    pending: int

    @property
    def adds_up(self) -> bool:
        """Whether nothing was lost or doubled."""
        return self.received == sum(self.outcomes.values()) + self.pending


class Scene:
    """``async with Scene(store, site) as scene``: see the module. Workers are started by ``scene.work()``."""

    def __init__(self, store: Store, site: Site, **settings: Any) -> None:
        self.store = store
        self.site = site
        self.settings: dict[str, Any] = {"linger_ms": 20, "timeout_s": 5.0, "pace": FAST, **settings}
        self.clock = TurnedClock()
        self.consents = Consents(store)
        self.vendor = FakeVendor()
        self.outbox = Outbox(store, partitions=1, most_entries=100_000)
        self._numbers = itertools.count(1)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.vendor)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def work(self, name: str = "w1", **settings: Any) -> Delivery:
        """Start a worker; it is stopped at the end."""
        chosen = {"origin": self.vendor.origin, **self.settings, **settings}
        delivery = Delivery(
            [self.site],
            self.store,
            self.consents,
            partitions=1,
            worker_name=name,
            clock=self.clock,
            **chosen,
        )
        await delivery.start()
        self._stack.push_async_callback(delivery.stop)
        return delivery

    # --- putting in -------------------------------------------------------------------------------------------------

    async def full(self, *ids: str, visitor: str = "visitor-1", to: str = "vendor", **changes: Any) -> None:
        """Put one consented event per id into an outbox."""
        now_ms = time.time_ns() // 1_000_000
        changes.setdefault("time_ms", now_ms)
        accepted_ms = changes.pop("accepted_ms", now_ms)
        read_at = changes.pop("read_at", now_ms)
        await self._put(
            to,
            "full|granted",
            [
                Entry(full_event(event_id=one, **changes), f"ref-{one}", visitor, accepted_ms, read_at, "v1")
                for one in ids
            ],
        )

    async def ping(self, *names: str, to: str = "vendor", **changes: Any) -> None:
        """Put one cookieless event per name into an outbox."""
        accepted_ms = changes.pop("accepted_ms", time.time_ns() // 1_000_000)
        await self._put(
            to,
            "cookieless|consent_denied",
            [
                Entry(cookieless_event(name=one, **changes), f"ref-{one}", None, accepted_ms, 0, "v1")
                for one in names
            ],
        )

    async def _put(self, to: str, decided: str, entries: Sequence[Entry]) -> None:
        puts = [
            Put(f"{one.ref}-{next(self._numbers)}", False, SITE, [(to, decided, encode(one))])
            for one in entries
        ]
        await self.outbox.put(puts)

    # --- consent ----------------------------------------------------------------------------------------------------

    async def decide(self, signals: str, *, visitor: str = "visitor-1", **changes: Any) -> Changed:
        """Record a visitor's decision on the four signals: ``g``, ``d``, ``u``."""
        return await self.consents.change(
            SITE,
            visitor,
            Signals.from_code(signals),
            decided_at=changes.pop("decided_at", time.time_ns() // 1_000_000),
            source="test",
            gpc=False,
            policy_version="v1",
            proof="",
            keep_s=365 * 86_400,
            mode=changes.pop("mode", "decide"),
            interest=self.site.policy.interest,
        )

    # --- asking -----------------------------------------------------------------------------------------------------

    async def account(self, forwarder: str = "vendor") -> Account:
        """Return what the store says of a forwarder."""
        async with self.store.redis.pipeline(transaction=True) as pipe:  # at one moment, while workers go on
            pipe.hgetall(partition_keys(0).counts)
            pipe.xlen(outbox_keys(0, SITE, forwarder).stream)
            counts, pending = await pipe.execute()
        found = {name.decode(): int(value) for name, value in counts.items()}
        prefix = f"o|{SITE}|{forwarder}|"
        outcomes = {
            name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)
        }
        return Account(found.get(f"f|{SITE}|{forwarder}", 0), outcomes, int(pending))

    async def count(self, kind: str, forwarder: str = "vendor") -> int:
        """Return one of the store's other counts: ``w`` or ``l``."""
        return int(await self.store.redis.hget(partition_keys(0).counts, f"{kind}|{SITE}|{forwarder}") or 0)

    async def settled(self, forwarder: str = "vendor", **outcomes: int) -> None:
        """Wait until nothing is pending, and the outcomes are these (``delivered_accepted=3``) and no others."""

        async def empty() -> bool:
            try:
                return (await self.account(forwarder)).pending == 0
            except RedisError:  # the test has just stopped or started the server
                return False

        await wait_until(empty, what=f"an empty outbox of {forwarder}")
        account = await self.account(forwarder)
        wanted = {name.replace("_", "|", 1): number for name, number in outcomes.items()}
        assert account.outcomes == wanted
        assert account.adds_up

    async def dead_letters(self, forwarder: str = "vendor") -> list[tuple[str, str]]:
        """Return outcome and words of each dead letter, in their order."""
        found: Any = await self.store.redis.xrange(outbox_keys(0, SITE, forwarder).dead)
        return [(fields[b"o"].decode(), fields[b"w"].decode()) for _, fields in found]

    def delivered_ids(self) -> list[str]:
        """Return the ids of all full requests, sorted."""
        return sorted(one for ids in self.sent_ids() for one in ids)

    def sent_ids(self) -> list[list[str]]:
        """Return the ids of each full request that the vendor saw."""
        return [one.json["ids"] for one in self.vendor.seen if one.path == "/full"]

    def sent_names(self) -> list[str]:
        """Return the name of each cookieless request that the vendor saw."""
        return [dict(one.query)["name"] for one in self.vendor.seen if one.path == "/ping"]


async def kill(delivery: Delivery) -> None:
    """End a worker as ``kill -9`` would: everything it does stops where it is, and nothing is given back."""
    tasks = [*delivery._tasks, *(task for lane in delivery._lanes for task in lane._crew.tasks)]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
