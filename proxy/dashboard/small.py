"""The small-number rule: what is shown of consent and of campaigns, so that no small count can be read or worked out.

A count from 1 to ``smallest - 1`` is small. The sums (a span's and each day's conversions) are shown in any case, so a
hidden count must not follow from them and from the counts beside it (ADR 0025). Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from proxy.reasons import OutcomeReason, Reason
from proxy.report.model import CampaignCount, Consented

Counts = Mapping[Consented, int]
"""Conversions by what their visitors had said."""

# --- consent ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answers:
    """Conversions whose visitors gave one of these answers. Several: they are shown together, as one of them is small."""

    kinds: tuple[Consented, ...]
    conversions: int


def split(counts: Counts, smallest: int) -> tuple[Answers, ...]:
    """Split conversions by answer. Small answers are put together with others until what they share is not small."""
    ordered = sorted(Consented, key=lambda kind: counts.get(kind, 0))
    there = [kind for kind in ordered if counts.get(kind, 0)]
    together = [kind for kind in there if counts[kind] < smallest]
    if together:
        rest = [kind for kind in there if kind not in together]
        while rest and (len(together) < 2 or sum(counts[kind] for kind in together) < smallest):
            together.append(rest.pop(0))
        if len(together) < 2 or sum(counts[kind] for kind in together) < smallest:
            together = list(Consented)  # there are so few in all that nothing may be told of them
    shared = sum(counts.get(kind, 0) for kind in together)
    found: list[Answers] = []
    for kind in Consented:
        if kind not in together:
            found.append(Answers((kind,), counts.get(kind, 0)))
        elif shared:
            found.append(Answers(tuple(one for one in Consented if one in together), shared))
            shared = 0
    return tuple(found)


def split_rows(
    rows: Sequence[Counts], answers: Sequence[Answers], smallest: int
) -> list[tuple[int, ...] | None] | None:
    """Split the days as the whole span was split: for each its counts, or None if they are hidden.

    A day with a small count is hidden as a whole, and further days with it: at least two are hidden, with at least two
    answers among them, and what all the hidden ones have of one answer is not small either.

    Args:
        rows: the days' conversions by answer.
        answers: how the span is split.
        smallest: the smallest count that is not small.

    Returns:
        None if the days must not be split at all: all visitors gave the same answer and some day is small.
    """
    cells = [tuple(sum(row.get(kind, 0) for kind in one.kinds) for one in answers) for row in rows]
    hidden = {at for at, row in enumerate(cells) if any(0 < count < smallest for count in row)}
    if not hidden:
        return [*cells]
    others = sorted((sum(row), at) for at, row in enumerate(cells) if sum(row) and at not in hidden)
    while True:
        sums = [sum(cells[at][one] for at in hidden) for one in range(len(answers))]
        enough = len(hidden) > 1 and sum(map(bool, sums)) > 1
        lacking = [one for one, count in enumerate(sums) if 0 < count < smallest]
        if enough and not lacking:
            return [None if at in hidden else row for at, row in enumerate(cells)]
        if not others:
            return None
        wanted = lacking or [one for one, count in enumerate(sums) if not count]
        helps = (pair for pair in others if any(cells[pair[1]][one] for one in wanted))
        chosen = next(helps, others[0])
        others.remove(chosen)
        hidden.add(chosen[1])


# --- why something was not sent ---------------------------------------------------------------------------------------

CONSENT_REASONS: Final = frozenset(
    {
        Reason.CONSENT_UNREADABLE,
        Reason.WITHDRAWN,
        Reason.GPC,
        Reason.OBJECTION,
        Reason.CONSENT_EXPIRED,
        Reason.CONSENT_DENIED,
        Reason.CONSENT_UNKNOWN,
        OutcomeReason.WITHDRAWN,
        OutcomeReason.ERASED,
    }
)
"""Reasons that tell what a visitor has answered or asked for."""
Why = OutcomeReason | Reason
Reasons = Mapping[Reason, int] | Mapping[Why, int]


def reasons(counts: Reasons, smallest: int) -> list[tuple[Why | None, int]]:
    """Return reasons and counts, the commonest first. None: the visitor's answer, not told which, as one is small."""
    told: list[tuple[Why, int]] = [(why, number) for why, number in counts.items() if number]
    answers = sorted((pair for pair in told if pair[0] in CONSENT_REASONS), key=lambda pair: pair[1])
    together = [pair for pair in answers if pair[1] < smallest]
    rest = answers[len(together) :]
    while together and rest and (len(together) < 2 or sum(number for _, number in together) < smallest):
        together.append(rest.pop(0))
    found: list[tuple[Why | None, int]] = [pair for pair in told if pair not in together]
    if together:
        found.append((None, sum(number for _, number in together)))
    return sorted(found, key=lambda pair: (-pair[1], pair[0] or ""))


