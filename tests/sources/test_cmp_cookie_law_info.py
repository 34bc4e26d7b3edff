"""The cookies of CookieLawInfo, as browsers send them."""

from tests.support.banner_cookies import UNREADABLE, Sample, check, table


def boxes(analytics: str, advertisement: str, viewed: str | None = "yes") -> tuple[tuple[str, str], ...]:
    """Return the boxes, and the cookie that comes with an answer."""
    found = (
        ("cookielawinfo-checkbox-necessary", "yes"),
        ("cookielawinfo-checkbox-performance", "yes"),
        ("cookielawinfo-checkbox-analytics", analytics),
        ("cookielawinfo-checkbox-advertisement", advertisement),
        ("CookieLawInfoConsent", "eyJuZWNlc3NhcnkiOnRydWV9"),
    )
    return found if viewed is None else (*found, ("viewed_cookie_policy", viewed))


@table(
    Sample("all accepted", boxes("yes", "yes"), "gggg"),
    Sample("all refused", boxes("no", "no"), "dddd"),
    Sample("statistics only", boxes("yes", "no"), "gddd"),
    Sample("not answered, boxes ticked by default", boxes("yes", "yes", None), "uuuu"),
    Sample("refused as a whole, boxes still ticked", boxes("yes", "yes", "no"), "dddd"),
    Sample("answered, without boxes", (("viewed_cookie_policy", "yes"),), "uuuu"),
    Sample("refused, without boxes", (("viewed_cookie_policy", "no"),), "dddd"),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("twice, and they differ", (*boxes("yes", "yes"), ("viewed_cookie_policy", "no")), UNREADABLE),
    Sample("a word that is none", boxes("true", "no"), UNREADABLE),
    Sample("cut off", boxes("ye", "no"), UNREADABLE),
)
def test_cookie_law_info(sample: Sample) -> None:
    """The boxes count once there was an answer."""
    check("cookie_law_info", sample)
