"""The website that the other tests of this folder stand on: real cookies under real names."""

from playwright.sync_api import Page

from tests.support.website import COLLECTOR, Website, until

POST = """(url) => fetch(url, {method: "POST", credentials: "include",
    body: JSON.stringify({analytics_storage: "granted", ad_storage: "denied"})}).then((answer) => answer.status)"""


def test_a_subdomain_of_the_shop_sets_a_cookie_that_only_the_collector_sees(
    site: Website, page: Page
) -> None:
    """The id comes with an answer from another host of the site, unreadable for scripts, and goes back there."""
    page.goto(site.put("/", "<!doctype html><title>Shop</title><p>Hello."))
    assert page.evaluate(POST, site.url("/consent", host=COLLECTOR)) == 204
    (cookie,) = page.context.cookies()
    assert cookie["name"] == "_sayso"
    assert (cookie["domain"], cookie["httpOnly"], cookie["secure"]) == (COLLECTOR, True, True)
    assert page.evaluate("document.cookie") == ""
    body = '{"name": "page_view"}'
    page.evaluate(f"navigator.sendBeacon('{site.url('/collect', host=COLLECTOR)}', '{body}')")
    (sent,) = until(lambda: [one for one in site.to("collect") if one.status], page)
    assert (sent.status, "_sayso=" in sent.headers["cookie"]) == (204, True)
    (seen,) = until(lambda: site.vendor("google_analytics"), page)
    assert b"203.0.113.77" not in repr(seen).encode()
