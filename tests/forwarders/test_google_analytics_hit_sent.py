"""Google Analytics: when a hit of its own tag goes as such, and the last look at what it holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders._google_hit import HIT_KEYS, shaped
from proxy.delivery.egress import Egress, Violation
from proxy.delivery.mapping import Mapped, build
from proxy.delivery.triage import Fit, Full, sort
from proxy.entry import Entry
from proxy.event import FullEvent
from proxy.policy import Rule
from proxy.reasons import Decision, Outcome, OutcomeReason
from proxy.signals import Signals
from proxy.site import Link
from proxy.store.claims import Claimed, End
from tests.support.events import NOW_MS
from tests.support.hit_events import GA, IDS, MINUTE_MS, hit_event
from tests.support.reduction import POLICY

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
