"""One batch on its way: a slot, leave, a token, consent again, mapping, the egress check, the request, the verdict.

The order is the point. Whatever may take time comes before consent is read, and what comes after it is asked to be quick
or to read it again: a withdrawal must reach every request that starts more than a second after it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import is_not

from forwarders.base import Response, read_status
from forwarders.verdicts import Delivered, Pause, Refused, Renew, Resend, Retry, Split, Verdict
from proxy.audit.trail import NO_ANSWER, sent
from proxy.delivery.after import Settled, Step, follow
from proxy.delivery.attempts import OnAttempt, attempt_of
from proxy.delivery.backoff import State, Ticket, delay_s, retry_after_s
from proxy.delivery.clock import Clock
from proxy.delivery.courier import Courier
from proxy.delivery.credentials import Credential, CredentialError, Credentials, outgoing
from proxy.delivery.discreet import discreet
from proxy.delivery.mapping import Apart, build, mode_of
from proxy.delivery.pace import Pace
from proxy.delivery.reread import Checked, Reread
from proxy.delivery.transport import Answer, NoAnswer, Ready, Trouble, Unsendable, Withheld
from proxy.delivery.triage import MAPPING_ERRORS, Full, InHand, halves, together, unmappable
from proxy.metrics import CONSENT_AGE, WITHDRAWAL_REACH
from proxy.reasons import Decision, OutcomeReason
from proxy.store.claims import End, Give, Lower, Operation, Park
from proxy.store.client import StoreUnavailableError

log = logging.getLogger("sayso.delivery")

OnSent = Callable[[str, str, list[str], Decision, int, Mapping[str, str]], None]
"""Called with site, forwarder, refs, mode, status and headers of each answer."""
_GUARD_READS = 3


@dataclass(slots=True)
class _Errand:
    """What is remembered from one attempt of a batch to the next. ``notes``: what each entry's last request told."""

    renewed: bool = False
    notes: dict[str, str] = field(default_factory=dict)
    asked: Sequence[InHand] = ()
    """Those of the last request, and its status."""
    status: int | None = None


