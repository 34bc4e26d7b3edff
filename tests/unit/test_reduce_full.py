"""What one forwarder may know of a consented event: its own ids and hashes, and nobody else's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.base import Forwarder, Request, Trace
from proxy.anonymise import clean, reduce_full
from proxy.event import Event, FullEvent, UserData, Visit
from proxy.identity import derive, mint
from proxy.signals import ALL_GRANTED, Signals
from tests.support.events import CLICK_IDS, COOKIES, NOW_MS, SHOPPER, USER_AGENT
from tests.support.reduction import BUILT, FORWARDERS, event, full, spellings, state, stored

QUICK = settings(max_examples=200, deadline=None)
STATISTICS = Signals.from_code("gddd")
every_forwarder = pytest.mark.parametrize("name", BUILT)

# Whose click id is whose, and which signals of it may go at all.
OWN: Mapping[str, frozenset[str]] = {
    "google_analytics": frozenset({"gclid", "gbraid", "wbraid", "dclid"}),
    "google_ads": frozenset({"gclid", "gbraid", "wbraid"}),
    "meta": frozenset({"fbclid"}),
    "microsoft": frozenset({"msclkid"}),
}
OWN_COOKIES: Mapping[str, frozenset[str]] = {
    "google_analytics": frozenset({"_ga", "_ga_XXXXXXX"}),
    "google_ads": frozenset({"_gcl_aw", "_gcl_gb"}),
    "meta": frozenset({"_fbp", "_fbc"}),
    "microsoft": frozenset({"_uetvid", "_uetmsclkid"}),
}


def clicked() -> Event:
    """Return a purchase whose page was reached with every vendor's click id at once."""
    query = "&".join(f"{name}={value}" for name, value in CLICK_IDS.items())
    return event(
        url=f"https://shop.example/thanks?size=M&{query}&utm_source=news#{CLICK_IDS['gclid']}",
        referrer=f"https://shop.example/cart?{query}",
        params={"gclid": CLICK_IDS["gclid"], "FBCLID": CLICK_IDS["fbclid"], "fbp": COOKIES["_fbp"], "plan": "x"},
        items=[{"item_id": "SKU1", "msclkid": CLICK_IDS["msclkid"], "link": f"https://shop.example/sku?{query}"}],
        user_properties={"li_fat_id": CLICK_IDS["li_fat_id"], "from": f"https://news.example/?{query}"},
    )  # fmt: skip


BROWSER = Visit(user_agent=USER_AGENT, cookies=COOKIES)


def test_every_forwarder_is_looked_at() -> None:
    """A new one has to be given its row in the tables of this file."""
    assert set(BUILT) == OWN.keys() == OWN_COOKIES.keys()


@every_forwarder
def test_only_the_vendors_own_click_ids_stay(name: str) -> None:
    """Neither in the URLs, nor among parameters, items and properties, nor in the ids is another vendor's."""
    text = stored(full(clicked(), name, BROWSER))
    for click, value in CLICK_IDS.items():
        if click not in OWN[name]:
            assert value.lower() not in text, click
    for cookie, value in COOKIES.items():
        if cookie not in OWN_COOKIES[name]:
            assert value.lower() not in text, cookie


@every_forwarder
def test_the_vendors_own_click_ids_stay_in_the_url(name: str) -> None:
    """It recognises the click by them; other parameters stay too, the fragment does not."""
    made = full(clicked(), name, BROWSER)
    assert made.url is not None
    page, _, query = made.url.partition("?")
    own = {f"{click}={CLICK_IDS[click]}" for click in OWN[name]}
    assert page == "https://shop.example/thanks"
    assert set(query.split("&")) == own | {"size=M", "utm_source=news"}
    assert made.referrer == "https://shop.example/cart"
    assert made.params == {"plan": "x"}


