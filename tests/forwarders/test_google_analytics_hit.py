"""Google Analytics: what its own tag reported goes on as the hit that it was, as far as consent allows."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from forwarders.google_analytics import GoogleAnalytics
from proxy.anonymise import lower
from proxy.delivery.credentials import Credential, outgoing
from proxy.entry import Entry, decode, encode
from proxy.event import Event, FullEvent, Visit
from proxy.signals import Signals
from tests.support.events import NOW_MS, USER_AGENT, full_event
from tests.support.hit_events import (
    BY_PROTOCOL,
    GA,
    HASHED,
    HIT,
    IDS,
    IN_THE_EU,
    ON_ADS,
    hit_event,
)
from tests.support.reduction import POLICY, full


def query_of(event: FullEvent, forwarder: GoogleAnalytics = GA) -> dict[str, str]:
    """Return the query of a hit; each name stands in it once."""
    request = forwarder.full([event])
    assert request.url.endswith("/g/collect")
    query = dict(request.query)
    assert len(query) == len(request.query)
    return query


QUERY = [
    ("v", "2"),
    ("tid", "G-XXXXXXX"),
    ("gcs", "G111"),
    ("gcd", "13r3r3r2r5l1"),
    ("npa", "0"),
    ("dma", "1"),
    ("dma_cps", "syphamo"),
    ("pscdl", "noapi"),
    ("cid", "957607842.1772467665"),
    ("sid", "1795340000"),
    ("gtm", "45je5b90v9123"),
    ("_p", "1795341599377"),
    ("_s", "2"),
    ("sct", "3"),
    ("seg", "1"),
    ("_ss", "1"),
    ("frm", "0"),
    ("uaa", "x86"),
    ("uap", "Windows"),
    ("uapv", "15.0.0"),
    ("auid", "1122334455.1795000001"),
    ("_gaz", "1"),
    ("_gsid", "abcDEF123"),
    ("em", HASHED),
    ("ec_mode", "a"),
    ("ecid", "123456789"),
    ("_ecid", "987654321"),
    ("dl", "https://shop.example/thanks?utm_source=news&gclid=Cj0Kabc"),
    ("dr", "https://shop.example/cart"),
    ("dt", "Thanks"),
    ("ul", "nb-no"),
    ("sr", "1920x1080"),
    ("_uip", "203.0.113.0"),
    ("uid", "u-1"),
    ("up.tier", "gold"),
    ("upn.visits", "7"),
    ("en", "purchase"),
    ("_c", "1"),
    ("_et", "1234"),
    ("cu", "NOK"),
    ("epn.value", "499"),
    ("ep.transaction_id", "T-1"),
    ("ep.coupon", "VÅR"),
    ("epn.tax", "99.9"),
    ("ep.gift", "true"),
    ("pr1", "idSKU1~nmGenser ~~ rød~pr249.5~k0colour~v0red~k1new~v1true"),
]


@pytest.mark.parametrize(
    ("forwarder", "host"), [(GA, "www.google-analytics.com"), (IN_THE_EU, "region1.google-analytics.com")]
)
def test_a_purchase_of_the_tag_goes_on_as_one(forwarder: GoogleAnalytics, host: str) -> None:
    """All in the query of a POST, as the tag writes it; the visitor's user agent, and nothing else of the request."""
    request = forwarder.full([hit_event()])
    assert (request.method, request.url, request.body) == ("POST", f"https://{host}/g/collect", None)
    assert request.headers == {"User-Agent": USER_AGENT}
    assert request.query == QUERY
    assert request.text is None


def test_the_api_secret_is_not_shown_where_it_is_not_asked_for() -> None:
    """It belongs to the Measurement Protocol."""
    secret = Credential(query=(("api_secret", "secret-of-google-analytics"),))
    made = outgoing(GA.full([hit_event()]), b"", secret)
    assert "api_secret" not in dict(made.query)
    assert dict(outgoing(GA.full([full_event(ids=IDS)]), b"{}", secret).query)["api_secret"]


