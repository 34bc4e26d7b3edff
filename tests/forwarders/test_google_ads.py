"""Google Ads: what is sent with consent, what without, what Google's answers and late reports mean."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.google_ads import GoogleAds
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.signals import ALL_DENIED, ALL_GRANTED, ALL_UNKNOWN, Signals
from proxy.twin.rules.data_manager import validate
from tests.support.events import (
    NOW_MS,
    STANZAS,
    cookieless_event,
    full_event,
    trace_for,
)

STANZA: dict[str, Any] = {
    **STANZAS["google_ads"],
    "conversions": {
        "purchase": {"action_id": "987654321", "label": "AbC-D_efG-h12"},
        "generate_lead": {"action_id": "987654322"},
    },
}
ADS = GoogleAds.build(STANZA)
NOT_PERSONAL = Signals.from_code("gggd")
NO_USER_DATA = Signals.from_code("ggdg")
NO_STORAGE = Signals.from_code("gdgg")
EMAIL_HASH = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
PHONE_HASH = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
BOTH = {"email": EMAIL_HASH, "phone": PHONE_HASH}


def body_of(ads: GoogleAds, *events: FullEvent) -> dict[str, Any]:
    """Return the body of a batch of these."""
    body = ads.full(events).body
    assert isinstance(body, dict)
    return body


# --- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "clicks", "cookies", "ids"),
    [
        ("gclid of the page", {"gclid": "Cj0KCQ-u_1"}, {}, {"gclid": "Cj0KCQ-u_1"}),
        ("gclid and gbraid, as on iOS", {"gbraid": "0AAA", "gclid": "Cj0"}, {}, {"gclid": "Cj0"}),
        ("wbraid before gbraid", {"gbraid": "0AAA", "wbraid": "Cl8"}, {}, {"wbraid": "Cl8"}),
        ("gbraid", {"gbraid": "0AAA"}, {}, {"gbraid": "0AAA"}),
        ("cookie", {}, {"_gcl_aw": "GCL.1795000002.Cj0KCQ-u_1"}, {"gclid": "Cj0KCQ-u_1"}),
        ("cookie, a dot in the id", {}, {"_gcl_aw": "GCL.1795000002.Cj0.K"}, {"gclid": "Cj0.K"}),
        ("cookie of the newer form", {}, {"_gcl_aw": "2.1.kCj0$i1795000002$u7"}, {"gclid": "Cj0"}),
        ("wbraid's cookie", {}, {"_gcl_gb": "GCL.1795000004.Cl8K"}, {"wbraid": "Cl8K"}),
        ("gbraid's cookie", {}, {"_gcl_ag": "2.1.k0AAAA$i1795000005"}, {"gbraid": "0AAAA"}),
        ("the page before the cookie", {"gbraid": "0AAA"}, {"_gcl_aw": "GCL.1.old"}, {"gbraid": "0AAA"}),
        ("redacted by the tag", {"gclid": "0"}, {"_gcl_aw": "GCL.1.old"}, {"gclid": "old"}),
        ("no click id", {"gclid": "kari@shop.example"}, {"_gcl_aw": "GCL.x.y", "_gcl_ag": "2.1.i5"}, {}),
        ("too long", {"gclid": "x" * 513}, {"_gcl_aw": "GCL.1." + "x" * 513}, {}),
        ("nothing", {}, {}, {}),
    ],
)
def test_one_click_id_is_taken(
    case: str, clicks: Mapping[str, str], cookies: Mapping[str, str], ids: Mapping[str, str]
) -> None:
    """The page's own before the tag's cookies, gclid before the braids, and nothing that is no click id."""
    assert ADS.identify(trace_for(ADS, click_ids=clicks, cookies=cookies), ALL_GRANTED) == ids


@pytest.mark.parametrize("signals", [ALL_DENIED, ALL_UNKNOWN, NO_USER_DATA, NO_STORAGE])
def test_no_click_id_without_both_signals(signals: Signals) -> None:
    """Storage and user data for ads."""
    assert ADS.identify(trace_for(ADS), signals) == {}
    assert not ADS.keeps_click_ids(signals)


def test_what_identifies_an_event() -> None:
    """Google takes no conversion that has neither click id nor contact hash."""
    person = UserData(email="Cloudy.SanFrancisco+shopping@Gmail.com", phone="+18005550100")
    assert ADS.contact(person, ALL_GRANTED) == BOTH
    assert ADS.contact(person, NO_USER_DATA) == {}
    assert ADS.identified(full_event(ids={"gclid": "abc"}))
    assert ADS.identified(full_event(contact=BOTH))
    assert not ADS.identified(full_event())
    assert ADS.cookie_names() == {"_gcl_aw", "_gcl_gb", "_gcl_ag"}


# --- full -----------------------------------------------------------------------------------------------------------

GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
LEAD = {
    "destinationReferences": ["987654322"],
    "transactionId": "018f6a2e-7c1d-7000-8000-000000000001",
    "eventTimestamp": "2026-11-22T10:00:00.000Z",
    "eventSource": "WEB",
    "consent": GRANTED,
}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "a purchase after a click",
        {"ids": {"gclid": "Cj0KCQ-u_1"}, "contact": BOTH, "signals": NOT_PERSONAL},
        {
            "destinationReferences": ["987654321"],
            "transactionId": "T-1",
            "eventTimestamp": "2026-11-22T10:00:00.000Z",
            "eventSource": "WEB",
            "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"},
            "currency": "NOK",
            "conversionValue": 499.0,
            "adIdentifiers": {"gclid": "Cj0KCQ-u_1"},
            "userData": {"userIdentifiers": [{"emailAddress": EMAIL_HASH}, {"phoneNumber": PHONE_HASH}]},
            "cartData": {"items": [{"merchantProductId": "SKU1", "quantity": "2", "unitPrice": 249.5}]},
        },
    ),
    (
        "a purchase after a click on iOS, which may have no cart",
        {"ids": {"wbraid": "Cl8K"}, "time_ms": NOW_MS + 7},
        {
            "destinationReferences": ["987654321"],
            "transactionId": "T-1",
            "eventTimestamp": "2026-11-22T10:00:00.007Z",
            "eventSource": "WEB",
            "consent": GRANTED,
            "currency": "NOK",
            "conversionValue": 499.0,
            "adIdentifiers": {"wbraid": "Cl8K"},
        },
    ),
    (
        "a lead known by its e-mail alone",
        {
            "name": "generate_lead", "contact": {"email": EMAIL_HASH}, "value": None, "currency": None, "items": [],
            "transaction_id": None,
        },
        {**LEAD, "userData": {"userIdentifiers": [{"emailAddress": EMAIL_HASH}]}},
    ),
    (
        "a value without currency, items without price or id",
        {
            "name": "generate_lead", "ids": {"gclid": "abc"}, "currency": None, "transaction_id": "",
            "items": [{"item_id": "SKU1"}, {"item_name": "Genser", "price": 1.0}],
        },
        {**LEAD, "adIdentifiers": {"gclid": "abc"}},
    ),
    (
        "a value of nothing, an item without quantity",
        {
            "name": "generate_lead", "ids": {"gclid": "abc"}, "value": 0, "transaction_id": None,
            "items": [{"item_id": 7, "price": 0}],
        },
        {
            **LEAD, "currency": "NOK", "conversionValue": 0, "adIdentifiers": {"gclid": "abc"},
            "cartData": {"items": [{"merchantProductId": "7", "quantity": "1", "unitPrice": 0}]},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("case", "changes", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_conversion_goes_to_the_data_manager(
    case: str, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Method, place and the whole body, which Google's rules pass."""
    event = full_event(**changes)
    action_id = "987654322" if event.name == "generate_lead" else "987654321"
    request = ADS.full([event])
    assert (request.method, request.url) == ("POST", "https://datamanager.googleapis.com/v1/events:ingest")
    assert (request.query, request.headers) == ([], {})
    assert request.body == {
        "destinations": [
            {
                "reference": action_id,
                "productDestinationId": action_id,
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
            }
        ],
        "encoding": "HEX",
        "events": [expected],
    }
    assert validate(request.body, NOW_MS / 1000) == []