# --- campaigns --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A row of the campaign table.

    ``campaign`` None: campaigns of this source and medium that are not shown one by one. ``source`` None: all that is
    not shown by source.
    """

    source: str | None
    medium: str | None
    campaign: str | None
    conversions: int
    value: dict[str, int] = field(default_factory=dict)
    clicks: int = 0


def clicks_shown(row: CampaignRow, smallest: int) -> bool:
    """Tell whether the conversions with a click id, and so those without, may be told."""
    without = row.conversions - row.clicks
    return not (0 < row.clicks < smallest or 0 < without < smallest)


def publish(campaigns: Sequence[CampaignCount], smallest: int) -> list[CampaignRow]:
    """Return the rows that may be shown, most conversions first, the row of all others last; their sums are unchanged."""
    left = [_row(one, None, None, None) for one in campaigns if one.other and one.conversions]
    by_place = attrgetter("source", "medium")
    listed = sorted((one for one in campaigns if not one.other and one.conversions), key=by_place)
    places: list[list[CampaignRow]] = []
    for (source, medium), group in groupby(listed, key=by_place):
        rows = [_row(one, source, medium, one.campaign) for one in group]
        if sum(row.conversions for row in rows) < smallest:
            left += rows
        else:
            places.append(_within(rows, smallest))
    places.sort(key=lambda rows: sum(row.conversions for row in rows))
    while places and 0 < sum(row.conversions for row in left) < smallest:
        left += places.pop(0)
    shown = sorted((row for rows in places for row in rows), key=_order)
    return [*shown, *([_sum(left, None, None)] if left else [])]


def _within(rows: list[CampaignRow], smallest: int) -> list[CampaignRow]:
    """Put the small campaigns of one source and medium together."""
    rest = sorted((row for row in rows if row.conversions >= smallest), key=lambda row: row.conversions)
    together = [row for row in rows if row.conversions < smallest]
    while rest and 0 < sum(row.conversions for row in together) < smallest:
        together.append(rest.pop(0))
    return [*rest, *([_sum(together, rows[0].source, rows[0].medium)] if together else [])]


def summed(rows: Sequence[CampaignRow]) -> CampaignRow:
    """Add up rows that may be shown."""
    return _sum(rows, None, None)


def _order(row: CampaignRow) -> tuple[object, ...]:
    return (-row.conversions, row.source or "", row.medium or "", row.campaign is None, row.campaign or "")


def _row(one: CampaignCount, source: str | None, medium: str | None, campaign: str | None) -> CampaignRow:
    return CampaignRow(source, medium, campaign, one.conversions, dict(one.value), one.clicks)


def _sum(rows: Sequence[CampaignRow], source: str | None, medium: str | None) -> CampaignRow:
    value: dict[str, int] = {}
    for row in rows:
        for currency, amount in row.value.items():
            value[currency] = value.get(currency, 0) + amount
    conversions = sum(row.conversions for row in rows)
    return CampaignRow(source, medium, None, conversions, value, sum(row.clicks for row in rows))
