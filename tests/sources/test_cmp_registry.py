"""Which cookies are read for which site, and what several platforms come to together."""

import json
from urllib.parse import quote

import pytest

from proxy.signals import ALL_DENIED, ALL_GRANTED, ALL_UNKNOWN, Signals
from proxy.sources.cmp import AUTO, CHOICES, FAMILIES, NONE, Reading, name_signals, read_cookies
from proxy.sources.said import GARBLED, SILENT, Said
from tests.support.banner_cookies import NOW_MS

AT = 1_795_330_800_000
KLARO_ALL = ("klaro", '{"analytics":true,"marketing":true}')
KLARO_NONE = ("klaro", '{"analytics":false,"marketing":false}')
C15T_ALL = ("c15t", f"c.measurement:1,c.marketing:1,i.t:{AT},i.sid:sub_1")
C15T_STATISTICS = ("c15t", f"c.measurement:1,i.t:{AT},i.sid:sub_1")
OREJIME_WAITING = ("tarteaucitron", "!gtag=wait")
IUBENDA = ("_iub_cs-1234567", quote('{"timestamp":"2026-11-22T08:00:00Z","purposes":{"4":true,"5":true}}'))
TC = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
OTHERS = [("_ga", "GA1.1.1.1"), ("session", "x"), ("lang", "no")]


def test_every_family_is_found_by_its_module() -> None:
    """Nobody lists the families; a module is enough."""
    names = [family.name for family in FAMILIES]
    assert names == sorted(names)
    assert {"cookiebot", "cookie_information", "onetrust", "klaro", "iab_tcf"} <= set(names)
    assert (AUTO, NONE, *names) == CHOICES
    assert len(set(CHOICES)) == len(CHOICES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_says_what_it_reads_and_what_its_traps_are(family: object) -> None:
    """The documentation is written from the families."""
    for text in ("title", "told", "traps"):
        assert getattr(family, text)


def test_no_two_platforms_are_shown_by_one_cookie() -> None:
    """With auto a cookie shows one platform; a TC string may be read by several."""
    shown = [cookie for family in FAMILIES for cookie in family.cookies]
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize("which", [choice for choice in CHOICES if choice != NONE])
def test_without_its_cookies_a_platform_says_nothing(which: str) -> None:
    """Absence is never a yes, whatever it is to the platform."""
    assert read_cookies(which, [], NOW_MS) == Reading(SILENT)
    assert read_cookies(which, OTHERS, NOW_MS) == Reading(SILENT)


def test_none_reads_nothing() -> None:
    """A site without a platform has no cookie of its read."""
    assert read_cookies(NONE, [KLARO_ALL], NOW_MS) == Reading(SILENT)


def test_a_platform_that_does_not_exist_is_a_mistake_in_the_program() -> None:
    """The configuration allows only what is there."""
    with pytest.raises(KeyError):
        read_cookies("usercentrics", [KLARO_ALL], NOW_MS)


def test_a_site_reads_only_the_platform_it_names() -> None:
    """Leftovers of another platform have no say."""
    reading = read_cookies("c15t", [KLARO_NONE, C15T_ALL, *OTHERS], NOW_MS)
    assert reading == Reading(Said(ALL_GRANTED, AT), "c15t", "sub_1")


@pytest.mark.parametrize("cookie", [KLARO_ALL, C15T_ALL, IUBENDA], ids=lambda cookie: str(cookie[0]))
def test_auto_reads_whichever_platform_is_there(cookie: tuple[str, str]) -> None:
    """By its exact name or by the beginning of it."""
    assert read_cookies(AUTO, [*OTHERS, cookie], NOW_MS).said.signals is ALL_GRANTED


def test_two_platforms_that_agree_keep_the_newest_time() -> None:
    """Both are named."""
    reading = read_cookies(AUTO, [IUBENDA, C15T_ALL], NOW_MS)
    assert reading == Reading(Said(ALL_GRANTED, AT + 3_600_000), "c15t/iubenda")


def test_two_platforms_that_disagree_come_to_the_stricter_without_a_time() -> None:
    """Without a time it can only fill in or lower, so an old grant cannot overrule anything."""
    reading = read_cookies(AUTO, [C15T_STATISTICS, IUBENDA], NOW_MS)
    assert reading == Reading(Said(Signals.from_code("gddd"), None), "c15t/iubenda")
    assert read_cookies(AUTO, [KLARO_NONE, C15T_ALL], NOW_MS).said == Said(ALL_DENIED, None)


def test_agreement_without_a_time_has_none() -> None:
    """A time of one platform does not vouch for the other's decision."""
    assert read_cookies(AUTO, [KLARO_ALL, C15T_ALL], NOW_MS).said == Said(ALL_GRANTED, None)


def test_a_platform_that_waits_for_an_answer_has_no_say() -> None:
    """The other's answer stands as it is, with its time and its proof; both are named."""
    reading = read_cookies(AUTO, [OREJIME_WAITING, C15T_STATISTICS], NOW_MS)
    assert reading == Reading(Said(Signals.from_code("gddd"), AT), "c15t/tarteaucitron", "sub_1")


def test_with_auto_one_garbled_platform_lets_nothing_be_granted() -> None:
    """It may be the one that holds."""
    assert read_cookies(AUTO, [("klaro", "{"), C15T_ALL], NOW_MS) == Reading(GARBLED, "c15t/klaro")


def test_several_silent_platforms_are_silent() -> None:
    """An unanswered banner and a TC string that was not decoded yet."""
    reading = read_cookies(AUTO, [OREJIME_WAITING, ("euconsent-v2", TC)], NOW_MS)
    assert reading.said is SILENT
    assert reading.tc_string == TC


def test_two_tc_strings_that_differ_are_unreadable() -> None:
    """There is no telling which is the visitor's."""
    cookies = [
        ("euconsent-v2", TC),
        ("CookieControl", json.dumps({"interactedWith": True, "iabConsent": "CQ"})),
    ]
    assert read_cookies(AUTO, cookies, NOW_MS) == Reading(GARBLED, "civic/iab_tcf")


def test_names_of_the_site_replace_the_usual_ones() -> None:
    """What the site calls statistics is what counts."""
    names = name_signals(("Web Stats",), ())
    reading = read_cookies("klaro", [("klaro", '{"web_stats":true,"marketing":true}')], NOW_MS, names=names)
    assert reading.said.signals.code() == "guuu"


def test_nothing_of_a_cookie_shows_in_a_reading() -> None:
    """Proofs and strings name a visitor; they are kept out of logs and errors."""
    shown = repr(read_cookies(AUTO, [C15T_ALL, ("euconsent-v2", TC)], NOW_MS))
    assert "sub_1" not in shown
    assert TC not in shown


def test_a_cookie_that_cannot_be_understood_is_silent_about_itself() -> None:
    """Neither its value nor its proof is in the reading."""
    reading = read_cookies("klaro", [("klaro", '{"user":"kari@example.no"}')], NOW_MS)
    assert reading == Reading(GARBLED, "klaro")
    assert ALL_UNKNOWN is reading.said.signals
