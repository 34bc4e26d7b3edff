"""What a TC string means for our four signals: for the site as a whole, and for each forwarder's vendor. Pure.

Only consent counts for the ad signals; legitimate interest is never taken for it. The purposes are those that each
vendor declares on the IAB's vendor list, or that Google maps in "Implement the TCF" (ad_storage from purpose 1,
ad_user_data from 1 and 7, ad_personalization from 3 and 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from proxy.signals import Signals, Value
from proxy.sources.additional_consent import AdditionalConsent, decode_additional
from proxy.sources.iab import ONE, SITE, Vendor
from proxy.sources.said import GARBLED, SILENT, Said
from proxy.sources.tcf_decode import decode
from proxy.sources.tcf_string import REQUIRE_CONSENT, TcfProblem, TcString, in_ranges

DAY_MS: Final = 86_400_000
# A time further ahead than this was not set by an honest clock.
_FUTURE_MS: Final = 5 * 60 * 1000
# 13 calendar months are between 393 and 397 days; only in between is the calendar asked.
_SURELY_YOUNG_MS: Final = 393 * DAY_MS
_SURELY_OLD_MS: Final = 398 * DAY_MS
# IAB Europe: strings under policies before 4 are invalid since 30 September 2023. What a later policy's purposes will
# mean is not known to this program.
_POLICIES: Final = frozenset({4, 5})
# IAB Europe: TCF 2.3, disclosed vendors are mandatory from 28 February 2026 (Unix ms).
_DISCLOSURE_SINCE: Final = 1_772_236_800_000


def standing(tc: TcString, now_ms: int) -> TcfProblem | None:
    """Return why an understood string does not count (or, if ``EXPIRED``, grants nothing), or None if it does."""
    if tc.updated_at > now_ms + _FUTURE_MS:
        return TcfProblem.FUTURE
    if _older_than_13_months(tc.updated_at, now_ms):
        return TcfProblem.EXPIRED
    if tc.policy_version not in _POLICIES:
        return TcfProblem.POLICY
    if not tc.service_specific:
        return TcfProblem.GLOBAL_SCOPE
    if tc.disclosed is None and tc.updated_at >= _DISCLOSURE_SINCE:
        return TcfProblem.UNDISCLOSED
    return None


def _older_than_13_months(then_ms: int, now_ms: int) -> bool:
    age = now_ms - then_ms
    if age <= _SURELY_YOUNG_MS:
        return False
    if age >= _SURELY_OLD_MS:
        return True
    then, now = (datetime.fromtimestamp(ms // 1000, UTC) for ms in (then_ms, now_ms))
    months = (now.year - then.year) * 12 + now.month - then.month
    return months > 13 or (months == 13 and _in_month(now) > _in_month(then))


def _in_month(moment: datetime) -> tuple[int, int]:
    return moment.day, moment.hour * 3600 + moment.minute * 60 + moment.second


def signals_for(
    tc: TcString, *, vendor: Vendor | None = None, additional: AdditionalConsent | None = None
) -> Signals:
    """Return what a string says for one vendor, or for the site as a whole. It must have been found to count.

    A signal is granted when the visitor consented to all its purposes and to the vendor, the vendor was disclosed, and
    the publisher left it the purposes on consent. It is denied when one of these fails, and unknown where the string
    does not speak of it: a purpose 1 that was not asked for, a company outside the vendor list without Additional
    Consent. ``analytics_storage`` is no purpose of the framework and is never granted; without purpose 1 it is denied,
    because whoever refuses all storage has refused that as well.
    """
    who = vendor or SITE
    given = tc.purposes
    if tc.purpose_one_treatment:
        given &= ~ONE
    missing = Value.DENIED
    consented: Value = Value.GRANTED
    if who.listed is not None:
        given = _restricted(tc, who.listed, given)
        if not _consented(tc, who.listed):
            consented = Value.DENIED
    elif who.provider is not None:
        consented = _additional(additional, who.provider)
    if tc.purpose_one_treatment:
        missing = Value.UNKNOWN
    return Signals.of(
        Value.UNKNOWN if given & ONE else missing,
        _value(given, who.storage, consented, missing),
        _value(given, who.user_data, consented, missing),
        _value(given, who.personalization, consented, missing),
    )


def _value(given: int, wanted: int, consented: Value, missing_one: Value) -> Value:
    lacking = wanted & ~given
    if consented is Value.DENIED or lacking & ~ONE:
        return Value.DENIED
    if not lacking:
        return consented
    return missing_one


def _consented(tc: TcString, listed: int) -> bool:
    return listed in tc.vendor_consents and (tc.disclosed is None or listed in tc.disclosed)


def _restricted(tc: TcString, listed: int, given: int) -> int:
    """Take away the purposes that the publisher forbade the vendor, or lets it have on legitimate interest alone."""
    for restriction in tc.restrictions:
        if restriction.kind != REQUIRE_CONSENT and in_ranges(restriction.vendors, listed):
            given &= ~(1 << (24 - restriction.purpose))
    return given


def _additional(additional: AdditionalConsent | None, provider: int) -> Value:
    if additional is None or not additional.speaks_of(provider):
        return Value.UNKNOWN
    return Value.GRANTED if provider in additional.consented else Value.DENIED


@dataclass(frozen=True, slots=True, repr=False)
class TcfReading:
    """What came with one request, understood once and asked for each vendor.

    ``problem`` says why nothing is granted; then ``tc`` is None, except for an expired string, whose refusals stand.
    ``additional_garbled`` tells that an Additional Consent string was there and is none.
    """

    tc: TcString | None = None
    problem: TcfProblem | None = None
    additional: AdditionalConsent | None = None
    additional_garbled: bool = False

    def said(self, vendor: Vendor | None = None) -> Said:
        """Return the word for one vendor, or for the site.

        ``decided_at`` is the string's last update, which since TCF 2.2 is only the beginning of that day (UTC).
        """
        if self.tc is None:
            return SILENT if self.problem is None else GARBLED
        if self.additional_garbled and vendor is not None and vendor.provider is not None:
            return GARBLED
        signals = signals_for(self.tc, vendor=vendor, additional=self.additional)
        if self.problem is TcfProblem.EXPIRED:
            signals = _without_grants(signals)
        return Said(signals, self.tc.updated_at)


def read_tcf(text: str | None, additional: str | None, now_ms: int) -> TcfReading:
    """Understand a TC string and the Additional Consent string beside it. An empty text is an absent one.

    Args:
        text: the TC string.
        additional: the Additional Consent string; without a TC string it means nothing.
        now_ms: the time of receipt, Unix ms.
    """
    if not text:
        return _NOTHING
    tc = _decode(text)
    if isinstance(tc, TcfProblem):
        return TcfReading(problem=tc)
    problem = standing(tc, now_ms)
    if problem is not None and problem is not TcfProblem.EXPIRED:
        return TcfReading(problem=problem)
    providers = decode_additional(additional) if additional else None
    return TcfReading(tc, problem, providers, bool(additional) and providers is None)


_NOTHING: Final = TcfReading()
# A visitor's string is the same in request after request, and takes as long to decode as a third of a decision.
_decode: Final = lru_cache(1024)(decode)


def said_tcf(text: str | None, additional: str | None, now_ms: int, vendor: Vendor | None = None) -> Said:
    """Return what the two strings say for one vendor, or for the site: ``read_tcf`` for a single question."""
    return read_tcf(text, additional, now_ms).said(vendor)


def _without_grants(signals: Signals) -> Signals:
    a, b, c, d = (Value.UNKNOWN if value is Value.GRANTED else value for value in signals.values())
    return Signals.of(a, b, c, d)
