"""TC strings in cookies, whoever wrote them: handed on, not decoded here."""

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

TC = "CQuFeUAQuFeUAEsABAENCWFgAP_gAAAAABpwIzQBAF5gMZAZIBGYAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
REFUSED = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"


@table(
    Sample("accepted", (("euconsent-v2", TC),), "uuuu", tc_string=TC),
    Sample("refused", (("euconsent-v2", REFUSED),), "uuuu", tc_string=REFUSED),
    Sample(
        "Pubtech",
        (("pubtech-cmp-pcstring", TC), ("ac_euconsent-v2", "2~89~dv.1")),
        "uuuu",
        None,
        None,
        TC,
        "2~89~dv.1",
    ),
    Sample(
        "an escaped AC string",
        (("euconsent-v2", TC), ("ac_euconsent-v2", "2~~dv%2E1")),
        "uuuu",
        None,
        None,
        TC,
        "2~~dv.1",
    ),
    Sample("none", (("_ga", "1"),), "uuuu"),
    Sample("twice, and they differ", (("euconsent-v2", TC), ("euconsent-v2", REFUSED)), UNREADABLE),
    Sample(
        "two names, and they differ", (("euconsent-v2", TC), ("pubtech-cmp-pcstring", REFUSED)), UNREADABLE
    ),
    Sample("far too long", (("euconsent-v2", "C" * 9000),), UNREADABLE),
    Sample("a broken escape", (("euconsent-v2", "CQ%zz"),), UNREADABLE),
)
def test_iab_tcf(sample: Sample) -> None:
    """By itself the text says nothing here: it grants and refuses only once it is decoded."""
    check("iab_tcf", sample)
