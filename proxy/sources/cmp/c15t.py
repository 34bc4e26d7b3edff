"""c15t 2: ``c15t``, a list of ``key:value`` in which refused categories are simply missing."""

from collections.abc import Mapping

from proxy.signals import Value
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

_COOKIE = "c15t"
_STATE = {"1": Value.GRANTED, "0": Value.DENIED}


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    said: dict[str, str] = {}
    for part in unescape(cookies[_COOKIE]).split(","):
        key, colon, value = part.partition(":")
        if not colon or said.setdefault(key, value) != value:
            raise GarbledError
    if not any(key.startswith(("c.", "i.")) for key in said):
        raise GarbledError
    flags = [(name, Value.DENIED) for name in names.positions if f"c.{name}" not in said]
    flags += [(key[2:], _value(value)) for key, value in said.items() if key.startswith("c.")]
    signals = by_names(flags, names)
    time = moment(said.get("i.t") or said.get("i.time"))
    if time is None:
        signals = without_grants(signals)  # set without a decision, as where nobody is asked
    return Answer(signals, decided_at=time, proof=token(said.get("i.sid")))


def _value(text: str) -> Value:
    value = _STATE.get(text)
    if value is None:
        raise GarbledError
    return value


FAMILY = Family(
    name="c15t",
    title="c15t",
    cookies=(_COOKIE,),
    read=_read,
    names=name_signals(("measurement",), ("marketing",)),
    told="`c.measurement:1`, `c.marketing:1`; time `i.t`; proof `i.sid`",
    traps="a missing category is a refused one; without a time nothing is granted",
)
