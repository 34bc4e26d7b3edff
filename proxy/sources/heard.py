"""All that other sources say in one request, understood once: for the site as a whole, and for each vendor. Pure.

TC strings have times that are rounded to the day, which tells nobody whether they came before or after a decision of
that day. They count as sources without a time: they may fill in what is unknown, or lower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.signals import ALL_UNKNOWN
from proxy.sources.cmp import Names, read_cookies
from proxy.sources.consent_mode import read as read_consent_mode
from proxy.sources.gpp import GppReading, read_gpp, said_usp
from proxy.sources.iab import Vendor
from proxy.sources.said import Said
from proxy.sources.tcf import TcfReading, read_tcf
from proxy.sources.weigh import Source, Word

GPP_COOKIE: Final = "__gpp"
USP_COOKIE: Final = "usprivacy"


@dataclass(frozen=True, slots=True, repr=False)
class Heard:
    """What banner cookies and consent strings say.

    ``words`` speak for every vendor alike; ``tcf`` and ``gpp`` are asked for each vendor. ``proof`` is the banner's own
    id of the decision, ``platform`` its name. ``cookies`` are those of the request, from which a keyed hash is made where
    a decision is kept (``proxy.sources.evidence``); they live no longer than the request.
    """

    words: tuple[Word, ...] = ()
    tcf: tuple[TcfReading, ...] = ()
    gpp: tuple[GppReading, ...] = ()
    proof: str = ""
    platform: str = ""
    cookies: Sequence[tuple[str, str]] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.tcf or self.gpp)

    @property
    def by_vendor(self) -> bool:
        """Whether different vendors may be told different things."""
        return bool(self.tcf or self.gpp)

    def speak(self, vendor: Vendor | None = None) -> tuple[Word, ...]:
        """Return all words for one vendor, or for the site."""
        if not self.by_vendor:
            return self.words
        tcf = (Word(Source.TCF, _timeless(one.said(vendor)), "tcf") for one in self.tcf)
        gpp = (Word(Source.GPP, _timeless(one.said(vendor)), "gpp") for one in self.gpp)
        return (*self.words, *tcf, *gpp)

    def and_(self, other: "Heard") -> "Heard":
        """Return what both say."""
        if not other:
            return self
        if not self:
            return other
        return Heard(
            self.words + other.words,
            self.tcf + other.tcf,
            self.gpp + other.gpp,
            self.proof or other.proof,
            self.platform or other.platform,
            self.cookies or other.cookies,
        )


NOTHING: Final = Heard()


def hear_cookies(
    cmp: str, cookies: Sequence[tuple[str, str]], now_ms: int, names: Names | None = None
) -> Heard:
    """Understand the banner cookies of a request.

    Args:
        cmp: the site's consent platform: one of ``proxy.sources.cmp.CHOICES``.
        cookies: names and raw values, as the Cookie headers have them.
        now_ms: the time of receipt, Unix ms.
        names: what the site calls its categories, in place of the platform's usual names.
    """
    reading = read_cookies(cmp, cookies, now_ms, names=names)
    words: list[Word] = []
    tcf: tuple[TcfReading, ...] = ()
    if reading.family is not None:
        if reading.said.signals is not ALL_UNKNOWN or not reading.said.readable:
            words.append(Word(Source.CMP, reading.said, reading.family))
        if reading.tc_string:
            tcf = (read_tcf(reading.tc_string, reading.ac_string, now_ms),)
    gpp = tuple(read_gpp(value, None, now_ms) for name, value in cookies if name == GPP_COOKIE and value)
    words += [_usp(value) for name, value in cookies if name == USP_COOKIE and value]
    if not (words or tcf or gpp):
        return NOTHING
    return Heard(tuple(words), tcf, gpp, reading.proof or "", reading.family or "", cookies)


def hear_strings(strings: Mapping[str, str], now_ms: int) -> Heard:
    """Understand the consent strings that stand beside an event; names as in ``proxy.parse.STRINGS``.

    Args:
        strings: texts by name.
        now_ms: the time of receipt, Unix ms.
    """
    words: list[Word] = []
    gcs, gcd = strings.get("gcs"), strings.get("gcd")
    if gcs or gcd:
        words.append(Word(Source.CONSENT_MODE, read_consent_mode(gcs, gcd), "consent_mode"))
    additional = strings.get("addtl_consent")
    tcf: tuple[TcfReading, ...] = ()
    # A page to which the GDPR does not apply says so with 0; whatever else stands there, it is taken to apply.
    if strings.get("gdpr_consent") and strings.get("gdpr") != "0":
        tcf = (read_tcf(strings["gdpr_consent"], additional, now_ms),)
    gpp: tuple[GppReading, ...] = ()
    if strings.get("gpp"):
        gpp = (read_gpp(strings["gpp"], additional, now_ms),)
    if strings.get("us_privacy"):
        words.append(_usp(strings["us_privacy"]))
    return Heard(tuple(words), tcf, gpp)


def _usp(text: str) -> Word:
    return Word(Source.GPP, said_usp(text), "us_privacy")


def _timeless(said: Said) -> Said:
    return said if said.decided_at is None else replace(said, decided_at=None)
