"""Google Analytics: who an event belongs to, and what of a visitor the signals allow it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.google_analytics import GoogleAnalytics
from proxy.event import UserData
from proxy.signals import ALL_GRANTED, ALL_UNKNOWN, Signals
from tests.support.events import NOW_MS, STANZAS, full_event, trace_for

GA = GoogleAnalytics.build(STANZAS["google_analytics"])
STATISTICS_ONLY = Signals.from_code("gddd")
NOT_PERSONAL = Signals.from_code("gggd")
NO_ADS_STORAGE = Signals.from_code("gdgg")
IDS = {"client_id": "1254136630.1795000000", "session_id": "1795340000"}
GMAIL_HASH = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
PHONE_HASH = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"

GTAG_CLIENT = "1254136630.1795000000"
OURS = "66052.1604612875"
START = str(NOW_MS // 1000 - 600)


@pytest.mark.parametrize(
    ("case", "ga", "client_id"),
    [
        ("a plain domain", "GA1.1.1254136630.1795000000", GTAG_CLIENT),
        ("with a path depth", "GA1.2-1.1254136630.1795000000", GTAG_CLIENT),
        ("the bare id", "1254136630.1795000000", GTAG_CLIENT),
        ("no cookie", None, OURS),
        ("an AMP id", "GA1.2.amp-5oKkFCpP", OURS),
        ("letters", "GA1.1.abc.def", OURS),
        ("an address planted in it", "GA1.1.kari@shop.example", OURS),
        ("a part missing", "GA1.1.1254136630", OURS),
        ("zero", "GA1.1.0.1795000000", OURS),
        ("endless", "GA1.1." + "9" * 300 + ".1", OURS),
    ],
)
def test_client_id_is_gtags_own_or_else_derived(case: str, ga: str | None, client_id: str) -> None:
    """Sayso and gtag.js then count one visitor once."""
    trace = trace_for(GA, cookies={} if ga is None else {"_ga": ga})
    assert GA.identify(trace, ALL_GRANTED)["client_id"] == client_id


@pytest.mark.parametrize(
    ("case", "stated", "cookie", "start", "session_id"),
    [
        ("gtag's own hit", "1795341111", "GS1.1.1795340000.3.1.1795341500.0.0.0", 1, "1795341111"),
        ("the cookie's value", "GS2.1.s1795340000$o3", None, 1, "1795340000"),
        ("the old cookie", None, "GS1.1.1795340000.3.1.1795341500.0.0.0", 1, "1795340000"),
        ("the new cookie", None, "GS2.1.s1795340000$o3$g1$t1795341500$j60$l0$h0", 1, "1795340000"),
        ("the new cookie in another order", None, "GS2.1.o3$g1$s1795340000$t1795341500", 1, "1795340000"),
        ("the new cookie's session alone", None, "GS2.1.s1795340000", 1, "1795340000"),
        ("not digits", "kari", None, 1795341000, "1795341000"),
        ("a cookie without session", None, "GS2.1.o3$g1", 1795341000, "1795341000"),
        ("an unknown cookie", None, "GS3.1.s1795340000", 1795341000, "1795341000"),
        ("our own session", None, None, 1795341000, "1795341000"),
        ("none", None, None, None, None),
    ],
)
def test_session_id_is_gtags_or_else_ours(
    case: str, stated: str | None, cookie: str | None, start: int | None, session_id: str | None
) -> None:
    """In both formats of its cookie."""
    cookies = {} if cookie is None else {"_ga_XXXXXXX": cookie}
    trace = trace_for(GA, cookies=cookies, session_id=stated, session_start=start)
    assert GA.identify(trace, ALL_GRANTED).get("session_id") == session_id


def test_an_own_client_id_never_changes_and_looks_like_gtags() -> None:
    """It is pinned: another value would make every visitor a new one."""
    ids = GA.identify(trace_for(GA, cookies={}), STATISTICS_ONLY)
    assert ids == {"client_id": OURS, "session_id": START}


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=16, max_size=16))
def test_any_derived_id_has_gtags_shape(derived: bytes) -> None:
    """A positive 31-bit integer and a second that does not lie ahead."""
    number, second = GA.identify(trace_for(GA, cookies={}, derived=derived), ALL_GRANTED)["client_id"].split(
        "."
    )
    assert 1 <= int(number) < 2**31
    assert 1_600_000_000 <= int(second) < 1_700_000_000


def test_only_gtags_two_cookies_are_read() -> None:
    """Those of this very stream."""
    assert GA.cookie_names() == {"_ga", "_ga_XXXXXXX"}


def test_ad_data_depends_on_the_ad_signals() -> None:
    """Statistics consent alone gives Google Analytics neither click ids nor hashes nor the site's user id."""
    person = UserData(email="Cloudy.SanFrancisco+shopping@Gmail.com", phone="+18005550100")
    hashes = {"email": GMAIL_HASH, "phone": PHONE_HASH}
    for signals, clicks, contact, user_id in (
        (ALL_GRANTED, True, hashes, True),
        (NOT_PERSONAL, True, hashes, False),
        (NO_ADS_STORAGE, False, hashes, False),
        (STATISTICS_ONLY, False, {}, False),
        (ALL_UNKNOWN, False, {}, False),
    ):
        assert bool(GA.keeps_click_ids(signals)) is clicks
        assert GA.contact(person, signals) == contact
        assert GA.takes_user_id(signals) is user_id


def test_without_a_client_id_there_is_nobody_to_count() -> None:
    """Google drops such events."""
    assert GA.identified(full_event(ids=IDS))
    assert not GA.identified(full_event(ids={}))
