"""Reads GPP strings: the header, the European section and the opt-outs of the US sections. Pure.

IAB Tech Lab: Global Privacy Platform, string format 1. ``header~section~section``; the header lists, in Fibonacci
coding, which sections follow. The European section is a TC string; sections that are neither European nor US say
nothing that Sayso knows of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proxy.signals import AD_SIGNALS, SIGNALS, Signals, Value
from proxy.sources.gpp_us import US_SECTIONS, UsChoice, bit_text, decode_us, decode_usp, filled
from proxy.sources.iab import Vendor
from proxy.sources.said import GARBLED, SILENT, Said
from proxy.sources.tcf import TcfReading, read_tcf

MAX_LENGTH: Final = 16384
_MAX_HEADER: Final = 64
_MAX_SECTION_ID: Final = 4096
EUROPEAN: Final = 2


class GppProblem(StrEnum):
    """Why a GPP string cannot be understood."""

    TOO_LONG = "too_long"
    HEADER = "header"
    """Not a header of format 1, or one that was cut off, padded or never made by the specification."""
    SECTIONS = "sections"
    """Other sections than the header lists, or an empty one."""
    US_SECTION = "us_section"
    """A US section of an unknown version, or not made by the specification."""


@dataclass(frozen=True, slots=True, repr=False)
class Gpp:
    """What a GPP string holds: every section's text by its id, and what the US sections among them say together."""

    sections: dict[int, str]
    us: UsChoice | None


def decode_gpp(text: str) -> Gpp | GppProblem:
    """Return what a GPP string says, or why it cannot be understood. The European section is not looked into yet."""
    if len(text) > MAX_LENGTH:
        return GppProblem.TOO_LONG
    header, *parts = text.split("~")
    ids = _header(header)
    if ids is None:
        return GppProblem.HEADER
    if len(ids) != len(parts) or not all(parts):
        return GppProblem.SECTIONS
    sections = dict(zip(ids, parts, strict=True))
    opted_out = gpc = american = False
    for section, part in sections.items():
        if section in US_SECTIONS:
            choice = decode_us(section, part)
            if choice is None:
                return GppProblem.US_SECTION
            american = True
            opted_out = opted_out or choice.opted_out
            gpc = gpc or choice.gpc
    return Gpp(sections, UsChoice(opted_out, gpc) if american else None)


def _header(text: str) -> list[int] | None:
    """Return the ids of the sections, ascending; None if this is no header of format 1."""
    bits = bit_text(text) if len(text) <= _MAX_HEADER else None
    if bits is None or len(bits) < 24 or bits[:12] != "000011000001":
        return None
    count, place = int(bits[12:24], 2), 24
    ids: list[int] = []
    last = 0
    for _ in range(count):
        is_range = bits[place : place + 1] == "1"
        step, place = _fibonacci(bits, place + 1)
        first = last = last + step
        if is_range and step:
            more, place = _fibonacci(bits, place)
            last = first + more
            step = more
        if not step or last > _MAX_SECTION_ID:
            return None
        ids.extend(range(first, last + 1))
    return ids if filled(bits, place) else None


def _fibonacci(bits: str, place: int) -> tuple[int, int]:
    """Read a number (1 or more) in Fibonacci coding, which ends with two ones; return it and the place after it.

    Returns 0 where there is none.
    """
    end = bits.find("11", place)
    if end < 0:
        return 0, place
    value, one, two = 0, 1, 2
    for bit in bits[place : end + 1]:
        if bit == "1":
            value += one
        one, two = two, one + two
    return value, end + 2


@dataclass(frozen=True, slots=True, repr=False)
class GppReading:
    """What came with one request, understood once and asked for each vendor.

    ``tcf`` is the European section's reading. ``problem`` says why nothing is granted.
    """

    tcf: TcfReading | None = None
    us: UsChoice | None = None
    problem: GppProblem | None = None

    def said(self, vendor: Vendor | None = None) -> Said:
        """Return the word for one vendor, or for the site: what Europe's section grants, less what US ones refuse.

        A refusal in a US section holds for this request whatever was decided when, so the word then has no time.
        """
        if self.problem is not None:
            return GARBLED
        said = self.tcf.said(vendor) if self.tcf is not None else SILENT
        refused = self.us is not None and (self.us.opted_out or self.us.gpc)
        if not refused or not said.readable:
            return said
        return Said(_without_ads(said.signals))


def read_gpp(text: str | None, additional: str | None, now_ms: int) -> GppReading:
    """Understand a GPP string and the Additional Consent string beside it. An empty text is an absent one.

    Args:
        text: the GPP string.
        additional: Google's Additional Consent string; see ``read_tcf``.
        now_ms: the time of receipt, Unix ms.
    """
    if not text:
        return _NOTHING
    found = decode_gpp(text)
    if isinstance(found, GppProblem):
        return GppReading(problem=found)
    european = found.sections.get(EUROPEAN)
    tcf = read_tcf(european, additional, now_ms) if european is not None else None
    return GppReading(tcf, found.us)


_NOTHING: Final = GppReading()


def said_gpp(text: str | None, additional: str | None, now_ms: int, vendor: Vendor | None = None) -> Said:
    """Return what a GPP string says for one vendor, or for the site: ``read_gpp`` for a single question."""
    return read_gpp(text, additional, now_ms).said(vendor)


def said_usp(text: str | None) -> Said:
    """Return what a US Privacy string (``1YNN``) says. It has no time, and denies or says nothing."""
    if not text:
        return SILENT
    choice = decode_usp(text)
    if choice is None:
        return GARBLED
    return _OPTED_OUT if choice.opted_out else SILENT


def _without_ads(signals: Signals) -> Signals:
    a, b, c, d = (
        Value.DENIED if signal in AD_SIGNALS else value
        for signal, value in zip(SIGNALS, signals.values(), strict=True)
    )
    return Signals.of(a, b, c, d)


_OPTED_OUT: Final = Said(_without_ads(SILENT.signals))
