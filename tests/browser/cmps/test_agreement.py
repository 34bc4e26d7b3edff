"""The loader reads the same cookies as the server. All samples of the server's own tests are shown to both.

The loader knows the common platforms only, and trusts them to write what they always write: what is cut off, or has a number
where a flag belongs, the server alone calls unreadable, and lets nothing be granted by it, whatever the loader said of it.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.cmps.real import NAMES, signals
from tests.support.banner_cookies import UNREADABLE, Sample

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[3]
PART = (ROOT / "proxy/loader/parts/cmp.js").read_text(encoding="utf-8")
STAND_IN = (Path(__file__).parent / "standin.js").read_text(encoding="utf-8").partition("\n")[2]
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
    "axeptio": {"the lists alone", "escaped throughout"},
    "c15t": {"time spelt out, in seconds"},
    "complianz": {"opt-out site, refused", "no banner status"},
    "cookie_information": {"escaped twice"},
    "cookiebot": {"before 2023, refused", "escaped throughout"},
    "flags": {"a flag that is null", "escaped twice"},
    "iubenda": {"the older form, refused", "escaped twice"},
    "onetrust": {
        "statistics only, closed at last",
        "answered by a button, and no other cookie",
        "closed by the cross, and no other cookie",
        "escaped twice",
    },
    "tarteaucitron": {"its services for Consent Mode"},
    "vanilla_cookieconsent": {"escaped twice"},
}
# Where it says more: the moment at which a cookie runs out, which the browser keeps; and an answer on the page of entry.
BEYOND = {
    "vanilla_cookieconsent": {"accepted, and run out", "partly accepted, and run out"},
    "onetrust": {"still on the page of entry"},
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
            if sample.expected == UNREADABLE:
                continue
            found = letters(said)
            title = f"{family}, {sample.title}: the server {sample.expected}, the loader {found}"
            pairs = list(zip(found, sample.expected, strict=True))
            if sample.title in BEYOND.get(family, set()):
                assert ("g", "u") in pairs, f"{title}: no longer an exception"
            elif sample.title in LESS.get(family, set()) or (family == "didomi" and found != sample.expected):
                # Of the IAB's purposes Didomi's __tcfapi speaks.
                if found == sample.expected or ("g", "d") in pairs or ("g", "u") in pairs:
                    wrong.append(title)
            elif found != sample.expected:
                wrong.append(title)
            elif said and said["decided_at"] not in {None, sample.decided_at} and family != "onetrust":
                wrong.append(f"{title}, decided at {said['decided_at']} and not {sample.decided_at}")
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
