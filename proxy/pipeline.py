"""The straight line of an event: consent > decide > reduce > store. It was parsed before; it is answered after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from proxy.address import is_public, mask
from proxy.anonymise import Clean, clean, reduce_cookieless, reduce_full
from proxy.chance import bits31
from proxy.consent import Refusal, Unreadable, combine
from proxy.entry import Entry, encode
from proxy.event import Event, Visit
from proxy.geo import Geo
from proxy.identity import Visitor, derive, mint, parse_visitor
from proxy.policy import ANALYTICS, Decided, allowed, consented, has_basis
from proxy.reasons import Decision, Reason
from proxy.signals import ALL_UNKNOWN, ConsentState, Signals, Value
from proxy.site import Link, Site
from proxy.store.client import StoreUnavailableError
from proxy.store.consents import Ask, Consents, Found
from proxy.store.outbox import Outbox, Put

_NOTHING_FOUND = Found(None, None, 0)


@dataclass(slots=True, repr=False)
class Arrival:
    """What a request brought around its events. No raw address is in it. Times are Unix ms.

    ``visitor`` is the id cookie's. ``refusal`` is what the refusal cookie says. ``trusted`` means an ingest key.
    """

    site: Site
    now_ms: int
    visit: Visit
    host: str
    visitor: Visitor | None = None
    refusal: Refusal | Unreadable | None = None
    gpc: bool = False
    trusted: bool = False


@dataclass(slots=True, repr=False)
class Taken:
    """What became of a request's events. ``visitor`` is to be put into the id cookie, for ``max_age_s`` from now."""

    new: list[bool]
    visitor: Visitor | None = None
    max_age_s: int = 0


@dataclass(slots=True, repr=False)
class Told:
    """What the demo's live view and ``explain`` are told of one event: each forwarder's decision."""

    site: str
    ref: str
    event_id: str
    name: str
    now_ms: int
    state: ConsentState
    decided: list[tuple[str, Decided]]


@dataclass(slots=True, repr=False)
class _Subject:
    """Whose events these are, as far as it is known, and what the store holds of them."""

    visitor: Visitor | None
    found: Found = _NOTHING_FOUND
    fresh: bool = False
    """Made by this request: there is no cookie yet."""
    renewed: bool = False
    """Granted more by this request than the cookie's life was counted for."""
    session_start: int | None = None
    read_at: int = 0


