"""What one attempt of a batch came to, for whoever watches delivery. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.delivery.after import Step
from proxy.delivery.mapping import mode_of
from proxy.delivery.triage import InHand
from proxy.reasons import Decision
from proxy.store.claims import End, Give, Lower, Operation, Park


@dataclass(frozen=True, slots=True)
class Tried:
    """One entry: its event's ref, which attempt it was (from 1), whether a request went out with it, what follows."""

    ref: str
    attempt: int
    asked: bool
    operation: Operation | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. ``status`` is the vendor's, 0 without an answer, None where no request went out."""

    site: str
    forwarder: str
    mode: Decision
    status: int | None
    took_s: float
    entries: Sequence[Tried]


OnAttempt = Callable[[Attempt], None]


def attempt_of(
    site: str,
    forwarder: str,
    entries: Sequence[InHand],
    step: Step,
    asked: Sequence[InHand],
    status: int | None,
    took_s: float,
) -> Attempt:
    """Return what an attempt came to.

    Args:
        site: whose entries.
        forwarder: to whom.
        entries: the batch.
        step: what follows.
        asked: those of the batch that were in the request, if there was one.
        status: its answer's.
        took_s: how long it took, seconds, consent's reading included.
    """
    follows: dict[str, Operation] = {
        one.id: one for one in step.operations if isinstance(one, (End, Park, Give, Lower))
    }
    sent = {one.id for one in asked}
    tried = [Tried(one.entry.ref, one.tries + 1, one.id in sent, follows.get(one.id)) for one in entries]
    return Attempt(site, forwarder, mode_of(entries), status, took_s, tried)
