"""What is known of a visitor's consent when events arrive, and what of it is remembered, before anything is decided."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from proxy.attribution import NOTHING_KEPT, Credit
from proxy.consent import Record, Unreadable, combine
from proxy.consent_watch import ConsentWatch
from proxy.crediting import credited
from proxy.event import Event
from proxy.identity import Visitor, mint, mint_alike
from proxy.policy import ANALYTICS, allowed
from proxy.reasons import Reason
from proxy.remember import Remember, Statement
from proxy.signals import ALL_UNKNOWN, ConsentState, Value
from proxy.sources.heard import NOTHING, Heard, hear_strings
from proxy.sources.weigh import Word, disagreements, weigh
from proxy.store.client import StoreUnavailableError
from proxy.store.consents import Ask, Consents, Found
from proxy.subject import NOTHING_FOUND, Arrival, Standing, Subject, first_grants, news_of, with_denials

_LOOK_S: Final = 0.05
"""How often is looked whether a held event's visitor has decided."""


class Subjects:
    """Reads, compares and remembers the consent of those whose events arrive.

    Args:
        consents: the visitors' records.
        remember: writes what banner cookies say.
        count_read: called once per consent read with ``found``, ``absent``, ``unreadable`` or ``failed``.
        watch: counts late and contradictory consent.
        key: the installation's secret, for ids.
    """

    def __init__(
        self,
        consents: Consents,
        remember: Remember,
        count_read: Callable[[str], None],
        watch: ConsentWatch | None = None,
        *,
        key: bytes,
    ) -> None:
        self._consents = consents
        self._remember = remember
        self._count_read = count_read
        self._watch = watch
        self._key = key

    async def stand(self, arrival: Arrival, event: Event, subject: Subject, *, own: bool) -> Standing:
        """Find out on what an event is decided; ``own``: it is of the visitor who sent the request.

        Raises:
            StoreUnavailableError: it cannot be found out now.
        """
        if subject.visitor is not None and subject.found is NOTHING_FOUND:
            subject.found = await self._read(arrival, subject.visitor, event, kept=subject.wants_kept)
            subject.session_start, subject.read_at = subject.found.session_start, subject.found.read_at
            subject.kept = subject.found.kept
        heard = arrival.heard if own else NOTHING
        if heard.words and not subject.heard:
            subject.heard = True
            await self._hear(arrival, subject, heard)
        if event.strings:
            heard = heard.and_(hear_strings(event.strings, arrival.now_ms))
        standing = self._standing(arrival, event, subject, heard)
        if arrival.site.policy.hold_ms and subject.visitor is not None and not standing.state.explicit:
            standing = await self._held(arrival, event, subject, heard, standing)
        record = subject.found.record
        if standing.state.explicit and isinstance(record, Record):
            standing.late_ms = max(record.decided_at - event.time_ms, 0)
        if self._watch is not None:
            self._tell(self._watch, arrival, event, subject, standing)
        return standing

    def again(self, arrival: Arrival, event: Event, subject: Subject, standing: Standing) -> Standing:
        """Find it out once more, after the record has changed."""
        again = self._standing(arrival, event, subject, standing.heard)
        again.late_ms = standing.late_ms
        return again

    def _standing(self, arrival: Arrival, event: Event, subject: Subject, heard: Heard) -> Standing:
        record, refusal, max_age_ms = (
            subject.found.record,
            arrival.refusal,
            arrival.site.policy.consent_max_age_ms,
        )
        base = combine(
            record,
            refusal,
            event.consent,
            gpc=arrival.gpc,
            now_ms=arrival.consent_ms,
            max_age_ms=max_age_ms,
            made_ms=event.time_ms,
        )

        def on_the_scales(state: ConsentState, words: Sequence[Word]) -> ConsentState:
            return weigh(
                state,
                words,
                record=record,
                refusal=refusal,
                own=event.consent,
                now_ms=arrival.consent_ms,
                max_age_ms=max_age_ms,
                made_ms=event.time_ms,
            )

        state = on_the_scales(base, heard.speak()) if heard else base
        return Standing(state, base, heard, on_the_scales)

    async def _read(self, arrival: Arrival, visitor: Visitor, event: Event, *, kept: bool) -> Found:
        policy = arrival.site.policy
        denied = event.consent.analytics_storage is Value.DENIED
        interest = policy.interest and not arrival.gpc
        ask = Ask(
            arrival.site.name,
            visitor.id,
            "0" if denied else ("2" if interest else "1"),
            arrival.now_ms // 1000,
            arrival.consent_ms - policy.consent_max_age_ms,
            kept,
        )
        try:
            found = await self._consents.read(ask)
        except StoreUnavailableError:
            self._count_read("failed")
            raise
        record = found.record
        self._count_read(
            "absent" if record is None else ("unreadable" if isinstance(record, Unreadable) else "found")
        )
        return found

    async def _hear(self, arrival: Arrival, subject: Subject, heard: Heard) -> None:
        """Remember what a banner cookie with a time says that is newer than what is remembered."""
        timed = [word for word in heard.words if word.said.readable and word.said.decided_at is not None]
        if not timed or not all(word.said.readable for word in heard.words):
            return
        word = max(timed, key=lambda one: one.said.decided_at or 0)
        news = news_of(subject.found.record, arrival, word)
        if news is None:
            return
        statement = Statement(
            news, word.said.decided_at or 0, word.name[:64], heard.proof[:256], arrival.gpc, heard
        )
        before = subject.visitor
        kept = await self._remember.apply(arrival.site, before, arrival.refusal, statement, arrival.now_ms)
        subject.remembered = kept
        subject.visitor = kept.visitor
        if kept.visitor != before:
            subject.kept = NOTHING_KEPT
        arrival.refusal = kept.refusal
        if kept.visitor is None:
            subject.found, subject.session_start = NOTHING_FOUND, None
            return
        subject.found = (await self._consents.read_many([(arrival.site.name, kept.visitor.id)]))[0]
        subject.read_at = subject.found.read_at
        subject.session_start = subject.session_start if before == kept.visitor else None
        subject.renewed = True

    async def _held(
        self, arrival: Arrival, event: Event, subject: Subject, heard: Heard, standing: Standing
    ) -> Standing:
        """Wait a moment for a decision of a known visitor; what they decide in it counts."""
        assert subject.visitor is not None  # noqa: S101  # for the type checker
        left = arrival.site.policy.hold_ms / 1000
        while left > 0 and not standing.state.explicit:
            await asyncio.sleep(min(_LOOK_S, left))
            left -= _LOOK_S
            found = (await self._consents.read_many([(arrival.site.name, subject.visitor.id)]))[0]
            if found.record is not None:
                subject.found, subject.read_at = found, found.read_at
                standing = self._standing(arrival, event, subject, heard)
        return standing

    def _tell(
        self, watch: ConsentWatch, arrival: Arrival, event: Event, subject: Subject, standing: Standing
    ) -> None:
        site, record = arrival.site.name, subject.found.record
        if not standing.state.explicit:
            watch.undecided(site)
        elif standing.late_ms:
            watch.late(site, standing.late_ms / 1000)
        if standing.heard or event.consent is not ALL_UNKNOWN:
            for first, second in disagreements(
                record, arrival.refusal, event.consent, standing.heard.speak()
            ):
                watch.disagreed(site, first, second)

    async def credit(self, arrival: Arrival, event: Event, subject: Subject, state: ConsentState) -> Credit:
        """Keep what the event's page says of where its visitor came from; return what it is credited to itself.

        Raises:
            StoreUnavailableError: it is not stored.
        """
        return await credited(self._consents, arrival, event, subject, state)

    async def ensure_visitor(
        self, arrival: Arrival, event: Event, subject: Subject, standing: Standing
    ) -> None:
        """Give the subject an id and a record where this event is the first to grant something.

        Raises:
            StoreUnavailableError: it is not stored.
        """
        site, policy, state = arrival.site, arrival.site.policy, standing.state
        now_s = arrival.now_ms // 1000
        record = subject.found.record
        known = record.signals if isinstance(record, Record) else ALL_UNKNOWN
        said, source = event.consent, "event"
        if standing.heard:
            said, source = standing.told(event.consent, site.links)
        first = first_grants(said, state.signals, known)
        if subject.visitor is None:
            subject.visitor = await self._mint(arrival, event)
            subject.fresh = True
            if Value.DENIED in known.values():  # said under an id that has just ended
                first = with_denials(first, known)
        if first is not ALL_UNKNOWN:
            await self._consents.change(
                site.name,
                subject.visitor.id,
                first,
                decided_at=arrival.now_ms,
                source=source,
                gpc=arrival.gpc,
                policy_version=policy.version,
                proof=standing.heard.proof[:256],
                keep_s=policy.consent_max_age_ms // 1000,
                mode="fill",
                interest=policy.interest,
                beside=self._remember.beside(site, standing.heard),
            )
            # What counts is what the store now holds: somebody may have refused in the meantime.
            subject.found = (await self._consents.read_many([(site.name, subject.visitor.id)]))[0]
            subject.read_at = subject.found.read_at
            subject.renewed = True
        statistics = allowed(state, ANALYTICS, interest=policy.interest)
        if subject.session_start is None and statistics in {Reason.GRANTED, Reason.LEGITIMATE_INTEREST}:
            subject.session_start = now_s
            await self._consents.begin_session(site.name, subject.visitor.id, now_s)

    async def _mint(self, arrival: Arrival, event: Event) -> Visitor:
        """Make an id. Google's tag may send several hits before it has an answer; by its own id they are told to be one's."""
        now_s, visit, site = arrival.now_ms // 1000, arrival.visit, arrival.site.name
        if not event.client_id or arrival.trusted:
            return mint(now_s)
        said = f"{event.consent.code()} {sorted(event.strings.items())}"
        browser = (event.client_id, visit.address or "", visit.user_agent, said)
        alike = mint_alike(self._key, site, browser, now_s)
        record = (await self._consents.read_many([(site, alike.id)]))[0].record
        if isinstance(record, Unreadable) or (record is not None and _refuses(record)):
            return mint(now_s)  # nobody begins anew under an id that was withdrawn from
        return alike


def _refuses(record: Record) -> bool:
    return record.tombstone or Value.DENIED in record.signals.values()
