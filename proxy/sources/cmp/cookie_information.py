"""Cookie Information: ``CookieInformationConsent``, escaped JSON. It also holds the full user agent, which is not read."""

from collections.abc import Mapping

from proxy.signals import Value
from proxy.sources.cmp._family import Answer, Family, GarbledError, Names, two
from proxy.sources.cmp._text import json_object, moment, texts, token

_COOKIE = "CookieInformationConsent"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    del names  # the categories are Cookie Information's own
    said = json_object(cookies[_COOKIE])
    approved, denied = texts(said.get("consents_approved")), texts(said.get("consents_denied"))
    signals = two(
        _value("cookie_cat_statistic", approved, denied), _value("cookie_cat_marketing", approved, denied)
    )
    return Answer(signals, decided_at=moment(said.get("timestamp")), proof=token(said.get("user_uid")))


def _value(category: str, approved: list[str], denied: list[str]) -> Value:
    if category in denied:
        if category in approved:
            raise GarbledError
        return Value.DENIED
    return Value.GRANTED if category in approved else Value.UNKNOWN


FAMILY = Family(
    name="cookie_information",
    title="Cookie Information",
    cookies=(_COOKIE,),
    read=_read,
    told="`cookie_cat_statistic` and `cookie_cat_marketing` in `consents_approved` or `consents_denied`; time"
    " `timestamp`; proof `user_uid`",
    traps="a category in both lists is unreadable; one in neither was not asked for",
)
