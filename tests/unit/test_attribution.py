"""What may be kept of a visit, for how long, and what of it may reach which vendor: every state, and whatever is stored."""

import asyncio
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.anonymise import clean, reduce_full
from proxy.attribution import (
    NOTHING_KEPT,
    Click,
    Kept,
    News,
    allowed,
    beside,
    clicks_in,
    lasting,
    new_clicks,
    read_kept,
    with_clicks,
)
from proxy.campaign import MOST, Campaign
from proxy.clickids import CLICK_IDS
from proxy.consent import Record
from proxy.crediting import credited
from proxy.event import Event, FullEvent, Visit
from proxy.identity import Visitor
from proxy.policy import Rule
from proxy.reasons import Decision, Reason
from proxy.signals import ALL_GRANTED, ConsentState, Signals, Value
from proxy.site import Link, Site, VisitorCookie
from proxy.store.consents import Consents, Found
from proxy.subject import Arrival, Subject
from tests.support.events import NOW_MS
from tests.support.reduction import BUILT, DERIVED, FORWARDERS, POLICY, state, stored

GCLID, WBRAID, FBCLID, MSCLKID = "gclidZq7", "wbraidZq7", "fbclidZq7", "aaaabbbbccccddddeeeeffff00001111"
EARLIER = {
    "gclid": Click(GCLID, NOW_MS - 500_000_000),
    "wbraid": Click(WBRAID, NOW_MS - 500_000_000),
    "fbclid": Click(FBCLID, NOW_MS - 400_000_000),
    "msclkid": Click(MSCLKID, NOW_MS - 300_000_000),
}
OWN = {"google_ads": (GCLID, WBRAID), "meta": (FBCLID,), "microsoft": (MSCLKID,)}
DAY_MS = 86_400_000
signals = st.text("gdu", min_size=4, max_size=4).map(Signals.from_code)
KEPT = Kept(Campaign("news", "cpc", "ull"), NOW_MS - DAY_MS, "shop.example", EARLIER)
NAMES = frozenset({"gclid", "gbraid", "wbraid", "fbclid", "msclkid"})


def full(forwarder: str, at: Signals, earlier: dict[str, Click], *, time_ms: int = NOW_MS) -> FullEvent:
    """Reduce a purchase of a visitor of whom clicks are kept."""
    content = clean(Event("purchase", "e-1", time_ms, url="https://shop.example/thanks"))
    content.earlier = earlier
    return reduce_full(
        content,
        Visit(),
        state(at),
        FORWARDERS[forwarder],
        derived=DERIVED,
        session_start=None,
        host="shop.example",
    )


# --- what reaches a vendor ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forwarder", BUILT)
def test_no_kept_click_reaches_an_entry_that_may_not_have_it(forwarder: str) -> None:
    """Only the vendor whose id it is, and only with ``ad_storage``, ``ad_user_data`` and no refusal of statistics."""
    reached = 0
    for code in map("".join, product("gdu", repeat=4)):
        at = Signals.from_code(code)
        entry = stored(full(forwarder, at, EARLIER))
        found = {click.value for click in EARLIER.values() if click.value.lower() in entry}
        assert found <= set(OWN.get(forwarder, ()))
        reached += bool(found)
        if found:
            statistics, storage, user_data, _ = at.values()
            assert (storage, user_data) == (Value.GRANTED, Value.GRANTED)
            assert statistics is not Value.DENIED
    assert bool(reached) is (forwarder in OWN)


@pytest.mark.parametrize(
    ("forwarder", "ids"),
    [
        ("google_ads", {"gclid": GCLID}),
        ("meta", {"fbc": f"fb.1.{EARLIER['fbclid'].at}.{FBCLID}"}),
        ("microsoft", {"msclkid": MSCLKID}),
    ],
)
def test_each_vendor_gets_its_own_as_it_takes_it(forwarder: str, ids: dict[str, str]) -> None:
    """Google Ads the click id, Meta the cookie that is made of it, Microsoft its own."""
    found = full(forwarder, ALL_GRANTED, EARLIER).ids
    assert {name: found[name] for name in ids} == ids