@dataclass(slots=True)
class Pipeline:
    """Takes parsed events into the outbox.

    Args:
        consents: the visitors' records.
        outbox: where entries go.
        geo: country of a truncated address.
        key: secret from which each vendor's own ids are derived.
        count_read: called once per consent read with ``found``, ``absent`` or ``unreadable``.
        tell: called for each new event, for the demo.
    """

    consents: Consents
    outbox: Outbox
    geo: Geo
    key: bytes
    count_read: Callable[[str], None] = field(default=lambda _result: None)
    tell: Callable[[Told], None] | None = None

    def ref(self, site: str, event_id: str) -> str:
        """Return the name under which an event is known inside, which says nothing outside."""
        return blake2b(f"{site}\0{event_id}".encode(), key=self.key, digest_size=12).hexdigest()

    async def accept(self, arrival: Arrival, events: Sequence[Event]) -> Taken:
        """Decide, reduce and store events of one request.

        Raises:
            StoreUnavailableError: not all of them are stored; none may be acknowledged.
        """
        site = arrival.site
        own = _Subject(arrival.visitor)
        subjects: dict[str, _Subject] = {}
        puts: list[Put] = []
        for event in events:
            subject = _subject_of(event, arrival, own, subjects)
            if subject.visitor is not None and subject.found is _NOTHING_FOUND:
                subject.found = await self._read(arrival, subject.visitor, event)
                subject.session_start, subject.read_at = subject.found.session_start, subject.found.read_at
            state = _state(arrival, subject.found, event)
            if _outlived(site, subject.visitor, subject.found, arrival.now_ms):
                # The id ends; what its record says of this visitor still counts for the rest of the request.
                subject.visitor, subject.session_start = None, None
            # Without a visitor a backend's event has only its own consent to stand on.
            nameless = arrival.trusted and subject.visitor is None
            if has_basis(state, interest=site.policy.interest and not nameless):
                before = subject.found
                await self._ensure_visitor(arrival, subject, state, event.consent)
                if subject.found is not before:
                    state = _state(arrival, subject.found, event)
            visit = self._visit_of(event, arrival)
            puts.append(self._reduce(arrival, event, visit, state, subject))
        new = await self.outbox.put(puts)
        if own.visitor is None or not (own.fresh or own.renewed):
            return Taken(new)
        return Taken(new, own.visitor, remaining_life_s(site, own.visitor, own.found, arrival.now_ms))

    async def _read(self, arrival: Arrival, visitor: Visitor, event: Event) -> Found:
        policy = arrival.site.policy
        denied = event.consent.analytics_storage is Value.DENIED
        interest = policy.interest and not arrival.gpc
        ask = Ask(
            arrival.site.name,
            visitor.id,
            "0" if denied else ("2" if interest else "1"),
            arrival.now_ms // 1000,
            arrival.now_ms - policy.consent_max_age_ms,
        )
        try:
            found = await self.consents.read(ask)
        except StoreUnavailableError:
            self.count_read("failed")
            raise
        record = found.record
        self.count_read(
            "absent" if record is None else ("unreadable" if isinstance(record, Unreadable) else "found")
        )
        return found

    async def _ensure_visitor(
        self, arrival: Arrival, subject: _Subject, state: ConsentState, said: Signals
    ) -> None:
        """Give the subject an id and a record where this event is the first to grant something."""
        site, policy = arrival.site, arrival.site.policy
        now_s = arrival.now_ms // 1000
        record = subject.found.record
        known = record.signals if record is not None and not isinstance(record, Unreadable) else ALL_UNKNOWN
        first = _first_grants(said, state.signals, known)
        if subject.visitor is None:
            subject.visitor = mint(now_s)
            subject.fresh = True
            if Value.DENIED in known.values():  # said under an id that has just ended
                first = _with_denials(first, known)
        if first is not ALL_UNKNOWN:
            await self.consents.change(
                site.name,
                subject.visitor.id,
                first,
                decided_at=arrival.now_ms,
                source="event",
                gpc=arrival.gpc,
                policy_version=policy.version,
                proof="",
                keep_s=policy.consent_max_age_ms // 1000,
                mode="fill",
                interest=policy.interest,
            )
            # What counts is what the store now holds: somebody may have refused in the meantime.
            subject.found = (await self.consents.read_many([(site.name, subject.visitor.id)]))[0]
            subject.read_at = subject.found.read_at
            subject.renewed = True
        statistics = allowed(state, ANALYTICS, interest=policy.interest)
        if subject.session_start is None and statistics in {Reason.GRANTED, Reason.LEGITIMATE_INTEREST}:
            subject.session_start = now_s
            await self.consents.begin_session(site.name, subject.visitor.id, now_s)

    def _visit_of(self, event: Event, arrival: Arrival) -> Visit:
        visit = arrival.visit
        if event.user_agent is None and event.address is None:
            return visit
        address = mask(event.address) if event.address is not None else visit.address
        place = self.geo.locate(address) if address is not None else None
        if address is not None and not is_public(address):
            address = None
        return replace(
            visit,
            user_agent=event.user_agent if event.user_agent is not None else visit.user_agent,
            address=address,
            country=place.country if place is not None else None,
            region=place.region if place is not None else None,
        )

    def _reduce(
        self, arrival: Arrival, event: Event, visit: Visit, state: ConsentState, subject: _Subject
    ) -> Put:
        site = arrival.site
        ref = self.ref(site.name, event.event_id)
        decided = site.decide(event.name, state)
        parts: list[tuple[str, str, bytes | None]] = []
        told: list[tuple[str, Decided]] = []
        content: Clean | None = None
        for link, wanted in zip(site.links, decided, strict=True):
            decision = wanted
            raw: bytes | None = None
            if decision.decision is not Decision.DROP:
                content = content or clean(event)
                decision, raw = self._entry(link, decision, content, arrival, visit, state, subject, ref)
            parts.append((link.name, decision.code, raw))
            told.append((link.name, decision))
        if self.tell is not None:
            self.tell(Told(site.name, ref, event.event_id, event.name, arrival.now_ms, state, told))
        return Put(ref, not event.minted, site.name, parts)

    def _entry(
        self,
        link: Link,
        decided: Decided,
        content: Clean,
        arrival: Arrival,
        visit: Visit,
        state: ConsentState,
        subject: _Subject,
        ref: str,
    ) -> tuple[Decided, bytes | None]:
        site, forwarder, now_ms = arrival.site, link.forwarder, arrival.now_ms
        if decided.decision is Decision.FULL:
            visitor = subject.visitor
            if visitor is not None:
                full = reduce_full(
                    content,
                    visit,
                    state,
                    forwarder,
                    derived=derive(self.key, site.name, link.name, visitor.id),
                    session_start=subject.session_start,
                    host=arrival.host,
                )
                if forwarder.identified(full):
                    entry = Entry(
                        full, ref, visitor.id, now_ms, subject.read_at or now_ms, site.policy.version
                    )
                    return decided, encode(entry, content.shared)
            # Without a visitor's id, a click id or a contact hash the vendor could do nothing with it.
            decided = Decided(link.rule.otherwise, Reason.NO_IDENTIFIER)
        if decided.decision is Decision.COOKIELESS and not forwarder.cookieless_configured(
            content.event.name
        ):
            decided = Decided(Decision.DROP, Reason.NOT_CONFIGURED)
        if decided.decision is Decision.DROP:
            return decided, None
        random_id = f"{bits31()}.{now_ms // 1000}"
        event = reduce_cookieless(
            content, visit, state, site.policy, random_id, takes_address=forwarder.cookieless_takes_address
        )
        return decided, encode(Entry(event, ref, None, now_ms, 0, site.policy.version), content.shared)


