"""The pure steps of delivery: sorting, gathering, fitting, and what follows from a verdict."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.auth import BearerAuth, BodyAuth, QueryAuth
from forwarders.base import Batch, Request
from forwarders.verdicts import Delivered, Pause, Refused, Resend, Retry, Split
from proxy.delivery.after import Settled, follow, parse_reference, reference_of
from proxy.delivery.credentials import CredentialError, Credentials, outgoing
from proxy.delivery.lane import bound_of
from proxy.delivery.triage import Fit, Full, Gathering, InHand, Ping, sort
from proxy.entry import Entry
from proxy.reasons import Outcome, OutcomeReason
from proxy.secret import Secret
from proxy.store.claims import AskLater, Claimed, End, Give, Park
from tests.support.delivery import link, site_of
from tests.support.events import NOW_MS, cookieless_event, full_event

HOUR_MS = 3_600_000


def full(entry_id: str = "1-0", *, tries: int = 0, key: str = "", ends_ms: int = NOW_MS + HOUR_MS) -> Full:
    """Return a full entry in hand."""
    event = full_event()
    entry = Entry(event, f"ref-{entry_id}", "visitor", NOW_MS, NOW_MS, "v1")
    return Full(entry_id, entry, tries, ends_ms, event, "visitor", key)


# --- sorting ----------------------------------------------------------------------------------------------------------


def test_the_oldest_of_two_times_counts() -> None:
    """A backend may report an event of yesterday: it ages from when it happened, not from when we heard of it."""
    site = site_of(link())
    for time_ms, accepted_ms in ((NOW_MS - 72 * HOUR_MS, NOW_MS), (NOW_MS, NOW_MS - 72 * HOUR_MS)):
        entry = Entry(full_event(time_ms=time_ms), "r", "visitor", accepted_ms, 0, "v1")
        assert sort(Claimed("1-0", entry, 0), site.links[0], site.policy, NOW_MS) == End(
            "1-0", Outcome.EXPIRED, OutcomeReason.TOO_OLD
        )
        found = sort(Claimed("1-0", entry, 3), site.links[0], site.policy, NOW_MS - 1)
        assert isinstance(found, Full)
        assert (found.tries, found.ends_ms) == (3, NOW_MS)


def test_a_full_entry_without_a_visitor_is_not_sent() -> None:
    """Nobody's consent could be read again."""
    site = site_of(link())
    entry = Entry(full_event(), "r", None, NOW_MS, 0, "v1")
    found = sort(Claimed("1-0", entry, 0), site.links[0], site.policy, NOW_MS)
    assert found == End("1-0", Outcome.REJECTED, OutcomeReason.UNMAPPABLE, "full entry without a visitor")


def test_cookieless_entries_need_neither_visitor_nor_batch() -> None:
    """They go as they are."""
    site = site_of(link())
    entry = Entry(cookieless_event(), "r", None, NOW_MS, 0, "v1")
    assert isinstance(sort(Claimed("1-0", entry, 0), site.links[0], site.policy, NOW_MS), Ping)


# --- gathering --------------------------------------------------------------------------------------------------------


def test_batches_fill_by_key_and_by_tries() -> None:
    """What was tried often goes in ever smaller batches, apart from the rest: it may hold the one that does harm."""
    gathering = Gathering(Fit(Batch(limit=4)))
    assert [gathering.add(full(str(number), key="a")) for number in range(3)] == [None] * 3
    assert gathering.add(full("other", key="b")) is None
    batch = gathering.add(full("last", key="a", tries=1))
    assert batch is not None
    assert [one.id for one in batch] == ["0", "1", "2", "last"]
    assert gathering.add(full("twice", key="a", tries=2)) is None
    pair = gathering.add(full("twice too", key="a", tries=2))
    assert pair is not None
    assert [one.id for one in pair] == ["twice", "twice too"]
    assert [one.id for one in gathering.add(full("often", key="a", tries=9)) or []] == ["often"]
    assert [[one.id for one in batch] for batch in gathering.take()] == [["other"]]
    assert not gathering


def test_batches_learn_to_fit_the_vendors_bytes() -> None:
    """A limit in bytes that is met again and again should not cost every batch a second mapping."""
    fit = Fit(Batch(limit=1000, max_bytes=1_000_000))
    assert fit.limit(0) == 1000
    fit.learn(1000, 1_250_000)
    assert fit.limit(0) == 760
    for _ in range(100):
        fit.learn(760, 760 * 500)
    assert fit.limit(0) == 1000


