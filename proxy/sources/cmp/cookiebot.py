"""Cookiebot: ``CookieConsent``, a JavaScript object literal, percent-escaped in part."""

from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import (
    UNANSWERED,
    Answer,
    Family,
    GarbledError,
    Names,
    two,
    value_of,
    without_grants,
)
from proxy.sources.cmp._text import moment, token, unescape

_COOKIE = "CookieConsent"
# The cookie of a visitor who was not asked at all, in a region where the site asks nobody.
_NOT_ASKED = frozenset({"-1", "0"})
_FLAGS: dict[str | None, bool | None] = {"true": True, "false": False, None: None}


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    del names  # the categories are Cookiebot's own
    raw = cookies[_COOKIE]
    if raw in _NOT_ASKED:
        return UNANSWERED
    text = unescape(unescape(raw))  # once by the script itself, once more by some sites
    if not (text.startswith("{") and text.endswith("}")):
        raise GarbledError
    said: dict[str, str] = {}
    for pair in text[1:-1].split(","):  # none of its texts has a comma in it
        key, _, value = pair.partition(":")
        if not _is_literal(value) or said.setdefault(key, value) != value:
            raise GarbledError
    stamp = _quoted(said, "stamp")
    method = _quoted(said, "method")
    if stamp is None:
        raise GarbledError
    if stamp in _NOT_ASKED or method == "implied":
        return UNANSWERED
    signals = two(_flag(said, "statistics"), _flag(said, "marketing"))
    if method is None:
        signals = without_grants(signals)  # before 2023 it was not told how a grant came about
    elif method != "explicit":
        raise GarbledError
    time = said.get("utc")
    return Answer(
        signals,
        decided_at=moment(time),
        proof=token(stamp),
        tc_string=_quoted(said, "iab2"),
        ac_string=_quoted(said, "gacm"),
    )


def _is_literal(value: str) -> bool:
    if value in _FLAGS:
        return True
    if value.startswith("'"):
        return value.endswith("'") and value.count("'") == 2
    return value.isdigit() and value.isascii()


def _quoted(said: dict[str, str], key: str) -> str | None:
    text = said.get(key)
    if text is None:
        return None
    if not text.startswith("'"):
        raise GarbledError
    return text[1:-1]


def _flag(said: dict[str, str], key: str) -> Value:
    text = said.get(key)
    if text not in _FLAGS:
        raise GarbledError
    return value_of(_FLAGS[text])


FAMILY = Family(
    name="cookiebot",
    title="Cookiebot",
    cookies=(_COOKIE,),
    read=_read,
    told="`statistics`, `marketing`, with `method:'explicit'`; time `utc`; proof `stamp`; TC string `iab2`",
    traps="`method:'implied'`, stamp `-1` or `0`, or the bare value `-1`: nobody asked, so nothing is said. Without"
    " `method` (before 2023) only refusals count",
)
