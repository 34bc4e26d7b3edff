"""Google Analytics: what its own tag reported goes on as the hit that it was, as far as consent allows."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders._google_hit import HIT_KEYS, shaped
from forwarders.google_analytics import GoogleAnalytics
from proxy.anonymise import lower
from proxy.delivery.credentials import Credential, outgoing
from proxy.delivery.egress import Egress, Violation
from proxy.delivery.mapping import Mapped, build
from proxy.delivery.triage import Fit, Full, sort
from proxy.entry import Entry, decode, encode
from proxy.event import Event, FullEvent, Visit
from proxy.policy import Rule
from proxy.reasons import Decision, Outcome, OutcomeReason
from proxy.signals import Signals
from proxy.site import Link
from proxy.store.claims import Claimed, End
from tests.support.events import NOW_MS, STANZAS, USER_AGENT, full_event
from tests.support.reduction import POLICY, full

GA = GoogleAnalytics.build(STANZAS["google_analytics"])
BY_PROTOCOL = GoogleAnalytics.build({**STANZAS["google_analytics"], "relay": "measurement_protocol"})
IN_THE_EU = GoogleAnalytics.build({**STANZAS["google_analytics"], "region": "region1"})
MINUTE_MS = 60_000
HASHED = f"tv.1~em.{'A' * 43}"
HIT = {
    "v": "2",
    "gtm": "45je5b90v9123",
    "_p": "1795341599377",
    "_s": "2",
    "sct": "3",
    "seg": "1",
    "_ss": "1",
    "frm": "0",
    "uaa": "x86",
    "uap": "Windows",
    "uapv": "15.0.0",
    "_c": "1",
    "_et": "1234",
    "auid": "1122334455.1795000001",
    "_gaz": "1",
    "_gsid": "abcDEF123",
    "em": HASHED,
    "ec_mode": "a",
    "ecid": "123456789",
    "_ecid": "987654321",
}
ON_ADS = {"auid", "_gaz", "_gsid", "em", "ec_mode", "ecid", "_ecid"}
IDS = {"client_id": "957607842.1772467665", "session_id": "1795340000"}


def hit_event(**changes: object) -> FullEvent:
    """Return a purchase that Google's tag reported, as reduction leaves it for Google Analytics."""
    event = full_event(
        url="https://shop.example/thanks?utm_source=news&gclid=Cj0Kabc",
        ids=dict(IDS),
        hit=dict(HIT),
        address="203.0.113.0",
        user_id="u-1",
        user_properties={"tier": "gold", "visits": 7},
        params={"coupon": "VÅR", "tax": 99.9, "gift": True, "engagement_time_msec": 1234},
        items=[
            {"item_id": "SKU1", "item_name": "Genser ~ rød", "price": 249.5, "colour": "red", "new": True}
        ],
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # by field name


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


# --- time -----------------------------------------------------------------------------------------------------------

LINK = Link(
    "google_analytics",
    "google_analytics",
    GA,
    Rule.of((GA.needs[0],), Decision.COOKIELESS, "consent", Decision.DROP),
    None,
)


def sorted_at(event: FullEvent, minutes: float) -> Full | End:
    """Claim an entry of that age."""
    entry = Entry(event, "ref", "visitor", NOW_MS, NOW_MS, "v1")
    found = sort(Claimed("1-0", entry, 0), LINK, POLICY, NOW_MS + int(minutes * MINUTE_MS))
    assert isinstance(found, Full | End)
    return found


def test_an_old_hit_goes_with_its_time() -> None:
    """A hit carries none, so Google would take it for one of now."""
    young, old = sorted_at(hit_event(), 15), sorted_at(hit_event(), 15.1)
    assert isinstance(young, Full)
    assert isinstance(old, Full)
    assert GA.full([young.event]).url.endswith("/g/collect")
    request = GA.full([old.event])
    assert request.url.endswith("/mp/collect")
    assert request.body is not None
    assert request.body["events"][0]["timestamp_micros"] == NOW_MS * 1000
    assert request.body["client_id"] == IDS["client_id"]
    assert old.batch_key == GA.batch_key(hit_event(hit={}))


def test_a_hit_that_grows_old_in_hand_is_noticed() -> None:
    """It may wait long between its claim and its request."""
    young = sorted_at(hit_event(), 1)
    assert isinstance(young, Full)
    for minutes, path in ((14, "/g/collect"), (16, "/mp/collect")):
        mapped = build([young], GA, Egress(GA, []), Fit(GA.batch), NOW_MS + minutes * MINUTE_MS)
        assert isinstance(mapped, Mapped)
        assert mapped.request.url.endswith(path)


def test_what_only_the_tag_may_report_does_not_go_another_way() -> None:
    """Google takes ``user_engagement`` from its tag alone, and drops it elsewhere without a word."""
    assert isinstance(sorted_at(hit_event(name="user_engagement"), 5), Full)
    assert sorted_at(hit_event(name="user_engagement"), 20) == End(
        "1-0", Outcome.EXPIRED, OutcomeReason.TOO_OLD
    )
    refused = sorted_at(hit_event(name="user_engagement", hit={}), 5)
    assert isinstance(refused, End)
    assert refused.outcome is Outcome.REJECTED
    with pytest.raises(ValueError, match="no such event"):
        GA.full([hit_event(name="user_engagement", hit={})])


# --- the last look --------------------------------------------------------------------------------------------------

EGRESS = Egress(GA, ["secret-of-google-analytics"])


def test_the_egress_check_passes_what_a_hit_may_hold() -> None:
    """Query and text alike."""
    assert EGRESS.check(GA.full([hit_event()]), b"", Decision.FULL) is None
    items = [{"item_id": f"SKU{n}", "item_name": "x" * 90} for n in range(200)]
    long = GA.full([hit_event(items=items)])
    assert long.text is not None
    assert EGRESS.check(long, long.text.encode(), Decision.FULL) is None


@pytest.mark.parametrize(
    ("text", "violation"),
    [
        ("en=purchase&sst.rnd=1", Violation.KEY),
        ("en=purchase\nfp=1", Violation.KEY),
        ("en=purchase&ep.a=203.0.113.77", Violation.ADDRESS),
        ("en=purchase&ep.a=2a02%3Afe1%3A4008%3A1d00%3A9c7a%3A5eff%3Afe00%3Ab3d1", Violation.ADDRESS),
        ("en=purchase&ep.a=secret%2Dof%2Dgoogle%2Danalytics", Violation.SECRET),
    ],
)
def test_the_egress_check_looks_into_a_text_as_into_a_query(text: str, violation: Violation) -> None:
    """Percent-encoded or not."""
    request = GA.full([hit_event()])
    request.text = text
    assert EGRESS.check(request, text.encode(), Decision.FULL) is violation


@settings(max_examples=200, deadline=None)
@given(
    hit=st.dictionaries(st.sampled_from(sorted(HIT_KEYS)), st.text(max_size=60), max_size=12),
    params=st.dictionaries(
        st.text(max_size=20), st.one_of(st.text(max_size=120), st.integers(-9, 9), st.booleans()), max_size=30
    ),
    signals=st.text("gdu", min_size=3, max_size=3),
)
def test_no_hit_holds_a_key_that_is_not_declared(
    hit: dict[str, str], params: dict[str, str], signals: str
) -> None:
    """Whatever shape the tag's words had, and whatever the site's own."""
    kept = {name: good for name, value in hit.items() if (good := shaped(name, value)) is not None}
    event = hit_event(
        hit={"v": "2", **kept},
        params=params,
        user_properties=params,
        signals=Signals.from_code(f"g{signals}"),
    )
    request = GA.full([event])
    assert EGRESS.check(request, (request.text or "").encode(), Decision.FULL) in {None, Violation.ADDRESS}
    names = [name for name, _ in request.query]
    assert len(names) == len(set(names))
