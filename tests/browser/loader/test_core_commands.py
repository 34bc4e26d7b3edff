"""dataLayer and gtag() as pages use them, and how little the loader may disturb a page."""

import json
from typing import Any

from playwright.sync_api import Page

from proxy.loader.script import make_script
from tests.support.loader_page import GRANTED, STUB, answered, consent, one, shop
from tests.support.website import COLLECTOR, Website, complaints, until

CONFIG = "gtag('config', 'G-SHOP1')"
NOW = consent("default", GRANTED, wait_for_update=0)
BASKET: dict[str, Any] = {
    "value": 499.5,
    "currency": "NOK",
    "transaction_id": "T-1",
    "items": [{"item_id": "SKU1", "item_name": "Genser", "price": 249.75, "quantity": 2}],
}


def test_what_was_queued_before_the_loader_came_is_replayed_in_order(site: Website, page: Page) -> None:
    """Nothing is lost that the page said while the script was on its way."""
    page.goto(shop(site, NOW, "gtag('event', 'first')", CONFIG, "gtag('event', 'second', {step: 2})"))
    answered(site, page, "second")
    assert [event["name"] for event in site.events()] == ["first", "page_view", "second"]
    assert one(site, page, "second")["params"] == {"step": 2}


def test_pushes_as_tag_managers_take_them(site: Website, page: Page) -> None:
    """The ecommerce object is unwrapped, belongs to one event, and is emptied by null."""
    page.goto(
        shop(
            site,
            NOW,
            f"dataLayer.push({{event: 'purchase', event_id: 'order-1', ecommerce: {json.dumps(BASKET)}, deep: {{a: 1}}}})",
            "dataLayer.push({event: 'gtm.js', 'gtm.start': 1})",
            "dataLayer.push({event: 'newsletter', place: 'footer'})",
        )
    )
    page.evaluate(f"dataLayer.push({{ecommerce: {json.dumps(BASKET)}}})")
    page.evaluate("dataLayer.push({ecommerce: null}, {event: 'view_cart'})")
    page.evaluate(f"dataLayer.push({{ecommerce: {json.dumps(BASKET)}}}, {{event: 'begin_checkout'}})")
    until(lambda: len(site.events()) == 4, page)
    found = {event["name"]: event for event in site.events()}
    assert found["purchase"]["params"] == BASKET
    assert found["purchase"]["event_id"] == "order-1"
    assert found["newsletter"]["params"] == {"place": "footer"}
    assert found["view_cart"]["params"] == {}
    assert found["begin_checkout"]["params"] == BASKET


def test_push_stays_a_push(site: Website, page: Page) -> None:
    """It returns the length, keeps the entry, and whoever wrapped it before or wraps it later still hears of it."""
    before = "(push => dataLayer.push = function (...a) { (window.heard ??= []).push('before'); return push.apply(this, a) })(dataLayer.push)"
    after = "(push => dataLayer.push = function (...a) { (window.heard ??= []).push('after'); return push.apply(this, a) })(dataLayer.push)"
    page.goto(shop(site, NOW, before, after=after))
    length = page.evaluate("dataLayer.length")
    assert page.evaluate("dataLayer.push({event: 'one'}, {event: 'two'})") == length + 2
    assert page.evaluate("dataLayer.length") == length + 2
    assert page.evaluate("heard.slice(-2)") == ["after", "before"]
    until(lambda: site.events("one") and site.events("two"), page)


def test_a_page_without_a_stub_gets_gtag(site: Website, page: Page) -> None:
    """The loader's one tag is enough."""
    page.goto(shop(site, stub="", after="gtag('event', 'hello', {at: 'once'})"))
    assert answered(site, page, "hello")["params"] == {"at": "once"}


def test_config_is_remembered_and_counts_a_page_once(site: Website, page: Page) -> None:
    """Several ids are one visit. What config and set say goes into every event; settings of tags do not."""
    page.goto(
        shop(
            site,
            NOW,
            "gtag('set', {campaign: 'autumn', ads_data_redaction: true})",
            "gtag('set', 'user_properties', {plan: 'gold'})",
            "gtag('set', 'user_data', {email: 'kari@example.com'})",
            "gtag('config', 'G-SHOP1', {user_id: 42, page_title: 'Front', cookie_flags: 'secure', send_page_view: true})",
            "gtag('config', 'AW-1')",
        )
    )
    page.evaluate("gtag('event', 'login', {method: 'mail'})")
    event = answered(site, page, "login")
    assert event["params"] == {"campaign": "autumn", "method": "mail"}
    assert event["user_id"] == "42"
    assert event["user_properties"] == {"plan": "gold"}
    assert event["user_data"] == {"email": "kari@example.com"}
    assert one(site, page, "page_view")["page"]["title"] == "Front"


