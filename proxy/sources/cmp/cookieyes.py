"""CookieYes: ``cookieyes-consent``, a list of ``key:value`` with commas between."""

from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import (
    UNANSWERED,
    Answer,
    Family,
    GarbledError,
    Names,
    by_names,
    name_signals,
)
from proxy.sources.cmp._text import token, unescape

_COOKIE = "cookieyes-consent"
_STATE = {"yes": Value.GRANTED, "no": Value.DENIED, "": Value.UNKNOWN}


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    said: dict[str, str] = {}
    for part in unescape(cookies[_COOKIE]).split(","):
        key, colon, value = part.partition(":")
        if not colon or said.setdefault(key, value) != value:
            raise GarbledError
    action = said.get("action")
    if action in {"", "no"}:
        return UNANSWERED
    if action != "yes":
        raise GarbledError
    flags = [(key, _value(value)) for key, value in said.items() if names.get(key)]
    return Answer(by_names(flags, names), proof=token(said.get("consentid")))


def _value(text: str) -> Value:
    value = _STATE.get(text)
    if value is None:
        raise GarbledError
    return value


FAMILY = Family(
    name="cookieyes",
    title="CookieYes",
    cookies=(_COOKIE,),
    read=_read,
    names=name_signals(("analytics",), ("advertisement",)),
    told="`analytics`, `advertisement`, with `action:yes`; no time; proof `consentid`",
    traps="`action` empty or `no`: not answered, whatever the categories say; `consent` turns its meaning round in the"
    " CCPA mode and is not read",
)
