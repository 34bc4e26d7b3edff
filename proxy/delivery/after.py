"""What a vendor's verdict means for the entries that were sent. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from forwarders.verdicts import Delivered, Pause, Refused, Resend, Retry, Split
from proxy.delivery.triage import InHand, halves
from proxy.reasons import Outcome, OutcomeReason
from proxy.store.claims import AskLater, End, Give, Operation, Park

Settled = Delivered | Resend | Split | Refused | Retry | Pause
FIRST = 1


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """What is settled now, and what goes again at once, in which parts."""

    operations: list[Operation] = field(default_factory=list)
    again: list[list[InHand]] = field(default_factory=list)


def follow(
    entries: Sequence[InHand],
    verdict: Settled,
    *,
    delay_ms: Callable[[int, float | None], int],
    follow_up_ms: int,
    now_ms: int,
) -> Step:
    """Return what follows from a verdict. Every entry appears in it exactly once.

    Args:
        entries: those of the request, in its order.
        verdict: what the answer meant.
        delay_ms: how long an entry of so many tries waits, given what the vendor asked for (seconds).
        follow_up_ms: when a delivery is asked about first.
        now_ms: Unix time, milliseconds.
    """
    match verdict:
        case Delivered(refused, reference):
            operations: list[Operation] = [
                _refuse(one, refused[index])
                if index in refused
                else End(one.id, Outcome.DELIVERED, OutcomeReason.ACCEPTED)
                for index, one in enumerate(entries)
            ]
            if reference is not None:
                operations.append(AskLater(reference_of(FIRST, reference), follow_up_ms))
            return Step(operations)
        case Resend(refused):
            return _resend(entries, refused, lambda tries: delay_ms(tries, None), now_ms)
        case Split() if len(entries) > 1:
            return Step(again=halves(entries))
        case Split(words) | Refused(words):
            return Step([_refuse(one, words) for one in entries])
        case Retry(_, after):
            # What the vendor asked to wait for is no attempt that the entries are to blame for.
            return Step(_park(entries, lambda tries: delay_ms(tries, after), now_ms, tried=after is None))
        case Pause():
            return Step([Give(one.id) for one in entries])
        case _:
            assert_never(verdict)


def _park(
    entries: Sequence[InHand], delay_ms: Callable[[int], int], now_ms: int, *, tried: bool
) -> list[Operation]:
    """Put a batch aside as one, so that it comes back as one; but nobody for longer than it may be kept."""
    wait = delay_ms(max(one.tries for one in entries))
    return [Park(one.id, min(wait, max(one.ends_ms - now_ms, 0)), tried) for one in entries]


def _resend(
    entries: Sequence[InHand], refused: Mapping[int, str], delay_ms: Callable[[int], int], now_ms: int
) -> Step:
    operations: list[Operation] = []
    rest: list[InHand] = []
    for index, one in enumerate(entries):
        if index in refused:
            operations.append(_refuse(one, refused[index]))
        else:
            rest.append(one)
    if not operations:  # the answer blames nobody who was there: not to be repeated at once for ever
        return Step(_park(entries, delay_ms, now_ms, tried=True))
    return Step(operations, [rest] if rest else [])


def _refuse(one: InHand, words: str) -> End:
    return End(one.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, words)


def reference_of(attempt: int, reference: str) -> str:
    """Return a reference that remembers how often it was asked about; ``attempt`` counts from 1."""
    return f"{attempt}|{reference}"


def parse_reference(text: str) -> tuple[int, str]:
    """Read what ``reference_of`` wrote."""
    attempt, _, reference = text.partition("|")
    return (int(attempt), reference) if attempt.isascii() and attempt.isdigit() else (FIRST, text)
