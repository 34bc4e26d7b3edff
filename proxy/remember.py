"""Remembering what a visitor decided: in a record where there is a basis for an id, in the refusal cookie where not."""

from dataclasses import dataclass, replace

from proxy.consent import Refusal, Unreadable
from proxy.consent_history import Beside
from proxy.identity import Visitor, is_refusal, mint
from proxy.policy import has_basis
from proxy.reasons import Reason
from proxy.signals import ALL_DENIED, ALL_UNKNOWN, ConsentState, Signals, Value
from proxy.site import Site
from proxy.sources.evidence import evidence_of
from proxy.sources.heard import NOTHING, Heard
from proxy.store.consents import Changed, Consents

_NEVER = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, repr=False)
class Statement:
    """What a visitor states. ``decided_at`` is Unix ms; ``gpc`` whether the browser asked not to be tracked.

    ``heard`` is what banner cookies of the same request say; ``doubted`` are the positions of granted signals that they
    do not agree with: such a grant may be a first decision, but raises no denial.
    """

    signals: Signals
    decided_at: int
    source: str
    proof: str
    gpc: bool
    heard: Heard = NOTHING
    doubted: frozenset[int] = frozenset()


@dataclass(slots=True, repr=False)
class Remembered:
    """What the browser is to keep. ``visitor`` with ``consented`` says how long; ``refusal`` excludes it."""

    visitor: Visitor | None = None
    consented: bool = False
    refusal: Refusal | None = None
    withdrawn: bool = False
    """A record was ended for good by this."""


