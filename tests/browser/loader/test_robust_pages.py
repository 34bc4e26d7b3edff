"""Pages that are hard to live in: old libraries, missing and broken browser functions, strict policies, odd calls.

The loader may lose an event there. It may not throw, may not write to the console, and may not keep the page from working.
"""

import pytest
from playwright.sync_api import Page

from tests.support.website import BASE, STRANGER, Website, complaints, until

PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>{before}
<script>
window.dataLayer = window.dataLayer || []; window.gtag = function () {{ dataLayer.push(arguments); }};
try {{
  gtag('consent', 'default', {{analytics_storage: 'granted', ad_storage: 'granted', ad_user_data: 'granted',
    ad_personalization: 'granted'}});
  gtag('js', new Date()); gtag('config', 'shop');
}} catch (error) {{ /* the page's own affair */ }}
</script>
<script src="{src}" {more}></script></head><body>
<button id="add" type="button">Add</button><output id="basket">0</output>
<script>add.onclick = () => {{ basket.value = +basket.value + 1; }};</script></body></html>"""


def visit(site: Website, page: Page, before: str = "", more: str = "", **headers: str) -> None:
    """Open the shop with something in it before the loader, and use it."""
    text = PAGE.format(before=before, more=more, src=site.url(f"{BASE}sayso.js"))
    page.goto(site.put("/", text, **headers))
    page.click("#add")
    assert page.text_content("#basket") == "1"


def event(page: Page, call: str) -> None:
    """Call something in the page; it must not throw there."""
    assert page.evaluate(f"() => {{ {call}; return 'went on'; }}") == "went on"


HOSTILE = {
    "old libraries": {
        "toJSON": "Array.prototype.toJSON = function () { return 'x'; }; String.prototype.toJSON = () => 1;",
        "more in arrays": "Array.prototype.last = function () { return this[this.length - 1]; };",
        "more in objects": "Object.prototype.extra = function () {};",
        "listeners that throw": "window.addEventListener('sayso:event', () => { throw 0; }); onerror = () => true;",
    },
    "a dataLayer": {
        "frozen": "window.dataLayer = Object.freeze([]);",
        "none": "window.dataLayer = {};",
        "a text": "window.dataLayer = 'x';",
        "a push that throws": "window.dataLayer = []; dataLayer.push = function () { throw new Error('no'); };",
    },
    "the network": {
        "no fetch": "delete window.fetch; window.fetch = undefined;",
        "fetch throws": "window.fetch = () => { throw new TypeError('no'); };",
        "fetch refuses": "window.fetch = () => Promise.reject(new TypeError('no'));",
        "fetch never answers": "window.fetch = () => new Promise(() => {});",
        "fetch answers nonsense": "window.fetch = () => Promise.resolve(undefined);",
        "no beacon": "navigator.sendBeacon = undefined;",
        "a beacon throws": "navigator.sendBeacon = () => { throw new Error('no'); };",
        "no AbortSignal, no Blob": "delete window.AbortSignal; delete window.Blob;",
    },
    "what is stored": {
        "no storage": "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, {get() { throw new DOMException('no', 'SecurityError'); }});",
        "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
        "nonsense": f"localStorage['sayso ' + location.origin + '{BASE}'] = '{{';",
        "no cookies": "Object.defineProperty(document, 'cookie', {get() { throw new DOMException('', 'SecurityError'); }});",
        "no random numbers": "Object.defineProperty(window, 'crypto', {value: undefined});",
    },
    "the rest": {
        "consent platforms throw": "for (const name of ['__tcfapi', '__gpp', '__cmp', '__uspapi', '__ucCmp', 'Cookiebot',"
        " 'OneTrust', 'Didomi', 'UC_UI', 'CookieConsent', '_axcb', 'tarteaucitron', 'klaro', 'Optanon'])"
        " window[name] = () => { throw new Error('no'); };",
        "consent platforms are nonsense": "for (const name of ['__tcfapi', '__gpp', '__ucCmp', 'Cookiebot', 'OneTrust',"
        " 'Didomi', 'UC_UI', 'CookieConsent']) window[name] = 7;",
        "a frozen history": "Object.freeze(history); Object.freeze(History.prototype);",
        "a history that throws": "history.pushState = () => { throw new Error('no'); };",
    },
}


@pytest.mark.parametrize("scripts", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_page_works_and_hears_nothing(site: Website, page: Page, scripts: dict[str, str]) -> None:
    """From its first event to its last, which it sends when it is left."""
    for what, script in scripts.items():
        with complaints(page) as said:
            visit(site, page, f"<script>{script}</script>")
            event(page, "try { gtag('event', 'purchase', {value: 1, currency: 'NOK'}) } catch (error) { }")
            page.goto("about:blank")
            assert said == [], what


ODD_CALLS = [
    "gtag()",
    "gtag(undefined)",
    "gtag(null, null, null)",
    "gtag('event')",
    "gtag('event', null, null)",
    "gtag('event', 7, 8)",
    "gtag('event', {}, {})",
    "gtag('event', '', {})",
    "gtag('event', 'x'.repeat(100000), {})",
    "gtag('event', 'odd', {a: Symbol('x'), b: 10n, c: () => 1, d: document.body, e: window, f: new Date(NaN), g: NaN})",
    "const ring = {}; ring.ring = ring; gtag('event', 'odd', ring); gtag('event', 'odd', {ring, items: [ring, ring]})",
    "gtag('event', 'odd', {get trap() { throw new Error('no'); }})",
    "gtag('event', 'odd', new Proxy({}, {get() { throw new Error('no'); }, ownKeys() { throw new Error('no'); }}))",
    "gtag('event', 'odd', {items: 7}); gtag('event', 'odd', {items: [null, 7, 'x', [[]]]})",
    "gtag('event', 'odd', {value: 'x'.repeat(200000)})",
    "gtag('event', 'odd', {event_callback: 7, event_timeout: 'x'})",
    "gtag('event', 'odd', {page_location: 'https://[', page_referrer: {}, page_title: 7})",
    "gtag('event', 'odd', {user_data: 7}); gtag('event', 'odd', {user_data: {email: null, address: [null]}})",
    "gtag('config'); gtag('config', null, 7); gtag('config', 'shop', {page_location: {}})",
    "gtag('set'); gtag('set', null); gtag('set', 'a'); gtag('set', {user_properties: null})",
    "gtag('get'); gtag('get', 'shop', 'client_id'); gtag('get', 'shop', 'client_id', () => { })",
    "gtag('consent'); gtag('consent', 'update'); gtag('consent', 'update', 'granted'); gtag('consent', 7, 7)",
    "gtag('consent', 'default', {wait_for_update: 'x', region: 7}); gtag('consent', 'update', {ad_storage: {}})",
    "gtag('js'); gtag('js', 'x'); gtag('nonsense', 1, 2)",
    "dataLayer.push(); dataLayer.push(null); dataLayer.push(undefined); dataLayer.push(7, 'x', true, Symbol('x'), 10n)",
    "dataLayer.push([]); dataLayer.push([[]]); dataLayer.push(['event']); dataLayer.push({event: 7}, {event: null})",
    "dataLayer.push(function () { this.set('x', 1); }); dataLayer.push({event: 'x', ecommerce: 7})",
    "dataLayer.push({ecommerce: {items: null}}, {event: 'purchase'}); dataLayer.push({event: 'x', eventCallback: 7})",
    "for (let i = 0; i < 500; i++) gtag('event', 'many', {i})",
]


def test_odd_calls_are_taken_or_left(site: Website, page: Page) -> None:
    """What tag managers and templates come up with: none throws, and a good event after them all arrives."""
    with complaints(page) as said:
        visit(site, page)
        for call in ODD_CALLS:
            event(page, call)
        event(page, "gtag('event', 'purchase', {value: 1, currency: 'NOK', transaction_id: 'after all'})")
        until(
            lambda: [one for one in site.events("purchase") if one["params"].get("transaction_id")] or None,
            page,
        )
        # An event that the server cannot take is refused by it, which is a failed request to the browser.
        assert [one for one in said if "Failed to load resource" not in one] == []


def test_errors_of_a_callback_are_the_pages_own_and_end_there(site: Website, page: Page) -> None:
    """What the page throws into the loader does not come out of it, nor stop what comes after."""
    with complaints(page) as said:
        visit(site, page)
        event(page, "gtag('event', 'one', {event_callback: () => { throw new Error('no'); }})")
        event(page, "gtag('event', 'two', {event_callback: () => { window.called = true; }})")
        until(lambda: page.evaluate("window.called"), page)
        assert said == []


class TestPolicies:
    """Content-Security-Policy: the browser says what it blocked, and nothing else may be there."""

    def test_a_strict_policy_that_lets_it_in_is_no_hindrance(self, site: Website, page: Page) -> None:
        """No inline code of its own, no eval, no markup from text, nobody else's address."""
        policy = "default-src 'none'; script-src 'self' 'nonce-x'; connect-src 'self'; require-trusted-types-for 'script'"
        site.put("/page.js", "gtag('js', new Date()); gtag('config', 'shop');", media="text/javascript")
        text = (
            f'<!doctype html><title>Shop</title><script nonce="x">window.dataLayer = []; function gtag() {{ dataLayer.push(arguments); }}'
            f'</script><script src="/page.js"></script><script async src="{BASE}sayso.js"></script><p>Hello.'
        )
        with complaints(page) as said:
            page.goto(site.put("/", text, Content_Security_Policy=policy))
            until(lambda: site.events("page_view"), page)
            assert said == []

    def test_a_policy_that_forbids_sending_costs_events_and_no_more(self, site: Website, page: Page) -> None:
        """The page works; the browser names the policy and the address."""
        with complaints(page) as said:
            visit(site, page, Content_Security_Policy="connect-src 'none'")
            event(page, "gtag('event', 'purchase', {value: 1, currency: 'NOK'})")
            until(lambda: said, page)
            assert all("Content Security Policy" in one for one in said)
        assert site.sent == []
        assert "sayso.js" in {one.path for one in site.scripts}

    def test_a_sandboxed_frame_without_an_origin_works(self, site: Website, page: Page) -> None:
        """Nobody is let send from there (its origin is ``null``); what is in it goes on all the same."""
        site.put("/frame", PAGE.format(before="", more="", src=site.url(f"{BASE}sayso.js")))
        with complaints(page) as said:
            page.goto(
                site.put("/", '<!doctype html><title>x</title><iframe sandbox="allow-scripts" src="/frame">')
            )
            frame = page.frame_locator("iframe")
            frame.locator("#add").click()
            assert frame.locator("#basket").text_content() == "1"
            assert [one for one in said if not one.startswith("console: ")] == []

    def test_a_page_that_is_not_listed_is_refused_and_works(self, site: Website, page: Page) -> None:
        """Somebody else who took the tag along."""
        text = PAGE.format(before="", more="", src=site.url(f"{BASE}sayso.js"))
        with complaints(page) as said:
            page.goto(site.put("/", text, host=STRANGER))
            page.click("#add")
            assert page.text_content("#basket") == "1"
            until(lambda: any(one.status == 403 for one in site.to("collect")), page)
            assert [one for one in said if not one.startswith("console: ")] == []

    def test_a_page_that_has_it_twice_reports_once(self, site: Website, page: Page) -> None:
        """As with a tag manager beside a template."""
        text = PAGE.format(before="", more="", src=site.url(f"{BASE}sayso.js"))
        tag = f'<script src="{BASE}sayso.js"></script>'
        with complaints(page) as said:
            page.goto(site.put("/", text.replace("</body>", f"{tag}</body>")))
            event(page, "gtag('event', 'purchase', {value: 1, currency: 'NOK'})")
            until(lambda: site.events("purchase"), page)
            assert said == []
        assert [one["name"] for one in site.events()] == ["page_view", "purchase"]
