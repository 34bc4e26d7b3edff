"""Google Analytics: what is sent with consent, what without, and what Google's answers mean."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from forwarders.auth import QueryAuth
from forwarders.base import Response
from forwarders.google_analytics import GoogleAnalytics
from forwarders.verdicts import Delivered, Pause, Refused, Retry, Split, Verdict
from proxy.event import FullEvent
from proxy.signals import ALL_GRANTED, ALL_UNKNOWN, Signals
from proxy.twin.rules.measurement_protocol import RESERVED_EVENTS, validate
from tests.support.events import NOW_MS, STANZAS, USER_AGENT, full_event

GA = GoogleAnalytics.build(STANZAS["google_analytics"])
IN_THE_EU = GoogleAnalytics.build({**STANZAS["google_analytics"], "region": "region1"})
STATISTICS_ONLY = Signals.from_code("gddd")
NOT_PERSONAL = Signals.from_code("gggd")
NO_ADS_STORAGE = Signals.from_code("gdgg")
NO_USER_DATA = Signals.from_code("ggdg")
IDS = {"client_id": "1254136630.1795000000", "session_id": "1795340000"}
GMAIL_HASH = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
PHONE_HASH = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
DENIED = {"ad_user_data": "DENIED", "ad_personalization": "DENIED"}
GRANTED = {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}


def body(*events: FullEvent) -> dict[str, Any]:
    """Return the body of a batch of these."""
    request = GA.full(events)
    assert isinstance(request.body, dict)
    return request.body


def params(event: FullEvent) -> dict[str, Any]:
    """Return the parameters that one event is sent with."""
    return dict(body(event)["events"][0]["params"])


# --- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measurement_id", ["", "UA-12345-1", "g-abcdefg", "G-ABC", "G-ABC DEF", "G-XXXX\n"])
def test_only_a_ga4_measurement_id_is_taken(measurement_id: str) -> None:
    """A Universal Analytics id would lose everything in silence."""
    with pytest.raises(ValidationError):
        GoogleAnalytics.build({**STANZAS["google_analytics"], "measurement_id": measurement_id})


def test_the_secret_is_declared_not_written() -> None:
    """Delivery puts it into the query, the only place Google has for it."""
    auth = GA.auth
    assert isinstance(auth, QueryAuth)
    assert (auth.name, auth.secret.reveal()) == ("api_secret", "secret-of-google-analytics")


# --- full -----------------------------------------------------------------------------------------------------------

PURCHASE = full_event(
    ids=IDS,
    signals=NOT_PERSONAL,
    params={"tax": 99.8, "coupon": "NEWS", "engagement_time_msec": 5200},
    country="DE",
    region="DE-BE",
)
PURCHASE_BODY = {
    "client_id": "1254136630.1795000000",
    "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
    "user_location": {"country_id": "DE", "region_id": "DE-BE"},
    "user_agent": USER_AGENT,
    "events": [
        {
            "name": "purchase",
            "timestamp_micros": 1795341600000000,
            "params": {
                "session_id": "1795340000",
                "engagement_time_msec": 5200,
                "page_location": "https://shop.example/thanks?utm_source=news",
                "page_referrer": "https://shop.example/cart",
                "page_title": "Thanks",
                "currency": "NOK",
                "value": 499.0,
                "transaction_id": "T-1",
                "items": [{"item_id": "SKU1", "item_name": "Genser", "price": 249.5, "quantity": 2}],
                "tax": 99.8,
                "coupon": "NEWS",
            },
        }
    ],
}


@pytest.mark.parametrize(
    ("forwarder", "host"), [(GA, "www.google-analytics.com"), (IN_THE_EU, "region1.google-analytics.com")]
)
def test_a_purchase_goes_to_the_measurement_protocol(forwarder: GoogleAnalytics, host: str) -> None:
    """Method, place, query and the whole body; the region is the site's choice."""
    request = forwarder.full([PURCHASE])
    assert (request.method, request.url, request.headers) == ("POST", f"https://{host}/mp/collect", {})
    assert request.query == [("measurement_id", "G-XXXXXXX")]
    assert request.body == PURCHASE_BODY
    assert validate(request.body, NOW_MS / 1000) == []


