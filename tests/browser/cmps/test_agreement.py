"""The loader reads the same cookies as the server. All samples of the server's own tests are shown to both.

It reads them as strictly: what it grants, the server grants too, however a cookie was cut off or damaged on its way.
"""

import re
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from proxy.sources.cmp import AUTO, read_cookies
from tests.browser.cmps.real import NAMES, signals
from tests.support.banner_cookies import NOW_MS, UNREADABLE, Sample, outcome

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[3]
PART = (ROOT / "proxy/loader/parts/cmp.js").read_text(encoding="utf-8")
STAND_IN = (Path(__file__).parent / "standin.js").read_text(encoding="utf-8").partition("\n")[2]
ALPHABET = "01.,:=!&%\"'{}[] -_aegnrtuyEZ"
FAMILIES = (
    "axeptio",
    "c15t",
    "complianz",
    "cookie_information",
    "cookiebot",
    "cookieyes",
    "didomi",
    "flags",
    "iubenda",
    "onetrust",
    "tarteaucitron",
    "vanilla_cookieconsent",
)
# Where the loader says less than the server: it is silent, or refuses.
LESS = {
    "axeptio": {"the lists alone"},
    "cookie_information": {"not escaped"},
}


def samples(family: str) -> list[Sample]:
    """Return the samples that the server's reading of a family is tested with: those of sites with names of their own not."""
    module = import_module(f"tests.sources.test_cmp_{family}")
    marks = [mark for mark in getattr(module, f"test_{family}").pytestmark if mark.name == "parametrize"]
    return [sample for mark in marks for sample in mark.args[1] if isinstance(sample, Sample)]


def read(page: Page, headers: list[str], data: dict[str, str] | None = None) -> list[dict[str, Any] | None]:
    """Let the loader's part read cookie headers; return what it said of each."""
    said: list[dict[str, Any] | None] = page.evaluate(STAND_IN, [PART, headers, data or {}])
    return said


def letters(said: dict[str, Any] | None) -> str:
    """Return the four signals as letters."""
    return "".join(said["signals"].get(name, "u")[0] for name in NAMES) if said else "uuuu"