def test_no_click_was_seen_after_the_event() -> None:
    """Meta refuses clicks from the future; an event that was made before the click, and came later, is told its own time."""
    made = EARLIER["fbclid"].at - 5000
    assert full("meta", ALL_GRANTED, EARLIER, time_ms=made).ids["fbc"] == f"fb.1.{made}.{FBCLID}"


def test_the_urls_do_not_change() -> None:
    """Analytics makes its own sessions: it gets nothing of what was kept."""
    assert full("google_analytics", ALL_GRANTED, EARLIER) == full("google_analytics", ALL_GRANTED, {})


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ([], {"gclid", "wbraid", "fbclid", "msclkid"}),
        (["gbraid"], {"fbclid", "msclkid"}),
        (["gclid", "fbclid"], {"msclkid"}),
        (["_gl", "gad_source", "srsltid", "mc_eid"], {"gclid", "wbraid", "fbclid", "msclkid"}),
        (["dclid"], {"gclid", "wbraid", "fbclid", "msclkid"}),
    ],
)
def test_of_a_network_that_the_page_names_nothing_is_added(own: list[str], left: set[str]) -> None:
    """Ids that stand for no click, and those of other networks, leave what is kept as it is."""
    assert set(beside(EARLIER, own, NAMES)) == left


# --- what is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("gggg", (True, True)),
        ("ggg" + "d", (True, True)),
        ("ggdg", (True, False)),
        ("gdgg", (True, False)),
        ("ggug", (True, False)),
        ("guuu", (True, False)),
        ("uggg", (False, True)),
        ("dggg", (False, False)),
        ("uuuu", (False, False)),
        ("dddd", (False, False)),
    ],
)
def test_what_signals_allow(code: str, expected: tuple[bool, bool]) -> None:
    """Source and campaign stand on statistics; clicks on two ad signals, and on no refusal of statistics."""
    assert allowed(Signals.from_code(code)) == expected


@pytest.mark.parametrize(
    ("kept", "clicks", "at", "expected"),
    [
        ({}, {"gclid": "gclid-A"}, 10, {"gclid": "gclid-A"}),
        ({"gclid": Click("gclid-A", 5)}, {"gclid": "gclid-A"}, 10, {}),
        ({"gclid": Click("gclid-A", 5)}, {"gclid": "gclid-B"}, 10, {"gclid": "gclid-B"}),
        ({"gclid": Click("gclid-A", 15)}, {"gclid": "gclid-B"}, 10, {}),
        ({"gclid": Click("gclid-A", 10)}, {"gclid": "gclid-B"}, 10, {}),
        ({"gclid": Click("gclid-A", 5)}, {"wbraid": "wbraid-A"}, 10, {"wbraid": "wbraid-A"}),
        ({"gclid": Click("gclid-A", 5)}, {"gclid": "gclid-A", "gbraid": "gbraid-A"}, 10, {}),
        ({"gclid": Click("gclid-A", 5)}, {"fbclid": "fbclid-A"}, 10, {"fbclid": "fbclid-A"}),
        ({"gclid": Click("gclid-A", 5)}, {"dclid": "dclid-A"}, 10, {"dclid": "dclid-A"}),
        (
            {"gclid": Click("gclid-A", 5)},
            {"gclid": "gclid-B", "gbraid": "gbraid-B"},
            10,
            {"gclid": "gclid-B", "gbraid": "gbraid-B"},
        ),
    ],
)
def test_a_newer_click_of_the_same_network_is_new(
    kept: dict[str, Click], clicks: dict[str, str], at: int, expected: dict[str, str]
) -> None:
    """A page that is seen again with the same id, or that comes in late, is not."""
    found = new_clicks(kept, clicks, at)
    assert {name: click.value for name, click in found.items()} == expected
    assert all(click.at == at for click in found.values())


