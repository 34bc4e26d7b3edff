"""How conversions ended is told to the report of their day; nothing that is wrong with a report costs an event."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from proxy.campaign import Campaign
from proxy.reasons import Outcome, OutcomeReason, Reason
from proxy.report.model import Funnel
from proxy.report.read import read_report
from proxy.site import Site
from proxy.store.claims import Claims, End
from proxy.store.client import Script, Store, StoreUnavailableError
from proxy.store.keys import campaigns_key, outbox_keys, report_key
from proxy.store.outbox import Put
from proxy.store.wire import Arg
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.reported import TODAY, counters, hashes, outbox, put, waiting

DAY_KEY = report_key(0, SITE, TODAY.isoformat())
CAMPAIGNS_KEY = campaigns_key(0, SITE, "purchase", TODAY.isoformat())
ACCEPTED = (Outcome.DELIVERED, OutcomeReason.ACCEPTED)


def shop() -> Site:
    """Return a shop with one forwarder."""
    return site_of(link())


async def claims_of(store: Store) -> Claims:
    """Return a worker's view of the outbox."""
    claims = Claims(store, outbox_keys(0, SITE, "vendor"), site=SITE, forwarder="vendor", worker="w")
    await claims.prepare()
    return claims


async def settle_all(store: Store, reason: str = "accepted") -> int:
    """Deliver all that waits; return how many ended."""
    claims = await claims_of(store)
    held = await claims.new(1000, block_ms=None)
    return await claims.settle([End(one.id, Outcome.DELIVERED, reason) for one in held])


async def funnel(store: Store, day: date = TODAY, event: str | None = None) -> Funnel:
    """Return the forwarder's part of a day's report."""
    report = await read_report(store, shop(), range(1), day, day, event)
    [one] = report.funnels
    return one


async def test_an_outcome_counts_on_the_day_of_its_conversion(store: Store) -> None:
    """Not on the day on which it came: a vendor may have been away."""
    before = TODAY.replace(day=19)
    await outbox(store).put([put(day=before), put("cookieless|consent_denied", day=before), put()])
    assert await settle_all(store) == 3
    assert (await funnel(store, before)).outcomes == {ACCEPTED: 2}
    assert (await funnel(store, before)).waiting == 0
    assert (await funnel(store)).outcomes == {ACCEPTED: 1}
    assert (await funnel(store, before.replace(day=20))).received == 0


async def test_a_real_delivery_tells_it(store: Store) -> None:
    """Full and cookieless, taken and refused by a vendor on loopback."""
    site = shop()
    async with Scene(store, site) as scene:
        await scene.decide("gggg")
        await outbox(store).put([put(), put(), put("cookieless|consent_denied"), put("drop|consent_denied")])
        await scene.work()
        await scene.settled(delivered_accepted=3, dropped_consent_denied=1)
    found = await funnel(store)
    assert (found.full, found.cookieless, found.dropped) == (2, 1, {Reason.CONSENT_DENIED: 1})
    assert found.outcomes == {ACCEPTED: 3}


async def test_what_was_lowered_stays_full_as_it_was_decided_and_ends_once(store: Store) -> None:
    """Consent is gone when it is read again: the funnel says what was decided, and how it ended."""
    async with Scene(store, shop()) as scene:
        await scene.decide("gggg")
        await outbox(store).put([put(), put()])
        await scene.decide("dddd")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        assert len(scene.sent_names()) == 2
    found = await funnel(store)
    assert (found.full, found.cookieless, found.outcomes, found.waiting) == (2, 0, {ACCEPTED: 2}, 0)


async def test_a_full_outbox_ends_a_conversion_at_once(store: Store) -> None:
    """It was decided to send it; that there was no room is how it ended."""
    box = outbox(store, most_entries=2)
    await box.put([put() for _ in range(5)])
    found = await funnel(store)
    assert found.full == 5
    assert found.outcomes == {(Outcome.DROPPED, OutcomeReason.OUTBOX_FULL): 3}
    assert found.waiting == await waiting(store) == 2


async def test_a_duplicate_is_a_duplicate_and_nothing_else(store: Store) -> None:
    """Neither its value counts nor its campaign."""
    one = put(ref="own", value=5, currency="NOK", campaign=Campaign("google", "cpc", "brand"))
    assert await outbox(store).put([one, one]) == [True, False]
    assert await outbox(store).put([one]) == [False]
    report = await read_report(store, shop(), range(1), TODAY, TODAY, None)
    assert (report.conversions, report.duplicates, report.value) == (1, 2, {"NOK": 5000})
    assert sum(report.consent.values()) == 1
    assert [one.conversions for one in report.campaigns] == [1]
    [found] = report.funnels
    assert (found.full, found.dropped, found.received) == (1, {Reason.DUPLICATE: 2}, 3)


async def test_conversions_are_told_apart_by_their_name(store: Store) -> None:
    """And counted together where nobody asks for one of them."""
    await outbox(store).put([put(names="fbp;em"), put(name="sign_up", names="fbp;"), put(name="sign_up")])
    await settle_all(store)
    assert (await funnel(store, event="purchase")).keys == {"fbp": 1, "em": 1}
    assert (await funnel(store, event="sign_up")).keys == {"fbp": 1}
    assert (await funnel(store, event="sign_up")).outcomes == {ACCEPTED: 2}
    assert (await funnel(store)).full == 3
    assert (await funnel(store, event="generate_lead")).received == 0


