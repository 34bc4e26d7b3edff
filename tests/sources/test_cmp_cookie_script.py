"""Cookie-Script's cookie, as browsers send it."""

import json
from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
ID = "369b58f2-acac-4d82-b25d-1bc1341aee25"
MAPPED = {
    "ad_storage": "targeting",
    "analytics_storage": "performance",
    "functionality_storage": "functionality",
    "security_storage": "functionality",
}


def text(action: str, *categories: str, **changes: object) -> str:
    """Return the JSON in the cookie, with a list in a text in it."""
    said: dict[str, object] = {
        "bannershown": 1,
        "action": action,
        "consenttime": AT // 1000,
        "categories": json.dumps(list(categories), separators=(",", ":")),
        "key": ID,
    }
    return json.dumps({**said, **changes}, separators=(",", ":"))


def one(said: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie, escaped."""
    return (("CookieScriptConsent", quote(said, safe="")),)


ALL = text("accept", "strict", "performance", "targeting", "functionality", "unclassified")


@table(
    Sample("all accepted", one(ALL), "gggg", AT, ID),
    Sample("all refused", one(text("reject")), "dddd", None, ID),
    Sample("statistics only", one(text("accept", "performance")), "gddd", None, ID),
    Sample("refused, whatever is listed", one(text("reject", "performance", "targeting")), "dddd", None, ID),
    Sample(
        "mapped to Consent Mode",
        one(text("accept", "unclassified", "targeting", googleconsentmap=MAPPED)),
        "dggg",
        None,
        ID,
    ),
    Sample(
        "mapped in another way",
        one(
            text(
                "accept",
                "functionality",
                "performance",
                googleconsentmap={**MAPPED, "ad_user_data": "functionality"},
            )
        ),
        "gdgd",
        None,
        ID,
    ),
    Sample("a plain list", one(text("accept", categories=["performance", "targeting"])), "gggg", AT, ID),
    Sample("accepted, but not what", one(text("accept")), "uuuu", None, ID),
    Sample("closed without an answer", one(text("close", "performance")), "uuuu"),
    Sample("no action", one('{"bannershown":1}'), "uuuu"),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("not escaped", (("CookieScriptConsent", ALL),), "gggg", AT, ID),
    Sample("escaped twice", one(quote(ALL, safe="")), "gggg", AT, ID),
    Sample("twice, and they differ", one(ALL) + one(text("reject")), UNREADABLE),
    Sample("the list cut off", one(text("accept", categories='["targeting')), UNREADABLE),
    Sample("a list of numbers", one(text("accept", categories=[1])), UNREADABLE),
    Sample(
        "mapped to a flag",
        one(text("accept", "targeting", googleconsentmap={"ad_storage": True})),
        UNREADABLE,
    ),
    Sample("cut off", (("CookieScriptConsent", quote(ALL, safe="")[:-20]),), UNREADABLE),
    Sample("decided in the future", one(ALL.replace(str(AT // 1000), "1995330800")), UNREADABLE),
)
def test_cookie_script(sample: Sample) -> None:
    """Accepting counts for the categories that are listed, and for nothing if none is."""
    check("cookie_script", sample)