def test_a_new_click_takes_the_place_of_all_of_its_network() -> None:
    """Others stay."""
    after = with_clicks(EARLIER, {"gbraid": Click("gbraid-B", NOW_MS)})
    assert set(after) == {"gbraid", "fbclid", "msclkid"}


def test_click_ids_are_those_of_the_page_and_those_that_it_names() -> None:
    """Only such as some forwarder of the site can use later, and only in the vendor's own form."""
    found = clicks_in(
        "https://shop.example/?gclid=gclidOfThePage&ttclid=E.C.P.abc&mc_eid=1234567890",
        {"fbclid": "fbclidOfTheIds", "msclkid": "short", "fbp": "fb.1.1.2", "twclid": "abcdefgh"},
        NAMES,
    )
    assert found == {"gclid": "gclidOfThePage", "fbclid": "fbclidOfTheIds"}


def test_nothing_is_used_when_it_is_too_old() -> None:
    """Each part by its own time."""
    life = 4 * DAY_MS
    found = lasting(KEPT, NOW_MS, life)
    assert found.touch == KEPT.touch
    assert set(found.clicks) == {"msclkid"}
    assert lasting(KEPT, NOW_MS, DAY_MS) is NOTHING_KEPT
    assert lasting(replace(KEPT, touched_at=NOW_MS - 9 * DAY_MS), NOW_MS, life).touch is None


# --- what is read ---------------------------------------------------------------------------------------------------


def test_what_was_written_is_read() -> None:
    """As docs/store.md publishes it."""
    fields = [b"at", b"1795341600000", b"source", b"news", b"medium", b"", b"campaign", "høst".encode()]
    fields += [b"host", b"shop.example", b"gclid", b"1795341600001 gclidZq7"]
    assert read_kept(fields) == Kept(
        Campaign("news", "", "høst"),
        1_795_341_600_000,
        "shop.example",
        {"gclid": Click("gclidZq7", 1_795_341_600_001)},
    )


_TEXT = st.text(max_size=120).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)
_NAMES = st.sampled_from(
    [b"at", b"source", b"medium", b"campaign", b"host", b"gclid", b"fbclid", b"x", b"\xff"]
)


@settings(max_examples=200, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(_NAMES, _TEXT | st.sampled_from([b"1795341600000", b"1795341600000 gclidZq7"])), max_size=9
    )
)
def test_whatever_is_stored_is_read_within_bounds(pairs: list[tuple[bytes, bytes]]) -> None:
    """Another system may have written it: nothing raises, and nothing of another form comes out."""
    found = read_kept([part for pair in pairs for part in pair])
    assert set(found.clicks) <= CLICK_IDS.keys()
    if found.touch is not None:
        assert found.touched_at >= 0
        for text in (found.touch.source, found.touch.medium, found.touch.campaign):
            assert len(text) <= MOST
            assert text.isprintable()


# --- what is stored and credited ------------------------------------------------------------------------------------


class Spy(Consents):
    """Records what is to be kept."""

    def __init__(self) -> None:
        self.news: list[News] = []

    async def keep(self, site: str, visitor: str, news: News) -> None:
        """Note it."""
        self.news.append(news)


def shop(attribution_ms: int) -> Site:
    """Return a site with every vendor."""
    rule = Rule.of((), Decision.DROP, "consent", Decision.DROP)
    links = tuple(Link(name, name, FORWARDERS[name], rule, None) for name in BUILT)
    return Site(
        "shop",
        ("*",),
        "/",
        frozenset(),
        frozenset({"purchase"}),
        (),
        VisitorCookie("_sayso", 7 * 86_400, 90 * 86_400),
        POLICY,
        links,
        attribution_ms=attribution_ms,
    )