def test_settings_of_googles_tag_are_no_parameters_and_false_is_a_value(site: Website, page: Page) -> None:
    """And who sends page views by hand for one id has none sent for another."""
    page.goto(
        shop(
            site,
            NOW,
            "gtag('set', 'url_passthrough', true); gtag('set', 'allow_google_signals', false); gtag('set', 'beta', false)",
            "gtag('config', 'G-SHOP1', {send_page_view: false}); gtag('config', 'AW-1')",
            "gtag('event', 'login')",
        )
    )
    assert answered(site, page, "login")["params"] == {"beta": False}
    assert site.events("page_view") == []


def test_a_page_may_send_its_page_view_itself(site: Website, page: Page) -> None:
    """``send_page_view: false``; and the address may be the page's own idea."""
    page.goto(shop(site, NOW, "gtag('config', 'G-SHOP1', {send_page_view: false})"))
    page.evaluate("gtag('event', 'page_view', {page_path: '/virtual?a=1', page_title: 'V'})")
    event = answered(site, page, "page_view")
    assert (event["page"]["url"], event["page"]["title"]) == (site.url("/virtual?a=1"), "V")
    assert event["params"] == {}
    assert len(site.events("page_view")) == 1


def test_the_callback_comes_once_with_the_id_after_the_answer(site: Website, page: Page) -> None:
    """The page's own pixels use the same id: it comes with a browser event too."""
    page.goto(
        shop(site, NOW, after="window.found = []; addEventListener('sayso:event', e => found.push(e.detail))")
    )
    told = page.evaluate(
        "new Promise(done => gtag('event', 'purchase', {value: 1, currency: 'NOK', event_callback: done}))"
    )
    event = one(site, page, "purchase")
    assert site.to("collect")[0].status == 204
    assert told == {"event_id": event["event_id"]}
    assert page.evaluate("found") == [{"name": "purchase", "event_id": event["event_id"]}]


def test_the_callback_does_not_wait_for_a_server_that_hangs(site: Website, page: Page) -> None:
    """After ``event_timeout`` the page goes on; the late answer calls nobody a second time."""
    page.goto(shop(site, NOW, after="window.calls = 0"))
    site.fault = "slow"
    page.evaluate(
        "new Promise(done => gtag('event', 'sign_up', {event_timeout: 50, event_callback() { calls++; done() }}))"
    )
    assert until(lambda: site.to("collect"), page)[0].status == 0
    site.mend()
    answered(site, page, "sign_up")
    page.evaluate("new Promise(done => gtag('event', 'sign_up', {event_callback: done}))")
    assert page.evaluate("calls") == 1


def test_get_answers_by_its_callback(site: Website, page: Page) -> None:
    """Our id is in a cookie that no script can read: it is undefined, but the page that waits for it goes on."""
    page.goto(shop(site, NOW))
    ask = "new Promise(done => gtag('get', 'G-SHOP1', 'client_id', id => done(id ?? 'none')))"
    assert page.evaluate(ask) == "none"


def test_included_twice_it_works_once(site: Website, page: Page) -> None:
    """A tag manager and a template may both include it."""
    again = "document.head.append(Object.assign(document.createElement('script'), {src: '/loader.js?again', onload: () => gtag('event', 'loaded')}))"
    page.goto(shop(site, NOW, CONFIG, after=again))
    answered(site, page, "loaded")
    assert [event["name"] for event in site.events()] == ["page_view", "loaded"]


def test_another_host_of_the_site_may_collect(site: Website, page: Page) -> None:
    """The id cookie that the collector's host sets comes back to it."""
    page.goto(shop(site, NOW, CONFIG, base=site.url("/", host=COLLECTOR)))
    answered(site, page, "page_view")
    page.evaluate("gtag('event', 'sign_up')")
    answered(site, page, "sign_up")
    assert "_sayso=" in site.to("collect")[-1].headers["cookie"]


