"""Whose events these are, and on what they are decided. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from proxy.attribution import NOTHING_KEPT, Kept
from proxy.consent import FUTURE_MS, Four, Record, Refusal, Unreadable, combine
from proxy.event import Event, Visit
from proxy.identity import Visitor, parse_visitor
from proxy.policy import consented
from proxy.remember import Remembered
from proxy.signals import ALL_UNKNOWN, ConsentState, Signals, Value
from proxy.site import Link, Site
from proxy.sources.heard import NOTHING, Heard
from proxy.sources.weigh import Word
from proxy.store.consents import Found

NOTHING_FOUND: Final = Found(None, None, 0)
NEVER_DENIED: Final[Four] = (0, 0, 0, 0)


@dataclass(slots=True, repr=False)
class Arrival:
    """What a request brought around its events. No raw address is in it. Times are Unix ms.

    ``visitor`` is the id cookie's. ``refusal`` is what the refusal cookie says. ``heard`` is what banner cookies say.
    ``trusted`` means an ingest key. ``consent_ms`` is the time by which grants run out; it never goes back, and is
    ``now_ms`` where it is not given.
    """

    site: Site
    now_ms: int
    visit: Visit
    host: str
    visitor: Visitor | None = None
    refusal: Refusal | Unreadable | None = None
    gpc: bool = False
    trusted: bool = False
    consent_ms: int = 0
    heard: Heard = NOTHING

    def __post_init__(self) -> None:
        self.consent_ms = max(self.consent_ms, self.now_ms)


@dataclass(slots=True, repr=False)
class Subject:
    """Whose events these are, as far as it is known, and what the store holds of them."""

    visitor: Visitor | None
    found: Found = NOTHING_FOUND
    fresh: bool = False
    """Made by this request: there is no cookie yet."""
    renewed: bool = False
    """Granted more by this request than the cookie's life was counted for."""
    session_start: int | None = None
    read_at: int = 0
    heard: bool = False
    """What banner cookies say of it was compared with its record."""
    remembered: Remembered | None = None
    """What the browser is to keep of what the banner cookies said."""
    wants_kept: bool = False
    """What brought the visitor is to be read with the record: an event of the request needs it or may add to it."""
    kept: Kept = NOTHING_KEPT
    """What brought the visitor."""

    @property
    def known(self) -> Four:
        """The marks of denials in the record on which this subject's events are decided."""
        record = self.found.record
        return record.denied_at if isinstance(record, Record) else NEVER_DENIED


@dataclass(slots=True, repr=False)
class Standing:
    """On what an event is decided: one state for all, or one for each vendor where a consent string names vendors."""

    state: ConsentState
    base: ConsentState
    heard: Heard
    weigh: Callable[[ConsentState, Sequence[Word]], ConsentState]
    late_ms: int = 0
    """By how much the event was made before its visitor's newest decision, which was known when it came; 0: it was not."""

    def of(self, link: Link) -> ConsentState:
        """Return the state that counts for one forwarder."""
        if not self.heard.by_vendor:
            return self.state
        return self.weigh(self.base, self.heard.speak(link.forwarder.iab))

    def told(self, own: Signals, links: Sequence[Link]) -> tuple[Signals, str]:
        """Return which signals are granted by others than record and refusal cookie, and by whom first.

        A record knows no vendors: what only some vendors were granted is not to be remembered for all.
        """
        words = self.heard.words
        names = [word.name for word in words if _grants(word.said.signals)]
        granted = [word.said.signals for word in words]
        if self.heard.by_vendor:
            spoken = self.heard.speak()[len(words) :]
            names += [word.name for word in spoken if _grants(word.said.signals)]
            granted += _agreed(
                [word.said.signals for word in spoken],
                [
                    [word.said.signals for word in self.heard.speak(link.forwarder.iab)[len(words) :]]
                    for link in links
                ],
            )
        name = "event" if _grants(own) or not names else names[0]
        return _any_granted([own, *granted]), name


