"""Consent platforms that cannot be had here, by stand-ins that keep and announce answers as their makers document it."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.cmps.real import LOADER, PAGE, signals
from tests.browser.cmps.test_real_platforms import bodies, held, told
from tests.support.website import Website, until

pytestmark = pytest.mark.browser
STUBS = Path(__file__).parent / "stubs"
NAMES = sorted(file.stem for file in STUBS.glob("*.js"))
BARE = '<script src="/stub.js"></script>'
# Its US sections state opt-outs only: a visitor who has none has not consented either.
ALL, STATISTICS, NONE = {"gpp": "uuuu"}, {"gpp": "uddd"}, {"gpp": "uddd"}


def put(site: Website, stub: str, first: str, second: str) -> None:
    """Put up two pages: the loader stands before or after the platform."""
    site.put("/stub.js", (STUBS / f"{stub}.js").read_bytes(), media="text/javascript")
    loader = LOADER.format(data="")
    for path, order in (("/", first), ("/second", second)):
        head = loader + BARE if order == "before" else BARE + loader
        site.put(path, PAGE.format(head=head))


def statement(stub: str, code: str) -> list[dict[str, Any]]:
    """Return the one body that is posted of these signals; none where there is nothing to say."""
    if code == "uuuu":
        return []
    return [{**signals(code), "source": stub.partition("_v")[0]}]


@pytest.mark.parametrize("stub", NAMES)
def test_accepted_withdrawn_and_refused(stub: str, site: Website, page: Page) -> None:
    """Nothing before an answer; then once per page and per change, whichever loads first; a withdrawal before a reload."""
    put(site, stub, "before", "after")
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete'")
    page.click("#nothing")
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete'")
    assert bodies(site) == []
    # (A function that a script ends with, playwright would call.)
    answer = "void (document.getElementById('nothing').onclick = () => stub({}, {}))"
    page.evaluate(answer.format("true", "true"))
    page.click("#nothing")
    yes = statement(stub, ALL.get(stub, "gggg"))
    no = statement(stub, NONE.get(stub, "dddd"))
    assert told(site, page, len(yes)) == yes
    page.goto(site.url("/second"))
    assert told(site, page, 2 * len(yes)) == yes + yes
    page.wait_for_function("document.readyState == 'complete'")
    # By no click, and the page goes at once.
    page.evaluate("stub(false, false); location.reload()")
    found = told(site, page, 2 * len(yes) + 2)
    assert found[: 2 * len(yes)] == yes + yes
    assert found[2 * len(yes) :] in (no + no, no + no + no)
    assert held(page) == signals(NONE.get(stub, "dddd"))


@pytest.mark.parametrize("stub", NAMES)
def test_statistics_only(stub: str, site: Website, page: Page) -> None:
    """Part of it, and the same on a later page, which the platform's own script comes to only after us."""
    put(site, stub, "after", "before")
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete'")
    page.evaluate("void (document.getElementById('nothing').onclick = () => stub(true, false))")
    page.click("#nothing")
    some = statement(stub, STATISTICS.get(stub, "gddd"))
    until(lambda: bodies(site) and site.to("consent")[-1].status, page)
    page.goto(site.url("/second"))
    until(lambda: len(bodies(site)) > 1 and site.to("consent")[-1].status, page)
    assert bodies(site) == some + some
    assert held(page) == signals(STATISTICS.get(stub, "gddd"))
