"""Pages of the test website that include the loader, and what a test says to it."""

from typing import Any

from playwright.sync_api import Page

from proxy.loader.script import make_script
from tests.support.website import BASE, SHOP, Website, until

STUB = """<script>window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }
gtag("js", new Date());</script>"""
SIGNALS = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")
GRANTED = dict.fromkeys(SIGNALS, "granted")
DENIED = dict.fromkeys(SIGNALS, "denied")
STATISTICS = DENIED | {"analytics_storage": "granted"}


def shop(
    site: Website,
    *calls: str,
    attributes: str = "",
    body: str = "<p>Shop",
    after: str = "",
    stub: str = STUB,
    path: str = "/",
    host: str = SHOP,
    base: str = BASE,
) -> str:
    """Serve a page of the shop with the loader in it; return its URL.

    Args:
        site: the website.
        calls: scripts that run before the loader, one statement each.
        attributes: of the script tag.
        body: of the page.
        after: a script that runs right after the loader.
        stub: what stands where gtag's stub usually does.
        path: of the page.
        host: of the page.
        base: where Sayso is.
    """
    site.put("/loader.js", make_script().body, media="text/javascript; charset=utf-8", host=host)
    return site.put(
        path,
        f"<!doctype html><title>Shop {path}</title>{stub}<script>{';'.join(calls)}</script>"
        f'<script src="/loader.js" data-base="{base}" {attributes}></script><script>{after}</script>{body}',
        host=host,
    )


def consent(kind: str, signals: dict[str, Any], **more: object) -> str:
    """Return the call that states consent: ``default`` or ``update``."""
    return f"gtag('consent', '{kind}', {signals | more})".replace("True", "true").replace("False", "false")


def one(site: Website, page: Page, name: str) -> dict[str, Any]:
    """Wait for an event of that name; return it. There must be no second one so far."""
    until(lambda: site.events(name), page, what=f"the event {name}")
    (event,) = site.events(name)
    return event


def answered(site: Website, page: Page, name: str) -> dict[str, Any]:
    """Wait until an event of that name was accepted; return it."""

    def accepted() -> list[dict[str, Any]]:
        done = [sent for sent in site.to("collect") if sent.status in {200, 204}]
        return [event for sent in done for event in sent.events if event["name"] == name]

    found: list[dict[str, Any]] = until(accepted, page, what=f"an answer to {name}")
    return found[-1]
