"""GDPR Cookie Consent (CookieLawInfo, WordPress): ``viewed_cookie_policy`` and a cookie for each category."""

from collections.abc import Mapping

from proxy.signals import ALL_DENIED, Value
from proxy.sources.cmp._family import UNANSWERED, Answer, Family, GarbledError, Names, two

_VIEWED = "viewed_cookie_policy"
_STATISTICS = "cookielawinfo-checkbox-analytics"
_MARKETING = "cookielawinfo-checkbox-advertisement"
_STATE = {"yes": Value.GRANTED, "no": Value.DENIED, "": Value.UNKNOWN}


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    del names
    viewed = _value(cookies.get(_VIEWED, ""))
    signals = two(_value(cookies.get(_STATISTICS, "")), _value(cookies.get(_MARKETING, "")))
    if viewed is Value.UNKNOWN:
        return UNANSWERED
    return Answer(ALL_DENIED if viewed is Value.DENIED else signals)


def _value(text: str) -> Value:
    value = _STATE.get(text)
    if value is None:
        raise GarbledError
    return value


FAMILY = Family(
    name="cookie_law_info",
    title="CookieLawInfo (GDPR Cookie Consent)",
    cookies=(_VIEWED, _STATISTICS, _MARKETING),
    read=_read,
    told="`yes` or `no` in `cookielawinfo-checkbox-analytics` and `-advertisement`, once `viewed_cookie_policy` is there;"
    " no time",
    traps="the boxes are written on load with their defaults; `viewed_cookie_policy=no` refuses all of them; if the site"
    " lets scrolling count as a yes, the cookie does not tell",
)
