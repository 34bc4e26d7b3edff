"""OneTrust and CookiePro: ``OptanonConsent``, a query string, which is written before anybody answered."""

from collections.abc import Mapping

from proxy.signals import ALL_UNKNOWN, Value
from proxy.sources.cmp._family import (
    Answer,
    Family,
    GarbledError,
    Names,
    by_names,
    name_signals,
    without_grants,
)
from proxy.sources.cmp._text import moment, token, unescape

_COOKIE = "OptanonConsent"
_CLOSED = "OptanonAlertBoxClosed"
_TC = "eupubconsent-v2"
_AC = "OTAdditionalConsentString"
_STATE = {"1": Value.GRANTED, "0": Value.DENIED}
# Groups that cannot be refused, under their new and their old id.
_NECESSARY = frozenset({"C0001", "1"})
_BANNER_CLOSED = "3"
_BUTTONS = frozenset({"1", "2", _BANNER_CLOSED})
"""Accept all, reject all, the cross: kinds of interaction that only a visitor can have caused."""


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    tc_string, ac_string = cookies.get(_TC), cookies.get(_AC)
    if ac_string is not None:
        ac_string = unescape(ac_string)
    raw = cookies.get(_COOKIE)
    said = _query(raw if "&" in raw else unescape(raw)) if raw else {}
    if not said or not _answered(said, cookies):
        return Answer(tc_string=tc_string, ac_string=ac_string)
    groups = _groups(said.get("groups"))
    signals = by_names(groups.items(), names)
    optional = {value for group, value in groups.items() if group not in _NECESSARY}
    if said.get("intType") == _BANNER_CLOSED and Value.DENIED not in optional:
        signals = without_grants(signals)
    # The time is that of the banner. Whether a later refusal moves it is not documented, so it vouches for grants only.
    refused = Value.DENIED in signals.values()
    closed = moment(unescape(cookies[_CLOSED])) if cookies.get(_CLOSED) else None
    return Answer(
        signals,
        decided_at=None if refused or signals is ALL_UNKNOWN else closed,
        proof=token(unescape(said.get("consentId", ""))),
        tc_string=tc_string,
        ac_string=ac_string,
    )


def _query(text: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for part in text.split("&"):
        key, equals, value = part.partition("=")
        if not equals or said.setdefault(key, value) != value:
            raise GarbledError
    return said


def _answered(said: dict[str, str], cookies: Mapping[str, str]) -> bool:
    """Tell whether the banner was answered: it was closed, or the cookie says by which of its buttons.

    ``interactionCount`` is 1 before any answer, too, so it proves nothing by itself.
    """
    if said.get("AwaitingReconsent", "false") != "false":
        return False
    by_button = said.get("intType") in _BUTTONS and said.get("interactionCount", "0").strip("0") != ""
    if not (cookies.get(_CLOSED) or by_button):
        return False
    return said.get("landingPath", "NotLandingPage") == "NotLandingPage"


def _groups(text: str | None) -> dict[str, Value]:
    """Read ``C0001:1,C0002:0``.

    Raises:
        GarbledError: it is absent, or has anything else in it.
    """
    if not text:
        raise GarbledError
    groups: dict[str, Value] = {}
    for part in unescape(text).split(","):
        name, _, flag = part.partition(":")
        value = _STATE.get(flag)
        if value is None or not name or groups.setdefault(name, value) is not value:
            raise GarbledError
    return groups


FAMILY = Family(
    name="onetrust",
    title="OneTrust, CookiePro",
    cookies=(_COOKIE,),
    also=(_CLOSED, _TC, _AC),
    read=_read,
    names=name_signals(("C0002", "2"), ("C0004", "4")),
    told="`groups`: C0002 statistics, C0004 marketing (older tenants 2 and 4); time `OptanonAlertBoxClosed` if all is"
    " granted; proof `consentId`; TC string `eupubconsent-v2`",
    traps="written on load with defaults, so it counts only beside `OptanonAlertBoxClosed` or where `intType` names a"
    " button (1 to 3), off the landing page and without `AwaitingReconsent=true`; `interactionCount` alone proves no answer; a banner closed by its cross (`intType=3`)"
    " with nothing refused grants nothing; groups are configurable",
)
