"""Cookie-Script: ``CookieScriptConsent``, escaped JSON with a list in a text in it."""

from collections.abc import Mapping

import orjson

from proxy.signals import ALL_DENIED, ALL_UNKNOWN, SIGNALS, Signal, Signals, Value
from proxy.sources.cmp._family import UNANSWERED, Answer, Family, GarbledError, Names, name_signals
from proxy.sources.cmp._text import json_object, member, moment, texts, token

_COOKIE = "CookieScriptConsent"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    said = json_object(cookies[_COOKIE])
    action = said.get("action")
    accepted = _categories(said.get("categories"))
    if action == "reject":
        signals = ALL_DENIED
    elif action != "accept":
        return UNANSWERED
    elif accepted:
        signals = _signals(accepted, member(said, "googleconsentmap"), names)
    else:
        signals = ALL_UNKNOWN  # a banner without categories: of what it was a yes is not told
    refused = Value.DENIED in signals.values()
    time = moment(said.get("consenttime"))
    return Answer(signals, decided_at=None if refused else time, proof=token(said.get("key")))


def _categories(value: object) -> list[str]:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise GarbledError from None
    return texts(value)


def _signals(accepted: list[str], mapped: dict[str, object], names: Names) -> Signals:
    """Go by the site's own mapping to Consent Mode where the cookie holds one, and by the usual categories else."""
    values: list[Value] = []
    for position, signal in enumerate(SIGNALS):
        category = mapped.get(signal.value, mapped.get(Signal.AD_STORAGE.value) if position else None)
        if category is None:
            granted = any(position in names.get(name) for name in accepted)
        elif isinstance(category, str):
            granted = category in accepted
        else:
            raise GarbledError
        values.append(Value.GRANTED if granted else Value.DENIED)
    return Signals.of(values[0], values[1], values[2], values[3])


FAMILY = Family(
    name="cookie_script",
    title="Cookie-Script",
    cookies=(_COOKIE,),
    read=_read,
    names=name_signals(("performance",), ("targeting",)),
    told="`categories` with `action` `accept` or `reject`, by `googleconsentmap` if it is there, else `performance` and"
    " `targeting`; time `consenttime` if nothing is refused; proof `key`",
    traps="`categories` is JSON in a text; `accept` with an empty list does not say of what; any other `action` is no answer",
)
