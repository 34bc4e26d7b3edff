"""Commanders Act's cookie, as browsers send it."""

from urllib.parse import quote

from proxy.sources.cmp import name_signals
from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
NAMES = name_signals(("2",), ("3",))


def one(
    status: str, accepted: str, separator: str = "@", times: str = f"{AT},1790000000000,1811056484283"
) -> tuple[tuple[str, str], ...]:
    """Write the cookie as its script does: 0 for a yes, 1 for a no."""
    fields = (status, "023|33|251", accepted, "", times, "")
    return (("TC_PRIVACY", quote(separator.join(fields), safe="")), ("TC_PRIVACY_CENTER", quote(accepted)))


@table(
    Sample("all accepted", one("0", "1,2,3"), "gggg", AT),
    Sample("all refused", one("1", "1,2,3"), "dddd", AT),
    Sample("statistics only", one("0", "1,2"), "gddd", AT),
    Sample("another separator", one("0", "1,2", "!"), "gddd", AT),
    Sample("older, with one time and plain", (("TC_PRIVACY", f"0@041@2,22@20@{AT}@"),), "gddd", AT),
    Sample("partly escaped", (("TC_PRIVACY", f"0@004%7C1@2%2C3@1@{AT}%2C{AT}@"),), "gggg", AT),
    Sample("accepted, and run out", one("0", "2,3", times=f"{AT},{AT},1795331000000"), "uuuu"),
    Sample("the word for all", one("0", "ALL"), "uuuu"),
    Sample("nothing accepted", one("0", ""), "dddd", AT),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("twice, and they differ", one("0", "2,3") + one("1", "2,3"), UNREADABLE),
    Sample("cut off", (("TC_PRIVACY", "0%40023%7C33%7C251%401%2C2%2C3"),), UNREADABLE),
    Sample("a state that is none", one("2", "2,3"), UNREADABLE),
    Sample("a separator nobody knows", one("0", "2,3", "#"), UNREADABLE),
    Sample("a time that is none", one("0", "2,3", times="never"), UNREADABLE),
    Sample("one character", (("TC_PRIVACY", "0"),), UNREADABLE),
)
def test_commanders_act(sample: Sample) -> None:
    """The first field says yes or no the other way round than one would think."""
    check("commanders_act", sample, names=NAMES)


@table(
    Sample("accepted", one("0", "1,2,3"), "uuuu"),
    Sample("refused", one("1", "1,2,3"), "dddd", AT),
)
def test_without_names_the_categories_mean_nothing(sample: Sample) -> None:
    """Its categories are a site's own numbers, so nothing is granted before the site says which mean what."""
    check("commanders_act", sample)
