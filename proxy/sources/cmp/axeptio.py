"""Axeptio: ``axeptio_cookies``, escaped JSON of one flag per vendor, and the lists of vendors beside it."""

from collections.abc import Mapping

from proxy.signals import Signals, Value
from proxy.sources.cmp._family import (
    COMMON,
    UNANSWERED,
    Answer,
    Family,
    GarbledError,
    Names,
    both,
    by_names,
    fold,
    value_of,
)
from proxy.sources.cmp._text import json_object, member, moment, token, unescape

_COOKIE = "axeptio_cookies"
_AUTHORIZED = "axeptio_authorized_vendors"
_ALL = "axeptio_all_vendors"
_MODE = {"granted": Value.GRANTED, "denied": Value.DENIED, None: Value.UNKNOWN}


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    authorized = _vendors(cookies.get(_AUTHORIZED))
    if _COOKIE not in cookies:
        asked = _vendors(cookies.get(_ALL)) or authorized or frozenset()
        accepted = authorized or frozenset()
        flags = [(name, Value.GRANTED if name in accepted else Value.DENIED) for name in asked]
        return Answer(by_names(flags, names))
    said = json_object(cookies[_COOKIE])
    completed = value_of(said.get("$$completed"))
    if completed is not Value.GRANTED:
        return UNANSWERED
    flags = [(vendor, value_of(flag)) for vendor, flag in said.items() if not vendor.startswith("$$")]
    if authorized is not None:
        _compare([flag for flag in flags if names.get(flag[0])], authorized)
    signals = both(by_names(flags, names), _consent_mode(member(said, "$$googleConsentMode")))
    return Answer(signals, decided_at=moment(said.get("$$date")), proof=token(said.get("$$token")))


def _vendors(text: str | None) -> frozenset[str] | None:
    """Read ``,name,name,``: with a comma at either end, so that a cut-off list is known for one."""
    if text is None:
        return None
    text = unescape(text)
    if len(text) < 2 or not text.startswith(",") or not text.endswith(","):
        raise GarbledError
    return frozenset(fold(vendor) for vendor in text.split(",") if vendor)


def _compare(flags: list[tuple[str, Value]], authorized: frozenset[str]) -> None:
    """Hold the two cookies against each other: what one grants, the other may not lack."""
    if any((value is Value.GRANTED) != (fold(vendor) in authorized) for vendor, value in flags):
        raise GarbledError


def _consent_mode(said: dict[str, object]) -> Signals:
    def value(signal: str) -> Value:
        stated = said.get(signal)
        if stated is not None and not isinstance(stated, str):
            raise GarbledError
        found = _MODE.get(stated)
        if found is None:
            raise GarbledError
        return found

    return Signals.of(
        value("analytics_storage"), value("ad_storage"), value("ad_user_data"), value("ad_personalization")
    )


FAMILY = Family(
    name="axeptio",
    title="Axeptio",
    cookies=(_COOKIE, _AUTHORIZED),
    also=(_ALL,),
    read=_read,
    names=COMMON,
    told="a flag for each vendor, with `$$completed:true`, and `$$googleConsentMode`, the stricter of both; time"
    " `$$date`; proof `$$token`",
    traps="`$$completed:false` and `%2C%2C`: not answered; `$$googleConsentMode` may grant while vendors were refused; a"
    " vendor in one cookie but not in the other is unreadable",
)