def test_a_hostile_page_hears_no_complaint(site: Website, page: Page) -> None:
    """Storage, crypto and beacons that throw or are missing, commands of any shape, callbacks that throw: all silent."""
    broken = """
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, {get() { throw new DOMException("blocked", "SecurityError") }});
    Object.defineProperty(window, "crypto", {value: undefined});
    Object.defineProperty(Navigator.prototype, "sendBeacon", {value: undefined});
    Object.defineProperty(Navigator.prototype, "locks", {value: undefined});
    AbortSignal.timeout = undefined"""
    with complaints(page) as found:
        page.goto(shop(site, broken, NOW, CONFIG))
        for entry in (
            "null",
            "undefined",
            "0",
            "'text'",
            "[]",
            "{}",
            "() => 1",
            "{event: 5}",
            "{event: {}}",
            "{ecommerce: 7}",
        ):
            page.evaluate(f"void dataLayer.push({entry})")
        for call in (
            "",
            "'event'",
            "'event', null",
            "'event', 'e', null",
            "'config'",
            "'set'",
            "'get'",
            "'consent'",
            "'consent', 'update'",
            "{}",
        ):
            page.evaluate(f"void gtag({call})")
        page.evaluate(
            "gtag('event', 'odd', {a: 1n, b: Symbol(), c: () => 1, d: NaN, self: window, user_data: window, items: 5, ok: 1})"
        )
        page.evaluate("gtag('event', 'sign_up', {event_callback() { throw Error('theirs') }})")
        answered(site, page, "sign_up")
        assert one(site, page, "page_view")["consent"] == GRANTED
        assert one(site, page, "odd")["params"] == {"d": None, "ok": 1}
        page.goto("about:blank")
    assert found == []


def test_a_strict_content_security_policy_is_enough(site: Website, page: Page) -> None:
    """No eval, nothing inline: the script's own origin is all it needs."""
    site.put("/loader.js", make_script().body, media="text/javascript")
    url = site.put(
        "/strict",
        '<!doctype html><title>Strict</title><script src="/loader.js" data-base="/s/"></script>',
        Content_Security_Policy="default-src 'none'; script-src 'self'; connect-src 'self'",
    )
    with complaints(page) as found:
        page.goto(url)
        page.evaluate("gtag('event', 'sign_up')")
        answered(site, page, "sign_up")
    assert found == []


def test_segment_calls_are_the_same_events(site: Website, page: Page) -> None:
    """Only where the tag asks for it: the array stub is replayed, names and properties are ours afterwards."""
    stub = (
        "<script>window.analytics = []; analytics.track = (...a) => analytics.push(['track', ...a])</script>"
        + STUB
    )
    ordered = {
        "order_id": "O-1",
        "revenue": 25,
        "currency": "EUR",
        "products": [{"product_id": "P1", "name": "Sock", "price": 25, "quantity": 1, "category": "Feet"}],
    }
    page.goto(
        shop(
            site,
            NOW,
            f"analytics.track('Order Completed', {json.dumps(ordered)})",
            stub=stub,
            attributes="data-segment",
        )
    )
    page.evaluate("analytics.ready(() => analytics.identify('u-7', {email: 'ola@example.com'}))")
    page.evaluate("analytics.page(); analytics.page()")
    # Its callback comes last, after the properties or after options. What makes no sense is thrown nowhere.
    page.evaluate("new Promise(done => analytics.track('Plan Changed', {plan: 'pro'}, {}, done))")
    page.evaluate("analytics.track(); analytics.track('Nothing', null)")
    bought = answered(site, page, "purchase")
    assert (bought["params"]["value"], bought["params"]["transaction_id"], bought["params"]["currency"]) == (
        25,
        "O-1",
        "EUR",
    )
    (item,) = bought["params"]["items"]
    assert (item["item_id"], item["item_name"], item["item_category"], item["price"]) == (
        "P1",
        "Sock",
        "Feet",
        25,
    )
    changed = answered(site, page, "plan_changed")
    assert (changed["params"], changed["user_id"], changed["user_data"]) == (
        {"plan": "pro"},
        "u-7",
        {"email": "ola@example.com"},
    )
    one(site, page, "page_view")


def test_without_the_attribute_segment_is_left_alone(site: Website, page: Page) -> None:
    """A page that really uses Segment keeps it."""
    page.goto(shop(site, NOW))
    assert page.evaluate("typeof analytics") == "undefined"


def test_as_sayso_serves_it_it_needs_no_attribute(site: Website, page: Page) -> None:
    """The folder of the script is where events go; the script may come late, after all that the page said."""
    page.goto(
        site.put(
            "/",
            f'<title>Shop</title>{STUB}<script>{CONFIG}</script><script async src="/s/sayso.js"></script>',
        )
    )
    assert answered(site, page, "page_view")["page"] == {
        "url": site.url("/"),
        "referrer": "",
        "title": "Shop",
    }


def test_the_script_is_small() -> None:
    """In bytes, as a browser gets it. These bounds are what it has come to."""
    assert len(make_script(("core",)).gzipped) <= 3_180
    assert len(make_script().gzipped) <= 3_400
