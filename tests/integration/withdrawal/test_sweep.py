"""What waits of a visitor who withdraws does not wait on: it is looked for, though its vendor is paused or down."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from proxy.delivery import states
from proxy.delivery.clock import SystemClock
from proxy.delivery.sweep import Sweep
from proxy.entry import decode
from proxy.event import CookielessEvent
from proxy.identity import Visitor
from proxy.reasons import Decision
from proxy.remember import Remember
from proxy.signals import Signal
from proxy.store import withdrawn
from proxy.store.claims import Kept
from proxy.store.client import Store
from proxy.store.keys import SWEEPER, WITHDRAWN, outbox_keys
from tests.support.delivery import SITE, Scene, TestForwarder, link, site_of
from tests.support.taken_back import (
    CANARIES,
    OTHER,
    SWEEPING,
    VISITOR,
    found_in,
    keyspace,
    leave_everywhere,
)
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import wait_until

KEYS = outbox_keys(0, SITE, "vendor")


async def withdraw(scene: Scene, visitor: str = VISITOR) -> None:
    """Withdraw as the gateway and the command do."""
    now_ms = time.time_ns() // 1_000_000
    await Remember(scene.consents).withdraw(
        scene.site, Visitor(visitor, 0), now_ms, source="withdrawal", gpc=False
    )


async def swept(store: Store) -> None:
    """Wait until nobody is noted any more."""

    async def none() -> bool:
        return not await store.redis.zcard(WITHDRAWN)

    await wait_until(none, what="a finished sweep")


async def entries(store: Store, stream: str) -> list[Any]:
    """Return what is in a stream, oldest first."""
    found: Any = await store.redis.xrange(stream)
    return [decode(fields[b"e"]) for _, fields in found]


@pytest.mark.parametrize("otherwise", [Decision.COOKIELESS, Decision.DROP])
async def test_what_waits_for_a_paused_vendor_is_found(store: Store, otherwise: Decision) -> None:
    """Pending entry, dead letter and kept copy: lowered where the vendor may have that, else gone. Others' stay."""
    site = site_of(link(Telling(), otherwise=otherwise))
    async with Scene(store, site, pace=SWEEPING, kept=Kept(seconds=3600)) as scene:
        await leave_everywhere(scene)
        await states.pause(store, SITE, "vendor")
        await scene.work()
        assert found_in(await keyspace(store)) == list(CANARIES)
        await withdraw(scene)
        await swept(store)
        assert found_in(await keyspace(store)) == []
        lowered = otherwise is Decision.COOKIELESS
        waiting, letters = await entries(store, KEYS.stream), await entries(store, KEYS.dead)
        assert {one.visitor for one in waiting} == {OTHER, None} if lowered else {OTHER}
        assert len(waiting) == len(letters) == (2 if lowered else 1)
        assert [one.visitor for one in await entries(store, KEYS.sent)] == [OTHER]
        account = await scene.account()
        dropped = {} if lowered else {"dropped|withdrawn": 1}
        assert account.outcomes == {"rejected|vendor_rejected": 2, "delivered|accepted": 2, **dropped}
        assert account.adds_up
        assert await scene.count("w") == 1
        assert scene.vendor.seen == []


async def test_a_lowered_letter_ended_as_it_did(store: Store) -> None:
    """Same outcome; the vendor's words, without what they quoted of the visitor. It can be tried again, as a ping."""
    async with Scene(store, site_of(link(Telling())), pace=SWEEPING) as scene:
        await leave_everywhere(scene, [VISITOR])
        await states.pause(store, SITE, "vendor")
        await scene.work()
        await withdraw(scene)
        await swept(store)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "bad click id [struck out]")]
        (letter,) = await entries(store, KEYS.dead)
        assert isinstance(letter.event, CookielessEvent)
        assert letter.event.signals.code() == "dddd"


async def test_parked_entries_are_found(store: Store) -> None:
    """One that waits for its next try for long leaves nothing of that behind."""
    async with Scene(store, site_of(link(Telling(), otherwise=Decision.DROP)), pace=SWEEPING) as scene:
        scene.vendor.queue = [Reply(503, headers={"Retry-After": "3000"})]
        await scene.full("e0", visitor=VISITOR)
        await scene.work()

        async def parked() -> bool:
            return bool(await store.redis.zcard(KEYS.parked))

        await wait_until(parked, what="a parked entry")
        await withdraw(scene)
        await scene.settled(dropped_withdrawn=1)
        assert not await store.redis.exists(KEYS.parked, KEYS.tries)
        assert len(scene.vendor.seen) == 1


async def test_only_what_the_denial_reaches(store: Store) -> None:
    """Who refuses marketing keeps statistics, and the other way about."""
    statistics = link(
        Telling(), name="statistics", needs=(Signal.ANALYTICS_STORAGE,), otherwise=Decision.DROP
    )
    ads = link(Telling(), name="ads", otherwise=Decision.DROP)
    async with Scene(store, site_of(statistics, ads), pace=SWEEPING) as scene:
        for name in ("statistics", "ads"):
            await states.pause(store, SITE, name)
            await scene.full("e0", visitor=VISITOR, to=name)
        await scene.work()
        await scene.decide("gddd", visitor=VISITOR)
        await withdrawn.note(store, SITE, VISITOR)
        await scene.settled("ads", dropped_withdrawn=1)
        await swept(store)
        assert (await scene.account("statistics")).pending == 1


