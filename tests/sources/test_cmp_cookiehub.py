"""CookieHub's cookie, as browsers send it."""

import base64
import json
from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
ID = "Ej7aDoGgklKmZTHEYMlPLMRsZg8UFcHMfCqnP87U7IhJfvacndNF10YKPtXqr1rW"
TC = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"


def raw(**changes: object) -> str:
    """Write the cookie as CookieHub's script does, of somebody who refused everything if nothing is changed."""
    said: dict[str, object] = {
        "answered": True,
        "revision": 1,
        "dnt": False,
        "allowSale": True,
        "implict": False,
        "region": "G0",
        "token": ID,
        "timestamp": "2026-11-22T07:00:00.000Z",
        "allAllowed": False,
        "categories": [],
        "vendors": [],
        "services": [],
    }
    return base64.b64encode(json.dumps({**said, **changes}, separators=(",", ":")).encode()).decode()


def one(**changes: object) -> tuple[tuple[str, str], ...]:
    """Return the cookie."""
    return (("cookiehub", raw(**changes)),)


def categories(analytics: object, marketing: object, **more: object) -> list[dict[str, object]]:
    """Return the list of categories of somebody who chose."""
    return [
        {"cid": 1, "id": "necessary", "value": True, "preconsent": False, "fired": True},
        {"cid": 3, "id": "analytics", "value": analytics, **more},
        {"cid": 4, "id": "marketing", "value": marketing},
    ]


@table(
    Sample("all accepted", one(allAllowed=True), "gggg", AT, ID),
    Sample("all refused", one(), "dddd", AT, ID),
    Sample("statistics only", one(categories=categories(True, False)), "gddd", AT, ID),
    Sample("all refused, by category", one(categories=categories(False, False)), "dddd", AT, ID),
    Sample("not answered, granted by region", one(answered=False, implict=True, allAllowed=True), "uuuu"),
    Sample("answered, and yet granted by region", one(implict=True, allAllowed=True), "uuuu"),
    Sample("granted by region, in the newer spelling", one(implicit=True, allAllowed=True), "uuuu"),
    Sample("granted beforehand", one(preconsent=True, categories=categories(True, True)), "uuuu"),
    Sample(
        "one category granted beforehand",
        one(categories=categories(True, True, preconsent=True)),
        "uggg",
        AT,
        ID,
    ),
    Sample("not answered", one(answered=False), "uuuu"),
    Sample("older, without a time", one(timestamp=None, categories=categories(True, True)), "gggg", None, ID),
    Sample("with a TC string", (*one(), ("euconsent-v2", TC)), "dddd", AT, ID, TC),
    Sample("padding escaped", (("cookiehub", quote(raw(allAllowed=True), safe="")),), "gggg", AT, ID),
    Sample("twice, and they differ", one(allAllowed=True) + one(), UNREADABLE),
    Sample("cut off", (("cookiehub", raw(allAllowed=True)[:-30]),), UNREADABLE),
    Sample("a flag that is a text", one(allAllowed="true"), UNREADABLE),
    Sample("an answer that is a number", one(answered=1, allAllowed=True), UNREADABLE),
    Sample("categories by number", one(categories=[1, 3]), UNREADABLE),
    Sample("nothing told of anything", one(allAllowed=None), UNREADABLE),
    Sample("decided tomorrow", one(allAllowed=True, timestamp="2026-11-24T07:00:00Z"), UNREADABLE),
)
def test_cookiehub(sample: Sample) -> None:
    """What a region was given beforehand is not a visitor's answer."""
    check("cookiehub", sample)
