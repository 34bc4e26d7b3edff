"""The straight line of an event: consent > decide > reduce > store. It was parsed before; it is answered after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from proxy.address import is_public, mask
from proxy.anonymise import Clean, clean, reduce_cookieless, reduce_full
from proxy.attribution import Credit, beside
from proxy.audit import trail
from proxy.audit.daykeys import DayKeys
from proxy.chance import bits31
from proxy.crediting import wants_kept
from proxy.entry import Entry, encode_named
from proxy.event import Event, Visit
from proxy.fields import CLICK_IDS, details, reported
from proxy.geo import Geo
from proxy.identity import Visitor, derive, ref_of
from proxy.policy import Decided, has_basis
from proxy.reasons import Decision, Reason
from proxy.remember import Remembered
from proxy.report.counting import Counting
from proxy.signals import ConsentState
from proxy.site import Link
from proxy.store.outbox import Outbox, Put
from proxy.subject import Arrival, Standing, Subject, outlived, remaining_life_s, subject_of
from proxy.subjects import Subjects

__all__ = ["Arrival", "Pipeline", "Taken", "Told"]

_Made = tuple[bytes | None, int, str]
"""An entry as it is stored, which fields it has, and the names of its vendor ids and contact hashes."""
_NOTHING: _Made = (None, 0, "")


@dataclass(slots=True, repr=False)
class Taken:
    """What became of a request's events. ``visitor`` is to be put into the id cookie, for ``max_age_s`` from now.

    ``remembered`` is what the browser is to keep of what its banner cookies said.
    """

    new: list[bool]
    visitor: Visitor | None = None
    max_age_s: int = 0
    remembered: Remembered | None = None


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


@dataclass(slots=True)
class Pipeline:
    """Takes parsed events into the outbox.

    Args:
        subjects: whose events these are, and what they consented to.
        outbox: where entries go.
        geo: country of a truncated address.
        key: secret from which each vendor's own ids are derived.
        day_keys: under which the audit trail tells visitors apart.
        tell: called for each new event, for the demo.
        counting: says what the report is to count of conversions.
    """

    subjects: Subjects
    outbox: Outbox
    geo: Geo
    key: bytes
    day_keys: DayKeys
    tell: Callable[[Told], None] | None = None
    counting: Counting = field(default_factory=Counting)

    def ref(self, site: str, event_id: str) -> str:
        """Return the name under which an event is known inside, which says nothing outside."""
        return ref_of(self.key, site, event_id)

    async def accept(self, arrival: Arrival, events: Sequence[Event]) -> Taken:
        """Decide, reduce and store events of one request.

        Raises:
            StoreUnavailableError: not all of them are stored; none may be acknowledged.
        """
        site = arrival.site
        own = Subject(arrival.visitor)
        subjects: dict[str, Subject] = {}
        puts: list[Put] = []
        day = await self.day_keys.of(arrival.now_ms)
        kept = any(wants_kept(arrival, event) for event in events)
        for event in events:
            subject = subject_of(event, arrival, own, subjects)
            subject.wants_kept = kept
            standing = await self.subjects.stand(arrival, event, subject, own=subject is own)
            if outlived(arrival, subject.visitor, subject.found):
                # The id ends; what its record says of this visitor still counts for the rest of the request.
                subject.visitor, subject.session_start = None, None
            # Without a visitor a backend's event has only its own consent to stand on.
            nameless = arrival.trusted and subject.visitor is None
            if has_basis(standing.state, interest=site.policy.interest and not nameless):
                before = subject.found
                await self.subjects.ensure_visitor(arrival, event, subject, standing)
                if subject.found is not before:
                    standing = self.subjects.again(arrival, event, subject, standing)
            credit = await self.subjects.credit(arrival, event, subject, standing.state)
            visit = self._visit_of(event, arrival)
            puts.append(self._reduce(arrival, event, visit, standing, subject, credit, day))
        new = await self.outbox.put(puts)
        if own.visitor is None or not (own.fresh or own.renewed):
            return Taken(new, remembered=own.remembered)
        life_s = remaining_life_s(arrival, own.visitor, own.found)
        return Taken(new, own.visitor, life_s, own.remembered)

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
        self,
        arrival: Arrival,
        event: Event,
        visit: Visit,
        standing: Standing,
        subject: Subject,
        credit: Credit,
        day: tuple[int, bytes],
    ) -> Put:
        site = arrival.site
        ref = self.ref(site.name, event.event_id)
        state = standing.state
        decided = site.decide(event.name, state)
        parts: list[tuple[str, str, bytes | None]] = []
        rows: list[trail.Part] = []
        told: list[tuple[str, Decided]] = []
        content: Clean | None = None
        conversion_here = event.name in site.conversions and not site.is_echo(event)
        mark = self.counting.mark(event, arrival.now_ms) if conversion_here else None
        for position, link in enumerate(site.links):
            decision = decided[position]
            if standing.heard.by_vendor:
                state = standing.of(link)
                decision = site.decide(event.name, state)[position]
            if event.stream is not None:
                decision = site.of_stream(decision, link, event, state)
            made = _NOTHING
            if decision.decision is not Decision.DROP:
                if content is None:
                    content = clean(event)
                    content.earlier = beside(credit.clicks, content.click_ids, site.earlier_click_ids)
                decision, made = self._entry(
                    link, decision, content, arrival, visit, state, subject, ref, mark
                )
            raw, fields, names = made
            parts.append((link.name, decision.code, raw))
            rows.append((link.name, decision.code, decision.signal, fields, names))
            told.append((link.name, decision))
        if self.tell is not None:
            self.tell(Told(site.name, ref, event.event_id, event.name, arrival.now_ms, standing.state, told))
        click_ids = bool(content.click_ids if content is not None else event.ids)
        row = trail.decided(
            day[1],
            day[0],
            ref,
            site.name,
            subject.visitor.id if subject.visitor is not None else None,
            standing.state,
            subject.found.record,
            site.policy.version,
            reported(event, visit, visitor=subject.visitor is not None, click_ids=click_ids),
            rows,
        )
        conversion = None
        if mark is not None:
            conversion = self.counting.conversion(
                mark, event, standing.state.signals, credit, rows, late=standing.late_ms > 0
            )
        return Put(ref, not event.minted, site.name, parts, row, conversion)

    def _entry(
        self,
        link: Link,
        decided: Decided,
        content: Clean,
        arrival: Arrival,
        visit: Visit,
        state: ConsentState,
        subject: Subject,
        ref: str,
        mark: str | None,
    ) -> tuple[Decided, _Made]:
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
                    read_at = subject.read_at or now_ms
                    version, known = site.policy.version, subject.known
                    entry = Entry(full, ref, visitor.id, now_ms, read_at, version, known, mark)
                    written, fields = encode_named(entry, content.shared)
                    if content.click_ids and not forwarder.keeps_click_ids(state.signals).isdisjoint(
                        content.click_ids
                    ):
                        fields |= CLICK_IDS
                    return decided, (written, fields, details(full.ids, full.contact))
            # Without a visitor's id, a click id or a contact hash the vendor could do nothing with it.
            decided = Decided(link.rule.otherwise, Reason.NO_IDENTIFIER)
        if decided.decision is Decision.COOKIELESS and not forwarder.cookieless_configured(
            content.event.name
        ):
            decided = Decided(Decision.DROP, Reason.NOT_CONFIGURED)
        if decided.decision is Decision.DROP:
            return decided, _NOTHING
        random_id = f"{bits31()}.{now_ms // 1000}"
        event = reduce_cookieless(
            content, visit, state, site.policy, random_id, takes_address=forwarder.cookieless_takes_address
        )
        ping = Entry(event, ref, None, now_ms, 0, site.policy.version, mark=mark)
        return decided, (*encode_named(ping, content.shared), "")
