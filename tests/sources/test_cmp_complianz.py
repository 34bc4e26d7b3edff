"""Complianz's cookies, as browsers send them."""

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

DONE = ("cmplz_banner-status", "dismissed")


def two(statistics: str, marketing: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the two categories among the platform's other cookies."""
    return (
        ("cmplz_consented_services", ""),
        ("cmplz_policy_id", "16"),
        ("cmplz_functional", "allow"),
        ("cmplz_marketing", marketing),
        ("cmplz_statistics", statistics),
        *more,
    )


@table(
    Sample("all accepted", two("allow", "allow", DONE), "gggg"),
    Sample("all refused", two("deny", "deny", DONE), "dddd"),
    Sample("statistics only", two("allow", "deny", DONE), "gddd"),
    Sample("no category on this site", (("cmplz_statistics", "allow"), DONE), "guuu"),
    Sample(
        "opt-out site, nothing said: yes to Complianz, nothing here",
        (DONE, ("cmplz_policy_id", "16")),
        "uuuu",
    ),
    Sample(
        "opt-out site, allowed by default",
        two("allow", "allow", DONE, ("cmplz_consenttype", "optout")),
        "uuuu",
    ),
    Sample("opt-out site, refused", two("deny", "deny", DONE, ("cmplz_consenttype", "optout")), "dddd"),
    Sample("banner still shown", two("allow", "allow", ("cmplz_banner-status", "show")), "uuuu"),
    Sample("no banner status", two("allow", "deny"), "uddd"),
    Sample("emptied", two("", "", DONE), "uuuu"),
    Sample("a word that is none", two("yes", "deny", DONE), UNREADABLE),
    Sample("cut off", two("allo", "deny", DONE), UNREADABLE),
    Sample("twice, and they differ", (*two("allow", "allow", DONE), ("cmplz_marketing", "deny")), UNREADABLE),
    Sample("the same twice", (*two("allow", "deny", DONE), ("cmplz_marketing", "deny")), "gddd"),
    Sample("another prefix is not ours to know", (("cmplz_rt_marketing", "allow"), DONE), "uuuu"),
)
def test_complianz(sample: Sample) -> None:
    """A missing cookie is never a yes, whatever it is to Complianz."""
    check("complianz", sample)
