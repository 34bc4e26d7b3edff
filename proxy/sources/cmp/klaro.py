"""Klaro: ``klaro``, escaped JSON of one flag per service."""

from collections.abc import Mapping

from proxy.sources.cmp._family import COMMON, Answer, Family, Names, by_names, value_of
from proxy.sources.cmp._text import json_object

_COOKIE = "klaro"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    said = json_object(cookies[_COOKIE])
    return Answer(by_names([(service, value_of(flag)) for service, flag in said.items()], names))


FAMILY = Family(
    name="klaro",
    title="Klaro",
    cookies=(_COOKIE,),
    read=_read,
    names=COMMON,
    told="a flag for each service, by the site's own names; no time",
    traps="services, not purposes: a signal is granted only if every service that stands for it is",
)
