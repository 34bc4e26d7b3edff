"""vanilla-cookieconsent's cookie, as a real browser sent it."""

from urllib.parse import quote

from proxy.sources.cmp import name_signals
from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_331_684_282
ID = "0c1d2e3f-aaaa-4bbb-8ccc-0123456789ab"


def text(*categories: str, ends: int = 1_811_056_484_283) -> str:
    """Return the JSON in the cookie."""
    accepted = ",".join(f'"{category}"' for category in ("necessary", *categories))
    return (
        f'{{"categories":[{accepted}],"revision":0,"data":null,"consentTimestamp":"2026-10-01T07:14:44.282Z",'
        f'"consentId":"{ID}","services":{{"necessary":[],"analytics":[]}},"languageCode":"en",'
        f'"lastConsentTimestamp":"2026-11-22T07:14:44.282Z","expirationTime":{ends}}}'
    )


def one(said: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie, escaped."""
    return (("cc_cookie", quote(said, safe="")),)


ALL, NONE = text("analytics", "marketing"), text()
PAST = 1_795_000_000_000
SECOND = (
    '{"categories":["necessary","analytics"],"level":["necessary","analytics"],"revision":0,"data":null,"rfc_cookie":false,'
    f'"consent_date":"2026-10-01T07:14:44.282Z","consent_uuid":"{ID}","last_consent_update":"2026-11-22T07:14:44.282Z"}}'
)


@table(
    Sample("all accepted", one(ALL), "gggg", AT, ID),
    Sample("all refused", one(NONE), "dddd", AT, ID),
    Sample("statistics only", one(text("analytics")), "gddd", AT, ID),
    Sample("another word for it", one(text("statistics", "ads")), "gggg", AT, ID),
    Sample("a category of other use", one(text("functionality")), "dddd", AT, ID),
    Sample("version 2", one(SECOND), "gddd", AT, ID),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("accepted, and run out", one(text("analytics", "marketing", ends=PAST)), "uuuu", None, ID),
    Sample("partly accepted, and run out", one(text("analytics", ends=PAST)), "uddd", AT, ID),
    Sample("refused, and run out", one(text(ends=PAST)), "dddd", AT, ID),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample("escaped twice", one(quote(ALL, safe="")), "gggg", AT, ID),
    Sample("not escaped", (("cc_cookie", ALL),), "gggg", AT, ID),
    Sample("cut off", (("cc_cookie", quote(ALL, safe="")[:-30]),), UNREADABLE),
    Sample("without categories", one('{"revision":0}'), UNREADABLE),
    Sample("categories that are a text", one('{"categories":"analytics"}'), UNREADABLE),
    Sample("categories by flags", one('{"categories":{"analytics":true}}'), UNREADABLE),
    Sample("decided tomorrow", one(ALL.replace("2026-11-22", "2026-11-24")), UNREADABLE),
    Sample("refused tomorrow", one(NONE.replace("2026-11-22", "2026-11-24")), "dddd", None, ID),
)
def test_vanilla_cookieconsent(sample: Sample) -> None:
    """Categories that are listed were accepted, all others refused, until the cookie's own end."""
    check("vanilla_cookieconsent", sample)


def test_a_site_names_its_categories() -> None:
    """What a site did not name was not asked for, as far as we know."""
    sample = Sample("", one(text("maaling", "marketing")), "guuu", AT, ID)
    check("vanilla_cookieconsent", sample, names=name_signals(("maaling",), ()))
