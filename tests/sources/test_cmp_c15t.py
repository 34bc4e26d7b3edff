"""c15t's cookie, as a real browser sent it."""

from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_331_721_101
ID = "sub_2VZxR7YmNpKq3WfLs8TgHd"
INFO = f"i.t:{AT},i.sid:{ID},i.mpf:4bf5122f344554c53bde2ebb8cd2b7e3"


def one(*parts: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie."""
    return (("c15t", ",".join(("c.necessary:1", *parts))),)


@table(
    Sample("all accepted", one("c.measurement:1", "c.marketing:1", INFO), "gggg", AT, ID),
    Sample("all refused: the categories are missing", one(INFO), "dddd", AT, ID),
    Sample("statistics only", one("c.measurement:1", INFO), "gddd", AT, ID),
    Sample("refused in so many words", one("c.measurement:0", "c.marketing:0", INFO), "dddd", AT, ID),
    Sample(
        "time spelt out, in seconds", one("c.measurement:1", "i.time:1795331721"), "gddd", 1_795_331_721_000
    ),
    Sample("set without a decision", one("c.measurement:1", "c.marketing:1"), "uuuu"),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("escaped", (("c15t", quote(one("c.measurement:1", INFO)[0][1], safe="")),), "gddd", AT, ID),
    Sample("cut off in a value", one("c.measurement:1", INFO, "c.marketing:"), UNREADABLE),
    Sample("cut off in a key", one("c.measurement:1", INFO, "c.mark"), UNREADABLE),
    Sample("twice, and they differ", one("c.measurement:1", INFO) + one(INFO), UNREADABLE),
    Sample("a category twice", one("c.marketing:1", "c.marketing:0", INFO), UNREADABLE),
    Sample("a state that is none", one("c.marketing:true", INFO), UNREADABLE),
    Sample("a time that is none", one("c.marketing:1", "i.t:now"), UNREADABLE),
    Sample("a time of long ago", one("c.marketing:1", "i.t:1111111111"), UNREADABLE),
    Sample("decided in the future", one("c.marketing:1", "i.t:1995331721101"), UNREADABLE),
    Sample("the JSON of an older version", (("c15t", '{"consents":{"marketing":true}}'),), UNREADABLE),
)
def test_c15t(sample: Sample) -> None:
    """What is not listed was refused, and nothing counts that nobody decided."""
    check("c15t", sample)
