"""vanilla-cookieconsent 2 and 3: ``cc_cookie``, escaped JSON that lists the accepted categories."""

from collections.abc import Mapping

from proxy.sources.cmp._family import COMMON, Answer, Family, GarbledError, Names, by_accepted
from proxy.sources.cmp._text import json_object, moment, texts, token

_COOKIE = "cc_cookie"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    said = json_object(cookies[_COOKIE])
    if "categories" not in said:
        raise GarbledError
    return Answer(
        by_accepted(texts(said["categories"]), names),
        decided_at=moment(said.get("lastConsentTimestamp") or said.get("last_consent_update")),
        expires_at=moment(said.get("expirationTime")),
        proof=token(said.get("consentId") or said.get("consent_uuid")),
    )


FAMILY = Family(
    name="vanilla_cookieconsent",
    title="vanilla-cookieconsent",
    cookies=(_COOKIE,),
    read=_read,
    names=COMMON,
    told="category names in `categories`, all else is refused; time `lastConsentTimestamp`; ends at `expirationTime`;"
    " proof `consentId`",
    traps="the cookie's name and the categories are the site's; `revision` is not compared",
)