@every_forwarder
def test_click_ids_need_consent_to_ads(name: str) -> None:
    """Statistics alone keep none, wherever it stood; the page's address is still that of the page."""
    made = full(clicked(), name, BROWSER, STATISTICS)
    text = stored(made)
    assert [value for value in CLICK_IDS.values() if value.lower() in text] == []
    assert made.url == "https://shop.example/thanks?size=M&utm_source=news"


@every_forwarder
def test_what_needs_more_consent_than_was_given_is_not_there(name: str) -> None:
    """Statistics alone: no contact data, not the site's own id of the visitor, no properties, in no encoding."""
    made = event(user_data=SHOPPER, user_id="kundeVogel42", user_properties={"rank": "gullVogel"})
    reduced = full(made, name, BROWSER, STATISTICS)
    assert reduced.contact == {}
    assert reduced.user_id is None
    assert reduced.user_properties == {}
    text = stored(reduced)
    for mark in ("kundeVogel42", "gullVogel", "Kari.Nordmann+news@Example.NO", "Nordmann"):
        assert [form for form in spellings(mark) if form in text] == []


@every_forwarder
def test_contact_data_is_there_as_hashes_alone(name: str) -> None:
    """Sixty-four hexadecimal digits each; nothing of it can be read."""
    reduced = full(event(user_data=SHOPPER), name, BROWSER)
    assert reduced.contact
    assert all(len(value) == 64 and int(value, 16) for value in reduced.contact.values())
    text = stored(reduced)
    for word in ("nordmann", "example.no", "91234567", "912 34", "kari", "0150"):
        assert word not in text


def test_the_sites_own_user_id_needs_all_four_signals() -> None:
    """And goes to none but Google Analytics; an e-mail address is no id."""
    for name in BUILT:
        assert full(event(user_id="u-1"), name).user_id == ("u-1" if name == "google_analytics" else None)
        for code in ("dggg", "gdgg", "ggdg", "gggd", "gggu"):
            assert full(event(user_id="u-1"), name, signals=Signals.from_code(code)).user_id is None
    assert full(event(user_id="kari@shop.example"), "google_analytics").user_id is None


@every_forwarder
def test_the_address_goes_only_where_it_is_taken(name: str) -> None:
    """And then truncated, as the gateway has made it."""
    reduced = full(event(), name, Visit(address="203.0.113.0", country="NO", region="NO-03"))
    assert reduced.address == ("203.0.113.0" if name == "google_analytics" else None)
    assert (reduced.country, reduced.region) == ("NO", "NO-03")