class Sender:
    """Carries batches of one outbox partition to the vendor, and settles what comes of it.

    Args:
        courier: the forwarder's way out.
        reread: reads consent again.
        settle: settles operations, however long the store takes; it does not fail.
        clock: the time.
        pace: how long things take.
        chance: returns random numbers in [0, 1).
        on_sent: told of each answer.
        on_attempt: told what each attempt came to.
    """

    def __init__(
        self,
        courier: Courier,
        reread: Reread,
        settle: Callable[[Sequence[Operation]], Awaitable[None]],
        *,
        clock: Clock,
        pace: Pace,
        chance: Callable[[], float],
        on_sent: OnSent | None = None,
        on_attempt: OnAttempt | None = None,
    ) -> None:
        self._courier = courier
        self._reread = reread
        self._settle = settle
        self._clock = clock
        self._pace = pace
        self._chance = chance
        self._on_sent = on_sent
        self._on_attempt = on_attempt
        self.stopping = False
        """Set to have everything given back that is not under way."""

    def expect(self, entries: Sequence[InHand]) -> None:
        """Announce a batch that is about to be carried."""
        self._reread.expect(one.visitor for one in entries if isinstance(one, Full))

    async def carry(self, entries: Sequence[InHand]) -> None:
        """Take a batch all the way: when this returns, each of its entries is settled, parked or given back."""
        errand = _Errand()
        todo: list[Sequence[InHand]] = [entries]
        while todo:
            part = todo.pop()
            async with self._courier.slots:
                step = await (self._attempt if self._on_attempt is None else self._told)(part, errand)
            await self._settle(_noted(step.operations, errand.notes))
            todo += step.again

    async def _told(self, entries: Sequence[InHand], errand: _Errand) -> Step:
        """Make an attempt, and tell of it."""
        errand.asked, errand.status = (), None
        began = self._clock.monotonic()
        step = await self._attempt(entries, errand)
        if self._on_attempt is not None:
            took_s = self._clock.monotonic() - began
            site, name = self._courier.site.name, self._courier.link.name
            self._on_attempt(attempt_of(site, name, entries, step, errand.asked, errand.status, took_s))
        return step

    async def _attempt(self, entries: Sequence[InHand], errand: _Errand) -> Step:
        ticket = None if self.stopping else self._courier.breaker.take()
        if ticket is None:
            return Step([Give(one.id) for one in entries])
        try:
            return await self._with_leave(entries, ticket, errand)
        finally:
            self._courier.breaker.unused(ticket)  # has no effect once the vendor's answer was judged

    async def _with_leave(self, entries: Sequence[InHand], ticket: Ticket, errand: _Errand) -> Step:
        mode = mode_of(entries)
        credentials = self._courier.credentials(mode)
        try:
            credential = await credentials.get()
        except CredentialError as error:
            return self._judge(entries, error.verdict, ticket)
        before: list[Operation] = []
        others: list[list[InHand]] = []
        ready: Ready | None = None
        if mode is Decision.FULL:
            checked = await self._consent([one for one in entries if isinstance(one, Full)])
            for seconds in checked.reach_s:
                WITHDRAWAL_REACH.observe(seconds)
            if not checked.allowed:
                return Step(checked.operations)
            # Some may have lost a part of their consent: then they no longer share a request with the rest.
            first, *rest = together(checked.allowed)
            before, entries, others = checked.operations, first, [[*group] for group in rest]
            fresh_s, asked = self._pace.fresh_s, self._courier.asked
            ready = _Guard(self._reread, first, checked.at, self._clock, fresh_s, asked)
        mapped = build(
            entries,
            self._courier.forwarder,
            self._courier.egress,
            self._courier.fit,
            self._courier.latest_ms(),
        )
        if isinstance(mapped, Apart):
            self._report(mapped)
            return Step([*before, *mapped.operations], [*mapped.again, *others])
        answer = await self._courier.send(outgoing(mapped.request, mapped.body, credential), ready=ready)
        if (status := _told(answer)) is not None:
            errand.notes.update((one.id, sent(one.event, status)) for one in entries)
            errand.asked, errand.status = entries, status
        step = self._answered(entries, answer, ticket, errand, credentials, credential)
        return Step([*before, *step.operations], [*step.again, *others])

    async def _consent(self, entries: Sequence[Full]) -> Checked:
        """Read consent again; while the store is away, wait for it: nothing is sent on what is not known."""
        while True:
            try:
                return await self._reread.check(entries)
            except StoreUnavailableError:
                await asyncio.sleep(self._pace.store_s)

    def _answered(
        self,
        entries: Sequence[InHand],
        answer: Answer,
        ticket: Ticket,
        errand: _Errand,
        credentials: Credentials,
        credential: Credential,
    ) -> Step:
        match answer:
            case Withheld():  # consent has changed, or could not be read quickly enough: once more from the beginning
                return Step(again=[list(entries)])
            case Unsendable() if len(entries) > 1:
                return Step(again=halves(entries))
            case Unsendable():
                return Step([unmappable(entries[0].id, "unsendable")])
            case NoAnswer(trouble):
                return self._judge(entries, Retry(trouble), ticket)
            case Response():
                if self._on_sent is not None:
                    refs = [one.entry.ref for one in entries]
                    site, name = self._courier.site.name, self._courier.link.name
                    self._on_sent(site, name, refs, mode_of(entries), answer.status, answer.headers)
                verdict = self._read(answer, entries)
                if isinstance(verdict, Renew):
                    if not errand.renewed and credentials.renew(credential):
                        errand.renewed = True
                        return Step(again=[list(entries)])
                    verdict = Pause(verdict.words)
                return self._judge(entries, verdict, ticket)

    def _read(self, answer: Response, entries: Sequence[InHand]) -> Verdict:
        forwarder = self._courier.forwarder
        try:
            if mode_of(entries) is Decision.FULL:
                verdict = forwarder.read(answer, len(entries))
            else:
                verdict = forwarder.read_cookieless(answer)
        except MAPPING_ERRORS as error:
            name = self._courier.name
            self._courier.log.warning(
                "%s: cannot read an answer (%s); its status counts", name, type(error).__name__
            )
            verdict = read_status(answer)
        if isinstance(verdict, Retry) and verdict.after is None:
            return Retry(verdict.words, retry_after_s(answer.headers, self._clock.now_ms()))
        return verdict

    def _judge(self, entries: Sequence[InHand], verdict: Settled, ticket: Ticket) -> Step:
        verdict = discreet(verdict, self._courier.secrets)
        breaker = self._courier.breaker
        was = breaker.state
        match verdict:
            case Delivered() | Resend() | Split() | Refused():
                breaker.passed(ticket)
            case Retry(words, after):
                breaker.failed(ticket, words, after)
            case Pause(words):
                breaker.pause(ticket, words)
        if breaker.state is not was:
            level = logging.INFO if breaker.state is State.RUNNING else logging.WARNING
            words = f"is {breaker.state} {breaker.words}".rstrip()
            self._courier.log.log(level, "%s %s", self._courier.name, words, extra={"state": breaker.state})
        step = follow(
            entries,
            verdict,
            delay_ms=lambda tries, after: int(delay_s(tries, after, self._chance()) * 1000),
            follow_up_ms=int(self._courier.forwarder.follow_up_after_s * 1000),
            now_ms=self._clock.now_ms(),
        )
        self._tell(entries, step)
        return step

    def _tell(self, entries: Sequence[InHand], step: Step) -> None:
        ended = {one.id for one in step.operations if isinstance(one, End)}
        for one in entries:
            if one.id in ended:
                self._courier.answered(one.entry)
        refused = sum(isinstance(one, End) and one.words is not None for one in step.operations)
        if refused:
            self._courier.log.warning(
                "%s: %d of %d refused", self._courier.name, refused, len(entries), extra={"count": refused}
            )
        if log.isEnabledFor(logging.DEBUG):
            refs = {one.id: one.entry.ref for one in entries}
            for operation in step.operations:
                if isinstance(operation, End):
                    how = {
                        "event": refs[operation.id],
                        "outcome": operation.outcome,
                        "reason": operation.reason,
                    }
                    self._courier.log.debug("ended", extra=how)

    def _report(self, apart: Apart) -> None:
        for ref, violation in apart.violations:
            self._courier.count_violation()
            self._courier.log.error(
                "%s: egress violation (%s) by event %s, not sent",
                self._courier.name,
                violation,
                ref,
                extra={"event": ref, "reason": OutcomeReason.EGRESS_VIOLATION},
            )


