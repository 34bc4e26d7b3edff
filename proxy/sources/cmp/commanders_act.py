"""Commanders Act (TrustCommander): ``TC_PRIVACY``, fields with ``@`` or another sign between."""

from collections.abc import Mapping

from proxy.signals import ALL_DENIED, Value
from proxy.sources.cmp._family import Answer, Family, GarbledError, Names, by_names
from proxy.sources.cmp._text import moment, unescape

_COOKIE = "TC_PRIVACY"
_OPTED_IN, _OPTED_OUT = "0", "1"
_SEPARATORS = "@!"
_ALL = "ALL"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    text = unescape(cookies[_COOKIE])
    if len(text) < 2 or text[1] not in _SEPARATORS:
        raise GarbledError
    fields = text.split(text[1])
    if len(fields) < 5 or fields[0] not in {_OPTED_IN, _OPTED_OUT}:
        raise GarbledError
    updated, _, expires = (unescape(fields[4]) + ",,").split(",")[:3]
    if fields[0] == _OPTED_OUT:
        return Answer(ALL_DENIED, decided_at=moment(updated))
    accepted = frozenset(unescape(fields[2]).split(","))
    if not names.known or _ALL in accepted:
        return Answer()
    flags = [(name, Value.GRANTED if name in accepted else Value.DENIED) for name in names.positions]
    return Answer(by_names(flags, names), decided_at=moment(updated), expires_at=moment(expires))


FAMILY = Family(
    name="commanders_act",
    title="Commanders Act",
    cookies=(_COOKIE,),
    read=_read,
    told="refusal of everything; the accepted categories, once the site has said which of its numbers mean what; time and"
    " end as in the cookie",
    traps="the first field is 0 for a yes and 1 for a no; the categories are mere numbers, so without names nothing is"
    " granted",
)
