"""How long an entry waits, and when a whole forwarder holds still."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.delivery.backoff import Breaker, Patience, State, Ticket, delay_s, retry_after_s

NOW_MS = 1_795_341_600_000  # Sun, 22 Nov 2026 10:00:00 GMT


@pytest.mark.parametrize(
    ("tries", "after", "chance", "seconds"),
    [
        (0, None, 0.0, 0.0),
        (0, None, 0.5, 0.5),
        (3, None, 0.5, 4.0),
        (9, None, 0.999, 511.488),
        (10, None, 1.0, 900.0),
        (1000, None, 1.0, 900.0),
        (0, 30.0, 0.0, 30.0),
        (0, 30.0, 1.0, 31.0),
        (9, 300.0, 1.0, 330.0),
    ],
)
def test_delays_grow_with_full_jitter(tries: int, after: float | None, chance: float, seconds: float) -> None:
    """From one second, doubling, to a quarter of an hour; with a little chance on top of what the vendor asked for."""
    assert delay_s(tries, after, chance) == pytest.approx(seconds)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.none() | st.floats(0, 86_400), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_shorter_than_asked_for(tries: int, after: float | None, chance: float) -> None:
    """``Retry-After`` is a promise, and nothing waits for ever."""
    delay = delay_s(tries, after, chance)
    assert (after or 0) <= delay <= (after or 0) + 900


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("Sunday, 22-Nov-26 10:01:00 GMT", 60.0),
        ("Sun Nov 22 10:02:00 2026", 120.0),
        ("99999999999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(header: str, seconds: float | None) -> None:
    """Seconds or any of the three forms of an HTTP date; anything else counts as not given."""
    assert retry_after_s({"retry-after": header}, NOW_MS) == seconds


class Clock:
    """Seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


PATIENCE = Patience(failures=3, failing_s=(2.0, 8.0), paused_s=(60.0, 240.0))


def breaker_at(clock: Clock) -> Breaker:
    """Return a breaker without chance: every wait is its longest."""
    return Breaker(clock, lambda: 1.0, PATIENCE)


def took(breaker: Breaker) -> Ticket:
    """Take leave that must be given."""
    ticket = breaker.take()
    assert ticket is not None
    return ticket


def trip(breaker: Breaker) -> None:
    """Let it fail until it trips."""
    for _ in range(3):
        breaker.failed(took(breaker), "busy", None)


def test_single_failures_change_nothing() -> None:
    """A success in between begins the count anew."""
    breaker = breaker_at(Clock())
    for _ in range(4):
        breaker.failed(took(breaker), "busy", None)
        breaker.failed(took(breaker), "busy", None)
        breaker.passed(took(breaker))
    assert breaker.state is State.RUNNING
    assert breaker.recoveries == 0


def test_many_failures_in_a_row_let_one_request_try_at_a_time() -> None:
    """After the wait one may go, and the others wait for how it went."""
    clock = Clock()
    breaker = breaker_at(clock)
    trip(breaker)
    assert (breaker.state, breaker.words, breaker.wait_s()) == (State.FAILING, "busy", 2.0)
    assert breaker.take() is None
    clock.now += 2
    trial = took(breaker)
    assert trial.trial
    assert breaker.take() is None
    assert breaker.wait_s() == math.inf
    breaker.passed(trial)
    assert (breaker.state, breaker.recoveries) == (State.RUNNING, 1)
    assert breaker.wait_s() == 0


def test_waits_double_up_to_a_bound_and_begin_anew_after_a_success() -> None:
    """An outage of an hour is asked about every minute, not every second."""
    clock = Clock()
    breaker = breaker_at(clock)
    trip(breaker)
    waits = []
    for _ in range(4):
        clock.now += breaker.wait_s()
        breaker.failed(took(breaker), "busy", None)
        waits.append(breaker.wait_s())
    assert waits == [4.0, 8.0, 8.0, 8.0]
    clock.now += 8
    breaker.passed(took(breaker))
    trip(breaker)
    assert breaker.wait_s() == 2.0


def test_what_the_vendor_asks_for_trips_at_once() -> None:
    """A single 429 with Retry-After holds the forwarder for that long, and a longer one holds it longer."""
    clock = Clock()
    breaker = breaker_at(clock)
    early, late = took(breaker), took(breaker)
    breaker.failed(early, "slow down", 30.0)
    assert breaker.wait_s() == 30.0
    breaker.failed(late, "slow down", 50.0)
    assert breaker.wait_s() == 50.0


def test_news_from_before_it_tripped_is_no_news() -> None:
    """A request that started before does not set it running again when it happens to pass."""
    breaker = breaker_at(Clock())
    earlier = took(breaker)
    trip(breaker)
    breaker.passed(earlier)
    breaker.failed(earlier, "busy", None)
    assert breaker.state is State.FAILING


def test_a_trial_that_was_not_made_is_anothers_to_make() -> None:
    """All its entries may have been withdrawn meanwhile."""
    clock = Clock()
    breaker = breaker_at(clock)
    trip(breaker)
    clock.now += 2
    breaker.unused(took(breaker))
    assert took(breaker).trial


def test_a_pause_waits_for_an_operator_but_looks_now_and_then() -> None:
    """It waits long, and from a failure it begins with its own first wait."""
    clock = Clock()
    breaker = breaker_at(clock)
    trip(breaker)
    clock.now += 2
    breaker.pause(took(breaker), "HTTP 401")
    assert (breaker.state, breaker.words, breaker.wait_s()) == (State.PAUSED, "HTTP 401", 60.0)
    clock.now += 60
    breaker.pause(took(breaker), "HTTP 401")
    assert breaker.wait_s() == 120.0


def test_several_requests_that_are_refused_at_once_are_one_pause() -> None:
    """Those that were under way together do not make it longer."""
    breaker = breaker_at(Clock())
    together = [took(breaker) for _ in range(4)]
    for ticket in together:
        breaker.pause(ticket, "HTTP 401")
    assert breaker.wait_s() == 60.0


def test_an_operator_resumes_and_holds() -> None:
    """Resuming tries at once; holding stops everything until it is lifted."""
    clock = Clock()
    breaker = breaker_at(clock)
    breaker.pause(took(breaker), "HTTP 401")
    breaker.resume()
    assert took(breaker).trial
    breaker = breaker_at(clock)
    breaker.hold(held=True)
    assert (breaker.state, breaker.take(), breaker.wait_s()) == (State.HELD, None, math.inf)
    breaker.hold(held=False)
    assert breaker.state is State.RUNNING


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["take", "pass", "fail", "after", "pause", "unused", "tick"]), max_size=60))
def test_it_never_gets_stuck(steps: list[str]) -> None:
    """Whatever happens: once all tickets are back and time has passed, somebody may try, and a success sets it running."""
    clock = Clock()
    breaker = breaker_at(clock)
    tickets: list[Ticket] = []
    for step in steps:
        if step == "take":
            ticket = breaker.take()
            tickets += [ticket] if ticket is not None else []
        elif step == "tick":
            clock.now += 1.0
        elif tickets:
            ticket = tickets.pop(0)
            if step == "pass":
                breaker.passed(ticket)
            elif step == "fail":
                breaker.failed(ticket, "busy", None)
            elif step == "after":
                breaker.failed(ticket, "busy", 5.0)
            elif step == "pause":
                breaker.pause(ticket, "no")
            breaker.unused(ticket)
    for ticket in tickets:
        breaker.unused(ticket)
    clock.now += 1000
    ticket = took(breaker)
    breaker.passed(ticket)
    assert breaker.state is State.RUNNING
    assert breaker.wait_s() == 0
