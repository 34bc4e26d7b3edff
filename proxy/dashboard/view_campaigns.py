"""The table of sources and campaigns. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.dashboard.known import Known
from proxy.dashboard.numbers import DASH, Writing
from proxy.dashboard.question import Question
from proxy.dashboard.small import CampaignRow, clicks_shown, publish, summed
from proxy.dashboard.view_days import amounts
from proxy.dashboard.words import Said

MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A row in words. ``link`` shows its source only; ``quiet`` rows are sums or lack a name."""

    place: str
    campaign: str
    link: str | None
    link_text: str
    conversions: str
    share: str
    value: str
    clicks: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class CampaignTable:
    """The table; ``only`` says which source it is narrowed to, ``every`` leads back, ``none`` says why it is empty."""

    rows: Sequence[Row]
    only: str
    every: str
    none: str
    notes: Sequence[str]


def campaign_table(known: Known, question: Question, said: Said, writing: Writing) -> CampaignTable:
    """Return the table, narrowed to the source that was asked for."""
    text, smallest = said["campaigns"], known.rules.smallest
    published = publish(known.report.campaigns, smallest)
    only = ""
    if question.source is not None:
        # A choice among the rows that are shown anyway, so that no sum of a source gives a small one away.
        published = [row for row in published if row.source == question.source]
        only = text["only"].format(source=question.source) if question.source else text["only_direct"]
    total = known.report.conversions
    rows = [_row(row, total, known, question, said, writing) for row in published[:MOST_ROWS]]
    if further := published[MOST_ROWS:]:
        rows.append(_sum(further, total, known, said, writing))
    none = ""
    if not rows:
        none = text["none"] if not only else text["none_of_source"].format(smallest=max(smallest, 1))
    notes = [text["clicks_note"]]
    if smallest > 1:
        notes.append(text["rest_note"].format(smallest=smallest))
    return CampaignTable(rows, only, question.link(source=None) + "#campaigns", none, notes)


def _row(row: CampaignRow, total: int, known: Known, question: Question, said: Said, writing: Writing) -> Row:
    text = said["campaigns"]
    conversions, share, value, clicks = _numbers(row, total, known, said, writing)
    if row.source is None:
        return Row(text["rest"], "", None, "", conversions, share, value, clicks, quiet=True)
    direct = not (row.source or row.medium or row.campaign)
    place = text["direct"] if direct else f"{row.source or DASH} / {row.medium or DASH}"
    campaign = text["rest_of_place"] if row.campaign is None else row.campaign or text["no_campaign"]
    link = question.link(source=row.source) + "#campaigns" if question.source is None and not direct else None
    hint = text["drill"].format(source=row.source)
    return Row(
        place,
        "" if direct else campaign,
        link,
        hint,
        conversions,
        share,
        value,
        clicks,
        quiet=not row.campaign,
    )


def _sum(rows: Sequence[CampaignRow], total: int, known: Known, said: Said, writing: Writing) -> Row:
    place = said["campaigns"]["more"].format(rows=writing.count(len(rows)))
    conversions, share, value, clicks = _numbers(summed(rows), total, known, said, writing)
    if not all(clicks_shown(row, known.rules.smallest) for row in rows):
        clicks = DASH
    return Row(place, "", None, "", conversions, share, value, clicks, quiet=True)


def _numbers(
    row: CampaignRow, total: int, known: Known, said: Said, writing: Writing
) -> tuple[str, str, str, str]:
    smallest = known.rules.smallest
    clicks = (
        f"{writing.count(row.clicks)} ({writing.share(row.clicks, row.conversions)})"
        if clicks_shown(row, smallest)
        else said["campaigns"]["clicks_hidden"].format(smallest=smallest)
    )
    return (
        writing.count(row.conversions),
        writing.share(row.conversions, total),
        amounts(row.value, writing),
        clicks,
    )
