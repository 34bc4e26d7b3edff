"""Civic Cookie Control: ``CookieControl``, plain or escaped JSON."""

from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import (
    COMMON,
    Answer,
    Family,
    GarbledError,
    Names,
    by_names,
    name_signals,
    value_of,
)
from proxy.sources.cmp._text import json_object, member, moment, token

_COOKIE = "CookieControl"
_TC = "CookieControlTC"
_STATE = {"accepted": Value.GRANTED, "revoked": Value.DENIED}
_DAY_MS = 86_400_000
_LONGEST_DAYS = 3650


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    tc_string = cookies.get(_TC) or None
    if _COOKIE not in cookies:
        return Answer(tc_string=tc_string)
    said = json_object(cookies[_COOKIE])
    inside = said.get("iabConsent")
    if isinstance(inside, str):
        if tc_string is not None and tc_string != inside:
            raise GarbledError
        tc_string = inside
    if value_of(said.get("interactedWith")) is not Value.GRANTED:
        return Answer(tc_string=tc_string)
    flags = [(name, _value(state)) for name, state in member(said, "optionalCookies").items()]
    return Answer(
        by_names(flags, names), expires_at=_end(said), proof=token(said.get("user")), tc_string=tc_string
    )


def _value(state: object) -> Value:
    """Read one category; anything but its two words, such as a claim of legitimate interest, is no answer."""
    if not isinstance(state, str):
        raise GarbledError
    return _STATE.get(state, Value.UNKNOWN)


def _end(said: dict[str, object]) -> int | None:
    date, days = moment(said.get("consentDate")), said.get("consentExpiry")
    if date is None or days is None:
        return None
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= _LONGEST_DAYS:
        raise GarbledError
    return date + days * _DAY_MS


FAMILY = Family(
    name="civic",
    title="Civic Cookie Control",
    cookies=(_COOKIE,),
    also=(_TC,),
    read=_read,
    names=COMMON | name_signals(("performance",), ()),
    told="`accepted` or `revoked` in `optionalCookies`, by the site's own names, with `interactedWith:true`; ends"
    " `consentExpiry` days after `consentDate`; proof `user`; TC string `iabConsent` or `CookieControlTC`",
    traps="`legitimate interest` is no answer; `consentDate` is not moved by a later change, so it is not a decision time",
)
