"""The clients' book: every event that was meant, every request that was made for it, and every denial. Truth, part one.

Times are seconds of ``time.monotonic``.
"""

from dataclasses import dataclass, field

from chaos.words import NEEDS, Fate, Vendor

UNKNOWN = 0
"""Status of a request that got no answer: whether it was taken is not known."""
UNSENT = -1
"""Status of a request for which there was not even a connection: it was surely not taken."""


def answer_words(status: int) -> str:
    """Say what a client got for an answer."""
    return {UNKNOWN: "no answer", UNSENT: "no connection"}.get(status, str(status))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. ``status`` is ``UNKNOWN`` where no answer came, ``UNSENT`` where there was nobody to connect to."""

    start: float
    end: float
    status: int
    gateway: int

    @property
    def acknowledged(self) -> bool:
        """Whether the events in it are promised to be stored."""
        return 200 <= self.status < 300

    @property
    def open(self) -> bool:
        """Whether it may or may not have been taken. A 503 says that the client must keep it, not that nothing was stored."""
        return self.status == UNKNOWN or self.status >= 500


@dataclass(slots=True)
class Event:
    """One event as a client meant it, however often it was sent.

    Attributes:
        key: its transaction id, unique in the run; vendors get it.
        visitor: whose it is; a number of the harness, not Sayso's id.
        name: the event's name.
        identified: whether Google Ads could recognise somebody by it.
        refused_by: the vendor that will refuse it for good, or None.
        attempts: all requests that held it.
        fates: what may become of it by consent alone, per forwarder, given when it may have been stored.
        nameless: an answer was lost while the visitor had no id yet: the event may stand under an id nobody knows.
    """

    key: str
    visitor: int
    name: str
    identified: bool
    refused_by: Vendor | None
    attempts: list[Attempt] = field(default_factory=list)
    fates: dict[Vendor, set[Fate]] = field(default_factory=lambda: {one: set() for one in Vendor})
    nameless: bool = False

    @property
    def event_id(self) -> str:
        """The client's own id of it."""
        return f"e-{self.key}"

    @property
    def acked_at(self) -> float | None:
        """When the first 2xx came."""
        return min((one.end for one in self.attempts if one.acknowledged), default=None)

    @property
    def settled_at(self) -> float:
        """When its client last knew more about whether it is stored."""
        found = self.acked_at
        return found if found is not None else max((one.end for one in self.attempts), default=0.0)

    @property
    def maybe_stored(self) -> bool:
        """Whether it may be stored at all."""
        return any(one.acknowledged or one.open for one in self.attempts)


@dataclass(frozen=True, slots=True)
class Denial:
    """A visitor took something back. ``acked_at`` is when the 204 came, None if none ever did."""

    visitor: int
    signals: frozenset[int]
    start: float
    acked_at: float | None

    def hits(self, vendor: Vendor) -> bool:
        """Whether it denies what a full event of this forwarder needs."""
        return not self.signals.isdisjoint(NEEDS[vendor])


@dataclass(slots=True)
class Book:
    """All that the clients know."""

    events: dict[str, Event] = field(default_factory=dict)
    denials: dict[int, list[Denial]] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    """Keys of what was sent malformed on purpose: no vendor may ever see one."""
    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Answers that the contract does not allow."""

    def note(self, attempt: Attempt) -> None:
        """Count a request."""
        self.requests += 1
        self.statuses[attempt.status] = self.statuses.get(attempt.status, 0) + 1

    def denials_after(self, event: Event, vendor: Vendor) -> list[Denial]:
        """Return the denials that can have reached this event while it waited for that vendor."""
        return [
            one
            for one in self.denials.get(event.visitor, [])
            if one.hits(vendor) and (one.acked_at is None or one.acked_at > event.attempts[0].start)
        ]
