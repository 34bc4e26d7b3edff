"""The campaign's own judgement: it must find what is wrong, or its green says nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.book import UNKNOWN, Attempt, Book, Denial, Event
from chaos.counts import Census, Counts
from chaos.minds import Mind
from chaos.oracle import State, fate, for_event, told
from chaos.plan import APART_BLOWS, Blow, make_plan, script_of
from chaos.vendor import Got, VendorLog
from chaos.vendor_words import Shown
from chaos.verify import verify
from chaos.words import Fate, Vendor

_KEY = "o1-v0-e1"


# --- a run in which all is well, and what each mishap makes of it ------------------------------------------------------


def _got(vendor: Vendor, *, full: bool = True, at: float = 2.0, key: str = _KEY, taken: bool = True) -> Got:
    return Got(vendor, Shown(key, full, (key, "t")), at, request=1, taken=taken, refused=False, ill=None)


def _well() -> tuple[Book, VendorLog, Census]:
    """Return one purchase of somebody who grants everything, delivered to all four."""
    book = Book()
    event = Event(_KEY, 0, "purchase", identified=True, refused_by=None)
    event.attempts.append(Attempt(1.0, 1.1, 204, 0))
    event.fates = {vendor: {Fate.FULL} for vendor in Vendor}
    book.events[_KEY] = event
    log = VendorLog(got=[_got(vendor) for vendor in Vendor])
    census = {vendor: Counts(received=1, delivered=1) for vendor in Vendor}
    return book, log, census


def _breaches(book: Book, log: VendorLog, census: Census) -> str:
    return "\n".join(verify(book, log, census).breaches)


def test_a_good_run_has_no_breach() -> None:
    """Everything arrived, everything is counted."""
    assert _breaches(*_well()) == ""


def _lost(_book: Book, log: VendorLog, _census: Census) -> None:
    log.got.pop()


def _stranger(_book: Book, log: VendorLog, _census: Census) -> None:
    log.got.append(_got(Vendor.META, key="nobody-sent-this"))


def _doubled(_book: Book, log: VendorLog, _census: Census) -> None:
    log.got.append(replace(log.got[0], shown=Shown(_KEY, True, (_KEY, "another time"))))


def _in_full(book: Book, _log: VendorLog, _census: Census) -> None:
    book.events[_KEY].fates[Vendor.META] = {Fate.DROP}


def _in_full_untaken(book: Book, log: VendorLog, _census: Census) -> None:
    book.events[_KEY].fates[Vendor.GA] = {Fate.PING}
    log.got[0] = replace(log.got[0], taken=False)
    log.got.append(_got(Vendor.GA, full=False))


def _late(book: Book, log: VendorLog, _census: Census) -> None:
    book.denials[0] = [Denial(0, frozenset({1}), 1.5, 1.6)]
    log.got = [replace(one, earliest=2.7) for one in log.got]


def _counted_twice(_book: Book, _log: VendorLog, census: Census) -> None:
    census[Vendor.META] = Counts(received=2, delivered=2)


def _sum_is_wrong(_book: Book, _log: VendorLog, census: Census) -> None:
    census[Vendor.META] = Counts(received=1)


def _still_waits(_book: Book, log: VendorLog, census: Census) -> None:
    census[Vendor.META] = Counts(received=1, pending=1)
    log.got = [one for one in log.got if one.vendor is not Vendor.META]


def _said_rejected(_book: Book, _log: VendorLog, census: Census) -> None:
    census[Vendor.META] = Counts(received=1, rejected=1)


def _odd_answer(book: Book, _log: VendorLog, _census: Census) -> None:
    book.wrong.append("POST /collect: 500")


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        (_lost, "never arrived"),
        (_stranger, "no client meant to send"),
        (_doubled, "not under one dedupe key"),
        (_in_full, "in full, which its consent never allowed"),
        (_in_full_untaken, "in full, which its consent never allowed"),
        (_late, "after the withdrawal's 204"),
        (_counted_twice, "2 received; by the logs it is 1 to 1"),
        (_sum_is_wrong, "the sum does not hold"),
        (_still_waits, "still wait"),
        (_said_rejected, "1 rejected; by the logs it is 0 to 0"),
        (_odd_answer, "contract does not know"),
    ],
)
def test_every_mishap_is_found(mishap: Callable[[Book, VendorLog, Census], None], words: str) -> None:
    """Each is a way in which a real run could be wrong."""
    run = _well()
    mishap(*run)
    assert words in _breaches(*run)


def test_what_got_no_answer_may_or_may_not_have_arrived() -> None:
    """A client that never got its 2xx was promised nothing; the counts may then lie within bounds."""
    book, log, census = _well()
    book.events[_KEY].attempts[0] = Attempt(1.0, 6.0, UNKNOWN, 0)
    assert _breaches(book, log, census) == ""
    log.got.clear()
    assert _breaches(book, log, {vendor: Counts() for vendor in Vendor}) == ""


def test_a_withdrawn_event_may_be_counted_instead_of_sent() -> None:
    """Meta has no cookieless mode: what was taken back while it waited is dropped, and the count must say so."""
    book, log, census = _well()
    book.denials[0] = [Denial(0, frozenset({1}), 1.5, 1.6)]
    log.got = [one for one in log.got if one.vendor is not Vendor.META]
    assert "by the logs" in _breaches(book, log, census)
    census[Vendor.META] = Counts(received=1, dropped={"withdrawn": 1})
    assert _breaches(book, log, census) == ""


# --- consent ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "google_analytics", "google_ads", "meta"),
    [
        ("uuuu", Fate.PING, Fate.PING, Fate.DROP),
        ("dddd", Fate.PING, Fate.PING, Fate.DROP),
        ("gddd", Fate.FULL, Fate.PING, Fate.DROP),
        ("gggd", Fate.FULL, Fate.FULL, Fate.DROP),
        ("gdgg", Fate.FULL, Fate.PING, Fate.DROP),
        ("dggg", Fate.PING, Fate.FULL, Fate.FULL),
        ("gggg", Fate.FULL, Fate.FULL, Fate.FULL),
    ],
)
def test_the_table_of_decisions(letters: str, google_analytics: Fate, google_ads: Fate, meta: Fate) -> None:
    """As the contract prints it for Consent Mode, and a little finer."""
    assert fate(letters, Vendor.GA, "purchase", identified=True) is google_analytics
    assert fate(letters, Vendor.ADS, "purchase", identified=True) is google_ads
    assert fate(letters, Vendor.META, "purchase", identified=True) is meta
    assert fate(letters, Vendor.MICROSOFT, "purchase", identified=True) is meta


def test_what_an_event_says_itself() -> None:
    """It may fill in and lower, never raise; Global Privacy Control denies what was not granted under it."""
    assert for_event(State("dddd"), "gggg", gpc=False)[0] == "dddd"
    assert for_event(State(), "gggg", gpc=False) == ("gggg", State("gggg"))
    assert for_event(State("gggg"), "uddd", gpc=False) == ("gddd", State("gggg"))
    assert for_event(State("gggg"), "uuuu", gpc=True)[0] == "gddd"
    assert for_event(State("gggg", with_gpc=True), "uuuu", gpc=True)[0] == "gggg"
    assert told(State("dggg"), "-d--", gpc=False).letters == "dduu"


def test_a_lost_answer_leaves_both_states_possible() -> None:
    """Until the next answer nobody can tell; an older grant that comes late lifts no denial."""
    mind = Mind(gpc=False)
    mind.states("gggg", acknowledged=False, maybe=True, now=0.0)
    assert mind.possible == {State(), State("gggg")}
    mind.states("dddd", acknowledged=True, maybe=False, now=1.0)
    assert mind.possible == {State("dddd")}


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_seed_is_a_plan() -> None:
    """The same seed breaks the same things; another one others."""
    assert make_plan(7, 60.0, APART_BLOWS) == make_plan(7, 60.0, APART_BLOWS)
    assert make_plan(7, 60.0, APART_BLOWS) != make_plan(8, 60.0, APART_BLOWS)
    assert script_of(7, 3) == script_of(7, 3)


def test_three_minutes_hold_every_blow() -> None:
    """Each comes once before any comes twice."""
    assert {one.blow for one in make_plan(1, 90.0, APART_BLOWS).strikes} == set(Blow)