def test_a_page_view_has_no_empty_fields() -> None:
    """What the page did not say is left out; an empty transaction id would swallow other purchases."""
    event = full_event(
        name="page_view", ids=IDS, signals=STATISTICS_ONLY, referrer=None, title=None, items=[], value=None,
        currency=None, transaction_id="",
    )  # fmt: skip
    assert body(event)["consent"] == DENIED
    assert params(event) == {
        "session_id": "1795340000",
        "engagement_time_msec": 1,
        "page_location": "https://shop.example/thanks?utm_source=news",
    }


@pytest.mark.parametrize(
    ("case", "changes", "expected"),
    [
        ("all granted", {"signals": ALL_GRANTED}, {"consent": GRANTED}),
        ("on legitimate interest, unanswered", {"signals": ALL_UNKNOWN}, {"consent": DENIED}),
        ("country, no region", {"country": "NO"}, {"user_location": {"country_id": "NO"}}),
        ("a region without its country", {"country": "DE", "region": "BE"},
         {"user_location": {"country_id": "DE", "region_id": "DE-BE"}}),
        ("country and address", {"country": "NO", "address": "203.0.113.0"},
         {"user_location": {"country_id": "NO"}, "ip_override": None}),
        ("address alone", {"country": None, "address": "203.0.113.0"},
         {"user_location": None, "ip_override": "203.0.113.0"}),
        ("neither", {"country": None, "address": None}, {"user_location": None, "ip_override": None}),
        ("user agent known", {}, {"user_agent": USER_AGENT, "device": None}),
        ("user agent unknown", {"user_agent": ""},
         {"user_agent": None, "device": {"language": "nb-NO", "screen_resolution": "1920x1080"}}),
        ("nothing known of the device", {"user_agent": "", "language": None, "screen": None}, {"device": None}),
        ("an odd language", {"user_agent": "", "language": "nb-NO,nb;q=0.9", "screen": None}, {"device": None}),
        ("contact, ad user data granted", {"contact": {"email": GMAIL_HASH, "phone": PHONE_HASH}},
         {"user_data": {"sha256_email_address": [GMAIL_HASH], "sha256_phone_number": [PHONE_HASH]}}),
        ("contact, since withdrawn", {"contact": {"email": GMAIL_HASH}, "signals": STATISTICS_ONLY},
         {"user_data": None}),
        ("user id, all granted", {"user_id": "u" * 300, "signals": ALL_GRANTED}, {"user_id": "u" * 256}),
        ("user id, since withdrawn", {"user_id": "u-1", "user_properties": {"plan": "pro"}, "signals": NOT_PERSONAL},
         {"user_id": None, "user_properties": None}),
        ("user properties", {"signals": ALL_GRANTED, "user_properties": {
            "plan": "p" * 50, "age": 42, "user_id": "x", "ga_x": 1, "first_visit_time": 1, "a" * 25: 1, "_x": 1}},
         {"user_properties": {"plan": {"value": "p" * 36}, "age": {"value": 42}}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_stands_once_in_a_request(
    case: str, changes: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """Consent always; the country rather than the address; hashes and ids only where the signals allow them."""
    sent = body(full_event(**{"ids": IDS, "signals": NOT_PERSONAL, **changes}))
    assert {key: sent.get(key) for key in expected} == expected


CLICKED = "https://shop.example/?gclid=abc&utm_source=google&gbraid=d-e#top"


@pytest.mark.parametrize(
    ("url", "signals", "sent"),
    [
        (CLICKED, ALL_GRANTED, CLICKED),
        (CLICKED, NOT_PERSONAL, CLICKED),
        (CLICKED, STATISTICS_ONLY, "https://shop.example/?utm_source=google&#top"),
        (CLICKED, NO_ADS_STORAGE, "https://shop.example/?utm_source=google&#top"),
        (CLICKED, NO_USER_DATA, "https://shop.example/?utm_source=google&#top"),
        ("https://shop.example/?gclid=abc", STATISTICS_ONLY, "https://shop.example/"),
        ("https://shop.example/?a=b&wbraid=abc", STATISTICS_ONLY, "https://shop.example/?a=b"),
        ("https://shop.example/?xgclid=abc", STATISTICS_ONLY, "https://shop.example/?xgclid=abc"),
    ],
)
def test_click_ids_leave_the_urls_with_the_consent(url: str, signals: Signals, sent: str) -> None:
    """An entry may have been stored with them before a part of the consent was withdrawn."""
    event = full_event(ids=IDS, signals=signals, url=url, referrer=url)
    assert params(event)["page_location"] == sent
    assert params(event)["page_referrer"] == sent


@pytest.mark.parametrize(
    ("given_params", "sent"),
    [
        ({"plan": "x" * 101}, {"plan": "x" * 100}),
        ({"ok": True, "n": 3, "f": 1.5}, {"ok": True, "n": 3, "f": 1.5}),
        (
            {
                "_x": 1,
                "ga_x": 1,
                "GA_x": 1,
                "google_x": 1,
                "firebase_x": 1,
                "firebase_conversion": 1,
                "gtag.x": 1,
            },
            {},
        ),
        ({"1x": 1, "a b": 1, "æ": 1, "a" * 41: 1, "": 1, "a-b": 1}, {}),
        ({"session_id": "9", "page_location": "https://x.example/?email=a", "items": "x", "value": 9}, {}),
        ({"engagement_time_msec": 0}, {"engagement_time_msec": 1}),
        ({"engagement_time_msec": "5"}, {"engagement_time_msec": 1}),
        ({"engagement_time_msec": 12.9}, {"engagement_time_msec": 12}),
        ({"engagement_time_msec": 10**12}, {"engagement_time_msec": 86_400_000}),
    ],
)
def test_parameters_are_made_fit(given_params: dict[str, Any], sent: dict[str, Any]) -> None:
    """Texts are cut, reserved and impossible names left out, and no parameter stands in for a reduced field."""
    base = {"session_id": "1795340000", "engagement_time_msec": 1}
    event = full_event(
        name="login", ids=IDS, url=None, referrer=None, title=None, items=[], value=None, currency=None,
        transaction_id=None, params=given_params,
    )  # fmt: skip
    assert params(event) == {**base, **sent}


def test_surplus_parameters_are_left_out_in_the_order_they_were_given() -> None:
    """Google's own fields come first; of the site's, the first ones stay."""
    sent = params(full_event(ids=IDS, params={f"p{n}": n for n in range(40)}))
    assert len(sent) == 25
    assert [name for name in sent if name.startswith("p") and name[1:].isdigit()] == [
        f"p{n}" for n in range(16)
    ]


def test_long_pages_and_titles_are_cut_where_google_cuts_them() -> None:
    """These three may be longer than other parameters."""
    long = "https://shop.example/?" + "x" * 2000
    sent = params(full_event(ids=IDS, url=long, referrer=long, title="t" * 999, transaction_id="T" * 128))
    assert [len(sent[key]) for key in ("page_location", "page_referrer", "page_title", "transaction_id")] == [
        1000, 420, 300, 100,
    ]  # fmt: skip


def test_items_are_made_fit() -> None:
    """At most 200, each with an id or a name, texts of 100 characters, 27 parameters of the site's own."""
    own = {f"c{n}": n for n in range(40)}
    items = [{"item_name": "n" * 200, "colour": "red", "ga_x": 1, **own}, {"price": 1}, {"item_id": ""}]
    sent = params(full_event(ids=IDS, items=[*items, *({"item_id": str(n)} for n in range(300))]))["items"]
    assert len(sent) == 198
    assert sent[0] == {"item_name": "n" * 100, "colour": "red", **{f"c{n}": n for n in range(26)}}
    assert "items" not in params(full_event(ids=IDS, items=[{"price": 1}]))


def test_events_of_one_client_share_a_request() -> None:
    """Each keeps its own time and session."""
    second = full_event(name="sign_up", ids={**IDS, "session_id": "1795341000"}, time_ms=NOW_MS + 1500)
    first = full_event(ids=IDS)
    assert GA.batch_key(first) == GA.batch_key(second)
    sent = body(first, second)["events"]
    assert [one["name"] for one in sent] == ["purchase", "sign_up"]
    assert [one["timestamp_micros"] for one in sent] == [NOW_MS * 1000, (NOW_MS + 1500) * 1000]
    assert [one["params"]["session_id"] for one in sent] == ["1795340000", "1795341000"]


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": {"client_id": "2.2"}},
        {"signals": STATISTICS_ONLY},
        {"user_agent": "other"},
        {"country": "SE"},
        {"region": "NO-03"},
        {"country": None, "address": "203.0.113.0"},
        {"user_id": "u-1"},
        {"user_properties": {"plan": "pro"}},
        {"contact": {"email": GMAIL_HASH}},
    ],
)
def test_events_that_differ_in_what_stands_once_do_not_share_one(changes: Mapping[str, Any]) -> None:
    """One visitor's country, consent or hash never stands for another's."""
    event = full_event(ids=IDS)
    other = full_event(**{"ids": IDS, **changes})
    assert GA.batch_key(event) != GA.batch_key(other)
    assert {**body(event), "events": []} != {**body(other), "events": []}


@pytest.mark.parametrize(
    "name", [*sorted(RESERVED_EVENTS), "ga_x", "google_x", "firebase_x", "_x", "1x", "a" * 41, ""]
)
def test_names_that_google_drops_in_silence_are_not_configured(name: str) -> None:
    """Better counted as dropped than as delivered."""
    assert not GA.configured_for(name)


@pytest.mark.parametrize("name", ["page_view", "purchase", "generate_lead", "my_event", "gallery", "a" * 40])
def test_other_names_are_taken(name: str) -> None:
    """Recommended and custom events alike."""
    assert GA.configured_for(name)


TEXT = st.text(st.characters(codec="utf-8"), max_size=150)
NAME = st.one_of(
    TEXT,
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,45}", fullmatch=True),
    st.sampled_from(["ga_a", "_a", "items", "page_title", "user_id", "value"]),
)
SCALAR = st.one_of(TEXT, st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), st.booleans())
PARAMS = st.dictionaries(NAME, SCALAR, max_size=60)


@settings(max_examples=200, deadline=None)
@given(free=PARAMS, properties=PARAMS, items=st.lists(PARAMS, max_size=4), title=TEXT)
def test_no_event_breaks_a_limit_of_google(
    free: dict[str, Any], properties: dict[str, Any], items: list[dict[str, Any]], title: str
) -> None:
    """Checked by the rules of Google's validation server, and by the limits it does not check."""
    sent = body(full_event(ids=IDS, params=free, user_properties=properties, items=items, title=title))
    assert validate(sent, NOW_MS / 1000) == []
    assert all(
        len(str(one["value"])) <= 36
        for one in sent.get("user_properties", {}).values()
        if isinstance(one["value"], str)
    )
    for item in sent["events"][0]["params"].get("items", []):
        assert all(len(value) <= 100 for value in item.values() if isinstance(value, str))
    assert orjson.loads(orjson.dumps(sent)) == sent


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "count", "verdict"),
    [
        (204, {}, 1, Delivered()),
        (200, {}, 25, Delivered()),
        (400, {}, 1, Refused("HTTP 400")),
        (400, {}, 2, Split("HTTP 400")),
        (404, {}, 1, Refused("HTTP 404")),
        (413, {}, 25, Split("HTTP 413")),
        (401, {}, 1, Pause("HTTP 401")),
        (403, {}, 25, Pause("HTTP 403")),
        (408, {}, 1, Retry("HTTP 408")),
        (429, {"retry-after": "30"}, 25, Retry("HTTP 429", 30.0)),
        (500, {}, 1, Retry("HTTP 500")),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1, Retry("HTTP 503")),
    ],
)
def test_an_answer_is_read_by_its_status(
    status: int, headers: Mapping[str, str], count: int, verdict: Verdict
) -> None:
    """Google says nothing more. A batch that is refused is halved until one event is left."""
    assert GA.read(Response(status, headers, b"", None), count) == verdict


def test_an_answer_to_a_ping_is_read_by_its_status() -> None:
    """204 is what the tag's server answers."""
    assert GA.read_cookieless(Response(204, {}, b"", None)) == Delivered()
    assert GA.read_cookieless(Response(503, {}, b"", None)) == Retry("HTTP 503")
