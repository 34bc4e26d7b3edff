"""Numbers, money and dates as Norwegians and English write them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

_NO_MINOR: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_THREE_DIGITS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
"""Currencies whose minor unit is not a hundredth (ISO 4217)."""
_NO_BREAK: Final = "\u00a0"
MINUS: Final = "\u2212"
DASH: Final = "\u2013"
"""Stands between two days, and for nothing."""


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has."""
    if currency in _NO_MINOR:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


@dataclass(frozen=True, slots=True)
class Writing:
    """How one language writes numbers and days. ``said`` is the catalogue's section ``writing``."""

    said: Mapping[str, Any]

    @property
    def _norwegian(self) -> bool:
        return bool(self.said["decimal"] == ",")

    def count(self, number: int) -> str:
        """Write a whole number: 1 234 567 or 1,234,567."""
        digits = f"{abs(number):,}".replace(",", _NO_BREAK if self._norwegian else ",")
        return f"{MINUS}{digits}" if number < 0 else digits

    def signed(self, number: int) -> str:
        """Write a whole number with its sign."""
        return f"+{self.count(number)}" if number > 0 else self.count(number)

    def decimal(self, thousandths: int, digits: int) -> str:
        """Write thousandths with so many decimals, 0 to 3, rounded half away from zero."""
        step: int = 10 ** (3 - digits)
        rounded = (abs(thousandths) + step // 2) // step
        scale: int = 10**digits
        whole, rest = divmod(rounded, scale)
        text = self.count(whole) + (f"{self.said['decimal']}{rest:0{digits}d}" if digits else "")
        return f"{MINUS}{text}" if thousandths < 0 and rounded else text

    def money(self, thousandths: int, currency: str) -> str:
        """Write an amount: 1 234,50 kr, 1 234,50 EUR or NOK 1,234.50; without a currency it says so."""
        amount = self.decimal(thousandths, minor_digits(currency))
        if not currency:
            return f"{amount} {self.said['no_currency']}"
        unit = self.said["krone"] if currency == "NOK" else currency
        pair = (amount, unit) if self._norwegian else (unit, amount)
        return _NO_BREAK.join(pair)

    def share(self, part: int, whole: int) -> str:
        """Write a part of a whole in percent with one decimal; a dash if there is no whole."""
        if not whole:
            return DASH
        return self.percent(permille_of(part, whole))

    def percent(self, permille: int) -> str:
        """Write tenths of a percent."""
        return self.decimal(permille * 100, 1) + (f"{_NO_BREAK}%" if self._norwegian else "%")

    def day(self, day: date) -> str:
        """Write a day in full."""
        month = self.said["months"][day.month - 1]
        return f"{day.day}{'.' if self._norwegian else ''} {month} {day.year}"

    def table_day(self, day: date) -> str:
        """Write a day with its weekday, shortly: man. 26.10.2026 or Mon 26 Oct 2026."""
        weekday = self.said["short_weekdays"][day.weekday()]
        written = f"{day:%d.%m.%Y}" if self._norwegian else f"{self.short_day(day)} {day.year}"
        return f"{weekday}{_NO_BREAK}{written}"

    def month(self, day: date) -> str:
        """Write a day's month."""
        return f"{self.said['months'][day.month - 1]} {day.year}"

    def short_day(self, day: date) -> str:
        """Write a day without its year."""
        return f"{day.day}{'.' if self._norwegian else ''} {self.said['short_months'][day.month - 1]}"

    def weekday(self, day: date) -> str:
        """Write a day with its weekday, without its year."""
        dot = "." if self._norwegian else ""
        return f"{self.said['weekdays'][day.weekday()]} {day.day}{dot} {self.said['months'][day.month - 1]}"

    def span(self, first: date, last: date) -> str:
        """Write some days: 3 May 2026; 3 to 9 May 2026, 30 May to 2 June 2026 with a dash in place of "to"."""
        if first == last:
            return self.day(first)
        dot = "." if self._norwegian else ""
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}{dot}{DASH}{self.day(last)}"
        start = self.day(first)
        return f"{start.removesuffix(f' {last.year}')} {DASH} {self.day(last)}"


def permille_of(part: int, whole: int) -> int:
    """Return a part of a whole in tenths of a percent; all and nothing are said only of all and nothing."""
    rounded = (part * 2000 + whole) // (2 * whole)
    if part and not rounded:
        return 1
    return 999 if part < whole and rounded == 1000 else rounded
