"""IAB platforms in general (Sourcepoint, InMobi, consentmanager and others): a TC string, which is handed on."""

from collections.abc import Mapping

from proxy.sources.cmp._family import Answer, Family, GarbledError, Names
from proxy.sources.cmp._text import unescape

_TC = ("euconsent-v2", "pubtech-cmp-pcstring")
_AC = "ac_euconsent-v2"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    del names
    strings = {unescape(cookies[name]) for name in _TC if cookies.get(name)}
    if len(strings) > 1:
        raise GarbledError
    return Answer(tc_string=next(iter(strings), None), ac_string=unescape(cookies.get(_AC, "")))


FAMILY = Family(
    name="iab_tcf",
    title="IAB TCF (Sourcepoint, InMobi, consentmanager, Pubtech, ...)",
    cookies=_TC,
    also=(_AC,),
    read=_read,
    told="nothing by itself: the TC string goes to the TCF decoder",
    traps="the string exists, without consents, once the banner is shown",
)
