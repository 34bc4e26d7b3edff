"""Entries that end without the vendor: unmappable, too old, holding what must not leave."""

import time
from collections.abc import Sequence
from typing import ClassVar

import pytest

from forwarders.base import Batch, Request
from proxy.delivery.backoff import State
from proxy.delivery.states import pause
from proxy.event import CookielessEvent, FullEvent
from proxy.store.client import Store
from proxy.store.outbox import Put
from tests.support.delivery import SITE, Scene, TestForwarder, link, site_of
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import wait_until


class Stumbling(TestForwarder):
    """A forwarder with bugs, each over its own event."""

    batch: ClassVar[Batch] = Batch(limit=8)

    def problem(self, event: FullEvent) -> str | None:
        """Refuse what is worth nothing; fall over a missing title."""
        assert event.title is not None
        return "worth nothing" if event.value == 0 else None

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Fall over a currency that is not there, and over one that no JSON can hold."""
        request = super().full(events)
        notes = [1 / len(event.currency or "") for event in events]
        if any(event.currency == "BIG" for event in events):
            notes = [2**70]
        request.body = {"ids": [event.event_id for event in events], "note": notes}
        return request

    def cookieless(self, event: CookielessEvent) -> Request:
        """Fall over everything."""
        raise LookupError(event.name)


async def test_an_event_that_cannot_be_mapped_costs_itself_alone(store: Store) -> None:
    """Whatever a mapping raises, its companions are sent and it becomes a dead letter that names the error's type."""
    async with Scene(store, site_of(link(Stumbling()))) as scene:
        await scene.full("e0", "e1")
        await scene.full("none", currency=None)
        await scene.full("big", currency="BIG")
        await scene.full("worthless", value=0)
        await scene.full("untitled", title=None)
        await scene.ping("page_view")
        await scene.work()
        await scene.settled(delivered_accepted=2, rejected_unmappable=4, rejected_vendor_rejected=1)
        assert sorted(await scene.dead_letters()) == [
            ("rejected|unmappable", "AssertionError"),
            ("rejected|unmappable", "LookupError"),
            ("rejected|unmappable", "TypeError"),
            ("rejected|unmappable", "ZeroDivisionError"),
            ("rejected|vendor_rejected", "worth nothing"),
        ]
        assert scene.sent_ids() == [["e0", "e1"]]


async def test_an_entry_that_cannot_be_read_becomes_a_dead_letter(store: Store) -> None:
    """Bytes that are no entry of ours do not stop the ones behind them."""
    async with Scene(store, site_of(link())) as scene:
        await scene.outbox.put([Put("x", False, "shop", [("vendor", "full|granted", b"{}")])])
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1, rejected_unmappable=1)


class Short(TestForwarder):
    """A vendor that takes nothing older than an hour."""

    full_max_age_s: ClassVar[int] = 3600


HOUR_MS = 3_600_000


async def test_what_is_too_old_expires(store: Store) -> None:
    """Full ones by the event's own time and the vendor's limit, at most 72 h; cookieless ones by when we took them."""
    now_ms = time.time_ns() // 1_000_000
    links = (link(Short(), name="short"), link(name="long"))
    async with Scene(store, site_of(*links)) as scene:
        for name in ("short", "long"):
            await scene.full("new", to=name, time_ms=now_ms - HOUR_MS // 2)
            await scene.full("old", to=name, time_ms=now_ms - 2 * HOUR_MS)
            await scene.full("older", to=name, time_ms=now_ms - 73 * HOUR_MS)
            await scene.ping("new", to=name, accepted_ms=now_ms - 3 * HOUR_MS)
            await scene.ping("old", to=name, accepted_ms=now_ms - 4 * HOUR_MS)
        await scene.work()
        await scene.settled("short", delivered_accepted=2, expired_too_old=3)
        await scene.settled("long", delivered_accepted=3, expired_too_old=2)


async def test_entries_expire_while_their_forwarder_is_paused(store: Store) -> None:
    """Nothing is kept longer than 72 h because nobody mended the token; and the count says that this was why."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(403)
        await scene.full(*(f"e{number}" for number in range(30)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        scene.clock.ahead_ms = 72 * HOUR_MS
        await scene.settled(expired_vendor_unauthorised=30)


async def test_pings_expire_while_older_full_entries_may_still_wait(store: Store) -> None:
    """Those that may wait for days stand before them in the outbox, and do not hide them."""
    now_ms = time.time_ns() // 1_000_000
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(403)
        await scene.full(*(f"e{number}" for number in range(1200)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        await scene.ping("old", accepted_ms=now_ms - 4 * HOUR_MS)

        async def ended() -> bool:
            return (await scene.account()).pending == 1200

        await wait_until(ended, what="the end of a ping that is too old")
        account = await scene.account()
        assert account.outcomes == {"expired|vendor_unauthorised": 1}
        assert account.adds_up


async def test_entries_that_grow_old_while_the_vendor_fails_are_too_old(store: Store) -> None:
    """An outage is nothing that an operator could have mended."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(503)
        await scene.full(*(f"e{number}" for number in range(30)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        scene.clock.ahead_ms = 72 * HOUR_MS
        await scene.settled(expired_too_old=30)


async def test_entries_expire_while_an_operator_holds_their_forwarder(store: Store) -> None:
    """Nor because nobody lifted a pause."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        await pause(store, SITE, "vendor")
        await scene.full(*(f"e{number}" for number in range(30)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.HELD)
        scene.clock.ahead_ms = 72 * HOUR_MS
        await scene.settled(expired_too_old=30)
        assert scene.vendor.seen == []


class Leaking(TestForwarder):
    """A forwarder that lets through what it must not."""

    batch: ClassVar[Batch] = Batch(limit=8)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Send titles, whatever is in them."""
        request = super().full(events)
        request.body = {"ids": [one.event_id for one in events], "note": [one.title for one in events]}
        return request


async def test_a_request_that_holds_what_it_must_not_is_not_sent(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs the event that brought it, is counted and logged, and nothing says what it was."""
    async with Scene(store, site_of(link(Leaking()))) as scene:
        await scene.full("e0", "e1", title="Thanks")
        await scene.full("bad", title="Hello 203.0.113.77")
        await scene.work()
        await scene.settled(delivered_accepted=2, dropped_egress_violation=1)
        assert scene.sent_ids() == [["e0", "e1"]]
        (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert line == "shop/vendor: egress violation (address) by event ref-bad, not sent"
        assert "203.0.113.77" not in caplog.text