def _told(answer: Answer) -> int | None:
    """Return the status of a request that went out, or may have; None for one that surely did not."""
    match answer:
        case Response():
            return answer.status
        case NoAnswer(Trouble.TIMEOUT | Trouble.BROKEN):
            return NO_ANSWER
        case _:
            return None


def _noted(operations: Sequence[Operation], notes: Mapping[str, str]) -> Sequence[Operation]:
    """Return operations with what the audit trail is to say of the requests before them."""
    if not notes:
        return operations
    return [
        replace(one, note=notes.get(one.id, "")) if isinstance(one, (End, Park, Give, Lower)) else one
        for one in operations
    ]


class _Guard:
    """Says, when the connection is there, whether the request may start: on consent that was read a moment ago."""

    def __init__(
        self,
        reread: Reread,
        entries: Sequence[Full],
        at: float,
        clock: Clock,
        fresh_s: float,
        asked: Callable[[float], None] = CONSENT_AGE.observe,
    ) -> None:
        self._reread = reread
        self._entries = entries
        self._at = at
        self._clock = clock
        self._fresh_s = fresh_s
        self._asked = asked

    async def __call__(self) -> bool:
        """Tell whether all entries may still go; consent is read again if that was too long ago."""
        for _ in range(_GUARD_READS):
            if self._fresh():
                return True
            try:
                checked = await self._reread.check(self._entries)
            except StoreUnavailableError:
                return False
            if checked.operations or any(map(is_not, checked.allowed, self._entries)):
                return False
            self._at = checked.at
        return self._fresh()

    def _fresh(self) -> bool:
        age_s = self._clock.monotonic() - self._at
        if age_s > self._fresh_s:
            return False
        self._asked(age_s)
        return True
