"""What the second look at consent makes of each entry, with a store that answers what a test tells it to."""

from collections.abc import Sequence
from typing import cast

import pytest

from proxy.consent import UNREADABLE, Record, Unreadable
from proxy.delivery.clock import SystemClock
from proxy.delivery.reread import Reread
from proxy.delivery.triage import Full
from proxy.entry import Entry
from proxy.reasons import Decision, Outcome, OutcomeReason
from proxy.signals import Signals
from proxy.store.claims import End, Lower, Operation, Park
from proxy.store.client import StoreUnavailableError
from proxy.store.consents import Consents, Found
from tests.support.delivery import link, site_of
from tests.support.events import full_event

HOLD_MS = 60_000


class Answers:
    """Stands for the store's consent records; None means that it does not answer."""

    def __init__(self, record: Record | Unreadable | None, *, away: bool = False) -> None:
        self.record = record
        self.away = away
        self.asked: list[str] = []

    async def read_many(self, visitors: Sequence[tuple[str, str]]) -> list[Found]:
        """Answer for each."""
        if self.away:
            raise StoreUnavailableError("gone")
        self.asked += [visitor for _, visitor in visitors]
        return [Found(self.record, None, 1) for _ in visitors]


def entry() -> Full:
    """Return a full entry in hand."""
    event = full_event()
    return Full("1-0", Entry(event, "ref", "visitor-1", 1, 1, "v1"), 0, 10, event, "visitor-1", "")


def reread(answers: Answers, counted: list[str], otherwise: Decision = Decision.COOKIELESS) -> Reread:
    """Return a ``Reread`` of a vendor that needs the ad signals."""
    one = link(otherwise=otherwise)
    consents = cast(Consents, answers)
    return Reread(
        consents, site_of(one), one, SystemClock(), counted.append, foresight_s=0.0, hold_ms=HOLD_MS
    )


def record(code: str) -> Record:
    """Return a record of now."""
    return Record(Signals.from_code(code), "banner", SystemClock().now_ms())


@pytest.mark.parametrize(
    ("found", "otherwise", "becomes", "counted"),
    [
        (record("gggg"), Decision.DROP, "sent", "found"),
        (None, Decision.DROP, "sent", "absent"),
        (UNREADABLE, Decision.DROP, Park, "unreadable"),
        (UNREADABLE, Decision.COOKIELESS, Park, "unreadable"),
        (record("gddd"), Decision.DROP, End, "found"),
        (record("gddd"), Decision.COOKIELESS, Lower, "found"),
    ],
)
async def test_what_becomes_of_an_entry(
    found: Record | Unreadable | None, otherwise: Decision, becomes: object, counted: str
) -> None:
    """Sent as it is, held, dropped or lowered; and each record read is counted by what it was."""
    counts: list[str] = []
    one = entry()
    checked = await reread(Answers(found), counts, otherwise).check([one])
    operations: list[Operation] = checked.operations
    if becomes == "sent":
        assert checked.allowed == [one]
        assert checked.allowed[0] is one
        assert operations == []
    else:
        assert checked.allowed == []
        assert [type(operation) for operation in operations] == [becomes]
    assert counts == [counted]


async def test_one_that_cannot_be_read_is_put_aside_untried() -> None:
    """It is not the entry's fault, so it costs no attempt; and it is neither sent nor ended."""
    checked = await reread(Answers(UNREADABLE), []).check([entry()])
    assert checked.operations == [Park("1-0", HOLD_MS, tried=False)]


async def test_dropped_is_dropped_as_withdrawn() -> None:
    """The one outcome that says why."""
    checked = await reread(Answers(record("dddd")), [], Decision.DROP).check([entry()])
    assert checked.operations == [End("1-0", Outcome.DROPPED, OutcomeReason.WITHDRAWN)]


async def test_a_store_that_does_not_answer_lets_nothing_go() -> None:
    """Its failure is told, and counted."""
    counts: list[str] = []
    with pytest.raises(StoreUnavailableError):
        await reread(Answers(None, away=True), counts).check([entry()])
    assert counts == ["failed"]


async def test_a_visitor_of_many_entries_is_read_once() -> None:
    """In one round trip, whatever the number of entries."""
    answers = Answers(record("gggg"))
    checked = await reread(answers, []).check([entry(), entry(), entry()])
    assert len(checked.allowed) == 3
    assert answers.asked == ["visitor-1"]
