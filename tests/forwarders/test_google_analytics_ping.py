"""Google Analytics: what is sent without consent, a Consent Mode ping."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.google_analytics import GoogleAnalytics
from proxy.event import CookielessEvent
from proxy.signals import ALL_DENIED, ALL_GRANTED, ALL_UNKNOWN, Signals
from tests.support.events import STANZAS, cookieless_event

GA = GoogleAnalytics.build(STANZAS["google_analytics"])
IN_THE_EU = GoogleAnalytics.build({**STANZAS["google_analytics"], "region": "region1"})

TEXT = st.text(st.characters(codec="utf-8"), max_size=150)
NAME = st.one_of(
    TEXT,
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,45}", fullmatch=True),
    st.sampled_from(["ga_a", "_a", "items", "page_title", "user_id", "value"]),
)
SCALAR = st.one_of(TEXT, st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), st.booleans())
PARAMS = st.dictionaries(NAME, SCALAR, max_size=60)

PING = cookieless_event(
    address="203.0.113.0",
    params={"coupon": "NEWS", "tax": 99.8, "gift": True, "ga_x": "no", "note": "n" * 200},
    items=[
        {"item_id": "SKU1", "item_name": "Genser ~ rød", "price": 249.5, "quantity": 2, "item_brand": "Acme"},
        {"item_name": "Frakt", "price": 0, "index": 1, "colour": "red"},
    ],
)
PING_QUERY = [
    ("v", "2"),
    ("tid", "G-XXXXXXX"),
    ("_p", "1234567890"),
    ("gcs", "G100"),
    ("gcd", "13q3q3q2q5l1"),
    ("npa", "1"),
    ("dma", "1"),
    ("dma_cps", "-"),
    ("pscdl", "denied"),
    ("cid", "1234567890.1795341600"),
    ("sid", "1795341600"),
    ("sct", "1"),
    ("seg", "0"),
    ("_s", "1"),
    ("en", "purchase"),
    ("dl", "https://shop.example/thanks?utm_source=news"),
    ("dr", "https://news.example/"),
    ("dt", "Thanks"),
    ("ul", "nb"),
    ("sr", "1920x1080"),
    ("cu", "NOK"),
    ("_uip", "203.0.113.0"),
    ("epn.value", "499"),
    ("ep.transaction_id", "T-1"),
    ("ep.coupon", "NEWS"),
    ("epn.tax", "99.8"),
    ("ep.gift", "true"),
    ("ep.note", "n" * 100),
    ("pr1", "idSKU1~nmGenser ~~ rød~pr249.5~qt2~brAcme"),
    ("pr2", "nmFrakt~pr0~lp1"),
]


@pytest.mark.parametrize(
    ("forwarder", "host"), [(GA, "www.google-analytics.com"), (IN_THE_EU, "region1.google-analytics.com")]
)
def test_a_cookieless_purchase_is_a_consent_mode_ping(forwarder: GoogleAnalytics, host: str) -> None:
    """The whole query, and no header but the rebuilt user agent."""
    request = forwarder.cookieless(PING)
    assert (request.method, request.url, request.body) == ("GET", f"https://{host}/g/collect", None)
    assert request.headers == {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/156"}
    assert request.query == PING_QUERY


def test_a_bare_cookieless_page_view() -> None:
    """What is not known or not allowed is left out; no address then means no ``_uip``."""
    request = GA.cookieless(
        cookieless_event(
            name="page_view", referrer=None, title=None, items=[], value=None, currency=None, transaction_id=None,
            user_agent="", language=None, screen=None, country=None, signals=ALL_UNKNOWN, explicit=False,
        )
    )  # fmt: skip
    assert request.headers == {}
    expected = "v tid _p gcs gcd npa dma dma_cps pscdl cid sid sct seg _s en dl"
    assert [key for key, _ in request.query] == expected.split()
    assert dict(request.query)["gcd"] == "13p3p3p2p5l1"


def test_a_ping_states_a_part_consent() -> None:
    """Cookieless for want of statistics consent, with all ad signals granted: G110."""
    query = dict(GA.cookieless(cookieless_event(signals=Signals.from_code("dggg"))).query)
    assert (query["gcs"], query["gcd"], query["npa"]) == ("G110", "13r3q3r2r5l1", "0")


def test_a_ping_tells_a_default_from_a_choice() -> None:
    """The same signals, with and without an answer of the visitor."""
    part = Signals.from_code("dgdd")
    for explicit, gcd in ((True, "13r3q3q2q5l1"), (False, "13t3p3p2p5l1")):
        assert dict(GA.cookieless(cookieless_event(signals=part, explicit=explicit)).query)["gcd"] == gcd


def test_a_ping_with_a_huge_cart_still_fits_into_a_url() -> None:
    """The last items go, the value stays."""
    items = [{"item_id": f"SKU{n}", "item_name": "Blåbærsyltetøy " * 6, "price": 9.5} for n in range(200)]
    query = GA.cookieless(cookieless_event(items=items)).query
    shown = [key for key, _ in query if key.startswith("pr")]
    assert 5 <= len(shown) < 200
    assert shown == [f"pr{n}" for n in range(1, len(shown) + 1)]
    assert dict(query)["epn.value"] == "499"


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        cookieless_event,
        params=PARAMS,
        items=st.lists(PARAMS, max_size=3),
        title=TEXT,
        currency=st.sampled_from([None, "NOK"]),
        explicit=st.booleans(),
        signals=st.sampled_from([ALL_DENIED, ALL_UNKNOWN, ALL_GRANTED]),
    )
)
def test_a_ping_has_only_declared_keys_once_and_only_texts(event: CookielessEvent) -> None:
    """Whatever the parameters are called."""
    query = GA.cookieless(event).query
    keys = [key for key, _ in query]
    assert len(keys) == len(set(keys))
    fixed = {key for key in GA.cookieless_keys if not key.endswith("*")}
    assert all(key in fixed or key.startswith(("ep.", "epn.")) or key[2:].isdigit() for key in keys)
    assert not {"uid", "up", "em", "auid", "gclid", "_gsid", "ecid", "_fv", "_ss", "_nsi"} & set(keys)
    assert sum(key.startswith("ep") for key in keys) <= 25
    assert all(isinstance(value, str) for _, value in query)