async def test_a_request_under_way_is_not_followed_by_a_ping(store: Store) -> None:
    """What a live worker has in hand is left to it; when the vendor has answered, the note is done with."""
    async with Scene(store, site_of(link(Telling())), pace=SWEEPING) as scene:
        answer = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=answer)]
        await scene.full("e0", visitor=VISITOR)
        await scene.work("w1")
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        await withdraw(scene)
        sweep = Sweep(
            [scene.site], store, scene.consents, partitions=1, worker="w2", clock=SystemClock(), pace=SWEEPING
        )
        for _ in range(3):
            await store.redis.delete(SWEEPER)
            await sweep.turn()
        assert await store.redis.zcard(WITHDRAWN) == 1
        answer.set()
        await scene.settled(delivered_accepted=1)
        await swept(store)
        assert len(scene.vendor.seen) == 1


async def test_entries_of_a_worker_that_died_are_found(store: Store) -> None:
    """What it had in hand is nobody's."""
    async with Scene(store, site_of(link(Telling(), otherwise=Decision.DROP)), pace=SWEEPING) as scene:
        await scene.full("e0", visitor=VISITOR)
        await store.redis.xgroup_create(KEYS.stream, "deliver", "0", mkstream=True)
        await store.redis.xreadgroup("deliver", "dead", {KEYS.stream: ">"})
        await states.pause(store, SITE, "vendor")
        await scene.work()
        await withdraw(scene)
        await scene.settled(dropped_withdrawn=1)


async def test_one_worker_at_a_time_and_another_if_it_dies(store: Store) -> None:
    """Whoever has taken the notes keeps others from the same work, for as long as it lives."""
    await withdrawn.note(store, SITE, VISITOR)
    (mine,) = await withdrawn.take(store, "w1", old_ms=0, lease_ms=60_000)
    assert (mine.site, mine.visitor) == (SITE, VISITOR)
    assert await withdrawn.take(store, "w2", old_ms=0, lease_ms=60_000) == []
    await store.redis.pexpire(SWEEPER, 1)

    async def over() -> bool:
        return not await store.redis.exists(SWEEPER)

    await wait_until(over)
    assert await withdrawn.take(store, "w2", old_ms=0, lease_ms=60_000) == [mine]


async def test_who_withdraws_again_meanwhile_stays_noted(store: Store) -> None:
    """Only what was looked for is struck out."""
    await withdrawn.note(store, SITE, VISITOR)
    notes = await withdrawn.take(store, "w1", old_ms=0, lease_ms=60_000)

    async def later() -> bool:
        await withdrawn.note(store, SITE, VISITOR)
        return (await store.redis.zscore(WITHDRAWN, f"{SITE}|{VISITOR}") or 0) > float(notes[0].at)

    await wait_until(later)
    await withdrawn.done(store, "w1", notes, rest_ms=1)
    assert await store.redis.zcard(WITHDRAWN) == 1


async def test_fresh_notes_wait_for_events_that_were_on_their_way(store: Store) -> None:
    """An event may be stored a moment after the withdrawal, on a consent that was read before it."""
    await withdrawn.note(store, SITE, VISITOR)
    assert await withdrawn.take(store, "w1", old_ms=60_000, lease_ms=60_000) == []
    assert not await store.redis.exists(SWEEPER)


async def test_a_clock_that_was_put_back_leaves_nobody_out(store: Store) -> None:
    """A note from the future is as good as an old one."""
    await store.redis.zadd(WITHDRAWN, {f"{SITE}|{VISITOR}": time.time() * 1000 + 3_600_000})
    (note,) = await withdrawn.take(store, "w1", old_ms=60_000, lease_ms=60_000)
    await withdrawn.done(store, "w1", [note], rest_ms=1)
    assert not await store.redis.exists(WITHDRAWN)


async def test_notes_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many withdraw; whoever is not noted is found when the entry is to be sent."""
    monkeypatch.setattr(withdrawn, "_MOST", 2)
    for visitor in ("a", "b", "c", "a"):
        await withdrawn.note(store, SITE, visitor)
    assert await store.redis.zcard(WITHDRAWN) == 2


async def test_a_removed_forwarders_entries_end(store: Store) -> None:
    """Nobody else would ever look at them."""
    async with Scene(store, site_of(link(Telling())), pace=SWEEPING) as scene:
        await leave_everywhere(scene, [VISITOR], to="removed")
        await scene.work()
        await withdraw(scene)
        await scene.settled("removed", rejected_vendor_rejected=1, delivered_accepted=1, dropped_withdrawn=1)
        await swept(store)
        assert found_in(await keyspace(store)) == []


async def test_many_pages_of_many_visitors(store: Store) -> None:
    """All of the visitors in one look, and nobody else's; lanes go on delivering meanwhile."""
    paused, runs = link(Telling(), name="paused"), link(TestForwarder(), name="runs")
    async with Scene(store, site_of(paused, runs), pace=replace(SWEEPING, marks_s=0.5)) as scene:
        await states.pause(store, SITE, "paused")
        visitors = [f"visitor-{number:03d}" for number in range(60)]
        for visitor in visitors:
            await scene.full(*(f"{visitor}-{at}" for at in range(20)), visitor=visitor, to="paused")
        await scene.work()
        gone = visitors[::3]
        for visitor in gone:
            await withdraw(scene, visitor)
        await scene.full(*(f"r{at}" for at in range(100)), visitor=OTHER, to="runs")
        await scene.settled("runs", delivered_accepted=100)
        await swept(store)
        left = await entries(store, outbox_keys(0, SITE, "paused").stream)
        assert len(left) == 1200
        assert {one.visitor for one in left if one.visitor is not None} == set(visitors) - set(gone)
        assert await scene.count("w", "paused") == 400
