"""Whatever the clocks did, no request tells a time that has not come yet: by the vendor's clock, if that is known."""

import json
import re
from email.utils import formatdate

from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.base import Forwarder
from forwarders.google_analytics import GoogleAnalytics
from forwarders.meta import Meta
from forwarders.microsoft import Microsoft
from proxy.delivery.dating import VendorTime, dated
from proxy.delivery.triage import Full, Ping
from proxy.entry import Entry
from proxy.event import CookielessEvent, FullEvent
from tests.support.events import NOW_MS, STANZAS, cookieless_event, full_event

GA = GoogleAnalytics.build(STANZAS["google_analytics"])
META = Meta.build(STANZAS["meta"])
MICROSOFT = Microsoft.build({**STANZAS["microsoft"], "otherwise": "cookieless"})
HOUR_MS = 3_600_000


def in_hand(event: FullEvent) -> Full:
    """Return a full entry in hand."""
    return Full("1-0", Entry(event, "ref", "visitor", NOW_MS, NOW_MS, "v1"), 0, NOW_MS, event, "visitor", "")


def ping(event: CookielessEvent) -> Ping:
    """Return a cookieless entry in hand."""
    return Ping("1-0", Entry(event, "ref", None, NOW_MS, 0, "v1"), 0, NOW_MS, event)


def date(unix_ms: int) -> dict[str, str]:
    """Return an answer's date."""
    return {"date": formatdate(unix_ms / 1000, usegmt=True)}


def times_in(body: object) -> list[int]:
    """Return all numbers in a body that could be times near ours, as Unix ms."""
    found = re.findall(r"(?<!\d)17\d{8}(?:\d{3}(?:\d{3})?)?(?!\d)", json.dumps(body))
    return [int(digits) * 1000 // 10 ** (len(digits) - 10) for digits in found]


@settings(max_examples=200, deadline=None)
@given(
    event_ms=st.integers(NOW_MS - 72 * HOUR_MS, NOW_MS + 72 * HOUR_MS),
    session_s=st.integers(NOW_MS // 1000 - 2000, NOW_MS // 1000),
    click_ms=st.integers(NOW_MS - 72 * HOUR_MS, NOW_MS),
    latest_ms=st.integers(NOW_MS - 72 * HOUR_MS, NOW_MS + 72 * HOUR_MS),
)
def test_no_request_tells_a_time_to_come(
    event_ms: int, session_s: int, click_ms: int, latest_ms: int
) -> None:
    """Times of events, sessions and clicks alike; what was in time stays as it was."""
    ids: list[tuple[Forwarder, dict[str, str]]] = [
        (GA, {"client_id": "1.2", "session_id": str(session_s)}),
        (META, {"external_id": "0" * 64, "fbc": f"fb.1.{click_ms}.click"}),
    ]
    for forwarder, own in ids:
        one = in_hand(full_event(time_ms=event_ms, ids=own))
        (found,) = dated([one], forwarder, latest_ms)
        assert isinstance(found, Full)
        told = times_in(forwarder.full([found.event]).body)
        assert len(told) == 2
        assert max(told) <= latest_ms
        assert found.event.time_ms == min(event_ms, latest_ms)
        assert dated([one], forwarder, max(event_ms, session_s * 1000, click_ms))[0] is one


def test_what_a_browser_says_of_itself_stays() -> None:
    """Its clock may be ahead of everybody's; its ids are the same in all of its events."""
    ahead_ms = NOW_MS + 5 * HOUR_MS
    ids: list[tuple[Forwarder, dict[str, str]]] = [
        (GA, {"client_id": "1.2", "session_id": str(ahead_ms // 1000)}),
        (GA, {"client_id": "1.2", "session_id": "s17"}),
        (META, {"external_id": "0" * 64, "fbc": f"fb.1.{ahead_ms}.click", "fbp": f"fb.1.{ahead_ms}.1"}),
        (META, {"external_id": "0" * 64}),
    ]
    for forwarder, own in ids:
        one = in_hand(full_event(time_ms=NOW_MS, ids=own))
        (found,) = dated([one], forwarder, NOW_MS - HOUR_MS)
        assert isinstance(found, Full)
        assert found.event.ids == own
        assert found.event.time_ms == NOW_MS - HOUR_MS


def test_a_ping_bears_the_second_in_which_it_was_made() -> None:
    """Google's id of a page load ends with it, and Microsoft's event bears it as its time."""
    made_s = NOW_MS // 1000
    one = ping(cookieless_event(random_id=f"123456789.{made_s}"))
    (found,) = dated([one], GA, NOW_MS - HOUR_MS)
    assert isinstance(found, Ping)
    assert found.event.random_id == f"123456789.{made_s - 3600}"
    assert MICROSOFT.cookieless(found.event).body != MICROSOFT.cookieless(one.event).body
    assert max(times_in(MICROSOFT.cookieless(found.event).body)) <= NOW_MS - HOUR_MS
    assert dated([one], GA, NOW_MS)[0] is one


class TestVendorTime:
    def test_as_long_as_nobody_has_answered_ours_counts(self) -> None:
        """There is nothing else to go by."""
        assert VendorTime().latest_ms(NOW_MS, 7.0) == NOW_MS

    def test_the_vendors_clock_counts_where_it_is_behind(self) -> None:
        """Ours was put forward by an hour: what is accepted now bears a time that the vendor does not have yet."""
        time = VendorTime()
        time.learn(date(NOW_MS), 100.0)
        assert time.latest_ms(NOW_MS + HOUR_MS, 100.0) == NOW_MS + 1000
        assert time.latest_ms(NOW_MS + HOUR_MS, 160.0) == NOW_MS + 61_000

    def test_clocks_that_agree_change_nothing(self) -> None:
        """A date is a whole second, which has begun some time before; nothing is dated back because of that."""
        time = VendorTime()
        for number in range(500):
            now_ms, run_s = NOW_MS + number * 37, 100.0 + number * 0.037
            time.learn(date(now_ms // 1000 * 1000), run_s)
            assert time.latest_ms(now_ms, run_s) == now_ms

    def test_a_clock_that_is_put_right_is_noticed_by_the_next_answer(self) -> None:
        """The vendor's own clock may be put forward, too."""
        time = VendorTime()
        time.learn(date(NOW_MS), 100.0)
        time.learn(date(NOW_MS + HOUR_MS), 101.0)
        assert time.latest_ms(NOW_MS + HOUR_MS, 101.0) == NOW_MS + HOUR_MS

    def test_an_answer_without_a_date_says_nothing(self) -> None:
        """Nor does one whose date is none."""
        time = VendorTime()
        for headers in ({}, {"date": ""}, {"date": "soon"}, {"date": "Thu, 99 Foo 9999 99:99:99 GMT"}):
            time.learn(headers, 1.0)
        assert time.latest_ms(NOW_MS, 1.0) == NOW_MS
