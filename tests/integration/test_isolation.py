"""One vendor that hangs, crawls, breaks off or is paused is nobody else's business: the others' entries go on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from forwarders.base import Batch, Request
from proxy.delivery.backoff import State
from proxy.event import CookielessEvent, FullEvent
from proxy.store.client import Store
from tests.support.delivery import Scene, TestForwarder, link, site_of
from tests.support.vendor import Reply, Seen
from tests.support.waiting import passed, wait_until

IN_FLIGHT = 4
MANY = 200


class Bad(TestForwarder):
    """The vendor that misbehaves."""

    hosts: ClassVar[frozenset[str]] = frozenset({"bad.example"})
    batch: ClassVar[Batch] = Batch(limit=1)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Each event goes alone, so that a test may count requests."""
        return Request("POST", "https://bad.example/full", body={"ids": [one.event_id for one in events]})

    def cookieless(self, event: CookielessEvent) -> Request:
        """Name the event."""
        return Request("GET", "https://bad.example/ping", query=[("name", event.name)])


class Troubled(Scene):
    """Two vendors: a good one, and one whose requests are counted while they are under way."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, site_of(link(name="vendor"), link(Bad(), name="bad")), in_flight=IN_FLIGHT)
        self.under_way: list[asyncio.Event] = []

    def hang(self, _seen: Seen) -> Reply:
        """Answer when the test is over."""
        self.under_way.append(asyncio.Event())
        return Reply(json={}, after=self.under_way[-1])

    def let_go(self) -> None:
        """Answer all that hang."""
        for one in self.under_way:
            one.set()


@asynccontextmanager
async def troubled(store: Store) -> AsyncIterator[Troubled]:
    """Return two vendors with entries for both, and let go of what hangs in the end."""
    async with Troubled(store) as scene:
        try:
            await scene.full(*(f"b{number}" for number in range(MANY)), to="bad")
            yield scene
        finally:
            scene.vendor.answers.clear()
            scene.let_go()


async def goes_on(scene: Troubled, prefix: str) -> None:
    """See that entries for the good vendor are taken and delivered, one after the other."""
    for number in range(20):
        name = f"{prefix}{number}"
        await scene.full(name)
        await wait_until(lambda name=name: name in scene.delivered_ids(), what=name)  # type: ignore[misc]  # bound at once


async def test_a_vendor_that_hangs_holds_its_own_slots_and_no_more(store: Store) -> None:
    """Whatever waits for it: requests under way are as many as it may have, all others arrive at once."""
    async with troubled(store) as scene:
        scene.vendor.answers["bad.example"] = scene.hang
        await scene.work(timeout_s=60.0)
        await wait_until(lambda: len(scene.under_way) == IN_FLIGHT, what="all slots taken")
        await goes_on(scene, "e")
        assert len(scene.under_way) == IN_FLIGHT
        assert (await scene.account("bad")).pending == MANY
        await scene.settled(delivered_accepted=20)
        scene.vendor.answers.clear()
        scene.let_go()
        await scene.settled("bad", delivered_accepted=MANY)


async def test_a_vendor_that_times_out_is_left_alone(store: Store) -> None:
    """It costs its own entries time, and its breaker sees to it that it does not cost many requests either."""
    async with troubled(store) as scene:
        scene.vendor.answers["bad.example"] = scene.hang
        delivery = await scene.work(timeout_s=0.2)
        await wait_until(
            lambda: delivery.states()[1].state is State.FAILING, what="a breaker that has tripped"
        )
        await goes_on(scene, "e")
        assert delivery.states()[0].state is State.RUNNING
        scene.vendor.answers.clear()
        scene.let_go()
        await scene.settled("bad", delivered_accepted=MANY)


@pytest.mark.parametrize(
    "reply",
    [Reply(reset=True), Reply(500), Reply(429, headers={"Retry-After": "3600"}), Reply(401)],
    ids=repr,
)
async def test_a_vendor_that_refuses_keeps_its_entries_to_itself(store: Store, reply: Reply) -> None:
    """Broken off, overloaded, asking for an hour's rest, or paused for its credentials: the others do not notice."""
    async with troubled(store) as scene:
        scene.vendor.answers["bad.example"] = lambda _seen: reply
        delivery = await scene.work()
        await wait_until(
            lambda: delivery.states()[1].state is not State.RUNNING, what="a breaker that has tripped"
        )
        await goes_on(scene, "e")
        account = await scene.account("bad")
        assert account.pending == MANY
        assert account.outcomes == {}


async def test_a_long_outbox_of_one_does_not_delay_another(store: Store) -> None:
    """It is worked off beside the others, not before them."""
    async with troubled(store) as scene:
        release = asyncio.Event()
        slow = iter(range(1_000_000))

        def answer(_seen: Seen) -> Reply:
            return Reply(json={}, after=release if next(slow) >= 20 else None)

        scene.vendor.answers["bad.example"] = answer
        await scene.work(timeout_s=60.0)
        await wait_until(
            lambda: sum(seen.host == "bad.example" for seen in scene.vendor.seen) >= 20, what="some of it"
        )
        await goes_on(scene, "e")
        release.set()
        await scene.settled("bad", delivered_accepted=MANY)


async def test_the_store_is_asked_no_more_for_what_only_waits(store: Store) -> None:
    """A forwarder that holds still costs a look now and then, however much waits for it."""
    async with troubled(store) as scene:
        scene.vendor.answers["bad.example"] = lambda _seen: Reply(401)
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[1].state is State.PAUSED, what="a pause")
        await passed(0.5)
        tried = sum(seen.host == "bad.example" for seen in scene.vendor.seen)
        await passed(1.0)
        later = sum(seen.host == "bad.example" for seen in scene.vendor.seen)
        assert later - tried <= 25, "its trials, each after a wait, and not its entries"