def test_nobody_has_more_in_hand_than_requests_can_hold() -> None:
    """But a few where each event is a request, and never so many that memory would notice."""
    assert bound_of(4, 25) == 100
    assert bound_of(4, 1) == 64
    assert bound_of(4, 5000) == 10_000
    assert bound_of(1, 20_000) == 20_000


# --- what follows from a verdict ----------------------------------------------------------------------------------------

WORDS = st.text(max_size=5)
REFUSED = st.dictionaries(st.integers(-2, 12), WORDS, max_size=5)
VERDICTS: st.SearchStrategy[Settled] = st.one_of(
    st.builds(Delivered, REFUSED, st.none() | WORDS),
    st.builds(Resend, REFUSED),
    st.builds(Split, WORDS),
    st.builds(Refused, WORDS),
    st.builds(Retry, WORDS, st.none() | st.floats(0, 1000)),
    st.builds(Pause, WORDS),
)


@settings(max_examples=300, deadline=None)
@given(VERDICTS, st.integers(1, 10))
def test_every_entry_follows_from_every_verdict_exactly_once(verdict: Settled, count: int) -> None:
    """It ends, waits or goes again; it is never forgotten and never doubled. And nothing goes again as it was."""
    entries: list[InHand] = [full(str(number)) for number in range(count)]
    step = follow(entries, verdict, delay_ms=lambda _tries, _after: 1000, follow_up_ms=5, now_ms=NOW_MS)
    settled = [one.id for one in step.operations if isinstance(one, End | Park | Give)]
    again = [one.id for batch in step.again for one in batch]
    assert sorted(settled + again) == sorted(one.id for one in entries)
    assert all(0 < len(batch) < count for batch in step.again)


def test_a_batch_is_put_aside_as_one_but_nobody_longer_than_it_may_be_kept() -> None:
    """It comes back as one, and what would be too old by then comes back in time to expire."""
    entries: list[InHand] = [full("1"), full("2", tries=4), full("3", ends_ms=NOW_MS + 10)]
    asked: list[tuple[int, float | None]] = []

    def delay_ms(tries: int, after: float | None) -> int:
        asked.append((tries, after))
        return 5000

    step = follow(entries, Retry("busy", 5.0), delay_ms=delay_ms, follow_up_ms=5, now_ms=NOW_MS)
    assert asked == [(4, 5.0)]
    assert step.operations == [
        Park("1", 5000, tried=False),
        Park("2", 5000, tried=False),
        Park("3", 10, tried=False),
    ]


def test_a_delivery_is_asked_about_by_its_reference() -> None:
    """The number of questions is kept with it, whatever characters the vendor puts into its names."""
    step = follow(
        [full()], Delivered(follow_up="a|b"), delay_ms=lambda _tries, _after: 0, follow_up_ms=7, now_ms=NOW_MS
    )
    assert step.operations == [
        End("1-0", Outcome.DELIVERED, OutcomeReason.ACCEPTED),
        AskLater("1|a|b", 7),
    ]
    assert parse_reference("1|a|b") == (1, "a|b")
    assert parse_reference(reference_of(7, "x")) == (7, "x")
    assert parse_reference("of old") == (1, "of old")


# --- credentials --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "sent"), [(b"{}", b'{"t":"a\\"b"}'), (b'{"a":1}', b'{"a":1,"t":"a\\"b"}')])
async def test_a_secret_becomes_a_member_of_the_body(body: bytes, sent: bytes) -> None:
    """It is JSON afterwards, whatever the secret holds."""
    credential = await Credentials(BodyAuth("t", Secret('a"b')), None).get()
    found = outgoing(Request("POST", "https://vendor.example/"), body, credential)
    assert (found.body, found.headers) == (sent, {"Content-Type": "application/json"})


async def test_a_secret_in_the_query_stands_behind_the_rest() -> None:
    """In one place only."""
    credential = await Credentials(QueryAuth("key", Secret("s")), None).get()
    found = outgoing(Request("GET", "https://vendor.example/", [("a", "1")]), b"", credential)
    assert (found.query, found.headers, found.body) == ([("a", "1"), ("key", "s")], {}, None)


async def test_a_token_that_no_header_can_hold_pauses_the_forwarder() -> None:
    """It is not the events' fault that every request would be unsendable."""
    with pytest.raises(CredentialError) as error:
        await Credentials(BearerAuth(Secret("two\nlines")), None).get()
    assert error.value.verdict == Pause("the token holds characters that no HTTP header may hold")
