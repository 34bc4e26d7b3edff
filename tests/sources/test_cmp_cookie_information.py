"""Cookie Information's cookie, as browsers send it."""

import json
from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
UID = "d3c1f1b4-2f3b-4a53-8d6f-8e5a7a1f2d11"
STATISTIC, MARKETING = "cookie_cat_statistic", "cookie_cat_marketing"


def plain(approved: list[str], denied: list[str], **changes: object) -> str:
    """Return the JSON in the cookie, with the user agent that real ones hold, too."""
    said: dict[str, object] = {
        "website_uuid": "0a1b2c3d-1111-2222-3333-444455556666",
        "timestamp": "2026-11-22T07:00:00.000Z",
        "consent_url": "https://shop.example/?a=1%202",
        "consent_website": "shop.example",
        "user_uid": UID,
        "consents_approved": ["cookie_cat_necessary", *approved],
        "consents_denied": denied,
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    }
    return json.dumps({**said, **changes}, separators=(",", ":"))


def one(text: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie, escaped."""
    return (("CookieInformationConsent", quote(text, safe="")),)


ALL, NONE = plain([STATISTIC, MARKETING], []), plain([], [STATISTIC, MARKETING])


@table(
    Sample("all accepted", one(ALL), "gggg", AT, UID),
    Sample("all refused", one(NONE), "dddd", AT, UID),
    Sample("statistics only", one(plain([STATISTIC], [MARKETING])), "gddd", AT, UID),
    Sample("marketing only", one(plain([MARKETING], [STATISTIC])), "dggg", AT, UID),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("a category that the site does not have", one(plain([STATISTIC], [])), "guuu", AT, UID),
    Sample("a category in both lists", one(plain([STATISTIC], [STATISTIC])), UNREADABLE),
    Sample("escaped twice", one(quote(ALL, safe="")), "gggg", AT, UID),
    Sample("not escaped", (("CookieInformationConsent", NONE),), "dddd", AT, UID),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample("the same twice", one(NONE) + one(NONE), "dddd", AT, UID),
    Sample("a list that is a text", one(plain([], [], consents_approved=STATISTIC)), UNREADABLE),
    Sample("a list of numbers", one(plain([], [], consents_approved=[1])), UNREADABLE),
    Sample("flags in place of lists", one(plain([], [], consents_approved={STATISTIC: True})), UNREADABLE),
    Sample("without a time", one(plain([STATISTIC], [], timestamp=None)), "guuu", None, UID),
    Sample("a time without a zone", one(plain([STATISTIC], [], timestamp="2026-11-22T07:00:00")), UNREADABLE),
    Sample(
        "a time of the last century",
        one(plain([STATISTIC], [], timestamp="1999-11-22T07:00:00Z")),
        UNREADABLE,
    ),
    Sample("decided tomorrow", one(plain([STATISTIC], [], timestamp="2026-11-24T07:00:00Z")), UNREADABLE),
    Sample("an id that cannot be one", one(plain([], [STATISTIC], user_uid="a b\n")), "duuu", AT, None),
    Sample("cut off", (("CookieInformationConsent", quote(ALL, safe="")[:-9]),), UNREADABLE),
    Sample("an empty object", one("{}"), "uuuu"),
    Sample("a list", one('["cookie_cat_statistic"]'), UNREADABLE),
    Sample("nested beyond reason", one('{"a":' * 1500 + "1" + "}" * 1500), UNREADABLE),
    Sample("a constant that JSON does not have", one('{"consents_approved":NaN}'), UNREADABLE),
)
def test_cookie_information(sample: Sample) -> None:
    """What was approved is granted, what was denied is denied, and the rest was not asked."""
    check("cookie_information", sample)
