"""What a vendor's answers do to entries: each ends once, and nobody pays for another's fault."""

import time
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from forwarders.base import Batch, Request, Response, read_status
from forwarders.verdicts import (
    AskAgain,
    Delivered,
    FollowUpVerdict,
    LateAnswer,
    Refused,
    Resend,
    Split,
    Verdict,
)
from proxy.delivery.backoff import State
from proxy.delivery.states import pause
from proxy.event import CookielessEvent, FullEvent
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from proxy.store.outbox import Put
from tests.support.delivery import SITE, Scene, TestForwarder, link, site_of
from tests.support.vendor import Reply, Seen
from tests.support.waiting import wait_until


class Telling(TestForwarder):
    """A vendor whose answer names the verdict, as the test wrote it."""

    batch: ClassVar[Batch] = Batch(limit=8)

    def read(self, response: Response, count: int) -> Verdict:
        """Read ``{"verdict": ..., "refused": {...}}``; by status without."""
        answer = response.json if isinstance(response.json, dict) else {}
        refused = {int(index): words for index, words in answer.get("refused", {}).items()}
        verdicts: dict[str, Verdict] = {
            "delivered": Delivered(refused),
            "resend": Resend(refused),
            "split": Split("one of them is bad"),
            "refused": Refused("bad, all of them"),
        }
        named = answer.get("verdict")
        return read_status(response) if named is None else verdicts[named]


def ids(seen: Seen) -> list[str]:
    """Return the ids of a full request."""
    found: list[str] = seen.json["ids"]
    return found


async def test_refused_ones_of_a_delivered_batch_become_dead_letters(store: Store) -> None:
    """The vendor took the batch but for one; that one is kept with the vendor's words."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(json={"verdict": "delivered", "refused": {"1": "no such currency"}})]
        await scene.full("e0", "e1", "e2")
        await scene.work()
        await scene.settled(delivered_accepted=2, rejected_vendor_rejected=1)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "no such currency")]
        assert len(scene.vendor.seen) == 1


async def test_resend_leaves_out_the_named_ones(store: Store) -> None:
    """Nothing was taken; the ones that were named end, the others go again without them."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(400, {"verdict": "resend", "refused": {"0": "bad", "2": "worse"}})]
        await scene.full("e0", "e1", "e2", "e3")
        await scene.work()
        await scene.settled(delivered_accepted=2, rejected_vendor_rejected=2)
        assert scene.sent_ids() == [["e0", "e1", "e2", "e3"], ["e1", "e3"]]


async def test_resend_that_names_nobody_is_tried_later(store: Store) -> None:
    """An answer that blames nobody who was there must not be repeated at once for ever."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(400, {"verdict": "resend", "refused": {"7": "who?"}})]
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        assert scene.sent_ids() == [["e0", "e1"], ["e0", "e1"]]


async def test_split_finds_the_bad_one_by_halving(store: Store) -> None:
    """Nobody says which event is bad: halving costs only that event, in few requests."""

    def answer(seen: Seen) -> Reply:
        return Reply(400, {"verdict": "split"}) if "bad" in ids(seen) else Reply(json={})

    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = answer
        await scene.full("e0", "e1", "e2", "bad", "e4", "e5", "e6", "e7")
        await scene.work()
        await scene.settled(delivered_accepted=7, rejected_vendor_rejected=1)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "one of them is bad")]
        assert len(scene.vendor.seen) == 7  # 8, 4, 4, 2, 2, 1, 1


async def test_a_refused_batch_becomes_dead_letters(store: Store) -> None:
    """All of them, each with the words."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(400, {"verdict": "refused"})]
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(rejected_vendor_rejected=2)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "bad, all of them")] * 2


@pytest.mark.parametrize(
    "first", [Reply(500), Reply(503, raw=b"<html>busy</html>"), Reply(reset=True), Reply(408)], ids=repr
)
async def test_a_passing_failure_is_tried_again_unchanged(store: Store, first: Reply) -> None:
    """Five hundreds, broken connections and the like cost time, not events."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [first]
        await scene.full("e0", "e1")
        await scene.ping("page_view")
        await scene.work()
        await scene.settled(delivered_accepted=3)
        assert len(scene.vendor.seen) == 3
        assert await scene.dead_letters() == []


async def test_retry_after_is_honoured_by_all_of_the_forwarder(store: Store) -> None:
    """A vendor that asks to be left alone is left alone: not only by the batch that it answered."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(429, headers={"Retry-After": "1"})]
        await scene.full("e0")
        delivery = await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        await scene.full("e1", "e2")
        await scene.ping("page_view")
        await scene.settled(delivered_accepted=4)
        first, second = scene.vendor.seen[:2]
        assert second.at - first.at >= 1.0


