"""tarteaucitron: ``tarteaucitron``, ``!service=true!service=wait!service=false``."""

from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import Answer, Family, GarbledError, Names, by_names, name_signals, names_of
from proxy.sources.cmp._text import unescape

_COOKIE = "tarteaucitron"
_STATE = {"true": Value.GRANTED, "false": Value.DENIED, "wait": Value.UNKNOWN}
# Its own services for Google Consent Mode, each of which is one signal.
_CONSENT_MODE = names_of(
    {"gcmanalyticsstorage": (0,), "gcmadstorage": (1,), "gcmadsuserdata": (2,), "gcmpersonalization": (3,)}
)


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    text = unescape(cookies[_COOKIE])
    if not text:
        return Answer()
    head, *parts = text.split("!")
    if head or not parts:
        raise GarbledError
    flags: dict[str, Value] = {}
    for part in parts:
        service, _, state = part.partition("=")
        value = _STATE.get(state)
        if value is None or not service or flags.setdefault(service, value) is not value:
            raise GarbledError
    return Answer(by_names(flags.items(), names))


FAMILY = Family(
    name="tarteaucitron",
    title="tarteaucitron",
    cookies=(_COOKIE,),
    read=_read,
    names=_CONSENT_MODE
    | name_signals(
        statistics=("gtag", "multiplegtag", "analytics", "multipleanalytics", "gajs", "googleanalytics"),
        marketing=(
            "googleads",
            "googleadwordsconversion",
            "googleadwordsremarketing",
            "facebookpixel",
            "bingads",
            "linkedininsighttag",
        ),
    ),
    told="a flag for each service, its own for Google Consent Mode among them; no time",
    traps="written at the first load with `=wait`: not answered; a signal is granted only if every service that stands for"
    " it is; with `highPrivacy` off, scrolling on counts as a yes there, which its cookie does not tell",
)