def news_of(record: Record | Unreadable | None, arrival: Arrival, word: Word) -> Signals | None:
    """Return what a source with a time says that is newer than what is remembered, and different; None: nothing."""
    refusal, at = arrival.refusal, word.said.decided_at
    if isinstance(record, Unreadable) or isinstance(refusal, Unreadable) or at is None:
        return None
    if not 0 < at <= arrival.now_ms + FUTURE_MS:
        return None
    news = [Value.UNKNOWN] * 4
    for position, value in enumerate(word.said.signals.values()):
        stored, stored_at = Value.UNKNOWN, 0
        if record is not None and (
            record.tombstone or record.signals.values()[position] is not Value.UNKNOWN
        ):
            stored = Value.DENIED if record.tombstone else record.signals.values()[position]
            stored_at = record.settled_at(position)
        refused = refusal is not None and refusal.signals.values()[position] is Value.DENIED
        if refusal is not None and refused and refusal.decided_at >= stored_at:
            stored, stored_at = Value.DENIED, refusal.decided_at
        if value is stored or value is Value.UNKNOWN:
            continue
        young = at >= arrival.consent_ms - arrival.site.policy.consent_max_age_ms
        if (value is Value.DENIED and at >= stored_at) or (
            value is Value.GRANTED and at > stored_at and young
        ):
            news[position] = value
    found = Signals.of(news[0], news[1], news[2], news[3])
    return None if found is ALL_UNKNOWN else found


def subject_of(event: Event, arrival: Arrival, own: Subject, subjects: dict[str, Subject]) -> Subject:
    """Return whose event it is: a backend may name another visitor than the one who sent the request."""
    if event.visitor is None:
        # A browser's events are all of one visitor; a backend's, if they name none, of nobody knows whom.
        return Subject(None) if arrival.trusted and arrival.visitor is None else own
    visitor = parse_visitor(event.visitor)
    if visitor is None:
        return Subject(None)
    if arrival.visitor is not None and visitor.id == arrival.visitor.id:
        return own
    return subjects.setdefault(visitor.id, Subject(visitor))


def remaining_life_s(arrival: Arrival, visitor: Visitor, found: Found) -> int:
    """Return how long the id cookie may still live: counted from the id's creation, never extended."""
    site = arrival.site
    state = combine(
        found.record,
        None,
        ALL_UNKNOWN,
        gpc=False,
        now_ms=arrival.consent_ms,
        max_age_ms=site.policy.consent_max_age_ms,
    )
    return site.cookie.left_s(visitor.created, arrival.now_ms // 1000, consented=consented(state))


def outlived(arrival: Arrival, visitor: Visitor | None, found: Found) -> bool:
    """Tell whether an id has outlived what it stood on: without consent it lives as long as legitimate interest allows.

    Its record alone decides. What one event says, or a browser's GPC, is about that event and ends no id.
    """
    if visitor is None or visitor.created == 0:
        return False
    if visitor.created + arrival.site.cookie.max_age_s > arrival.now_ms // 1000:
        return False
    return remaining_life_s(arrival, visitor, found) == 0


def _grants(signals: Signals) -> bool:
    return Value.GRANTED in signals.values()


def _any_granted(said: Sequence[Signals]) -> Signals:
    granted, unknown = Value.GRANTED, Value.UNKNOWN
    return Signals.of(
        *(
            granted if granted in values else unknown
            for values in zip(*(one.values() for one in said), strict=True)
        )
    )


def _agreed(general: Sequence[Signals], by_link: Sequence[Sequence[Signals]]) -> list[Signals]:
    """Return the grants of each string that it gives the site and the vendor of every forwarder alike."""
    agreed: list[Signals] = []
    for number, signals in enumerate(general):
        columns = zip(signals.values(), *(one[number].values() for one in by_link), strict=True)
        granted, unknown = Value.GRANTED, Value.UNKNOWN
        agreed.append(Signals.of(*(granted if set(column) == {granted} else unknown for column in columns)))
    return agreed


def with_denials(signals: Signals, known: Signals) -> Signals:
    """Return signals, denied where they were denied before."""
    denied = Value.DENIED
    return Signals.of(
        *(denied if old is denied else new for new, old in zip(signals.values(), known.values(), strict=True))
    )


def first_grants(said: Signals, state: Signals, known: Signals) -> Signals:
    """Return the signals that the event and others grant, that count, and of which the record knows nothing."""
    if said is ALL_UNKNOWN:
        return ALL_UNKNOWN
    granted, unknown = Value.GRANTED, Value.UNKNOWN
    return Signals.of(
        *(
            granted if ours is granted and now is granted and before is unknown else unknown
            for ours, now, before in zip(said.values(), state.values(), known.values(), strict=True)
        )
    )
