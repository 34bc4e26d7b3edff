"""A part of the consent is taken back while a full entry waits: the entry goes, but without that part."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

from forwarders.base import Batch, Request
from proxy.delivery.clock import SystemClock
from proxy.delivery.reread import Checked, Reread
from proxy.delivery.sending import _Guard
from proxy.delivery.triage import Full
from proxy.entry import Entry
from proxy.event import FullEvent
from proxy.reasons import Decision
from proxy.signals import ALL_GRANTED, Signal, Signals
from proxy.store.client import Store
from tests.support.delivery import Scene, TestForwarder, link, site_of
from tests.support.events import full_event
from tests.support.vendor import Reply
from tests.support.waiting import wait_until


class Statistics(TestForwarder):
    """A vendor of statistics that states the signals of a request's events once for all of them."""

    batch: ClassVar[Batch] = Batch(limit=10)

    def batch_key(self, event: FullEvent) -> str:
        """Return the signals."""
        return event.signals.code()

    def full(self, events: Sequence[FullEvent]) -> Request:
        """List the events' ids and state the signals of the first."""
        body = {"ids": [one.event_id for one in events], "note": events[0].signals.code()}
        assert len({one.signals for one in events}) == 1
        return Request("POST", "https://vendor.example/full", body=body)


def statistics() -> Any:
    """Return a site whose vendor needs ``analytics_storage`` alone."""
    return site_of(link(Statistics(), needs=(Signal.ANALYTICS_STORAGE,), otherwise=Decision.DROP))


def sent(scene: Scene) -> dict[str, str]:
    """Return under which signals each event was sent."""
    return {one: seen.json["note"] for seen in scene.vendor.seen for one in seen.json["ids"]}


async def test_the_entry_goes_with_the_signals_that_are_left(store: Store) -> None:
    """Statistics are still granted, so it may go; what was refused is denied in it."""
    async with Scene(store, statistics()) as scene:
        await scene.decide("gggg")
        await scene.full("e0")
        await scene.decide("gdgd")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        assert sent(scene) == {"e0": "gdgd"}


async def test_entries_that_no_longer_agree_do_not_share_a_request(store: Store) -> None:
    """They were gathered together; one visitor's refusal must not cost, nor be overruled by, the others' consent."""
    async with Scene(store, statistics()) as scene:
        for number in range(4):
            await scene.decide("gggg", visitor=f"v{number}")
            await scene.full(f"e{number}", visitor=f"v{number}")
        await scene.decide("gddd", visitor="v1")
        await scene.decide("gddd", visitor="v3")
        await scene.work()
        await scene.settled(delivered_accepted=4)
        assert sent(scene) == {"e0": "gggg", "e1": "gddd", "e2": "gggg", "e3": "gddd"}
        assert sorted(scene.sent_ids()) == [["e0", "e2"], ["e1", "e3"]]


async def test_a_later_grant_does_not_give_it_back(store: Store) -> None:
    """What was made before a refusal stays without that part; what is made after the new grant has it."""
    async with Scene(store, statistics()) as scene:
        read_at = (await scene.decide("gggg")).read_at
        await scene.full("before", read_at=read_at)
        await scene.decide("gddd")

        async def granted_again() -> bool:
            return (await scene.decide("gggg")).signals is ALL_GRANTED

        await wait_until(granted_again)
        after = (await scene.decide("gggg")).read_at + 1
        await scene.full("after", read_at=after)
        await scene.work()
        await scene.settled(delivered_accepted=2)
        assert sent(scene) == {"before": "gddd", "after": "gggg"}


async def test_it_is_narrowed_on_every_retry(store: Store) -> None:
    """The refusal comes after a first attempt has failed: the second one is narrower."""
    async with Scene(store, statistics()) as scene:
        await scene.decide("gggg")
        scene.vendor.queue = [Reply(503, headers={"Retry-After": "1"})]
        await scene.full("e0")
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        await scene.decide("gddd")
        await scene.settled(delivered_accepted=1)
        assert [seen.json["note"] for seen in scene.vendor.seen] == ["gggg", "gddd"]


class Ungraspable(Statistics):
    """A vendor's module that cannot group an event under some signals."""

    def batch_key(self, event: FullEvent) -> str:
        """Fail where not all is granted."""
        if not event.signals.all_granted():
            raise ValueError("nobody thought of that")
        return ""


async def test_an_entry_that_cannot_be_mapped_any_more_costs_itself_alone(store: Store) -> None:
    """A module from outside may stumble over signals that it did not expect; its other events go on."""
    site = site_of(link(Ungraspable(), needs=(Signal.ANALYTICS_STORAGE,), otherwise=Decision.DROP))
    async with Scene(store, site) as scene:
        await scene.decide("gggg")
        await scene.full("e0")
        await scene.full("e1", visitor="visitor-2")
        await scene.decide("gddd")
        await scene.work()
        await scene.settled(delivered_accepted=1, rejected_unmappable=1)
        assert scene.sent_ids() == [["e1"]]


async def test_a_lowered_entry_states_no_more_than_it_held(store: Store) -> None:
    """Ad signals that were granted after the event was made are not those of its ping."""
    async with Scene(store, site_of(link(needs=(Signal.ANALYTICS_STORAGE,)))) as scene:
        await scene.decide("guuu")
        await scene.full("e0", signals=Signals.from_code("guuu"))
        await scene.decide("dggg")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        (ping,) = (dict(seen.query) for seen in scene.vendor.seen)
        assert ping["signals"] == "duuu"


class Later:
    """Stands for ``Reread``: answers what it is told to."""

    def __init__(self, *answers: list[Full]) -> None:
        self.answers = list(answers)

    async def check(self, _entries: Sequence[Full]) -> Checked:
        """Answer the next."""
        return Checked(self.answers.pop(0), [], SystemClock().monotonic())


async def test_a_request_that_was_made_of_more_does_not_start() -> None:
    """The last look before the first byte: had a part been taken back while it was connecting, it is made anew."""
    event = full_event()
    entry = Entry(event, "ref", "visitor-1", 1, 1, "v1")
    one = Full("1-0", entry, 0, 10, event, "visitor-1", "gggg")
    less = replace(one, event=replace(event, signals=Signals.from_code("gddd")), batch_key="gddd")
    long_ago = SystemClock().monotonic() - 60
    for answer, goes in (([one], True), ([less], False)):
        guard = _Guard(cast(Reread, Later(answer)), [one], long_ago, SystemClock(), 0.5)
        assert await guard() is goes