def test_a_manager_account_is_named() -> None:
    """The account of the credentials, where it is another one than the conversions'."""
    ads = GoogleAds.build({**STANZA, "login_customer_id": "1112223333"})
    body = body_of(ads, full_event(ids={"gclid": "abc"}))
    assert body["destinations"][0]["loginAccount"] == {"accountType": "GOOGLE_ADS", "accountId": "1112223333"}


def test_conversions_of_one_action_share_a_request() -> None:
    """Up to 2000 of them; another action has its own, as Google takes ten destinations at most."""
    events = [full_event(ids={"gclid": f"abc{n}"}, transaction_id=f"T-{n}") for n in range(3)]
    assert {ADS.batch_key(event) for event in events} == {"987654321"}
    assert ADS.batch_key(full_event(name="generate_lead")) == "987654322"
    sent = body_of(ADS, *events)["events"]
    assert [one["transactionId"] for one in sent] == ["T-0", "T-1", "T-2"]
    assert ADS.batch.limit == 2000


def test_a_conversion_that_is_configured_no_longer_is_not_sent() -> None:
    """Its entries may still lie in the outbox after a change of configuration."""
    gone = full_event(name="sign_up", ids={"gclid": "abc"})
    assert ADS.problem(gone)
    assert ADS.batch_key(gone) == ""
    with pytest.raises(ValueError, match="no conversion action"):
        ADS.full([gone])
    assert ADS.problem(full_event(ids={"gclid": "abc"})) is None


