"""``/g/collect``: what the tag says of consent counts, beside and against what is known."""

import asyncio
from collections.abc import Mapping

import pytest

from proxy.event import CookielessEvent
from tests.support.rig import (
    DENY,
    GRANT,
    UNKNOWN,
    Rig,
    StartRig,
    modes,
    signals,
    site,
)
from tests.support.tag_hits import CID, DENIED, GRANTED, SID, SILENT, fulls, send


@pytest.mark.parametrize(
    ("consent", "preset", "google", "meta"),
    [
        (GRANTED, "consent-mode", ["full"], ["full"]),
        (DENIED, "consent-mode", ["cookieless"], []),
        (SILENT, "consent-mode", ["cookieless"], []),
        (GRANTED, "eea-strict", ["full"], ["full"]),
        (DENIED, "eea-strict", [], []),
        (SILENT, "eea-strict", [], []),
        ({"gcs": "G101", "gcd": "13q3r3q2q5l1"}, "eea-strict", ["full"], []),
        ({"gcd": "13l3l3l2l1l1", "npa": "1"}, "eea-strict", [], []),
        ({"gcs": "G111", "gcd": "broken"}, "eea-strict", [], []),
        ({"gcs": "G111", "gcd": "broken"}, "consent-mode", ["cookieless"], []),
        ({"gcs": "G1"}, "notice-2021", ["cookieless"], []),
    ],
)
async def test_the_tags_parameters_are_a_source_of_consent(
    start_rig: StartRig, consent: Mapping[str, str], preset: str, google: list[str], meta: list[str]
) -> None:
    """No parameters are no consent: that fails closed."""
    rig = await start_rig({"shop": site(policy={"preset": preset})})
    assert (await send(rig.browser(), consent)).status == 204
    assert modes(await rig.entries("shop", "google_analytics")) == google
    assert modes(await rig.entries("shop", "meta")) == meta


async def test_a_first_grant_mints_the_id_and_is_recorded(rig: Rig) -> None:
    """With the name of its source."""
    browser = rig.browser()
    answer = await send(browser)
    assert browser.id is not None
    assert answer.set_cookie("_sayso") is not None
    record = await rig.record(browser.id)
    assert record["source"] == "consent_mode"
    assert signals(await browser.state()) == GRANT


async def test_hits_sent_at_once_are_one_visitors(rig: Rig) -> None:
    """None of them has our cookie yet; a withdrawal has to reach all of them, whichever id the browser keeps."""
    first, second, other = rig.browser(), rig.browser(), rig.browser()
    await asyncio.gather(send(first), send(second, en="purchase"), send(other, cid="1.2"))
    assert first.id is not None
    assert first.id == second.id
    assert other.id not in {None, first.id}
    assert (await second.request("DELETE", "/consent")).status == 204
    assert len(await fulls(rig)) == 3
    anew = rig.browser()
    await send(anew)
    assert anew.id not in {None, first.id}, "an id that was withdrawn from"
    assert signals(await anew.state()) == GRANT
    rig.clock.advance(seconds=60)
    later = rig.browser()
    await send(later, cid="1.2")
    assert later.id not in {None, other.id}, "nobody is known again by what the tag says"


async def test_a_denial_mints_nothing(rig: Rig) -> None:
    """Nor does silence."""
    for consent in (DENIED, SILENT):
        browser = rig.browser()
        assert (await send(browser, consent)).set_cookies == []
        assert signals(await browser.state()) == UNKNOWN


@pytest.mark.parametrize(
    ("stored", "consent", "google", "meta"),
    [
        (DENY, GRANTED, ["cookieless"], []),
        (GRANT, DENIED, ["cookieless"], []),
        (GRANT, GRANTED, ["full"], ["full"]),
        (GRANT, SILENT, ["full"], ["full"]),
        (GRANT, {"gcs": "G101"}, ["full"], []),
        ({**GRANT, "ad_storage": "denied"}, GRANTED, ["full"], []),
    ],
)
async def test_where_record_and_tag_disagree_the_stricter_counts(
    rig: Rig, stored: Mapping[str, str], consent: Mapping[str, str], google: list[str], meta: list[str]
) -> None:
    """For this event alone: the record stays as it was."""
    browser = rig.browser()
    await browser.consent(GRANT)
    await browser.consent(stored)
    before = signals(await browser.state())
    assert (await send(browser, consent)).status == 204
    assert modes(await rig.entries("shop", "google_analytics")) == google
    assert modes(await rig.entries("shop", "meta")) == meta
    assert signals(await browser.state()) == before


@pytest.mark.parametrize(
    ("consent", "explicit"),
    [
        ({"gcs": "G100", "gcd": "13p3p3p2p5l1", "npa": "1", "dma_cps": "-"}, False),
        ({"gcs": "G100", "gcd": "13q3q3q2q5l1", "npa": "1", "dma_cps": "-"}, True),
        ({"gcs": "G100", "gcd": "13p3q3p2p5l1"}, True),
        ({"gcs": "G100"}, True),
        (SILENT, False),
    ],
)
async def test_a_default_is_told_from_a_choice(rig: Rig, consent: Mapping[str, str], explicit: bool) -> None:
    """A site's default of *denied*, on which no banner was answered, is no refusal; Google is told which it was."""
    await send(rig.browser(), consent)
    (entry,) = await rig.entries("shop", "google_analytics")
    assert isinstance(entry.event, CookielessEvent)
    assert entry.event.explicit is explicit


async def test_gpc_outranks_the_tag(rig: Rig) -> None:
    """The browser's own objection to advertising."""
    browser = rig.browser()
    browser.headers["Sec-GPC"] = "1"
    await send(browser)
    (got,) = await fulls(rig)
    assert got.signals.code() == "gddd"
    assert await rig.entries("shop", "meta") == []


async def test_nothing_of_the_tags_stays_without_consent(rig: Rig) -> None:
    """Neither its ids, nor what it knows of the user."""
    browser = rig.browser()
    browser.cookies["_ga"] = "GA1.1.1111111111.1700000000"
    await send(
        browser,
        DENIED,
        uid="user-77",
        **{"up.tier": "gold-77", "em": f"tv.1~em.{'A' * 43}", "_gsid": "gsid-77"},
    )
    (entry,) = await rig.entries("shop", "google_analytics")
    assert isinstance(entry.event, CookielessEvent)
    assert entry.visitor is None
    held = repr(entry.event).lower()
    for mark in (
        CID,
        SID,
        "1111111111",
        "user-77",
        "gold-77",
        "a" * 43,
        "gsid-77",
        "1795341599377",
        "cj0ktest",
    ):
        assert mark not in held


# --- vendors --------------------------------------------------------------------------------------------------------
