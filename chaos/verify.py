"""The comparison: what clients were promised against what vendors got and what Sayso counted. Pure.

Nothing here asks Sayso what it did with an event: its counts at the end are checked against the two logs, never the
other way round. Where an answer was lost, a count may lie within bounds; where none was, the bounds are one number.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chaos.book import Book, Event, answer_words
from chaos.counts import Census, Counts
from chaos.minds import with_denials
from chaos.vendor import Got, VendorLog
from chaos.words import Fate, Vendor

WITHDRAWAL_S = 1.0
"""From the 204 of a withdrawal no full request starts after so long (contract, section 5)."""


@dataclass(slots=True)
class Tally:
    """One forwarder's part of the result: events, but for ``duplicates``, which are copies beyond the first.

    ``missing`` are acknowledged ones that had to arrive or to be counted as ended, and did neither.
    """

    acknowledged: int = 0
    unknown: int = 0
    full: int = 0
    pings: int = 0
    taken: int = 0
    duplicates: int = 0
    refused: int = 0
    withdrawn: int = 0
    missing: int = 0
    counts: Counts = field(default_factory=Counts)


@dataclass(slots=True)
class Verdict:
    """The result of a run."""

    tallies: dict[Vendor, Tally]
    breaches: list[str] = field(default_factory=list)


def verify(book: Book, log: VendorLog, census: Census) -> Verdict:
    """Compare the logs and the counts."""
    by_event: dict[tuple[Vendor, str], list[Got]] = defaultdict(list)
    verdict = Verdict({vendor: Tally(counts=census[vendor]) for vendor in Vendor})
    for got in log.got:
        by_event[got.vendor, got.shown.key].append(got)
        if got.shown.key not in book.events:
            verdict.breaches.append(f"{got.vendor}: {got.shown.key} came, which no client meant to send")
    verdict.breaches += [f"a vendor got what it does not understand: {one}" for one in log.strange]
    verdict.breaches += [f"an answer that the contract does not know: {one}" for one in book.wrong]
    for vendor in Vendor:
        tally = verdict.tallies[vendor]
        bounds = _Bounds()
        for event in book.events.values():
            copies = by_event.get((vendor, event.key), [])
            for breach in _one(book, vendor, event, copies, tally, bounds):
                verdict.breaches.append(
                    f"{vendor}: {event.key} {breach}\n{story(book, event, vendor, copies)}"
                )
        verdict.breaches += [f"{vendor}: {one}" for one in _sums(book, tally, bounds)]
    return verdict


@dataclass(slots=True)
class _Bounds:
    """How many entries may have ended in which way: at least, and how many more."""

    delivered: list[int] = field(default_factory=lambda: [0, 0])
    rejected: list[int] = field(default_factory=lambda: [0, 0])
    withdrawn: list[int] = field(default_factory=lambda: [0, 0])
    dropped: list[int] = field(default_factory=lambda: [0, 0])


def _one(
    book: Book, vendor: Vendor, event: Event, copies: list[Got], tally: Tally, bounds: _Bounds
) -> Iterator[str]:
    """Check one event at one forwarder; yield what is wrong."""
    if not event.maybe_stored:
        if copies:
            yield "came, though no request for it can have been taken"
        return
    promised = event.acked_at is not None
    tally.acknowledged += promised
    tally.unknown += not promised
    fates = event.fates[vendor]
    if book.denials_after(event, vendor):
        fates = with_denials(fates, vendor)
    taken = [one for one in copies if one.taken]
    modes = {Fate.FULL if one.shown.full else Fate.PING for one in taken}
    tally.full += Fate.FULL in modes
    tally.pings += Fate.PING in modes
    tally.taken += bool(taken)
    tally.duplicates += max(len(taken) - len(modes), 0)
    refused = any(one.refused for one in copies)
    tally.refused += refused
    yield from _shown(book, vendor, event, copies, fates)
    _bound(bounds, fates, taken=bool(taken), full=modes == {Fate.FULL}, refused=refused, promised=promised)
    tally.withdrawn += promised and not taken and not refused and Fate.GONE in fates
    if promised and not taken and not refused and not fates & {Fate.DROP, Fate.GONE}:
        tally.missing += 1
        yield "was acknowledged and never arrived"


def _shown(book: Book, vendor: Vendor, event: Event, copies: list[Got], fates: set[Fate]) -> Iterator[str]:
    """Check what a vendor was shown of an event, whether it took it or not: a request that fails has told it all the same."""
    keys: dict[bool, set[tuple[str, ...]]] = defaultdict(set)
    for one in copies:
        keys[one.shown.full].add(one.shown.dedupe)
    if any(len(found) > 1 for found in keys.values()):
        yield "came more than once, and not under one dedupe key"
    if keys[True] and Fate.FULL not in fates:
        yield "came in full, which its consent never allowed"
    if keys[False] and Fate.PING not in fates:
        yield "came as a cookieless ping, which it may not be"
    if event.acked_at is None or event.nameless:
        return  # it may stand under an id that the visitor's browser never got to know
    for denial in book.denials_after(event, vendor):
        if denial.acked_at is None or denial.start < event.settled_at:
            continue
        late = max((one.earliest - denial.acked_at for one in copies if one.shown.full), default=0.0)
        if late > WITHDRAWAL_S:
            yield f"was sent in full {late:.2f} s after the withdrawal's 204"


def _bound(
    bounds: _Bounds, fates: set[Fate], *, taken: bool, full: bool, refused: bool, promised: bool
) -> None:
    """Count how this event's entry may have ended."""
    gone = Fate.GONE in fates
    if taken:
        # It may have been taken, the answer lost, and the entry withdrawn before it could be sent again.
        bounds.delivered[1 if full and gone else 0] += 1
        bounds.withdrawn[1] += full and gone
    elif refused:
        bounds.rejected[1 if gone else 0] += 1
        bounds.withdrawn[1] += gone
    elif not promised:
        bounds.withdrawn[1] += gone
        bounds.dropped[1] += Fate.DROP in fates
    elif gone and Fate.DROP in fates:
        bounds.withdrawn[1] += 1
        bounds.dropped[1] += 1
    elif gone:
        bounds.withdrawn[0] += 1
    elif Fate.DROP in fates:
        bounds.dropped[0] += 1


