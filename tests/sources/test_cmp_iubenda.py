"""iubenda's cookie, as browsers send it."""

from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
TC = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
WHEN = '"timestamp":"2026-11-22T07:00:00.000Z","version":"1.108.0"'


def one(said: str, name: str = "_iub_cs-7654321") -> tuple[tuple[str, str], ...]:
    """Return the cookie, escaped, with the one that tells more of each purpose."""
    return ((name, quote(f"{{{WHEN},{said}}}", safe="")), (f"{name}-granular", "%7B%22gac%22%3A%22%22%7D"))


def purposes(measurement: str, marketing: str) -> str:
    """Return the purposes as iubenda writes them."""
    return f'"purposes":{{"1":true,"2":true,"3":false,"4":{measurement},"5":{marketing}}},"id":7654321,"cons":{{"rand":"157518"}}'


ALL, NONE = purposes("true", "true"), purposes("false", "false")


@table(
    Sample("all accepted", one(ALL), "gggg", AT),
    Sample("all refused", one(NONE), "dddd", AT),
    Sample("statistics only", one(purposes("true", "false")), "gddd", AT),
    Sample("no marketing on this site", one('"purposes":{"1":true,"3":true,"4":true}'), "guuu", AT),
    Sample("nothing but the necessary on this site", one('"purposes":{"1":true}'), "uuuu"),
    Sample("not answered", (("_iub_cs-90483436", "%7B%22id%22%3A90483436%7D"),), "uuuu"),
    Sample("the older form, which scrolling could set", one('"consent":true'), "uuuu"),
    Sample("the older form, refused", one('"consent":false'), "dddd", AT),
    Sample("another form of site id", one(purposes("true", "false"), "_iub_cs-s3045230"), "gddd", AT),
    Sample("with a TC string", (*one(NONE), ("euconsent-v2", TC)), "dddd", AT, None, TC),
    Sample("two site ids that differ", one(ALL) + one(NONE, "_iub_cs-1111111"), UNREADABLE),
    Sample("two site ids that agree", one(NONE) + one(NONE, "_iub_cs-1111111"), "dddd", AT),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample("escaped twice", (("_iub_cs-7654321", quote(one(ALL)[0][1], safe="")),), "gggg", AT),
    Sample("a flag that is a text", one(purposes('"true"', "false")), UNREADABLE),
    Sample("a flag that is a number", one(purposes("1", "0")), UNREADABLE),
    Sample("purposes that are a list", one('"purposes":[1,4,5]'), UNREADABLE),
    Sample("cut off", (("_iub_cs-7654321", one(ALL)[0][1][:-20]),), UNREADABLE),
    Sample("a time that is none", (("_iub_cs-7654321", one(ALL)[0][1].replace("2026", "soon")),), UNREADABLE),
    Sample("only the cookie of another law", (("_iub_cs-90483436-uspr", "%7B%22s%22%3Atrue%7D"),), "uuuu"),
)
def test_iubenda(sample: Sample) -> None:
    """Purposes 4 and 5 count; the older single flag can only refuse."""
    check("iubenda", sample)