async def test_other_events_leave_no_trace_in_any_report(store: Store) -> None:
    """Whatever their parameters pretend."""
    async with Scene(store, shop()) as scene:
        await outbox(store).put([put()])
        before = await hashes(store, "report:*")
        await scene.full("e1", params={"c": f"{TODAY}|purchase"})
        await scene.full(
            "e2", title=f'","c":"{TODAY}|purchase","s":{{', user_properties={"c": f"{TODAY}|purchase"}
        )
        claims = await claims_of(store)
        held = [one for one in await claims.new(10, block_ms=None) if one.entry and one.entry.mark is None]
        assert len(held) == 2
        assert await claims.settle([End(one.id, Outcome.DELIVERED, "accepted") for one in held]) == 2
        assert await hashes(store, "report:*") == before


async def test_a_group_that_is_sent_again_counts_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer was lost on the way: the script is run again, as ``Store.run`` does."""
    box = outbox(store)
    run, sent = store.run, []

    async def twice(wanted: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        sent.append(wanted.name)
        await run(wanted, keys, args)
        return await run(wanted, keys, args)

    monkeypatch.setattr(store, "run", twice)
    assert await box.put([put(value=1, currency="NOK"), put()]) == [True, True]
    assert sent == ["accept"]
    report = await read_report(store, shop(), range(1), TODAY, TODAY, None)
    assert (report.conversions, report.duplicates, report.value) == (2, 0, {"NOK": 1000})
    assert sum(one.conversions for one in report.campaigns) == 2


async def test_partitions_are_added_up(store: Store) -> None:
    """Each has a report of its own."""
    puts: list[Put] = [put(value=1, currency="NOK") for _ in range(40)]
    await outbox(store, partitions=3).put(puts)
    report = await read_report(store, shop(), range(3), TODAY, TODAY, None)
    assert (report.conversions, report.value) == (40, {"NOK": 40_000})
    assert report.funnels[0].full == 40
    assert sum(one.conversions for one in report.campaigns) == 40
    assert (await read_report(store, shop(), range(1), TODAY, TODAY, None)).conversions < 40


async def test_counts_end_when_they_are_old_and_do_not_begin_anew(store: Store) -> None:
    """What ends after its day is forgotten leaves no key that would stay for ever."""
    await outbox(store, report_keep_s=1000).put([put()])
    for key in (DAY_KEY, CAMPAIGNS_KEY):
        assert 990 <= await store.redis.ttl(key) <= 1000
    await store.redis.delete(DAY_KEY)
    assert await settle_all(store) == 1
    assert not await store.redis.exists(DAY_KEY)


@pytest.mark.parametrize("spoiled", [DAY_KEY, CAMPAIGNS_KEY])
async def test_a_report_that_is_no_hash_costs_no_event(store: Store, spoiled: str) -> None:
    """Somebody wrote another type there: the events are taken and delivered, and who asks for the report is told."""
    await store.redis.set(spoiled, "of another type")
    await outbox(store).put([put(), put()])
    assert await settle_all(store) == 2
    assert (await counters(store))[f"o|{SITE}|vendor|delivered|accepted"] == 2
    with pytest.raises(StoreUnavailableError):
        await read_report(store, shop(), range(1), TODAY, TODAY, None)


@pytest.mark.parametrize(
    ("field", "text"), [("v|purchase|NOK", "9223372036854775807"), ("n|purchase", "many")]
)
async def test_a_sum_that_is_at_its_end_costs_no_event(store: Store, field: str, text: str) -> None:
    """All others are counted."""
    await store.redis.hset(DAY_KEY, field, text)
    await outbox(store).put([put(value=1, currency="NOK")])
    assert await store.redis.hget(DAY_KEY, field) == text.encode()
    assert await store.redis.hget(DAY_KEY, "d|purchase|vendor|full|granted") == b"1"
    assert await settle_all(store) == 1
    assert await store.redis.hget(DAY_KEY, "o|purchase|vendor|delivered|accepted") == b"1"


async def test_words_of_a_newer_version_are_left_out(store: Store) -> None:
    """Two versions may share a store while one takes over from the other."""
    await outbox(store).put([put()])
    for field in ("z|purchase", "o|purchase|vendor|delivered|by_pigeon", "c|purchase|perhaps"):
        await store.redis.hset(DAY_KEY, field, 3)
    report = await read_report(store, shop(), range(1), TODAY, TODAY, None)
    assert (report.conversions, report.funnels[0].outcomes) == (1, {})


async def test_a_forwarder_that_is_configured_no_more_comes_last(store: Store) -> None:
    """Its conversions were received, and are not forgotten."""
    await outbox(store).put([put(to="gone"), put()])
    report = await read_report(store, shop(), range(1), TODAY, TODAY, None)
    assert [one.forwarder for one in report.funnels] == ["vendor", "gone"]


async def test_every_day_of_the_span_is_there(store: Store) -> None:
    """Those on which nothing was sold too."""
    await outbox(store).put([put(day=TODAY.replace(day=1)), put()])
    report = await read_report(store, shop(), range(1), TODAY.replace(month=10, day=30), TODAY, None)
    assert len(report.days) == 24
    assert [one.day.day for one in report.days if one.conversions] == [1, 22]
    assert report.days[0].day == date(2026, 10, 30)
    with pytest.raises(ValueError, match="before the first"):
        await read_report(store, shop(), range(1), TODAY, TODAY.replace(day=1), None)
