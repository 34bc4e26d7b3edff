"""Delivery's clock is turned at random between decisions, events and requests. What holds whatever is done to it."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest

from forwarders.base import Batch, Request
from proxy.consent import Record
from proxy.entry import Entry
from proxy.event import CookielessEvent, FullEvent
from proxy.reasons import Decision
from proxy.store.client import Store
from tests.support.delivery import FAST, SITE, Scene, TestForwarder, link, site_of
from tests.support.events import full_event
from tests.support.vendor import Reply
from tests.support.waiting import passed, wait_until

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
GRANT_DAYS = 10
LONGEST_MS = 72 * HOUR_MS
IN_FLIGHT = 4
"""Before the first answer nobody knows what time it is at the vendor's."""
AT_MOST_S = 1.2
"""The vendor tells its time in whole seconds."""


class Timed(TestForwarder):
    """A vendor that is told when each event was made."""

    full_keys: ClassVar[frozenset[str]] = frozenset({"ids", "times"})
    cookieless_keys: ClassVar[frozenset[str]] = frozenset({"name", "made"})
    batch: ClassVar[Batch] = Batch(limit=3)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """List ids and times."""
        body = {"ids": [one.event_id for one in events], "times": [one.time_ms for one in events]}
        return Request("POST", "https://vendor.example/full", body=body)

    def cookieless(self, event: CookielessEvent) -> Request:
        """Tell when it was made, by its random id."""
        query = [("name", event.name), ("made", event.random_id.rpartition(".")[2])]
        return Request("GET", "https://vendor.example/ping", query=query)


@dataclass(slots=True)
class Waiting:
    """An entry that was made, and what became of its consent since."""

    visitor: str
    accepted_ms: int
    denied: bool = False


