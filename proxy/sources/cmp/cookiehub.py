"""CookieHub: ``cookiehub``, JSON in base64."""

from collections.abc import Mapping

from proxy.signals import ALL_DENIED, ALL_GRANTED, Value
from proxy.sources.cmp._family import (
    Answer,
    Family,
    GarbledError,
    Names,
    by_names,
    name_signals,
    value_of,
)
from proxy.sources.cmp._text import base64_object, moment, token

_COOKIE = "cookiehub"
_TC = "euconsent-v2"
# "implict" is how it spelt it for years.
_NOT_BY_THE_VISITOR = ("preconsent", "implict", "implicit")


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    tc_string = cookies.get(_TC)
    if _COOKIE not in cookies:
        return Answer(tc_string=tc_string)
    said = base64_object(cookies[_COOKIE])
    by_itself = any(value_of(said.get(key)) is Value.GRANTED for key in _NOT_BY_THE_VISITOR)
    if value_of(said.get("answered")) is not Value.GRANTED or by_itself:
        return Answer(tc_string=tc_string)
    categories = said.get("categories")
    if not isinstance(categories, list):
        raise GarbledError
    everything = value_of(said.get("allAllowed"))
    if categories:
        signals = by_names([_category(one) for one in categories], names)
    elif everything is Value.UNKNOWN:
        raise GarbledError
    else:
        signals = ALL_GRANTED if everything is Value.GRANTED else ALL_DENIED
    return Answer(
        signals,
        decided_at=moment(said.get("timestamp")),
        proof=token(said.get("token")),
        tc_string=tc_string,
    )


def _category(one: object) -> tuple[str, Value]:
    if not isinstance(one, dict):
        raise GarbledError
    name = one.get("id")
    if not isinstance(name, str) or value_of(one.get("preconsent")) is Value.GRANTED:
        return "", Value.UNKNOWN
    return name, value_of(one.get("value"))


FAMILY = Family(
    name="cookiehub",
    title="CookieHub",
    cookies=(_COOKIE,),
    also=(_TC,),
    read=_read,
    names=name_signals(("analytics",), ("marketing",)),
    told="`categories` with `answered:true`, or `allAllowed` where the list is empty; time `timestamp`; proof `token`; TC"
    " string `euconsent-v2`",
    traps="`implict` (its own spelling), `implicit`, `preconsent`: granted by the region, not by the visitor",
)