def at_the_gateway(
    name: str,
    url: str,
    now: Signals,
    recorded: Signals,
    kept: Kept = NOTHING_KEPT,
    attribution_ms: int = 30 * DAY_MS,
) -> tuple[list[News], Campaign | None, dict[str, Click]]:
    """Return what an event leaves to be kept, and what it is credited to."""
    site = shop(attribution_ms)
    record = Record(recorded, "page", NOW_MS - DAY_MS, times=(NOW_MS - DAY_MS,) * 4)
    visitor = Visitor("v" * 22, NOW_MS // 1000 - 86_400)
    subject = Subject(visitor, Found(record, None, NOW_MS), kept=kept)
    arrival = Arrival(site, NOW_MS, Visit(), "shop.example", visitor)
    consents = Spy()
    event = Event(name, "e-1", NOW_MS, url=url)
    why = tuple(Reason.GRANTED if value is Value.GRANTED else Reason.CONSENT_DENIED for value in now.values())
    found = asyncio.run(
        credited(consents, arrival, event, subject, ConsentState(now, (why[0], why[1], why[2], why[3])))
    )
    return consents.news, found.touch, dict(found.clicks)


LANDING = f"https://shop.example/?utm_source=page&gclid={GCLID}&msclkid={MSCLKID}&ttclid=E.C.P.abc"


@settings(max_examples=200, deadline=None)
@given(now=signals, recorded=signals)
def test_nothing_is_kept_that_state_and_record_do_not_both_grant(now: Signals, recorded: Signals) -> None:
    """The record is what a withdrawal reaches, the state what counts for this event."""
    news, _, _ = at_the_gateway("page_view", LANDING, now, recorded)
    may = [both[0] and both[1] for both in zip(allowed(now), allowed(recorded), strict=True)]
    assert [one.touch for one in news if one.touch is not None] == [Campaign("page", "")] * may[0]
    assert [set(one.clicks) for one in news if one.clicks] == [{"gclid", "msclkid"}] * may[1]


@settings(max_examples=300, deadline=None)
@given(now=signals)
@example(now=Signals.from_code("dggg"))
@example(now=Signals.from_code("uggg"))
@example(now=Signals.from_code("gdgg"))
@example(now=Signals.from_code("ggdg"))
def test_nothing_is_credited_that_the_state_does_not_grant(now: Signals) -> None:
    """Then a conversion has what its own page says, and no more."""
    _, touch, clicks = at_the_gateway("purchase", "https://shop.example/?utm_source=own", now, now, KEPT)
    assert touch == (KEPT.touch if allowed(now)[0] else Campaign("own", ""))
    assert clicks == (dict(EARLIER) if allowed(now)[1] else {})


def test_only_conversions_are_credited() -> None:
    """Other events have no use for it."""
    assert at_the_gateway("page_view", LANDING, ALL_GRANTED, ALL_GRANTED, KEPT)[1:] == (None, {})


def test_what_is_switched_off_is_neither_kept_nor_used() -> None:
    """A conversion has what its own page says."""
    found = at_the_gateway("purchase", LANDING, ALL_GRANTED, ALL_GRANTED, KEPT, attribution_ms=0)
    assert found == ([], Campaign("page", ""), {})


def test_lives_count_from_the_visit_and_end_with_the_id() -> None:
    """Whatever the setting says."""
    news, _, _ = at_the_gateway("page_view", LANDING, ALL_GRANTED, ALL_GRANTED)
    assert [(one.at, one.touch_life_ms, one.clicks_life_ms) for one in news] == [
        (NOW_MS, 30 * DAY_MS, 30 * DAY_MS)
    ]
    news, _, _ = at_the_gateway("page_view", LANDING, ALL_GRANTED, ALL_GRANTED, attribution_ms=400 * DAY_MS)
    assert [one.touch_life_ms for one in news] == [89 * DAY_MS], "the id is a day old and lives for 90"