class Story:
    """What happened, step by step, as one who sees everything would tell it."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene = scene
        self.chance = random.Random(seed)  # noqa: S311  # no secret
        self.entries: dict[str, Waiting] = {}
        self.granted: dict[str, bool] = {}
        self.furthest_ms = 0

    async def step(self) -> None:
        """Let something happen."""
        visitor = f"visitor-{self.chance.randrange(4)}"
        match self.chance.randrange(6):
            case 0 | 1:
                self.turn()
            case 2 | 3:
                await self.event(visitor)
            case 4:
                await self.decide(visitor, "gggg")
            case _:
                await self.decide(visitor, self.chance.choice(["gddd", "dgdg", "gggd"]))

    def turn(self) -> None:
        """Put the clock somewhere within days of the truth; somebody looks at it."""
        self.scene.clock.ahead_ms = int(self.chance.gauss(0, 2 * DAY_MS))
        self.furthest_ms = max(self.furthest_ms, self.scene.clock.ahead_ms)
        self.scene.clock.consent_ms()

    async def decide(self, visitor: str, signals: str) -> None:
        """Let a visitor decide; the entries that wait know nothing of it."""
        before = (await self.scene.consents.read_many([(SITE, visitor)]))[0].record
        marks = before.denied_at if isinstance(before, Record) else (0, 0, 0, 0)
        await passed(0.002)  # of two decisions of one millisecond, the denial would win
        await self.scene.decide(signals, visitor=visitor)
        after = (await self.scene.consents.read_many([(SITE, visitor)]))[0].record
        assert isinstance(after, Record)
        self.granted[visitor] = after.signals.code()[1:] == "ggg" and not after.tombstone
        if after.denied_at[1:] != marks[1:]:
            for one in self.entries.values():
                one.denied = one.denied or one.visitor == visitor

    async def event(self, visitor: str) -> None:
        """Let an event come of a visitor who has granted, made and accepted by the clock as it is."""
        if not self.granted.get(visitor):
            return
        found = (await self.scene.consents.read_many([(SITE, visitor)]))[0]
        assert isinstance(found.record, Record)
        name, now_ms = f"e{len(self.entries)}", self.scene.clock.now_ms()
        event = full_event(event_id=name, time_ms=now_ms)
        entry = Entry(event, f"ref-{name}", visitor, now_ms, found.read_at, "v1", found.record.denied_at)
        await self.scene._put("vendor", "full|granted", [entry])
        self.entries[name] = Waiting(visitor, now_ms)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_done_to_the_clock(store: Store, seed: int) -> None:
    """No consent comes back, nothing ends earlier than by the step, and the vendor sees no time to come."""
    site = site_of(
        link(Timed(), otherwise=Decision.COOKIELESS),
        consent_max_age_ms=GRANT_DAYS * DAY_MS,
        cookieless_max_age_s=LONGEST_MS // 1000,
    )
    async with Scene(store, site) as scene:
        story = Story(scene, seed)
        for _ in range(60):
            await story.step()
        for visitor in list(story.granted):
            await story.decide(visitor, "gggg")  # a grant at the end releases nothing that was denied before
        scene.vendor.queue = [Reply(503), Reply(500)]
        scene.clock.ahead_ms = int(story.chance.gauss(0, DAY_MS))
        started_ms = scene.clock.now_ms()
        await scene.work(in_flight=IN_FLIGHT)

        async def empty() -> bool:
            if story.chance.random() < 0.1:
                story.turn()
            return (await scene.account()).pending == 0

        await wait_until(empty, within_s=60, what="an empty outbox")
        account = await scene.account()
        assert account.adds_up
        assert set(account.outcomes) <= {"delivered|accepted", "expired|too_old"}
        sent = {one for ids in scene.sent_ids() for one in ids}
        resurrected = [one for one in sent if story.entries[one].denied]
        assert resurrected == []
        if story.furthest_ms > GRANT_DAYS * DAY_MS:
            assert sent == set(), "every grant had run out by a clock that was believed"
        if not any(one.denied for one in story.entries.values()) and story.furthest_ms < GRANT_DAYS * DAY_MS:
            oldest = min(one.accepted_ms for one in story.entries.values())
            if max(started_ms, story.furthest_ms + time.time_ns() // 1_000_000) - oldest < LONGEST_MS:
                assert sent == set(story.entries)
        for seen in scene.vendor.seen[IN_FLIGHT:]:
            came_s = time.time() - time.monotonic() + seen.at
            told = [each / 1000 for each in seen.json["times"]] if seen.path == "/full" else []
            told += [float(value) for name, value in seen.query if name == "made"]
            assert max(told) <= came_s + AT_MOST_S


async def test_entries_come_back_to_life_with_the_clock(store: Store) -> None:
    """A clock that is wrongly put forward ends no entry for good that nobody has looked at meanwhile."""
    async with Scene(store, site_of(link(Timed()))) as scene:
        await scene.decide("gggg")
        await scene.full("e0")
        scene.clock.ahead_ms = 100 * DAY_MS
        scene.clock.now_ms()
        scene.clock.ahead_ms = 0
        await scene.work()
        await scene.settled(delivered_accepted=1)


async def test_a_grant_that_has_run_out_stays_so(store: Store) -> None:
    """The clock is put back before the moment at which it ran out; only a restart, or a new grant, helps."""
    site = site_of(
        link(Timed()), consent_max_age_ms=GRANT_DAYS * DAY_MS, cookieless_max_age_s=LONGEST_MS // 1000
    )
    async with Scene(store, site) as scene:
        await scene.decide("gggg", decided_at=time.time_ns() // 1_000_000 - (GRANT_DAYS - 1) * DAY_MS)
        scene.clock.ahead_ms = 2 * DAY_MS
        await scene.full("e0")
        await scene.work()
        await wait_until(lambda: scene.vendor.seen != [], what="the event, lowered")
        scene.clock.ahead_ms = 0
        await scene.full("e1")
        await scene.settled(delivered_accepted=2)
        assert scene.sent_ids() == []
        await passed(2 * FAST.foresight_s)  # a record that was read a moment ago is not read again
        await scene.decide("gggg")
        await scene.full("e2")
        await wait_until(lambda: scene.sent_ids() == [["e2"]], what="the event of the new grant")


async def test_the_first_request_after_a_step_tells_no_time_to_come(store: Store) -> None:
    """Answers before it have said what time it is there."""
    async with Scene(store, site_of(link(Timed()))) as scene:
        await scene.decide("gggg")
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        scene.clock.ahead_ms = 5 * HOUR_MS
        await scene.full("e1", time_ms=scene.clock.now_ms(), accepted_ms=scene.clock.now_ms())
        await scene.settled(delivered_accepted=2)
        first, second = (seen.json["times"][0] for seen in scene.vendor.seen)
        assert 0 <= second - first < 60_000


async def test_after_the_clock_is_put_back_events_are_of_now(store: Store) -> None:
    """What was accepted by a clock that was ahead is not sent with that time."""
    async with Scene(store, site_of(link(Timed()))) as scene:
        await scene.decide("gggg")
        later_ms = scene.clock.now_ms() + 5 * HOUR_MS
        await scene.full("e0", time_ms=later_ms, accepted_ms=later_ms)
        await scene.work()
        await scene.settled(delivered_accepted=1)
        assert scene.vendor.seen[0].json["times"][0] <= scene.clock.now_ms()