class Remember:
    """Applies statements and withdrawals to the visitors' records.

    Args:
        consents: the records.
        key: for the hash by which banner cookies are remembered in the history.
    """

    def __init__(self, consents: Consents, key: bytes = b"") -> None:
        self._consents = consents
        self._key = key

    def beside(self, site: Site, heard: Heard) -> Beside:
        """Return what is kept in the history beside a decision."""
        notice = site.notice
        return Beside(
            cmp=heard.platform[:64],
            banner=evidence_of(heard, self._key),
            notice=notice.version,
            text=notice.sha256,
            language=notice.language,
            keep_s=site.policy.record_keep_s,
        )

    async def apply(
        self,
        site: Site,
        visitor: Visitor | None,
        refusal: Refusal | Unreadable | None,
        statement: Statement,
        now_ms: int,
    ) -> Remembered:
        """Apply a statement.

        Without an id it is a first decision, or one that follows an earlier refusal of the same browser.

        Raises:
            StoreUnavailableError: it is not stored; nothing changed.
        """
        earlier = refusal if isinstance(refusal, Refusal) else None
        signals = _after_refusal(statement, statement.signals, earlier)
        at = max(min(statement.decided_at, now_ms), earlier.decided_at if earlier is not None else 0)
        withdrawn = False
        if visitor is not None:
            changed = await self._change(site, visitor, signals, statement, earlier)
            withdrawn = changed.tombstone
            if Value.DENIED in signals.values():
                await self._consents.note(site.name, visitor.id)
            at = max(at, min(changed.decided_at, now_ms), changed.claimed if withdrawn else 0)
            if not withdrawn:
                consented = _consented(changed.signals)
                if site.cookie.left_s(visitor.created, now_ms // 1000, consented=consented) > 0:
                    return Remembered(visitor, consented=consented)
                # What is left of the consent does not carry an id this old; the refusal cookie remembers the rest.
                return Remembered(refusal=Refusal(changed.signals, at))
            # The id was withdrawn from for good. Whoever grants again begins anew, so that nothing queued under the
            # old id can be released by it; and only a grant that is newer than the withdrawal is one.
            signals = _after_refusal(statement, signals, Refusal(changed.signals, changed.claimed))
            if is_refusal(signals):
                return Remembered(refusal=Refusal(signals, at), withdrawn=True)
        state = _stated(signals, gpc=statement.gpc)
        if not has_basis(state, interest=site.policy.interest):
            return Remembered(refusal=Refusal(signals, at), withdrawn=withdrawn)
        fresh = mint(now_ms // 1000)
        # Under the id before this one everything was denied, for as long as anybody can say.
        before = (1, 1, 1, 1) if withdrawn else _denied_in(earlier)
        changed = await self._change(site, fresh, signals, statement, earlier, denied_before=before)
        return Remembered(fresh, consented=_consented(changed.signals))

    async def withdraw(
        self, site: Site, visitor: Visitor | None, now_ms: int, *, source: str, gpc: bool
    ) -> Remembered:
        """Withdraw everything.

        Raises:
            StoreUnavailableError: it is not stored; nothing changed.
        """
        statement = Statement(ALL_DENIED, now_ms, source, "", gpc)
        if visitor is not None:
            changed = await self._change(site, visitor, ALL_DENIED, statement, None, withdraw=True)
            now_ms = max(now_ms, changed.claimed)
            await self._consents.note(site.name, visitor.id)
        return Remembered(refusal=Refusal(ALL_DENIED, now_ms), withdrawn=visitor is not None)

    async def _change(
        self,
        site: Site,
        visitor: Visitor,
        signals: Signals,
        statement: Statement,
        earlier: Refusal | None,
        *,
        withdraw: bool = False,
        denied_before: tuple[int, int, int, int] = _NEVER,
    ) -> Changed:
        changed = await self._write(
            site, visitor, signals, statement, withdraw=withdraw, denied_before=denied_before
        )
        if earlier is not None and earlier.decided_at > statement.decided_at:
            # The refusal cookie goes; its denials keep their time, so that no grant from before them lifts them.
            denials = _denials(earlier.signals)
            if denials is not ALL_UNKNOWN:
                later = replace(statement, decided_at=earlier.decided_at)
                changed = await self._write(site, visitor, denials, later, withdraw=False)
        return changed

    async def _write(
        self,
        site: Site,
        visitor: Visitor,
        signals: Signals,
        statement: Statement,
        *,
        withdraw: bool,
        denied_before: tuple[int, int, int, int] = _NEVER,
    ) -> Changed:
        return await self._consents.change(
            site.name,
            visitor.id,
            signals,
            decided_at=statement.decided_at,
            source=statement.source,
            gpc=statement.gpc,
            policy_version=site.policy.version,
            proof=statement.proof,
            keep_s=site.policy.consent_max_age_ms // 1000,
            mode="withdraw" if withdraw else "decide",
            interest=site.policy.interest,
            denied_before=denied_before,
            doubted=statement.doubted,
            beside=self.beside(site, statement.heard),
        )


def _after_refusal(statement: Statement, signals: Signals, earlier: Refusal | None) -> Signals:
    """Put signals over what was refused before: a grant must be newer than the denial it lifts, and not be doubted."""
    if earlier is None:
        return signals
    newer = statement.decided_at > earlier.decided_at
    merged: list[Value] = []
    for at, (stated, refused) in enumerate(zip(signals.values(), earlier.signals.values(), strict=True)):
        lifts = newer and at not in statement.doubted
        if stated is Value.DENIED or (stated is Value.GRANTED and (lifts or refused is not Value.DENIED)):
            merged.append(stated)
        else:
            merged.append(Value.DENIED if refused is Value.DENIED else Value.UNKNOWN)
    return Signals.of(merged[0], merged[1], merged[2], merged[3])


def _denied_in(refusal: Refusal | None) -> tuple[int, int, int, int]:
    """Return when each signal was refused in the refusal cookie."""
    if refusal is None:
        return _NEVER
    first, second, third, fourth = (
        refusal.decided_at if value is Value.DENIED else 0 for value in refusal.signals.values()
    )
    return (first, second, third, fourth)


def _denials(signals: Signals) -> Signals:
    """Return the denials among four signals, and nothing else."""
    denied, unknown = Value.DENIED, Value.UNKNOWN
    return Signals.of(*(denied if value is denied else unknown for value in signals.values()))


_WHY = {
    Value.GRANTED: Reason.GRANTED,
    Value.DENIED: Reason.CONSENT_DENIED,
    Value.UNKNOWN: Reason.CONSENT_UNKNOWN,
}


def _stated(signals: Signals, *, gpc: bool) -> ConsentState:
    why = [_WHY[value] for value in signals.values()]
    return ConsentState(signals, (why[0], why[1], why[2], why[3]), gpc=gpc)


def _consented(signals: Signals) -> bool:
    return signals.analytics_storage is Value.GRANTED or signals.ad_storage is Value.GRANTED
