"""Adding up campaigns over many days, in bounded memory. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import Final

from proxy.report.counting import APART, NO_CURRENCY
from proxy.report.model import CampaignCount

MOST: Final = 200
"""Campaigns that are shown; the others are one row."""
_ROOM: Final = 20_000
"""Campaigns that are told apart while days are added up."""
_OTHER: Final = b"*"
_NONE: Final = APART.encode() * 2


@dataclass(slots=True)
class _Row:
    conversions: int = 0
    clicks: int = 0
    value: dict[bytes, int] = field(default_factory=dict)

    def add(self, other: "_Row") -> None:
        self.conversions += other.conversions
        self.clicks += other.clicks
        for currency, amount in other.value.items():
            self.value[currency] = self.value.get(currency, 0) + amount


class Campaigns:
    """Adds up what days have of campaigns.

    Args:
        most: how many are shown.
        room: how many are told apart meanwhile; past that the smaller half of them goes to the others.
    """

    def __init__(self, *, most: int = MOST, room: int = _ROOM) -> None:
        self._most = most
        self._room = room
        self._rows: dict[bytes, _Row] = {}
        self._other = _Row()

    def add(self, fields: Mapping[bytes, bytes]) -> None:
        """Add a day's campaigns, as the store has them.

        Raises:
            ValueError, IndexError: they are not what the store would have written.
        """
        rows = self._rows
        for name, text in fields.items():
            row = self._other if name == _OTHER else rows.get(name)
            if row is None:
                row = rows[name] = _Row()
            parts = text.split()
            row.conversions += int(parts[0])
            row.clicks += int(parts[1])
            for place in range(2, len(parts), 2):
                currency = parts[place]
                row.value[currency] = row.value.get(currency, 0) + int(parts[place + 1])
        if len(rows) > self._room:
            self._shrink()

    def _shrink(self) -> None:
        rows = self._rows
        for name in nsmallest(len(rows) // 2, rows.keys() - {_NONE}, key=lambda name: rows[name].conversions):
            self._other.add(rows.pop(name))

    def shown(self) -> tuple[CampaignCount, ...]:
        """Return the campaigns with most conversions, and the others as the last row, if there are any.

        Conversions without any campaign are no campaign of those: they are always shown.
        """
        rows, other = self._rows, _Row()
        large = nlargest(self._most, rows, key=lambda name: (rows[name].conversions, name))
        if _NONE in rows and _NONE not in large:
            large[-1] = _NONE
        found = [_count(name, rows[name]) for name in large]
        for name in rows.keys() - set(large):
            other.add(rows[name])
        other.add(self._other)
        if other.conversions or other.value:
            found.append(_count(_NONE, other, other=True))
        return tuple(found)


def money_of(amounts: Mapping[bytes, int]) -> dict[str, int]:
    """Return amounts by currency as the report has them."""
    return {
        "" if currency == NO_CURRENCY.encode() else currency.decode(): amount
        for currency, amount in amounts.items()
    }


def _count(name: bytes, row: _Row, *, other: bool = False) -> CampaignCount:
    source, medium, campaign = name.decode(errors="replace").split(APART)
    return CampaignCount(
        source, medium, campaign, row.conversions, money_of(row.value), row.clicks, other=other
    )
