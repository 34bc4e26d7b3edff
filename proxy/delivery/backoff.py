"""When to try again: how long one entry waits, and when a whole forwarder holds still. Pure; clock and chance are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

BASE_S = 1.0
CAP_S = 900.0
LONGEST_RETRY_AFTER_S = 86_400.0


def delay_s(tries: int, after: float | None, chance: float) -> float:
    """Return how long an entry waits before its next attempt, in seconds: exponential, with full jitter.

    Args:
        tries: attempts before the one that has just failed, from 0.
        after: what the vendor asked for, seconds; the wait is never shorter.
        chance: a random number in [0, 1).
    """
    ceiling = min(CAP_S, BASE_S * 2.0 ** min(tries, 30))
    if after is None:
        return ceiling * chance
    return after + chance * min(ceiling, max(BASE_S, after / 10))


def retry_after_s(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Return ``Retry-After`` in seconds from now, be it a number or a date (RFC 9110, 10.2.3); None if there is none.

    A date is the vendor's, so it is compared with the answer's own: our clock may be another.

    Args:
        headers: the answer's, names in lower case.
        now_ms: Unix time, milliseconds, for an answer without a date.
    """
    raw = headers.get("retry-after", "").strip()
    if raw.isascii() and raw.isdigit():
        return min(float(raw[:9]), LONGEST_RETRY_AFTER_S)
    until_ms = parse_date(raw)
    if until_ms is None:
        return None
    answered_ms = parse_date(headers.get("date", ""))
    wait_ms = until_ms - (now_ms if answered_ms is None else answered_ms)
    return min(max(wait_ms / 1000, 0.0), LONGEST_RETRY_AFTER_S)


def parse_date(text: str) -> int | None:
    """Read a date of HTTP (RFC 9110, 5.6.7) as Unix ms; None if it is none."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


class State(StrEnum):
    """How a forwarder is. ``HELD`` is an operator's pause; ``PAUSED`` waits for one to mend something."""

    RUNNING = "running"
    FAILING = "failing"
    PAUSED = "paused"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to make one request. ``trial``: everything else waits for how this one goes."""

    generation: int
    trial: bool


@dataclass(frozen=True, slots=True)
class Patience:
    """When a breaker trips and for how long, in seconds; waits double up to the second number."""

    failures: int = 5
    failing_s: tuple[float, float] = (1.0, 60.0)
    paused_s: tuple[float, float] = (15.0, 300.0)


class Breaker:
    """Whether a forwarder may send now. After too many failures, or a pause, one request at a time tries the vendor.

    Args:
        monotonic: seconds that never go back.
        chance: returns random numbers in [0, 1).
        patience: when it trips and for how long.
    """

    def __init__(
        self, monotonic: Callable[[], float], chance: Callable[[], float], patience: Patience | None = None
    ) -> None:
        self._now = monotonic
        self._chance = chance
        self._patience = patience or Patience()
        self._state = State.RUNNING
        self._held = False
        self._generation = 0
        self._failures = 0
        self._trips = 0
        self._until = 0.0
        self._trial = False
        self.words = ""
        """What the vendor said when it tripped."""
        self.recoveries = 0
        """How often it has run again after having tripped."""

    @property
    def state(self) -> State:
        """How the forwarder is."""
        return State.HELD if self._held else self._state

    def wait_s(self) -> float:
        """Return in how many seconds a request may be tried; infinite while a trial is under way or it is held."""
        if self._held:
            return float("inf")
        if self._state is State.RUNNING:
            return 0.0
        return float("inf") if self._trial else max(self._until - self._now(), 0.0)

    def take(self) -> Ticket | None:
        """Return leave to make one request now, or None. Every ticket is given back by one of the methods below."""
        if self.wait_s() > 0:
            return None
        trial = self._state is not State.RUNNING
        self._trial = self._trial or trial
        return Ticket(self._generation, trial)

    def unused(self, ticket: Ticket) -> None:
        """Note that no request was made, or that its answer says nothing of the vendor's health."""
        if ticket.trial and ticket.generation == self._generation:
            self._trial = False

    def passed(self, ticket: Ticket) -> None:
        """Note that the vendor works. News from before it tripped is no news."""
        if ticket.generation != self._generation:
            return
        self._failures = self._trips = 0
        if self._state is not State.RUNNING:
            self._state = State.RUNNING
            self._trial = False
            self._generation += 1
            self.words = ""
            self.recoveries += 1

    def failed(self, ticket: Ticket, words: str, after: float | None) -> None:
        """Note that the vendor could not take it. ``after``: seconds that it asked to be left alone; that trips at once."""
        if ticket.generation != self._generation:
            if after is not None and self._state is State.FAILING:
                self._until = max(self._until, self._now() + after)
            return
        self._failures += 1
        if not ticket.trial and after is None and self._failures < self._patience.failures:
            return
        wait = self._wait(self._patience.failing_s) * (0.5 + self._chance() / 2)
        self._trip(State.FAILING, words, max(wait, after or 0.0))

    def pause(self, ticket: Ticket, words: str) -> None:
        """Hold still until an operator has mended it. It is tried now and then all the same, to go on by itself."""
        if ticket.generation == self._generation or self._state is not State.PAUSED:
            if self._state is not State.PAUSED:
                self._trips = 0
            self._trip(State.PAUSED, words, self._wait(self._patience.paused_s))

    def hold(self, held: bool) -> None:
        """Set whether an operator has paused it."""
        self._held = held

    def resume(self) -> None:
        """Try the vendor at once, as an operator says that it is mended."""
        self._until = self._now()

    def _wait(self, bounds: tuple[float, float]) -> float:
        first, longest = bounds
        return float(min(longest, first * 2.0 ** min(self._trips, 30)))

    def _trip(self, state: State, words: str, wait: float) -> None:
        self._state = state
        self._trial = False
        self._generation += 1
        self._failures = 0
        self._trips += 1
        self._until = self._now() + wait
        self.words = words