@pytest.mark.parametrize(
    ("signals", "kept", "gcs"),
    [
        ("gggg", ON_ADS, "G111"),
        ("gddd", set(), "G101"),
        ("guuu", set(), "G101"),
        ("ggdd", set(), "G111"),
        ("ggud", set(), "G111"),
        ("gdgd", {"em", "ec_mode", "ecid", "_ecid"}, "G101"),
        ("gggd", {"auid", "em", "ec_mode", "ecid", "_ecid"}, "G111"),
        ("gdgg", {"em", "ec_mode", "ecid", "_ecid"}, "G101"),
    ],
)
def test_what_stands_on_ad_signals_goes_with_them(signals: str, kept: set[str], gcs: str) -> None:
    """Whatever the entry holds: consent may have been lowered since it was made."""
    query = query_of(hit_event(signals=Signals.from_code(signals)))
    assert query.keys() & ON_ADS == kept
    assert query["gcs"] == gcs
    assert ("gclid" in query["dl"]) == (signals[1:3] == "gg")
    everything = signals == "gggg"
    assert ("uid" in query, "up.tier" in query) == (everything, everything)
    assert query["npa"] == ("0" if signals[3] == "g" else "1")
    assert query["cid"] == IDS["client_id"]


@pytest.mark.parametrize(
    ("signals", "said", "stated"),
    [
        ("gggg", "13t3t3t2t5l1", "13t3t3t2t5l1"),
        ("gggg", "13v3v3v3v5l1", "13v3v3v3v5l1"),
        ("gggg", "13r3r3r2r6l1", "13r3r3r2r6l1"),
        ("gggd", "13r3r3r2r7l1", "13r3r3r2r7l1"),
        ("gddd", "13u3t3u2p5l1", "13u3t3u2p5l1"),
        ("gggd", "13t3t3t2t5l1", "13r3r3r2q5l1"),  # lowered since
        ("gggg", "13q3t3t2t5l1", "13r3r3r2r5l1"),  # the tag said less
        ("gguu", "13v3v3l3l5l1", "13r3r3p2p5l1"),  # Google would presume the rest
        ("gggg", "13a3a3a2a5l1", "13r3r3r2r5l1"),  # no letter of the tag's
    ],
)
def test_the_tags_own_words_for_consent_stand_where_they_come_to_the_same(
    signals: str, said: str, stated: str
) -> None:
    """They also tell how it came about; they never tell more than what counts."""
    event = hit_event(signals=Signals.from_code(signals), hit={**HIT, "gcd": said})
    assert query_of(event)["gcd"] == stated


def test_an_unknown_address_is_left_out() -> None:
    """A private one is not kept in the first place; Google is then told none."""
    assert "_uip" not in query_of(hit_event(address=None))


def test_promotion_fields_have_short_names() -> None:
    """In events of promotions; elsewhere ``cn`` is a campaign's name."""
    params = {"promotion_id": "P1", "creative_name": "Banner", "creative_slot": "top"}
    query = query_of(hit_event(name="select_promotion", params=params))
    assert (query["pi"], query["cn"], query["cs"]) == ("P1", "Banner", "top")
    query = query_of(hit_event(name="page_view", params=params, hit={**HIT, "cn": "winter"}))
    assert (query["pi"], query["cn"], query["ep.creative_name"]) == ("P1", "winter", "Banner")


def test_a_long_hit_has_its_event_in_the_body() -> None:
    """As one line, as the tag writes several; what is shared stays in the query."""
    items = [{"item_id": f"SKU{n}", "item_name": "Blåbærsyltetøy ~ " * 6, "price": 9.5} for n in range(200)]
    request = GA.full([hit_event(items=items)])
    assert request.text is not None
    assert "\n" not in request.text
    assert len(request.text) < 120_000
    line = dict(parse_qsl(request.text))
    assert line["en"] == "purchase"
    assert line["epn.value"] == "499"
    assert line["pr1"].startswith("idSKU0~nmBl")
    query = dict(request.query)
    assert (query["cid"], "en" in query) == (IDS["client_id"], False)
    made = outgoing(request, request.text.encode(), Credential())
    assert made.headers["Content-Type"] == "text/plain;charset=UTF-8"