def test_every_platform_is_documented() -> None:
    """By the name that stands as the source in the consent record."""
    table = (ROOT / "docs/cmps.md").read_text(encoding="utf-8")
    names = re.findall(r"^      (\w+): \[", PART, re.MULTILINE)
    assert len(names) == 17
    assert [name for name in names if f"`{name}`" not in table] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Open an empty page: neither website nor gateway is needed here."""
    return context.new_page()


def test_what_platforms_write_is_read_alike(page: Page) -> None:
    """Signals and time; what only the server can tell is written down above."""
    wrong: list[str] = []
    for family in FAMILIES:
        shown = samples(family)
        assert len(shown) > 8
        headers = ["; ".join(f"{name}={value}" for name, value in sample.cookies) for sample in shown]
        for sample, said in zip(shown, read(page, headers), strict=True):
            found = letters(said)
            if sample.expected == UNREADABLE:
                if "g" in found:
                    wrong.append(f"{family}, {sample.title}: unreadable to the server, the loader {found}")
                continue
            title = f"{family}, {sample.title}: the server {sample.expected}, the loader {found}"
            pairs = list(zip(found, sample.expected, strict=True))
            if sample.title in LESS.get(family, set()) or (family == "didomi" and found != sample.expected):
                # Of the IAB's purposes Didomi's __tcfapi speaks.
                if found == sample.expected or ("g", "d") in pairs or ("g", "u") in pairs:
                    wrong.append(f"{title}: no exception, or one to the wrong side")
            elif found != sample.expected:
                wrong.append(title)
            elif said and said["decided_at"] not in {None, sample.decided_at}:
                wrong.append(f"{title}, decided at {said['decided_at']} and not {sample.decided_at}")
    assert wrong == []


def damaged(text: str, chance: Random) -> list[str]:
    """Return a cookie's value cut off at many places, and with single characters lost, doubled, changed or put in."""
    places = sorted(
        {0, *range(1, len(text), max(1, len(text) // 12)), *range(max(1, len(text) - 4), len(text))}
    )
    found = [text[:place] for place in places] + [text[place:] for place in places[1::6]]
    for _ in range(2):
        place, letter = chance.randrange(len(text)), chance.choice(ALPHABET)
        before, after = text[:place], text[place + 1 :]
        found += [
            before + after,
            before + letter + after,
            before + letter + text[place:],
            before + text[place] * 2 + after,
        ]
    return found


def test_what_is_damaged_grants_nothing_that_the_server_would_not_grant(page: Page) -> None:
    """Every sample of every platform, whole and broken: a grant of the loader's is one of the server's as well."""
    chance, cases = Random(5), []  # noqa: S311 - the same damage in every run
    for family in FAMILIES:
        for sample in samples(family):
            cases.append(list(sample.cookies))
            for index, (name, value) in enumerate(sample.cookies):
                if value:
                    cases += [
                        [*sample.cookies[:index], (name, broken), *sample.cookies[index + 1 :]]
                        for broken in damaged(value, chance)
                    ]
    assert len(cases) > 4_000
    headers = ["; ".join(f"{name}={value}" for name, value in cookies) for cookies in cases]
    granted, wrong = 0, []
    for cookies, said in zip(cases, read(page, headers), strict=True):
        heard = [position for position, letter in enumerate(letters(said)) if letter == "g"]
        if heard:
            granted += 1
            server = outcome(read_cookies(AUTO, cookies, NOW_MS))
            if any(server[position] != "g" for position in heard):
                wrong.append(f"the server {server}, the loader {letters(said)}: {cookies}")
    assert granted > 200
    assert wrong == []


def test_platforms_that_differ_come_to_the_stricter(page: Page) -> None:
    """As on the server, and both are named."""
    klaro = "klaro=%7B%22google-analytics%22%3Atrue%2C%22meta%22%3Atrue%7D"
    cookieyes = (
        "cookieyes-consent=consentid:x,consent:yes,action:yes,necessary:yes,analytics:yes,advertisement:no"
    )
    (said,) = read(page, [f"{klaro}; other=1; {cookieyes}"])
    assert said is not None
    assert (said["signals"], said["source"]) == (signals("gddd"), "cookieyes/klaro")
    # Unless the page names one of them: the other may be an earlier platform's, whose cookie is still about.
    (said,) = read(page, [f"{klaro}; {cookieyes}"], {"cmp": "klaro"})
    assert said is not None
    assert (said["signals"], said["source"]) == (signals("gggg"), "klaro")


def test_names_of_the_sites_own(page: Page) -> None:
    """They replace the usual ones; case, blanks and hyphens do not matter, letters that are not English do."""
    cookie = "klaro=%7B%22M%C3%A5ling%20av_bes%C3%B8k%22%3Atrue%2C%22analytics%22%3Afalse%2C%22ads%22%3Atrue%2C%22annonser%22%3Afalse%7D"
    data = {"statistics": "måling av besøk", "marketing": "ads, Annonser"}
    (said,) = read(page, [cookie], data)
    assert letters(said) == "gddd"
    (said,) = read(page, [cookie], {"statistics": "måling-av-besøk"})
    assert letters(said) == "guuu"


OTHERS = (
    "",
    "CookieConsent=true",
    "CookieConsent=-1",
    "cc_cookie=dismiss",
    "klaro=accepted",
    "marketing=true; statistics=true; analytics=1; ads=granted",
    "q=klaro%3D%7B%22analytics%22%3Atrue%7D",
    "q=; xklaro=%7B%22analytics%22%3Atrue%7D",
    "klaro=%E0%A4%A; eu-consent=%7B",
    "cmplz_marketing=allow; cmplz_statistics=allow",
    "OptanonConsent=groups=C0002%3A1%2CC0004%3A1",
    "tarteaucitron=!gtag=wait!facebookpixel=wait",
    "tarteaucitron=!facebook=true!linkedin=true",
    'axeptio_cookies={"$$completed":false%2C"google_analytics":true}',
)


def test_other_peoples_cookies_say_nothing(page: Page) -> None:
    """Home-made banners, values that only look like it, what is not answered."""
    said = zip(OTHERS, read(page, list(OTHERS)), strict=True)
    assert {cookie: heard for cookie, heard in said if heard} == {}