@every_forwarder
def test_each_vendor_gets_a_visitor_of_its_own(name: str) -> None:
    """The id itself is in no entry's event; two vendors', two sites' and two accounts' derivatives differ."""
    visitor = mint(NOW_MS // 1000).id
    key = b"k" * 32

    def entry(site: str, forwarder: str, who: str = visitor) -> str:
        made = reduce_full(
            clean(event()),
            BROWSER_WITHOUT_COOKIES,
            state(ALL_GRANTED),
            FORWARDERS[name],
            derived=derive(key, site, forwarder, who),
            session_start=None,
            host="shop.example",
        )
        return stored(made)

    text = entry("shop", name)
    assert [form for form in spellings(visitor) if form in text] == []
    assert entry("shop", name) == text, "the same visitor is the same to one vendor"
    if name != "google_ads":  # which knows clicks and customers, and no visitors
        assert entry("other", name) != text
        assert entry("shop", "second_account") != text
        assert entry("shop", name, mint(NOW_MS // 1000).id) != text


BROWSER_WITHOUT_COOKIES = Visit(user_agent=USER_AGENT)


def test_a_session_is_the_backends_own_where_it_names_one() -> None:
    """Else gtag's, else ours."""
    assert full(event(session_id="1795340123"), "google_analytics", BROWSER).ids["session_id"] == "1795340123"
    assert full(event(), "google_analytics", BROWSER).ids["session_id"] == "1795340000"
    assert full(event(), "google_analytics").ids["session_id"] == str(NOW_MS // 1000 - 600)


@pytest.mark.parametrize("explicit", [False, True])
def test_whether_the_visitor_chose_is_told_as_it_is(explicit: bool) -> None:
    """On legitimate interest a full event may be that of a visitor who never answered."""
    reduced = reduce_full(
        clean(event()),
        BROWSER,
        replace(state(ALL_GRANTED), explicit=explicit),
        FORWARDERS["google_analytics"],
        derived=bytes(16),
        session_start=None,
        host="shop.example",
    )
    assert reduced.explicit is explicit


def test_click_ids_that_a_backend_states_count_like_those_of_the_url() -> None:
    """Under the vendor's own name for them, cookies without their underscore; and still only where they belong."""
    made = event(ids={"gclid": "Cj0stated", "fbclid": "IwARstated", "fbp": COOKIES["_fbp"], "visitor": "x"})
    assert full(made, "google_ads").ids == {"gclid": "Cj0stated"}
    meta = full(made, "meta").ids
    assert meta["fbp"] == COOKIES["_fbp"]
    assert meta["fbc"].endswith(".IwARstated")
    assert full(made, "google_ads", signals=STATISTICS).ids == {}
    for name in ("google_analytics", "microsoft"):
        text = stored(full(made, name))
        assert "iwarstated" not in text
        assert "1254136630" not in text


class Greedy(Forwarder):
    """An outside forwarder that hands on whatever it is offered."""

    title: ClassVar[str] = "Greedy"
    takes_click_ids: ClassVar[frozenset[str]] = frozenset({"gclid", "ttclid"})

    def cookie_names(self) -> frozenset[str]:
        """Return one cookie."""
        return frozenset({"_ttp"})

    def keeps_click_ids(self, signals: Signals) -> frozenset[str]:
        """Return one click id less than it takes."""
        return frozenset({"gclid"})

    def identify(self, trace: Trace, signals: Signals) -> dict[str, str]:
        """Return everything."""
        return {**trace.cookies, **trace.click_ids}

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Return a request."""
        return Request("POST", "https://greedy.example/")


def test_a_forwarder_is_offered_no_more_than_it_declared() -> None:
    """However it is written: cookies and click ids of others do not even reach it."""
    made = clicked()
    made.ids = {"gclid": "stated-id", "fbclid": "stated-too", "ttp": "of-a-backend", "fbp": COOKIES["_fbp"]}
    for visit, ttp in ((BROWSER, "of-a-backend"), (Visit(cookies={**COOKIES, "_ttp": "own"}), "own")):
        reduced = reduce_full(
            clean(made),
            visit,
            state(ALL_GRANTED),
            Greedy(),
            derived=bytes(16),
            session_start=None,
            host="shop.example",
        )
        assert reduced.ids == {"gclid": "stated-id", "_ttp": ttp}


# --- scrubbing ------------------------------------------------------------------------------------------------------


@every_forwarder
def test_texts_are_scrubbed_and_nothing_is_dropped_for_it(name: str) -> None:
    """Titles, parameters with their names, items, properties: a mark stands where somebody was."""
    reduced = full(
        event(
            title="Takk, kari@shop.example",
            params={"note": "mail ola@shop.example", "kari@shop.example": 1, "n": 7, "b": True},
            items=[{"item_id": "SKU1", "item_name": "Til kari@shop.example"}],
            user_properties={"mail": "kari@shop.example"},
            value=499.0,
        ),
        name,
    )
    assert reduced.title == "Takk, [redacted]"
    assert reduced.params == {"note": "mail [redacted]", "[redacted]": 1, "n": 7, "b": True}
    assert reduced.items == [{"item_id": "SKU1", "item_name": "Til [redacted]"}]
    assert reduced.user_properties in ({}, {"mail": "[redacted]"})
    assert reduced.value == 499.0


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("T-1", "T-1"),
        ("4791234567", "4791234567"),
        ("b2f5ff47436671b6e533d8dc3614845d", "b2f5ff47436671b6e533d8dc3614845d"),
        ("018f6a2e-7c1d-7000-8000-000000000001", "018f6a2e-7c1d-7000-8000-000000000001"),
        ("kari@shop.example", None),
        ("kari%40shop.example", None),
        ("4111111111111111", None),
        (None, None),
    ],
)
def test_a_transaction_id_is_itself_or_nothing(written: str | None, wanted: str | None) -> None:
    """A mark in its place would make all such purchases one and the same to the vendor."""
    assert full(event(transaction_id=written), "google_analytics").transaction_id == wanted


@pytest.mark.parametrize(
    ("stated", "header", "wanted"),
    [
        ("nb-NO", "sv,en;q=0.8", "nb-NO"),
        (None, "nb-NO,nb;q=0.9,no;q=0.8,en;q=0.5", "nb-NO"),
        (None, " en-GB", "en-GB"),
        ("zh-Hant-TW", None, "zh-Hant-TW"),
        ("nb_NO", None, "nb_NO"),
        ("nb-muchtoolongtobeatag", None, "nb"),
        ("kari@shop.example", "nb", None),
        ("*", None, None),
        (None, "\udce6\udcf8", None),
        (None, None, None),
    ],
)
def test_a_language_is_the_first_tag(stated: str | None, header: str | None, wanted: str | None) -> None:
    """A header's whole list, with its weights, would tell people apart; and free text is no language."""
    assert full(event(language=stated), "google_analytics", Visit(language=header)).language == wanted


@pytest.mark.parametrize("agent", [f"{USER_AGENT}\udcff", "\udce6", f"\x00{USER_AGENT}\r\n"])
def test_bytes_that_are_no_text_cost_nobody_their_event(agent: str) -> None:
    """Servers hand on such headers as lone surrogates, which neither JSON nor the outbox could hold."""
    reduced = full(event(), "google_analytics", Visit(user_agent=agent))
    assert reduced.user_agent in {USER_AGENT, ""}
    assert stored(reduced)


@every_forwarder
def test_one_event_reduced_for_all_is_the_same_as_for_each_alone(name: str) -> None:
    """What is worked out once per event does not depend on which forwarder came first."""
    content = clean(clicked())

    def reduced(forwarder: str) -> str:
        made = reduce_full(
            content,
            BROWSER,
            state(ALL_GRANTED),
            FORWARDERS[forwarder],
            derived=bytes(range(16)),
            session_start=NOW_MS // 1000 - 600,
            host="shop.example",
        )
        return stored(made)

    for first in BUILT:
        reduced(first)
    assert reduced(name) == stored(full(clicked(), name, BROWSER))


CODES = st.text("gdu", min_size=4, max_size=4)
NEEDED = {"google_ads": {1, 2}, "meta": {1, 2, 3}, "microsoft": {1, 2, 3}}
CONTACT = {"google_analytics": {2}, "google_ads": {2}, "meta": {1, 2, 3}, "microsoft": {1, 2, 3}}
CLICKS = {"google_analytics": {1, 2}, "google_ads": {1, 2}, "meta": {1, 2, 3}, "microsoft": {1, 2, 3}}


@QUICK
@given(CODES, st.sampled_from(BUILT))
def test_a_hook_never_gives_more_than_the_signals_allow(code: str, name: str) -> None:
    """For all 81 states, asked or not: each forwarder's ids, hashes and click ids need the signals written here."""
    granted = {position for position in range(4) if code[position] == "g"}
    made = clicked()
    made.user_data, made.user_id = UserData(email="kari@shop.example"), "u-1"
    reduced = full(made, name, BROWSER, Signals.from_code(code))
    assert bool(reduced.contact) == (CONTACT[name] <= granted)
    kept = {click for click, value in CLICK_IDS.items() if f"{click}={value}" in (reduced.url or "")}
    assert kept == (OWN[name] if CLICKS[name] <= granted else set())
    assert (reduced.user_id is not None) == (name == "google_analytics" and granted == {0, 1, 2, 3})
    if name in NEEDED:
        assert bool(reduced.ids) == (NEEDED[name] <= granted)
    assert reduced.signals.code() == code
