"""Klaro's and Orejime's cookies, as real browsers sent them: one flag per service or purpose."""

from urllib.parse import quote

import pytest

from proxy.sources.cmp import name_signals
from tests.support.banner_cookies import UNREADABLE, Sample, check, table

COOKIE = {"klaro": "klaro", "orejime": "eu-consent"}


def one(text: str) -> tuple[tuple[str, str], ...]:
    """Return the flags in the cookies of both platforms; Orejime escapes quotes and commas only."""
    return (("klaro", quote(text, safe="")), ("eu-consent", quote(text, safe="{}:")))


ALL = '{"google-analytics":true,"meta":true}'
NONE = '{"google-analytics":false,"meta":false}'


@pytest.mark.parametrize("family", sorted(COOKIE))
@table(
    Sample("all accepted", one(ALL), "gggg"),
    Sample("all refused", one(NONE), "dddd"),
    Sample("statistics only", one('{"google-analytics":true,"meta":false}'), "gddd"),
    Sample("purposes", one('{"analytics":true,"marketing":false}'), "gddd"),
    Sample("some of the advertisers", one('{"google-ads":true,"meta":false}'), "uddd"),
    Sample("other people's services", one('{"youtube":true,"matomo":true}'), "uuuu"),
    Sample("names in another writing", one('{"Google_Analytics":true,"Facebook Pixel":true}'), "gggg"),
    Sample("no cookie: not answered", (("_ga", "1"),), "uuuu"),
    Sample("an emptied cookie", (("klaro", ""), ("eu-consent", "")), "uuuu"),
    Sample("no services", one("{}"), "uuuu"),
    Sample("a flag that is null", one('{"analytics":null,"marketing":true}'), "uggg"),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample(
        "a key twice: the last counts, as in browsers", one('{"analytics":true,"analytics":false}'), "duuu"
    ),
    Sample("escaped twice", tuple((name, quote(value, safe="")) for name, value in one(ALL)), "gggg"),
    Sample("a flag that is a text", one('{"analytics":"true"}'), UNREADABLE),
    Sample("a flag that is a number", one('{"analytics":1}'), UNREADABLE),
    Sample("a flag that is a list", one('{"analytics":[true]}'), UNREADABLE),
    Sample("cut off", tuple((name, value[:-4]) for name, value in one(ALL)), UNREADABLE),
    Sample("a broken escape", (("klaro", "%7B%2"), ("eu-consent", "%7B%2")), UNREADABLE),
    Sample("a list", one('["analytics"]'), UNREADABLE),
)
def test_flags(sample: Sample, family: str) -> None:
    """A signal is granted only if everything that stands for it is."""
    check(family, sample)


@pytest.mark.parametrize("family", sorted(COOKIE))
def test_a_site_names_its_services(family: str) -> None:
    """A service that a site named counts, and the usual names no longer do."""
    sample = Sample("", one('{"matomo":true,"marketing":true,"tv2":false}'), "gddd")
    check(family, sample, names=name_signals(("matomo",), ("tv2",)))