def test_on_legitimate_interest_alone_it_is_no_hit() -> None:
    """It would have to call the storage denied, and so be taken for a ping."""
    for unknown in ("uuuu", "uggg"):
        request = GA.full([hit_event(signals=Signals.from_code(unknown))])
        assert request.url.endswith("/mp/collect")


def test_a_stanza_may_send_everything_by_the_measurement_protocol() -> None:
    """With the tag's own ids, and the time that it was."""
    request = BY_PROTOCOL.full([hit_event()])
    assert request.url.endswith("/mp/collect")
    assert request.body is not None
    assert request.body["client_id"] == IDS["client_id"]
    (event,) = request.body["events"]
    assert event["timestamp_micros"] == NOW_MS * 1000
    assert event["params"]["session_id"] == IDS["session_id"]
    assert event["params"]["engagement_time_msec"] == 1234


def test_a_hit_is_a_request_of_its_own() -> None:
    """It shares none, not even with one of the same page load."""
    keys = {GA.batch_key(hit_event(event_id=f"e-{n}")) for n in range(3)}
    assert len(keys) == 3
    assert GA.batch_key(hit_event(event_id="a", hit={})) == GA.batch_key(hit_event(event_id="b", hit={}))


# --- what it is made of ---------------------------------------------------------------------------------------------


def test_only_google_analytics_keeps_a_hit() -> None:
    """The same event's entries for others hold nothing of it."""
    event = Event("purchase", "e-1", NOW_MS, hit=dict(HIT), client_id="1.2", stream="G-XXXXXXX")
    assert full(event, "google_analytics").hit == HIT
    assert full(event, "google_analytics").ids["client_id"] == "1.2"
    for other in ("meta", "google_ads", "microsoft"):
        assert full(event, other).hit == {}


def test_what_consent_does_not_allow_is_not_stored() -> None:
    """It is not left to the mapping."""
    event = Event("purchase", "e-1", NOW_MS, hit=dict(HIT))
    kept = full(event, "google_analytics", signals=Signals.from_code("gddd")).hit
    assert kept.keys() == HIT.keys() - ON_ADS
    assert full(event, "google_analytics", signals=Signals.from_code("uddd")).hit == {}


def test_the_tags_word_counts_before_its_cookie() -> None:
    """A page may keep its cookies under another name; another tag's are then under the usual one."""
    visit = Visit(
        cookies={"_ga": "GA1.1.1111111111.1700000000", "_ga_XXXXXXX": "GS1.1.1700000001.1.0.1.0.0.0"}
    )
    stated = Event(
        "page_view", "e", NOW_MS, hit={"v": "2"}, client_id="957607842.1772467665", session_id="1795340000"
    )
    assert full(stated, "google_analytics", visit).ids == IDS
    silent = Event("page_view", "e", NOW_MS, hit={"v": "2"})
    assert full(silent, "google_analytics", visit).ids == {
        "client_id": "1111111111.1700000000",
        "session_id": "1700000001",
    }


def test_entries_of_the_version_before_are_read() -> None:
    """They have no such field."""
    entry = Entry(hit_event(hit={}), "ref", "visitor", NOW_MS, NOW_MS, "v1")
    raw = encode(entry)
    assert b'"hit"' not in raw
    assert decode(raw) == entry
    assert b'"hit"' in encode(replace(entry, event=hit_event()))


def test_a_lowered_hit_is_a_ping_like_any_other() -> None:
    """Of all that the tag said nothing is left."""
    ping = lower(hit_event(), Signals.from_code("dddd"), POLICY, "111.1795341600")
    request = GA.cookieless(ping)
    sent = repr(request.query)
    gone = [*HIT.values(), *IDS.values(), "gold", "u-1", "Cj0Kabc"]
    assert [value for value in gone if len(value) > 3 and value in sent] == []
    assert dict(request.query)["gcs"] == "G100"