def _sums(book: Book, tally: Tally, bounds: _Bounds) -> Iterator[str]:
    """Check the counts of one forwarder; yield what is wrong."""
    counts = tally.counts
    if not counts.adds_up:
        yield f"the sum does not hold: {counts.words()}"
    if counts.pending:
        yield f"{counts.pending} entries still wait, though everything has been well for long"
    events = book.events.values()
    attempts = [attempt for event in events for attempt in event.attempts]
    sure = sum(one.acknowledged for one in attempts)
    maybe = sum(one.open for one in attempts)
    acknowledged = sum(event.acked_at is not None for event in events)
    duplicates = counts.dropped.get("duplicate", 0)
    withdrawn = counts.dropped.get("withdrawn", 0)
    others = counts.drops - duplicates - withdrawn
    checks: list[tuple[str, int, Sequence[int]]] = [
        ("received", counts.received, (sure, maybe)),
        ("dropped as duplicates", duplicates, (sure - acknowledged, maybe)),
        ("delivered", counts.delivered, bounds.delivered),
        ("rejected", counts.rejected, bounds.rejected),
        ("withdrawn", withdrawn, bounds.withdrawn),
        ("dropped by decision", others, bounds.dropped),
    ]
    for what, found, (at_least, more) in checks:
        if not at_least - counts.expired <= found <= at_least + more:
            yield f"{found} {what}; by the logs it is {at_least} to {at_least + more}"
    if counts.expired:
        yield f"{counts.expired} expired, though nothing was that old"


def story(book: Book, event: Event, vendor: Vendor, copies: list[Got]) -> str:
    """Tell what both logs know of an event, in order."""
    lines = [
        (
            one.start,
            f"client sends it to gateway {one.gateway}; {one.end - one.start:.2f} s later: {answer_words(one.status)}",
        )
        for one in event.attempts
    ]
    for denial in book.denials.get(event.visitor, []):
        answered = (
            "no answer" if denial.acked_at is None else f"204 after {denial.acked_at - denial.start:.2f} s"
        )
        lines.append((denial.start, f"visitor denies signals {sorted(denial.signals)}: {answered}"))
    for one in copies:
        how = "full" if one.shown.full else "ping"
        what = "taken" if one.taken else "refused" if one.refused else "not taken"
        ill = f" (vendor {one.ill})" if one.ill is not None else ""
        lines.append(
            (
                one.earliest,
                f"{vendor} gets it, {how}, request {one.request}: {what}{ill}; key {one.shown.dedupe}",
            )
        )
    fates = ", ".join(sorted(event.fates[vendor]))
    head = f"    {event.name} of visitor {event.visitor}, identified={event.identified}, may be: {fates}"
    return "\n".join([head, *(f"    {at:10.3f}  {line}" for at, line in sorted(lines))])
