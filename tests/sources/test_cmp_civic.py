"""Civic's cookie, as browsers send it."""

import json
from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

NEW, OLD = 1_795_330_800_000, 1_787_000_000_000
ID = "36975655-254F-4D28-A8D2-A168675D07E9"
TC = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"


def text(optional: object, **changes: object) -> str:
    """Return the JSON in the cookie."""
    said: dict[str, object] = {
        "necessaryCookies": ["UMB*", "ARRAffinity"],
        "optionalCookies": optional,
        "statement": {"shown": True, "updated": "01/01/2021"},
        "consentDate": NEW,
        "consentExpiry": 90,
        "interactedWith": True,
        "user": ID,
    }
    return json.dumps({**said, **changes}, separators=(",", ":"))


def one(said: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie, plain as it usually is."""
    return (("CookieControl", said),)


ALL = text({"analytics": "accepted", "Marketing": "accepted"})
NONE = text({"analytics": "revoked", "Marketing": "revoked"})
PARTLY = {"analytics": "accepted", "Marketing": "revoked"}


@table(
    Sample("all accepted", one(ALL), "gggg", None, ID),
    Sample("all refused", one(NONE), "dddd", None, ID),
    Sample("statistics only", one(text(PARTLY)), "gddd", None, ID),
    Sample(
        "two words for statistics, one refused",
        one(text({"analytics": "accepted", "performance": "revoked"})),
        "duuu",
        None,
        ID,
    ),
    Sample(
        "legitimate interest is no answer",
        one(text({"performance": "legitimate interest"})),
        "uuuu",
        None,
        ID,
    ),
    Sample("not answered", one(text(PARTLY, interactedWith=False)), "uuuu"),
    Sample("nothing to choose", one(text({})), "uuuu", None, ID),
    Sample("accepted, and run out", one(text({"analytics": "accepted"}, consentDate=OLD)), "uuuu", None, ID),
    Sample("partly accepted, and run out", one(text(PARTLY, consentDate=OLD)), "uddd", None, ID),
    Sample("with a TC string in it", one(text(None, iabConsent=TC)), "uuuu", None, ID, TC),
    Sample("with a TC string beside it", (*one(ALL), ("CookieControlTC", TC)), "gggg", None, ID, TC),
    Sample(
        "two TC strings that differ", (*one(text({}, iabConsent=TC)), ("CookieControlTC", "CQ")), UNREADABLE
    ),
    Sample("escaped", one(quote(ALL, safe="")), "gggg", None, ID),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample("cut off", one(ALL[:-9]), UNREADABLE),
    Sample("quotes of another kind", one(ALL.replace('"', "'")), UNREADABLE),
    Sample("flags in place of words", one(text({"analytics": True})), UNREADABLE),
    Sample("an answer that is a text", one(text(PARTLY, interactedWith="true")), UNREADABLE),
    Sample("an end that is none", one(text(PARTLY, consentExpiry="90")), UNREADABLE),
    Sample("an end in a thousand years", one(text(PARTLY, consentExpiry=365_000)), UNREADABLE),
)
def test_civic(sample: Sample) -> None:
    """Accepted and revoked count once the visitor acted, until the time the cookie gives itself."""
    check("civic", sample)
