"""What of the claimed entries is to be sent at all: too old, unreadable and surely refused ones end here. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from forwarders.base import Batch, Forwarder
from proxy.entry import Entry
from proxy.event import CookielessEvent, FullEvent
from proxy.reasons import Outcome, OutcomeReason
from proxy.site import Link, SitePolicy
from proxy.store.claims import Claimed, End

LONGEST_S: Final = 72 * 3600
"""No entry is kept longer than this, in seconds."""

# What a mapping may raise over an event that it was not made for. Each costs that event, never the forwarder.
MAPPING_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Full:
    """A full entry in hand; too old from ``ends_ms`` on. ``batch_key`` is what it must share with others in a request."""

    id: str
    entry: Entry
    tries: int
    ends_ms: int
    event: FullEvent
    visitor: str
    batch_key: str


@dataclass(frozen=True, slots=True, repr=False)
class Ping:
    """A cookieless entry in hand; too old from ``ends_ms`` on. Each is a request of its own."""

    id: str
    entry: Entry
    tries: int
    ends_ms: int
    event: CookielessEvent


InHand = Full | Ping


def ends_at(entry: Entry, link: Link, policy: SitePolicy) -> int:
    """Return the time from which an entry is too old for its forwarder, Unix ms."""
    full = isinstance(entry.event, FullEvent)
    longest_s = min(LONGEST_S, link.forwarder.full_max_age_s) if full else policy.cookieless_max_age_s
    return entry.made_ms + longest_s * 1000


def expired(entry_id: str, *, unauthorised: bool = False) -> End:
    """Return how an entry ends that is too old; ``unauthorised``: it waited for an operator to mend what the vendor refuses."""
    reason = OutcomeReason.VENDOR_UNAUTHORISED if unauthorised else OutcomeReason.TOO_OLD
    return End(entry_id, Outcome.EXPIRED, reason)


def sort(
    claimed: Claimed, link: Link, policy: SitePolicy, now_ms: int, *, unauthorised: bool = False
) -> InHand | End:
    """Return an entry as it is to be sent, or how it ends. ``unauthorised``: see ``expired``."""
    entry = claimed.entry
    if entry is None:
        return unmappable(claimed.id, "unreadable entry")
    ends_ms = ends_at(entry, link, policy)
    if now_ms >= ends_ms:
        return expired(claimed.id, unauthorised=unauthorised)
    if isinstance(entry.event, CookielessEvent):
        return Ping(claimed.id, entry, claimed.tries, ends_ms, entry.event)
    event = undated(entry.event, entry, link.forwarder, now_ms)
    if event is not entry.event and event.name in link.forwarder.tag_events:
        return expired(claimed.id, unauthorised=unauthorised)  # there is no other way for it
    return _sort_full(claimed, entry, event, ends_ms, link.forwarder)


def undated(event: FullEvent, entry: Entry, forwarder: Forwarder, now_ms: int) -> FullEvent:
    """Return an event as it is to be mapped now: hits carry no time, so an old one goes as any other event, with its time.

    Returns:
        The same object if it is no hit, or a young one.
    """
    if event.hit and now_ms - entry.made_ms > forwarder.hit_max_age_s * 1000:
        return replace(event, hit={})
    return event


def _sort_full(
    claimed: Claimed, entry: Entry, event: FullEvent, ends_ms: int, forwarder: Forwarder
) -> Full | End:
    if entry.visitor is None:  # nobody whose consent could be read again
        return unmappable(claimed.id, "full entry without a visitor")
    try:
        problem = forwarder.problem(event)
        key = forwarder.batch_key(event)
    except MAPPING_ERRORS as error:
        return unmappable(claimed.id, type(error).__name__)
    if problem is not None:
        return End(claimed.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, problem)
    return Full(claimed.id, entry, claimed.tries, ends_ms, event, entry.visitor, key)


def unmappable(entry_id: str, words: str) -> End:
    """Return how an entry ends that cannot be made into a request."""
    return End(entry_id, Outcome.REJECTED, OutcomeReason.UNMAPPABLE, words)


def halves(entries: Sequence[T]) -> list[list[T]]:
    """Split a batch of two or more in two."""
    middle = len(entries) // 2
    return [list(entries[:middle]), list(entries[middle:])]


def together(entries: Sequence[Full]) -> list[list[Full]]:
    """Group entries by what a request's entries must share, the first one's companions first."""
    groups: dict[str, list[Full]] = {}
    for one in entries:
        groups.setdefault(one.batch_key, []).append(one)
    return list(groups.values())


class Fit:
    """How many events go into a request within the vendor's bytes, as far as earlier ones can tell.

    Args:
        batch: the vendor's limits.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._bytes = 0.0

    def learn(self, events: int, size: int) -> None:
        """Take note of a request's events and bytes."""
        each = size / events
        self._bytes = max(each, self._bytes + (each - self._bytes) / 8)

    def limit(self, tries: int) -> int:
        """Return how many entries of so many tries go into one request.

        A vendor may answer 500 over one event and so refuse its companions again and again; ever smaller batches part
        them.
        """
        limit = self._batch.limit
        if self._bytes * limit > self._batch.max_bytes:
            limit = int(self._batch.max_bytes * 0.95 / self._bytes)
        return max(1, limit >> max(tries - 1, 0))


class Gathering:
    """Full entries that wait for companions, by what a request's entries must share."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._groups: dict[tuple[str, int], list[Full]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, one: Full) -> list[Full] | None:
        """Put an entry beside its companions; returns the batch that is full by it."""
        key = (one.batch_key, max(one.tries, 1))
        group = self._groups.setdefault(key, [])
        group.append(one)
        return self._groups.pop(key) if len(group) >= self._fit.limit(one.tries) else None

    def take(self) -> list[list[Full]]:
        """Return all batches as they are, and begin anew."""
        groups = list(self._groups.values())
        self._groups.clear()
        return groups
