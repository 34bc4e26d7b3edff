"""iubenda: ``_iub_cs-<site id>``, escaped JSON."""

import re
from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import UNANSWERED, Answer, Family, GarbledError, Names, two, value_of
from proxy.sources.cmp._text import json_object, member, moment

_PREFIX = "_iub_cs-"
_TC = "euconsent-v2"
# Not those with a suffix: -granular, -uspr.
_NAME = re.compile(r"_iub_cs-s?[0-9]+")
_STATISTICS, _MARKETING = "4", "5"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    del names  # the purposes are iubenda's own
    tc_string = cookies.get(_TC)
    answers = {_answer(raw) for name, raw in cookies.items() if _NAME.fullmatch(name)}
    if len(answers) > 1:
        raise GarbledError  # of two sites, or of one before and after a change: no telling which holds
    answer = next(iter(answers), UNANSWERED)
    return Answer(answer.signals, decided_at=answer.decided_at, tc_string=tc_string)


def _answer(raw: str) -> Answer:
    said = json_object(raw)
    purposes = member(said, "purposes")
    if not purposes:
        # The older form has one flag for all. Scrolling on could set it, so it can refuse but not grant.
        everything = value_of(said.get("consent"))
        if everything is not Value.DENIED:
            return UNANSWERED
        return Answer(two(Value.DENIED, Value.DENIED), decided_at=moment(said.get("timestamp")))
    signals = two(value_of(purposes.get(_STATISTICS)), value_of(purposes.get(_MARKETING)))
    return Answer(signals, decided_at=moment(said.get("timestamp")))


FAMILY = Family(
    name="iubenda",
    title="iubenda",
    cookies=(),
    prefixes=(_PREFIX,),
    also=(_TC,),
    read=_read,
    told="`purposes`: 4 measurement, 5 marketing; time `timestamp`; TC string `euconsent-v2`",
    traps="purpose 1 is always true; the older `consent:true` could come from scrolling and grants nothing; two site ids"
    " that differ are unreadable",
)
