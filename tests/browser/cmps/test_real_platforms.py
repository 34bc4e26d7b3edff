"""Real consent platforms in a real browser: what the loader tells the gateway of them, to the letter, and when."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.cmps.real import IDS, PLATFORMS, Platform, signals
from tests.support.website import Website, until

pytestmark = pytest.mark.browser
Read = Callable[[str], bytes]
each_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=IDS)


def click(page: Page, platform: Platform, *selectors: str) -> None:
    """Click on one thing after the other, as soon as each is there."""
    page.locator(platform.ready).wait_for()
    for selector in selectors:
        page.locator(selector).first.click()


def bodies(site: Website) -> list[dict[str, Any]]:
    """Return what was told the gateway, in order; every time in it is a plausible one, and is left out."""
    found = []
    for sent in site.to("consent"):
        if sent.method != "POST":
            continue
        assert sent.headers["content-type"].startswith("text/plain")
        body = sent.json
        assert 1_600_000_000_000 < body.pop("decided_at", 1_700_000_000_000) < 4_000_000_000_000
        found.append(body)
    return found


def told(site: Website, page: Page, count: int) -> list[dict[str, Any]]:
    """Wait until the gateway has answered so many statements; return all that were made."""
    until(
        lambda: sum(one.method == "POST" and one.status == 204 for one in site.to("consent")) >= count, page
    )
    return bodies(site)


def held(page: Page) -> dict[str, str]:
    """Return the visitor's state as the gateway has it."""
    answer = page.evaluate("fetch('/s/consent').then((answer) => answer.json())")
    return {name: value for name, value in answer.items() if value in {"granted", "denied"}}


def statement(platform: Platform, code: str) -> dict[str, Any]:
    """Return the body of a statement."""
    return {**signals(code), "source": platform.name}


@each_platform
def test_accepted_remembered_and_withdrawn(
    platform: Platform, site: Website, page: Page, module_file: Read, bundled: Read
) -> None:
    """Nothing before the answer; then once per page and per change; and a withdrawal before the page can reload."""
    platform.put(site, module_file, bundled, "first last")
    page.goto(site.url("/"))
    # Something else is clicked first: the banner alone is no answer.
    page.locator(platform.accept[0]).first.wait_for()
    page.locator("#nothing").dispatch_event("click")
    click(page, platform, *platform.accept)
    yes = statement(platform, platform.accepted)
    assert told(site, page, 1) == [yes]
    assert held(page) == signals(platform.accepted)
    # A returning visitor, on another page.
    page.goto(site.url("/second"))
    assert told(site, page, 2) == [yes, yes]
    if platform.dated:
        assert site.to("consent")[-1].json["decided_at"] < page.evaluate("performance.timeOrigin")
    # Taken back, and in the same breath the page reloads; then the reloaded page says it too.
    page.wait_for_function("document.readyState == 'complete'")
    page.locator(platform.ready).wait_for()
    page.evaluate(f"{platform.withdraw}; {'0' if platform.reloads else 'location.reload()'}")
    no = statement(platform, platform.refused)
    found = told(site, page, 4)
    # What was not answered yet when the page went may be said once more.
    assert (found[:2], found[2:]) in (([yes, yes], [no, no]), ([yes, yes], [no, no, no]))
    assert held(page) == signals("dddd")


@each_platform
def test_unanswered_and_then_refused(
    platform: Platform, site: Website, page: Page, module_file: Read, bundled: Read
) -> None:
    """Events that fire on load, defaults, an empty string: no decision. A refusal is told; no id comes of it."""
    platform.put(site, module_file, bundled, "last first")
    for path in ("/second", "/"):
        page.goto(site.url(path))
        page.locator(platform.accept[0]).first.wait_for()
        page.locator("#nothing").dispatch_event("click")
    assert site.to("consent") == []
    click(page, platform, *platform.refuse)
    no = statement(platform, platform.refused)
    assert told(site, page, 1) == [no]
    page.goto(site.url("/second"))
    assert told(site, page, 2) == [no, no]
    assert held(page) == signals("dddd")
    assert "_sayso" not in {cookie["name"] for cookie in page.context.cookies()}


@each_platform
def test_statistics_only(
    platform: Platform, site: Website, page: Page, module_file: Read, bundled: Read
) -> None:
    """Part of it is told as part of it, and never anything more on the way there."""
    platform.put(site, module_file, bundled, "first first")
    page.goto(site.url("/"))
    click(page, platform, *platform.some)
    some = statement(platform, platform.stated)
    until(lambda: bodies(site)[-1:] == [some] and site.to("consent")[-1].status, page, what=str(some))
    granted = {name for body in bodies(site) for name, value in body.items() if value == "granted"}
    assert granted == {name for name, value in some.items() if value == "granted"}
    assert held(page) == signals(platform.stated)