async def test_a_date_in_retry_after_counts_as_well(store: Store) -> None:
    """RFC 9110 allows a date in place of seconds."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
        scene.vendor.queue = [Reply(503, headers={"Retry-After": later})]
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        first, second = scene.vendor.seen
        assert second.at - first.at >= 0.9


async def test_a_forwarder_that_fails_often_is_tried_with_one_request_at_a_time(store: Store) -> None:
    """During an outage the entries stay in the outbox, and all go once the vendor is back."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(502)
        await scene.ping(*(f"p{number}" for number in range(40)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        failed = len(scene.vendor.seen)
        await wait_until(lambda: len(scene.vendor.seen) >= failed + 3)
        assert (await scene.account()).pending == 40
        del scene.vendor.answers["vendor.example"]
        await scene.settled(delivered_accepted=40)
        assert delivery.states()[0].state is State.RUNNING


async def test_nothing_waits_any_longer_once_the_vendor_is_back(store: Store) -> None:
    """Entries that failed again and again are parked for minutes; when the vendor works again, they need not be."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(502)
        await scene.ping(*(f"p{number}" for number in range(40)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        parked = outbox_keys(0, SITE, "vendor").parked

        async def all_parked_for_minutes() -> bool:
            later = (time.time_ns() // 1_000_000) + 600_000
            ids: Any = await store.redis.zrange(parked, 0, -1)
            if ids:
                await store.redis.zadd(parked, dict.fromkeys(ids, later), xx=True)
            return len(ids) == 40

        await wait_until(all_parked_for_minutes)
        del scene.vendor.answers["vendor.example"]
        await scene.settled(delivered_accepted=40)


async def test_unauthorised_pauses_and_resumes_by_itself(store: Store) -> None:
    """Only an operator can mend it: entries are kept, one batch now and then finds out when it is mended."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(401)
        await scene.full(*(f"e{number}" for number in range(20)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        paused = len(scene.vendor.seen)
        assert paused <= 4  # those that were under way at once
        assert delivery.states()[0].words == "HTTP 401"
        await wait_until(lambda: len(scene.vendor.seen) == paused + 2)
        assert (await scene.account()).pending == 20
        del scene.vendor.answers["vendor.example"]
        await scene.settled(delivered_accepted=20)
        assert delivery.states()[0].state is State.RUNNING
        assert await scene.dead_letters() == []


async def test_an_answer_that_cannot_be_read_counts_by_its_status(store: Store) -> None:
    """A forwarder that stumbles over a vendor's answer loses no event that was delivered."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(json={"verdict": "nonsense"})]
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1)


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
    """Nothing is kept longer than 72 h because nobody mended the token."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(403)
        await scene.full(*(f"e{number}" for number in range(30)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
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


class Asked(TestForwarder):
    """A vendor that says later what it made of a request."""

    full_keys: ClassVar[frozenset[str]] = frozenset({"ids", "about"})
    follow_up_after_s: ClassVar[float] = 0.01

    def read(self, response: Response, count: int) -> Verdict:
        """Take it, and name it."""
        assert response.json is not None
        return Delivered(follow_up=response.json["name"])

    def follow_up(self, reference: str) -> Request:
        """Ask by name."""
        return Request("GET", "https://vendor.example/status", query=[("about", reference)])

    def read_follow_up(self, response: Response, attempt: int) -> FollowUpVerdict:
        """Read what was refused; ask three times at most."""
        if response.json is not None and response.json.get("done"):
            return LateAnswer({"EVENT_TOO_OLD": 2, "INVALID_GCLID": 1})
        return AskAgain(0.01) if attempt < 3 else LateAnswer({})


async def test_what_was_refused_later_is_counted_apart(store: Store) -> None:
    """The vendor is asked until it has an answer; what it then refuses is no outcome, but a count of its own."""
    async with Scene(store, site_of(link(Asked()))) as scene:
        scene.vendor.queue = [Reply(json={"name": "request-7"}), Reply(json={}), Reply(json={"done": True})]
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(delivered_accepted=2)

        async def counted() -> bool:
            return await scene.count("l") == 3

        await wait_until(counted)
        asked = [seen.query for seen in scene.vendor.seen if seen.path == "/status"]
        assert asked == [[("about", "request-7")]] * 2
        assert await store.redis.zcard("sayso:{p0}:asks:shop:vendor") == 0


async def test_how_often_was_asked_survives_a_worker(store: Store) -> None:
    """The number of attempts is kept with the question, so that a new worker does not begin anew."""
    async with Scene(store, site_of(link(Asked()))) as scene:
        await store.redis.zadd("sayso:{p0}:asks:shop:vendor", {"2|request-7": 0})
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(json={})
        await scene.work()

        async def forgotten() -> bool:
            return await store.redis.zcard("sayso:{p0}:asks:shop:vendor") == 0

        await wait_until(forgotten)
        assert len(scene.vendor.seen) == 2


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
