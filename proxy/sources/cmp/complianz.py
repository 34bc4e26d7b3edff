"""Complianz (WordPress): a cookie for each category."""

from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import Answer, Family, GarbledError, Names, two, without_grants

_STATISTICS = "cmplz_statistics"
_MARKETING = "cmplz_marketing"
_BANNER = "cmplz_banner-status"
_TYPE = "cmplz_consenttype"
_STATE = {"allow": Value.GRANTED, "deny": Value.DENIED, "": Value.UNKNOWN}


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    del names  # the categories are Complianz's own
    signals = two(_value(cookies.get(_STATISTICS, "")), _value(cookies.get(_MARKETING, "")))
    if cookies.get(_BANNER) != "dismissed" or cookies.get(_TYPE, "optin") != "optin":
        signals = without_grants(signals)
    return Answer(signals)


def _value(text: str) -> Value:
    value = _STATE.get(text)
    if value is None:
        raise GarbledError
    return value


FAMILY = Family(
    name="complianz",
    title="Complianz",
    cookies=(_STATISTICS, _MARKETING),
    also=(_BANNER, _TYPE),
    read=_read,
    told="`allow` or `deny` in `cmplz_statistics`, `cmplz_marketing`; no time",
    traps="where visitors may only opt out, a missing cookie means yes to Complianz; here it says nothing. `allow` counts"
    " only with `cmplz_banner-status=dismissed`, and not where `cmplz_consenttype` is anything but `optin`. A changed"
    " cookie prefix is not recognised",
)