TEXT = st.text(st.characters(codec="utf-8"), max_size=700)


def full_of(events: list[dict[str, Any]]) -> list[FullEvent]:
    """Return purchases with a click and these changes."""
    return [full_event(ids={"gclid": "abc"}, **changes) for changes in events]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "items": st.lists(
                    st.dictionaries(
                        st.sampled_from(["item_id", "item_name", "price", "quantity"]),
                        st.one_of(
                            TEXT, st.integers(-(2**53), 2**53), st.floats(-1e300, 1e300), st.booleans()
                        ),
                    ),
                    max_size=3,
                ),
                "value": st.none() | st.floats(-1e12, 1e12),
                "currency": st.sampled_from([None, "NOK"]),
                "transaction_id": st.none() | TEXT,
                "params": st.dictionaries(TEXT, TEXT, max_size=3),
            }
        ),
        min_size=1,
        max_size=3,
    )
)
def test_no_event_makes_google_refuse_its_batch(events: list[dict[str, Any]]) -> None:
    """One structurally wrong event would fail them all, so none may be."""
    assert validate(ADS.full(full_of(events)).body, NOW_MS / 1000) == []


# --- cookieless -----------------------------------------------------------------------------------------------------


def test_a_cookieless_purchase_is_the_tags_own_ping() -> None:
    """The whole query, at the host that Google keeps free of cookies."""
    request = ADS.cookieless(cookieless_event(address="203.0.113.0", params={"coupon": "NEWS"}))
    assert request.method == "GET"
    assert request.url == "https://pagead2.googlesyndication.com/pagead/conversion/123456789/"
    assert request.body is None
    assert request.headers == {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/156"}
    assert request.query == [
        ("random", "1234567890"),
        ("cv", "11"),
        ("fmt", "3"),
        ("bg", "ffffff"),
        ("guid", "ON"),
        ("async", "1"),
        ("en", "conversion"),
        ("label", "AbC-D_efG-h12"),
        ("gcs", "G100"),
        ("gcd", "13q3q3q2q5l1"),
        ("npa", "1"),
        ("dma", "1"),
        ("dma_cps", "-"),
        ("pscdl", "denied"),
        ("gclaw", "0"),
        ("hn", "www.googleadservices.com"),
        ("u_w", "1920"),
        ("u_h", "1080"),
        ("value", "499"),
        ("currency_code", "NOK"),
        ("oid", "T-1"),
        ("url", "https://shop.example/thanks?utm_source=news"),
        ("ref", "https://news.example/"),
        ("tiba", "Thanks"),
    ]


def test_a_bare_ping() -> None:
    """What is not known or not allowed is left out; a value without currency would be misread."""
    request = ADS.cookieless(
        cookieless_event(
            url=None, referrer=None, title=None, currency=None, transaction_id=None, user_agent="", screen="desktop",
            signals=ALL_UNKNOWN, explicit=False,
        )
    )  # fmt: skip
    assert request.headers == {}
    expected = "random cv fmt bg guid async en label gcs gcd npa dma dma_cps pscdl gclaw hn"
    assert [key for key, _ in request.query] == expected.split()
    assert dict(request.query)["gcd"] == "13p3p3p2p5l1"


def test_a_ping_needs_a_label() -> None:
    """Without one it names no conversion."""
    with pytest.raises(ValueError, match="label"):
        ADS.cookieless(cookieless_event(name="generate_lead"))


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        cookieless_event,
        url=st.none() | TEXT,
        referrer=st.none() | TEXT,
        title=st.none() | TEXT,
        params=st.dictionaries(TEXT, TEXT, max_size=3),
        screen=st.none() | TEXT,
        value=st.none() | st.floats(-1e12, 1e12) | st.integers(-(2**53), 2**53),
        signals=st.sampled_from([ALL_DENIED, ALL_UNKNOWN, ALL_GRANTED, NO_USER_DATA]),
    )
)
def test_a_ping_has_only_declared_keys_once_and_only_short_texts(event: CookielessEvent) -> None:
    """No parameter of the site's own, nothing that says who clicked."""
    query = ADS.cookieless(event).query
    keys = [key for key, _ in query]
    assert len(keys) == len(set(keys))
    assert set(keys) <= ADS.cookieless_keys
    assert not {"auid", "em", "gclid", "ec_mode", "_uip", "uip"} & set(keys)
    assert all(len(value) <= 512 for _, value in query)
