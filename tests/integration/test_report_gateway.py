"""Conversions on their way through a real gateway, and what the report says of them afterwards."""

from datetime import UTC, date, datetime, timedelta

from proxy.reasons import Reason
from proxy.report.model import CampaignCount, Consented, Report
from proxy.report.read import read_report
from tests.support.leaks import Needles, forms_of
from tests.support.reported import hashes, of_counters, sums
from tests.support.rig import DENY, GRANT, STATS, Rig, StartRig, event, purchase

VIA_AD = (
    "https://shop.example/thanks?utm_source=Google&utm_medium=cpc&utm_campaign=H%C3%B8st&gclid=Cj0Ktest123"
)


async def report_of(rig: Rig, day: date | None = None, name: str | None = None) -> Report:
    """Return a day's report, of today by UTC if none is named."""
    day = day or datetime.fromtimestamp(rig.clock() / 1000, UTC).date()
    return await read_report(rig.store, rig.sites[0], range(rig.settings.store.partitions), day, day, name)


def bought(value: float, currency: str = "NOK", url: str = VIA_AD) -> dict[str, object]:
    """Return the fields of a purchase."""
    return {"params": {"value": value, "currency": currency}, "page": {"url": url}}


async def test_what_visitors_of_every_kind_buy_is_in_the_report(start_rig: StartRig) -> None:
    """By campaign, by consent, by forwarder; page views are not."""
    rig = await start_rig()
    for consent, value in ((GRANT, 100.5), (STATS, 20), (DENY, 3), ({}, 0.25)):
        visitor = rig.browser()
        if consent:
            await visitor.consent(consent)
        await visitor.collect(event("page_view"))
        await purchase(visitor, **bought(value))
    await purchase(rig.browser(), **bought(7, "SEK", "https://shop.example/thanks"))
    report = await report_of(rig)
    assert report.conversions == 5
    assert report.value == {"NOK": 123_750, "SEK": 7_000}
    assert report.consent == {
        Consented.ALL: 1,
        Consented.STATISTICS: 1,
        Consented.ADS: 0,
        Consented.DENIED: 1,
        Consented.UNKNOWN: 2,
    }
    assert report.campaigns == (
        CampaignCount("google", "cpc", "Høst", 4, {"NOK": 123_750}, 4),
        CampaignCount("", "", "", 1, {"SEK": 7_000}, 0),
    )
    funnels = {one.forwarder: one for one in report.funnels}
    assert [*funnels] == ["google_analytics", "google_ads", "meta", "microsoft"]
    assert {name: (one.full, one.cookieless, one.waiting) for name, one in funnels.items()} == {
        "google_analytics": (2, 3, 5),
        "google_ads": (1, 4, 5),
        "meta": (1, 0, 1),
        "microsoft": (1, 0, 1),
    }
    assert funnels["meta"].dropped == {Reason.CONSENT_DENIED: 1, Reason.CONSENT_UNKNOWN: 3}
    assert all(one.received == 5 for one in report.funnels)
    assert funnels["google_ads"].keys["gclid"] == 1
    assert funnels["meta"].keys == {"external_id": 1}
    assert funnels["google_analytics"].keys["client_id"] == 2
    assert "session_id" not in funnels["google_analytics"].keys
    assert (await report_of(rig, name="page_view")).funnels[0].received == 0


async def test_reports_and_counters_agree_where_all_are_conversions(start_rig: StartRig) -> None:
    """Duplicates among them."""
    rig = await start_rig()
    visitor = rig.browser()
    await visitor.consent(GRANT)
    for number in range(8):
        await visitor.collect(event("purchase", event_id=f"order-{number % 5}"))
    await rig.browser().collect({"events": [event("sign_up"), event("generate_lead")]})
    counts = await rig.counts()
    found = await hashes(rig.store, "report:*")
    assert sums(found) == of_counters(counts)
    report = await report_of(rig)
    assert (report.conversions, report.duplicates) == (7, 3)


async def test_the_day_is_that_of_the_configured_time_zone(start_rig: StartRig) -> None:
    """Half past eleven in the evening in Greenwich is the next day in Oslo, in winter and in summer."""
    rig = await start_rig(report={"timezone": "Europe/Oslo"})
    now = datetime.fromtimestamp(rig.clock() / 1000, UTC)
    evening = (now + timedelta(days=1)).replace(hour=23, minute=30, second=0)
    rig.clock.advance(seconds=(evening - now).total_seconds())
    await purchase(rig.browser())
    tomorrow = evening.date() + timedelta(days=1)
    assert (await report_of(rig, evening.date())).conversions == 0
    assert (await report_of(rig, tomorrow)).conversions == 1
    entries = await rig.entries("shop", "google_ads")
    assert [entry.mark for entry in entries] == [f"{tomorrow}|purchase"]


async def test_a_conversion_from_before_the_decision_is_late(start_rig: StartRig) -> None:
    """It was made, and sent when the visitor had answered; those that come after it are not."""
    rig = await start_rig()
    visitor = rig.browser()
    made_ms = rig.clock() - 5000
    await visitor.consent(GRANT)
    await purchase(visitor, timestamp=made_ms)
    await purchase(visitor)
    await purchase(rig.browser(), timestamp=made_ms, consent=dict(GRANT))
    report = await report_of(rig)
    assert (report.conversions, report.late) == (3, 1)


async def test_nothing_of_a_visitor_is_in_the_report(start_rig: StartRig) -> None:
    """Neither in its keys nor in its fields, in whatever form: no id, contact, address or click id."""
    rig = await start_rig()
    visitor = rig.browser()
    await visitor.consent(GRANT)
    await purchase(
        visitor,
        event_id="order-4711-of-kari",
        user_data={"email": "kari.nordmann@example.no", "phone": "+4791234567"},
        params={"value": 5, "currency": "NOK", "transaction_id": "order-4711-of-kari"},
        page={"url": f"{VIA_AD}&email=kari.nordmann@example.no&utm_campaign=kari.nordmann@example.no"},
    )
    keys = [key for key in await rig.keys() if ":report:" in key or ":campaigns:" in key]
    assert len(keys) == 2
    told = repr([keys, *[await rig.ask("HGETALL", key) for key in keys]]).encode()
    assert b"purchase" in told
    needles = Needles()
    for secret in ("order-4711-of-kari", "kari.nordmann@example.no", "4791234567", "Cj0Ktest123", visitor.id):
        assert secret is not None
        needles.add(secret, forms_of(secret))
    assert needles.find(told) == set()
    assert needles.find(b"".join([told, b" Cj0Ktest123"]))


async def test_a_value_that_nobody_pays_is_not_added_up(start_rig: StartRig) -> None:
    """The conversion counts; a stranger's number would outweigh a year's sales."""
    rig = await start_rig()
    await purchase(rig.browser(), **bought(1e15))
    await purchase(rig.browser(), **bought(2))
    report = await report_of(rig)
    assert (report.conversions, report.value) == (2, {"NOK": 2000})
