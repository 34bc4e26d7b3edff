"""Cookiebot's cookie, as browsers send it."""

from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

STAMP = "G+6rYDfrzwrZItFRfHCbe8iQIFLhMDCgjBS+/Oq/gZe0Lovh65ODgg=="
AT = 1_795_330_800_000
TC = "CP5jqEAP5jqEACGABBENAmEgAAAAAAAAAAAAAAAAAAAA.YAAAAAAAAAAA"


def cookie(statistics: str, marketing: str, rest: str = f"method:%27explicit%27%2Cver:1%2Cutc:{AT}") -> str:
    """Write the cookie as Cookiebot's script does: quotes and commas escaped, the rest plain."""
    return (
        f"{{stamp:%27{STAMP}%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:{statistics}"
        f"%2Cmarketing:{marketing}%2C{rest}%2Cregion:%27no%27}}"
    )


def one(value: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie among others."""
    return (("_ga", "GA1.1.1.1"), ("CookieConsent", value), ("lang", "no"))


ALL = cookie("true", "true")
NONE = cookie("false", "false")
IMPLIED = f"method:%27implied%27%2Cver:1%2Cutc:{AT}"
WITH_TC = f"method:%27explicit%27%2Cver:1%2Cutc:{AT}%2Ciab2:%27{TC}%27%2Cgacm:%272~~dv.1.2%27"


@table(
    Sample("all accepted", one(ALL), "gggg", AT, STAMP),
    Sample("all refused", one(NONE), "dddd", AT, STAMP),
    Sample("statistics only", one(cookie("true", "false")), "gddd", AT, STAMP),
    Sample("marketing only", one(cookie("false", "true")), "dggg", AT, STAMP),
    Sample("no cookie: not answered", (("_ga", "GA1.1.1.1"),), "uuuu"),
    Sample("an emptied cookie", one(""), "uuuu"),
    Sample("implied by scrolling", one(cookie("true", "true", IMPLIED)), "uuuu"),
    Sample(
        "a region where nobody is asked",
        one(cookie("true", "true", IMPLIED).replace(STAMP, "-1")),
        "uuuu",
    ),
    Sample("explicit, but with the stamp of nobody asked", one(ALL.replace(STAMP, "-1")), "uuuu"),
    Sample("a placeholder", one(ALL.replace(STAMP, "0")), "uuuu"),
    Sample("the bare value of nobody asked", one("-1"), "uuuu"),
    Sample("the bare placeholder", one("0"), "uuuu"),
    Sample("another bare value", one("-2"), UNREADABLE),
    Sample("before 2023, accepted", one(cookie("true", "true", f"ver:1%2Cutc:{AT}")), "uuuu", None, STAMP),
    Sample("before 2023, refused", one(cookie("false", "false", f"ver:1%2Cutc:{AT}")), "dddd", AT, STAMP),
    Sample("without a time", one(cookie("true", "true", "method:%27explicit%27")), "gggg", None, STAMP),
    Sample(
        "with a TC string",
        one(cookie("true", "false", WITH_TC)),
        "gddd",
        AT,
        STAMP,
        TC,
        "2~~dv.1.2",
    ),
    Sample("escaped throughout", one(quote(cookie("true", "false"), safe="")), "gddd", AT, STAMP),
    Sample("in quotes", one(f'"{NONE}"'), "dddd", AT, STAMP),
    Sample("escaped three times", one(quote(quote(quote(ALL, safe=""), safe=""), safe="")), UNREADABLE),
    Sample("the same twice", one(ALL) + one(ALL), "gggg", AT, STAMP),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample("twice, and they differ, refusal first", one(NONE) + one(ALL), UNREADABLE),
    Sample("a flag that is a text", one(cookie("%27true%27", "true")), UNREADABLE),
    Sample("a flag that is a number", one(cookie("1", "1")), UNREADABLE),
    Sample("a flag in capitals", one(cookie("TRUE", "true")), UNREADABLE),
    Sample("a method nobody knows", one(ALL.replace("explicit", "magic")), UNREADABLE),
    Sample("a key twice", one(NONE.replace("%2Cregion", "%2Cmarketing:true%2Cregion")), UNREADABLE),
    Sample("a time that is none", one(ALL.replace(f"utc:{AT}", "utc:%27soon%27")), UNREADABLE),
    Sample("decided in the future", one(ALL.replace(str(AT), "1995330800000")), UNREADABLE),
    Sample("refused in the future", one(NONE.replace(str(AT), "1995330800000")), "dddd", None, STAMP),
    Sample("cut off", one(ALL[: len(ALL) // 2]), UNREADABLE),
    Sample("without its end", one(ALL[:-1]), UNREADABLE),
    Sample("something else of that name", one("yes"), UNREADABLE),
    Sample("a JSON of someone's own", one('{"statistics":true,"marketing":true}'), UNREADABLE),
    Sample("a category missing", one(ALL.replace("marketing:true%2C", "")), "guuu", AT, STAMP),
    Sample("a broken escape", one(ALL.replace("%27no%27", "%2Zno%27")), UNREADABLE),
    Sample("bytes that are not UTF-8", one(ALL.replace("%27no%27", "%27%FF%27")), UNREADABLE),
    Sample("far too long", one(ALL.replace("no%27}", "n" * 9000 + "%27}")), UNREADABLE),
)
def test_cookiebot(sample: Sample) -> None:
    """Only an explicit answer counts, and never more than it says."""
    check("cookiebot", sample)
