"""The demo's feed: bounded, joined by event, and never more than it was told."""

import asyncio

import pytest

from proxy.demo.feed import MOST, MOST_ATTEMPTS, Feed, Note
from proxy.pipeline import Told
from proxy.policy import Decided
from proxy.reasons import Decision, Reason
from proxy.signals import UNKNOWN_STATE

GRANTED = Decided(Decision.FULL, Reason.GRANTED)
REFUSED = Decided(Decision.DROP, Reason.CONSENT_DENIED)


@pytest.fixture
def feed() -> Feed:
    """Make a feed behind which no twin is."""
    return Feed(lambda _seq: None)


def told(number: int = 0) -> Told:
    """Make the news of a purchase that Meta may have and Microsoft may not."""
    decided = [("meta", GRANTED), ("microsoft", REFUSED)]
    return Told("shop", f"ref{number}", f"event{number}", "purchase", 1000 + number, UNKNOWN_STATE, decided)


def rows(feed: Feed, ref: str = "ref0") -> dict[str, str]:
    """Return how far an event has come, by forwarder."""
    (card,) = [card for card in feed.since(0) if card.key == ref]
    return {row.forwarder: row.fate for row in card.rows.values()}


def test_only_the_newest_are_kept(feed: Feed) -> None:
    """However many events come, memory does not grow."""
    for number in range(MOST * 3):
        feed.told(told(number))
    kept = feed.since(0)
    assert len(kept) == MOST
    assert kept[-1].key == f"ref{MOST * 3 - 1}"


def test_what_is_not_sent_has_no_fate(feed: Feed) -> None:
    """A dropped event is at its end at once; one to be sent waits."""
    feed.told(told())
    assert rows(feed) == {"meta": "waiting", "microsoft": "none"}
    assert feed.open_rows() == [("shop", "meta", "ref0")]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, "accepted"),
        (204, "accepted"),
        (400, "refused"),
        (404, "refused"),
        (401, "paused"),
        (403, "paused"),
        (408, "retry"),
        (429, "retry"),
        (500, "retry"),
        (503, "retry"),
    ],
)
def test_an_answer_is_read_by_its_status(feed: Feed, status: int, fate: str) -> None:
    """Accepted, refused, or still open: by who would have to act."""
    feed.told(told())
    feed.sent("shop", "meta", ["ref0"], Decision.FULL, status, {"x-twin-seq": "7"})
    assert rows(feed)["meta"] == fate


def test_a_lowered_event_is_shown_as_it_went_out(feed: Feed) -> None:
    """Decided full, sent cookieless, as consent was withdrawn in between: the row says so."""
    feed.told(told())
    feed.sent("shop", "meta", ["ref0"], Decision.COOKIELESS, 200, {})
    row = feed.since(0)[0].rows["meta"]
    assert (row.decision, row.reason) == (Decision.COOKIELESS, Reason.WITHDRAWN)


def test_answers_about_events_that_left_the_view_are_passed_over(feed: Feed) -> None:
    """Delivery may be behind the view, or ahead of a view that began later."""
    feed.sent("shop", "meta", ["unheard-of"], Decision.FULL, 200, {"x-twin-seq": "not a number"})
    feed.held_back("unheard-of", "meta")
    assert feed.since(0) == []


def test_an_event_that_is_reported_twice_is_one_card(feed: Feed) -> None:
    """A repetition does not set back what is known of the first."""
    feed.told(told())
    feed.sent("shop", "meta", ["ref0"], Decision.FULL, 200, {})
    feed.told(told())
    assert rows(feed)["meta"] == "accepted"


def test_attempts_are_bounded_and_named_once(feed: Feed) -> None:
    """A vendor that fails for hours does not fill the card."""
    feed.told(told())
    for seq in (1, *range(1, 100)):
        feed.sent("shop", "meta", ["ref0"], Decision.FULL, 503, {"x-twin-seq": str(seq)})
    assert feed.since(0)[0].rows["meta"].attempts == list(range(100 - MOST_ATTEMPTS, 100))


@pytest.mark.parametrize(
    ("note", "fate"), [(Note.WITHDRAW, "withdrawn"), (Note.ACCEPT, "ended"), (None, "ended")]
)
def test_a_withdrawal_is_only_named_where_there_was_one(feed: Feed, note: Note | None, fate: str) -> None:
    """An event that ended unsent is said to be withdrawn if the visitor withdrew; else the log is named."""
    feed.told(told())
    if note is not None:
        feed.note(note, "shop")
    feed.held_back("ref0", "meta")
    assert rows(feed)["meta"] == fate


def test_changes_are_told_in_their_order(feed: Feed) -> None:
    """A reader that has seen everything up to a version gets what changed after it."""
    feed.told(told(0))
    feed.told(told(1))
    seen = feed.version
    feed.sent("shop", "meta", ["ref0"], Decision.FULL, 200, {})
    assert [card.key for card in feed.since(seen)] == ["ref0"]


async def test_a_change_that_comes_before_the_wait_is_not_missed(feed: Feed) -> None:
    """A reader that is about to wait when something changes is told at once."""
    waiting = asyncio.ensure_future(feed.changed(feed.version))
    feed.told(told())  # the task has not even begun
    async with asyncio.timeout(1):
        await waiting


async def test_every_reader_is_woken_by_every_change(feed: Feed) -> None:
    """Two open pages both stay up to date."""
    for number in range(3):
        readers = [asyncio.ensure_future(feed.changed(feed.version)) for _ in range(2)]
        await asyncio.sleep(0)
        feed.told(told(number))
        async with asyncio.timeout(1):
            await asyncio.gather(*readers)
