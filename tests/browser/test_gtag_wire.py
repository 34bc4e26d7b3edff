"""``/g/collect`` with a real client in a real browser: an open tag that speaks Google Analytics' web protocol.

Google's own tag cannot be had here. This one is another maker's (``@minimal-analytics/ga4``), unmodified, told only where to
send, as ``server_container_url`` tells Google's. Consent, of which it knows nothing, is stated as Google's tag would.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.website import ARGS, COLLECTOR, Sent, Website, Websites, until

CLIENT = Path(__file__).parent / "wire_client/node_modules/@minimal-analytics/ga4/dist/index.js"
NO_CLIENT = "the wire client is not installed: sh tools/ensure_wire_client.sh   # needs node and npm"
GRANTED = "gcs: 'G111', gcd: '13r3r3r2r5l1', npa: '0'"
PAGE = """<!doctype html><title>Shop</title>
<script>window.minimalAnalytics = {defineGlobal: true, trackingId: "G-SHOP1", analyticsEndpoint: "%s"};</script>
<script src="/tag.js"></script><p>Hello.</p><a id="out" href="https://other.test/away">Elsewhere</a>"""


@pytest.fixture(scope="module")
def website(websites: Websites) -> Website:
    """Return a website, where there is the client."""
    if not CLIENT.exists():
        pytest.skip(NO_CLIENT)
    return websites("consent-mode", "")


@pytest.fixture(scope="module")
def browser(website: Website, chromium_path: str) -> Iterator[Browser]:
    """Start the browser once."""
    assert website.port
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def page(website: Website, browser: Browser) -> Iterator[Page]:
    """Open a page of the shop with the tag in it, in a fresh profile."""
    website.forget()
    website.put("/tag.js", CLIENT.read_bytes(), media="text/javascript")
    context = browser.new_context(locale="nb-NO")
    context.set_default_timeout(20_000)
    page = context.new_page()
    endpoint = website.url("/g/collect", host=COLLECTOR)
    page.goto(website.put("/", PAGE % endpoint) + "?utm_source=news&gclid=Cj0Ktest")
    yield page
    context.close()


def hits(website: Website, page: Page, count: int = 1) -> list[Sent]:
    """Wait for as many answered hits; return them."""

    def there() -> list[Sent] | None:
        found = [one for one in website.to("g/collect") if one.status]
        return found if len(found) >= count else None

    found: list[Sent] = until(there, page)
    return found


def at_google(website: Website, page: Page, count: int = 1) -> list[dict[str, Any]]:
    """Wait for as many requests at Google Analytics; return them."""

    def there() -> list[dict[str, Any]] | None:
        found = website.vendor("google_analytics")
        return found if len(found) >= count else None

    found: list[dict[str, Any]] = until(there, page)
    return found


def test_a_consented_page_view_reaches_google_as_the_hit_that_it_was(website: Website, page: Page) -> None:
    """By the tag's own beacon, cross-origin within the site; the id cookie comes with the answer."""
    page.evaluate(f"track({{event: {{{GRANTED}}}}})")
    (sent,) = hits(website, page)
    assert (sent.method, sent.status, sent.body) == ("POST", 204, b"")
    assert sent.query["en"] == "page_view"
    (seen,) = at_google(website, page)
    assert (seen["method"], seen["path"], seen["errors"]) == ("POST", "/g/collect", [])
    (hit,) = seen["batch"]
    for own in ("_p", "ul", "dt", "en", "sct", "seg", "_s", "_fv", "_ss"):
        assert hit[own] == sent.query[own], own
    assert hit["dl"].endswith("/?utm_source=news&gclid=Cj0Ktest")
    assert (hit["gcs"], hit["_uip"]) == ("G111", "203.0.113.0")
    assert [cookie["name"] for cookie in page.context.cookies()] == ["_sayso"]


def test_without_consent_a_ping_leaves_that_knows_nothing_of_the_tag(website: Website, page: Page) -> None:
    """The tag says nothing of consent, so nobody knows of any."""
    page.evaluate("track()")
    (sent,) = hits(website, page)
    assert sent.status == 204
    (seen,) = at_google(website, page)
    assert seen["method"] == "GET"
    (ping,) = seen["batch"]
    assert ping["gcs"] == "G100"
    for own in ("cid", "sid", "_p"):
        assert sent.query[own] not in repr(seen)
    assert "Cj0Ktest" not in repr(seen)
    assert page.context.cookies() == []


def test_what_the_tag_reports_by_itself_comes_too(website: Website, page: Page) -> None:
    """A click on a link to elsewhere, and the end of the visit, as the page goes away."""
    page.evaluate(f"track({{event: {{{GRANTED}}}}})")
    hits(website, page)
    page.click("#out")
    found = hits(website, page, 3)
    assert {one.query["en"] for one in found} == {"page_view", "click", "user_engagement"}
    assert {one.status for one in found} == {204}
    names = {one["batch"][0]["en"] for one in at_google(website, page, 3)}
    assert names == {"page_view", "click", "user_engagement"}
    assert {one["method"] for one in website.vendor("meta")} <= {"POST"}
    assert "user_engagement" not in repr(website.vendor("meta"))


def test_a_batch_as_googles_tag_sends_it(website: Website, page: Page) -> None:
    """By fetch with credentials: what is shared in the query, an event on each line."""
    shared = (
        "v=2&tid=G-SHOP1&_p=17&gcs=G111&gcd=13r3r3r2r5l1&npa=0&cid=957607842.1772467665&sid=1772467664&sct=1&seg=1"
        f"&dl={urlsplit(page.url).scheme}%3A%2F%2F{urlsplit(page.url).hostname}%2F&richsstsse"
    )
    url = f"{website.url('/g/collect', host=COLLECTOR)}?{shared}"
    lines = (
        "en=page_view&_s=1\\r\\nen=purchase&_s=2&cu=NOK&epn.value=499&ep.transaction_id=T-1&pr1=idSKU1~pr499"
    )
    status = page.evaluate(
        f"""fetch("{url}", {{method: "POST", credentials: "include", keepalive: true, body: "{lines}"}})
            .then((answer) => answer.status)"""
    )
    assert status == 204
    seen = {one["batch"][0]["en"]: one["batch"][0] for one in at_google(website, page, 2)}
    assert seen.keys() == {"page_view", "purchase"}
    assert (seen["purchase"]["epn.value"], seen["purchase"]["pr1"]) == ("499", "idSKU1~pr499")
    assert seen["purchase"]["cid"] == "957607842.1772467665"
    (bought,) = until(lambda: [one for one in website.vendor("microsoft") if "purchase" in repr(one)], page)
    assert "957607842" not in repr(bought)
