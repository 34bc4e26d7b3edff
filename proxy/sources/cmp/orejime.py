"""Orejime 3: ``eu-consent``, JSON of one flag per purpose, with only quotes and commas escaped."""

from collections.abc import Mapping

from proxy.sources.cmp._family import COMMON, Answer, Family, Names, by_names, value_of
from proxy.sources.cmp._text import json_object

_COOKIE = "eu-consent"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    said = json_object(cookies[_COOKIE])
    return Answer(by_names([(purpose, value_of(flag)) for purpose, flag in said.items()], names))


FAMILY = Family(
    name="orejime",
    title="Orejime",
    cookies=(_COOKIE,),
    read=_read,
    names=COMMON,
    told="a flag for each purpose, by the site's own names; no time",
    traps="`SameSite=Strict`, which the site's own host gets all the same",
)