def remaining_life_s(site: Site, visitor: Visitor, found: Found, now_ms: int) -> int:
    """Return how long the id cookie may still live: counted from the id's creation, never extended."""
    state = combine(
        found.record, None, ALL_UNKNOWN, gpc=False, now_ms=now_ms, max_age_ms=site.policy.consent_max_age_ms
    )
    return site.cookie.left_s(visitor.created, now_ms // 1000, consented=consented(state))


def _outlived(site: Site, visitor: Visitor | None, found: Found, now_ms: int) -> bool:
    """Tell whether an id has outlived what it stood on: without consent it lives as long as legitimate interest allows.

    Its record alone decides. What one event says, or a browser's GPC, is about that event and ends no id.
    """
    if visitor is None or visitor.created == 0 or visitor.created + site.cookie.max_age_s > now_ms // 1000:
        return False
    return remaining_life_s(site, visitor, found, now_ms) == 0


def _subject_of(event: Event, arrival: Arrival, own: _Subject, subjects: dict[str, _Subject]) -> _Subject:
    """Return whose event it is: a backend may name another visitor than the one who sent the request."""
    if event.visitor is None:
        # A browser's events are all of one visitor; a backend's, if they name none, of nobody knows whom.
        return _Subject(None) if arrival.trusted and arrival.visitor is None else own
    visitor = parse_visitor(event.visitor)
    if visitor is None:
        return _Subject(None)
    if arrival.visitor is not None and visitor.id == arrival.visitor.id:
        return own
    return subjects.setdefault(visitor.id, _Subject(visitor))


def _state(arrival: Arrival, found: Found, event: Event) -> ConsentState:
    return combine(
        found.record,
        arrival.refusal,
        event.consent,
        gpc=arrival.gpc,
        now_ms=arrival.now_ms,
        max_age_ms=arrival.site.policy.consent_max_age_ms,
        made_ms=event.time_ms,
    )


def _with_denials(signals: Signals, known: Signals) -> Signals:
    denied = Value.DENIED
    return Signals.of(
        *(denied if old is denied else new for new, old in zip(signals.values(), known.values(), strict=True))
    )


def _first_grants(said: Signals, state: Signals, known: Signals) -> Signals:
    """Return the signals that the event itself grants, that count, and of which the record knows nothing."""
    if said is ALL_UNKNOWN:
        return ALL_UNKNOWN
    granted, unknown = Value.GRANTED, Value.UNKNOWN
    return Signals.of(
        *(
            granted if ours is granted and now is granted and before is unknown else unknown
            for ours, now, before in zip(said.values(), state.values(), known.values(), strict=True)
        )
    )
