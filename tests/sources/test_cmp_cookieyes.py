"""CookieYes's cookie, as browsers send it."""

from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

ID = "WkFhSjJ6ZlFhSjJ6ZlFhSjJ6ZlE"


def one(
    analytics: str, advertisement: str, action: str = "yes", consent: str = "yes"
) -> tuple[tuple[str, str], ...]:
    """Write the cookie as CookieYes's script does."""
    value = (
        f"consentid:{ID},consent:{consent},action:{action},necessary:yes,functional:yes,analytics:{analytics},"
        f"performance:yes,advertisement:{advertisement},other:no,lastRenewedDate:1735638453000"
    )
    return (("cookieyes-consent", value),)


NEW = (
    (
        "cookieyes-consent",
        f"consentid:{ID},consent:,action:,necessary:,functional:,analytics:,performance:,advertisement:",
    ),
)


@table(
    Sample("all accepted", one("yes", "yes"), "gggg", None, ID),
    Sample("all refused", one("no", "no", consent="no"), "dddd", None, ID),
    Sample("statistics only", one("yes", "no"), "gddd", None, ID),
    Sample("not answered", NEW, "uuuu"),
    Sample("defaults that nobody touched", one("yes", "yes", action="no"), "uuuu"),
    Sample(
        "refused where the consent token is turned round", one("no", "no", consent="yes"), "dddd", None, ID
    ),
    Sample(
        "accepted where the consent token is turned round", one("yes", "yes", consent="no"), "gggg", None, ID
    ),
    Sample("escaped", (("cookieyes-consent", quote(one("yes", "no")[0][1], safe="")),), "gddd", None, ID),
    Sample("twice, and they differ", one("yes", "yes") + one("no", "no"), UNREADABLE),
    Sample(
        "cut off in a value",
        (("cookieyes-consent", one("yes", "no")[0][1].split("s,performance")[0]),),
        UNREADABLE,
    ),
    Sample(
        "cut off in a key", (("cookieyes-consent", one("yes", "no")[0][1].split("isement:")[0]),), UNREADABLE
    ),
    Sample(
        "cut off between",
        (("cookieyes-consent", one("yes", "yes")[0][1].split(",performance")[0]),),
        "guuu",
        None,
        ID,
    ),
    Sample("a word that is none", one("true", "true"), UNREADABLE),
    Sample("an action that is none", one("yes", "yes", action="maybe"), UNREADABLE),
    Sample(
        "a category twice", (("cookieyes-consent", one("no", "no")[0][1] + ",analytics:yes"),), UNREADABLE
    ),
    Sample("without an action", (("cookieyes-consent", "analytics:yes,advertisement:yes"),), UNREADABLE),
)
def test_cookieyes(sample: Sample) -> None:
    """The categories count once the visitor acted; the token named consent never does."""
    check("cookieyes", sample)
