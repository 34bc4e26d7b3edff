"""How events reach the server: in batches, when the page goes, and when the network or the server does not play along."""

import json
import time
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

from tests.support.loader_page import DENIED, GRANTED, STATISTICS, answered, consent, one, shop
from tests.support.website import Fault, Website, until

NOW = consent("default", GRANTED, wait_for_update=0)
REFUSED = consent("default", DENIED, wait_for_update=0)
CONFIG = "gtag('config', 'G-SHOP1')"
BUY = "gtag('event', 'purchase', {value: 1, currency: 'NOK', transaction_id: 'T-1', event_id: 'order-1'})"
STORED = "Object.values(localStorage).flatMap(text => JSON.parse(text))"


def stored(page: Page) -> list[dict[str, Any]]:
    """Return what waits in the page's storage."""
    found: list[dict[str, Any]] = page.evaluate(STORED)
    return found


def test_what_happens_together_is_sent_together(site: Website, page: Page) -> None:
    """Three clicks are one request, of a type that needs no preflight."""
    page.goto(shop(site, NOW))
    page.evaluate("gtag('event', 'a'); gtag('event', 'b'); gtag('event', 'c')")
    answered(site, page, "c")
    (sent,) = site.to("collect")
    assert [event["name"] for event in sent.events] == ["a", "b", "c"]
    assert sent.headers["content-type"].startswith("text/plain")
    assert not [one for one in site.sent if one.method == "OPTIONS"]
    assert len({event["event_id"] for event in sent.events}) == 3


def test_a_large_heap_is_sent_in_parts(site: Website, page: Page) -> None:
    """No request holds more than 100 events or 48 KiB; every event goes once."""
    page.goto(shop(site, NOW))
    page.evaluate("for (let n = 0; n < 230; n++) gtag('event', 'e', {n, text: 'æ'.repeat(n % 9 ? 9 : 900)})")
    until(lambda: len(site.events("e")) >= 230, page)
    assert sorted(event["params"]["n"] for event in site.events("e")) == list(range(230))
    assert all(len(sent.body) <= 48 * 1024 and len(sent.events) <= 100 for sent in site.to("collect"))


def test_a_purchase_survives_leaving_the_page_at_once(site: Website, page: Page) -> None:
    """Also while another request is under way, and with what else was waiting."""
    site.put("/next", "<!doctype html><title>Next</title>")
    page.goto(shop(site, NOW, CONFIG))
    site.fault = "slow"
    with page.expect_navigation():
        page.evaluate("gtag('event', 'view_cart');" + BUY + ";gtag('event', 'late'); location.href = '/next'")
    until(lambda: site.events("purchase") and site.events("late"), page)
    site.mend()
    answered(site, page, "purchase")
    answered(site, page, "late")
    one(site, page, "view_cart")


def test_a_purchase_survives_closing_the_tab(site: Website, page: Page, context: BrowserContext) -> None:
    """The batch has not been sent yet when the tab goes."""
    other = context.new_page()
    page.goto(shop(site, NOW))
    page.evaluate("gtag('event', 'late', {event_id: 'last-words'})")
    page.close(run_before_unload=True)
    assert answered(site, other, "late")["event_id"] == "last-words"


def test_an_offline_purchase_is_sent_once_when_the_network_is_back(site: Website, page: Page) -> None:
    """With the id that it had from the beginning."""
    page.goto(shop(site, NOW, CONFIG))
    answered(site, page, "page_view")
    page.context.set_offline(True)
    page.evaluate(BUY)
    until(lambda: stored(page), page, what="the purchase in storage")
    assert stored(page)[0]["event_id"] == "order-1"
    page.context.set_offline(False)
    assert answered(site, page, "purchase")["event_id"] == "order-1"
    one(site, page, "purchase")
    assert page.evaluate("localStorage.length") == 0


def test_what_was_stored_is_sent_by_the_next_page_and_by_one_tab_alone(
    site: Website, page: Page, context: BrowserContext
) -> None:
    """The tab was killed while it was offline; two new ones open at the same time."""
    url = shop(site, NOW)
    page.goto(url)
    context.set_offline(True)
    page.evaluate(BUY)
    until(lambda: stored(page), page)
    page.close()
    context.set_offline(False)
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(url, wait_until="commit")
    assert answered(site, tabs[0], "purchase")["event_id"] == "order-1"
    for number, tab in enumerate(tabs):
        tab.evaluate(f"gtag('event', 'sign_up', {{n: {number}}})")
        until(lambda: len(site.events("sign_up")) > tabs.index(tab), tab)  # noqa: B023 - called at once
    one(site, tabs[0], "purchase")


def test_a_tab_that_closes_while_it_tries_again_leaves_the_event_to_the_next_page(
    site: Website, page: Page, context: BrowserContext
) -> None:
    """What is stored stays until it was answered. Another tab leaves it alone meanwhile, and sends its own."""
    other = context.new_page()
    url = shop(site, NOW)
    page.goto(url)
    context.set_offline(True)
    page.evaluate(BUY)
    until(lambda: stored(page), page)
    site.fault = "slow"
    context.set_offline(False)
    until(lambda: site.events("purchase"), page)
    site.fault = None
    other.goto(url)
    other.evaluate("gtag('event', 'sign_up')")
    answered(site, other, "sign_up")
    assert [event["event_id"] for event in stored(other)] == ["order-1"]
    one(site, other, "purchase")
    page.close()
    site.sent.clear()
    other.goto(url)
    other.evaluate("gtag('event', 'sign_up')")
    assert answered(site, other, "purchase")["event_id"] == "order-1"
    until(lambda: not stored(other), other)


def test_conversions_go_first_when_the_page_is_left(
    site: Website, page: Page, context: BrowserContext
) -> None:
    """A browser takes 64 KiB of beacons from a page that goes: what is over waits for the next page."""
    other = context.new_page()
    url = shop(site, NOW)
    page.goto(url)
    site.fault = "slow"  # so that the purchase finds another request under way
    js = "for (let n = 0; n < 120; n++) gtag('event', 'u', {n, text: 'x'.repeat(900)}); gtag('event', 'generate_lead');"
    page.evaluate(js + BUY)
    until(lambda: site.events("generate_lead") or site.events("u"), page)
    site.fault = None
    page.close(run_before_unload=True)
    assert answered(site, other, "purchase")["event_id"] == "order-1"
    (first,) = [sent for sent in site.to("collect") if "order-1" in repr(sent.events)]
    assert first.events[0]["name"] in {"generate_lead", "purchase"}


def test_an_event_that_no_request_can_hold_goes_without_its_items(site: Website, page: Page) -> None:
    """And without other long texts if need be; what a purchase is worth is always there."""
    page.goto(shop(site, NOW))
    items = "Array.from({length: 150}, (_, n) => ({item_id: 'i' + n, text: 'x'.repeat(900)}))"
    page.evaluate(
        f"gtag('event', 'purchase', {{value: 5, currency: 'NOK', transaction_id: 'T-9', coupon: 'C', items: {items}}})"
    )
    bought = answered(site, page, "purchase")
    assert bought["params"] == {"value": 5, "currency": "NOK", "transaction_id": "T-9", "coupon": "C"}
    texts = "Object.fromEntries(Array.from({length: 70}, (_, n) => ['t' + n, 'æ'.repeat(600)]))"
    page.evaluate(f"gtag('event', 'generate_lead', {{...{texts}, value: 7, currency: 'NOK'}})")
    lead = answered(site, page, "generate_lead")
    assert lead["params"]["value"] == 7
    assert 40 < len(lead["params"]) < 70


def test_a_withdrawal_wipes_what_is_stored(site: Website, page: Page) -> None:
    """And it never leaves, under no consent."""
    page.goto(shop(site, NOW))
    page.context.set_offline(True)
    page.evaluate(BUY)
    until(lambda: stored(page), page)
    page.evaluate(consent("update", DENIED))
    assert page.evaluate("localStorage.length") == 0
    page.context.set_offline(False)
    until(lambda: site.to("consent"), page, what="the withdrawal, told when the network is back")
    page.evaluate("gtag('event', 'sign_up')")
    assert answered(site, page, "sign_up")["consent"] == DENIED
    assert site.events("purchase") == []


def test_less_consent_lowers_what_is_stored(site: Website, page: Page) -> None:
    """Statistics stay granted, advertising does not: the stored purchase goes without its click id."""
    page.goto(shop(site, NOW) + "?gclid=click-1")
    page.context.set_offline(True)
    page.evaluate(BUY)
    until(lambda: stored(page), page)
    assert stored(page)[0]["ids"] == {"gclid": "click-1"}
    page.evaluate(consent("update", STATISTICS))
    page.context.set_offline(False)
    event = answered(site, page, "purchase")
    assert event["consent"] == STATISTICS
    assert "click-1" not in json.dumps(event)


def test_without_consent_nothing_is_stored_and_memory_must_do(site: Website, page: Page) -> None:
    """The purchase of somebody who refused waits in the page."""
    page.goto(shop(site, REFUSED, CONFIG))
    answered(site, page, "page_view")
    page.context.set_offline(True)
    told = "new Promise(done => gtag('event', 'purchase', {value: 2, currency: 'NOK', event_callback: done}))"
    page.evaluate(told)
    assert page.evaluate("localStorage.length") == 0
    page.context.set_offline(False)
    assert answered(site, page, "purchase")["params"]["value"] == 2
    assert page.evaluate("localStorage.length") == 0


def test_at_most_fifty_wait(site: Website, page: Page) -> None:
    """Conversions, then the newest; nobody's storage is filled."""
    page.goto(shop(site, NOW))
    page.context.set_offline(True)
    page.evaluate("for (let n = 0; n < 80; n++) gtag('event', 'e', {n})")
    until(lambda: stored(page), page)
    assert [event["params"]["n"] for event in stored(page)] == list(range(30, 80))
    page.evaluate(BUY)
    page.evaluate("for (let n = 80; n < 200; n++) gtag('event', 'e', {n})")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    until(lambda: stored(page)[-1]["params"].get("n") == 199, page)
    assert [event["params"].get("n") for event in stored(page)] == [None, *range(151, 200)]


def test_a_server_in_trouble_gets_the_same_event_later(site: Website, page: Page) -> None:
    """Errors of a server, a connection that breaks, and somebody else's page are no answers."""
    faults: tuple[Fault, ...] = ("500", "down", "html")
    for fault in faults:
        site.forget()
        page.goto(shop(site, NOW))
        site.fault = fault
        page.evaluate(BUY)
        until(lambda: site.events("purchase"), page)
        site.mend()
        until(
            lambda: [sent for sent in site.to("collect") if sent.status == 204], page, what=f"after {fault}"
        )
        assert {event["event_id"] for event in site.events("purchase")} == {"order-1"}
        page.evaluate("gtag('event', 'sign_up')")
        answered(site, page, "sign_up")


def test_a_refusal_is_final_and_a_busy_server_says_when(site: Website, page: Page) -> None:
    """400 is not repeated. 429 is, when it says so and not before."""
    answers = [(400, {}), (429, {"Retry-After": "2", "Access-Control-Allow-Origin": "*"})]
    times: list[float] = []

    def answer(route: Route) -> None:
        times.append(time.monotonic())
        if answers:
            status, headers = answers.pop(0)
            route.fulfill(status=status, headers=headers, body="{}")
        else:
            route.continue_()

    page.goto(shop(site, NOW))
    page.route("**/s/collect", answer)
    page.evaluate("new Promise(done => gtag('event', 'sign_up', {event_callback: done}))")
    page.evaluate(BUY)
    answered(site, page, "purchase")
    assert len(times) == 3
    assert times[2] - times[1] > 1.9
    assert site.events("sign_up") == []


def test_a_browser_without_cookies_and_storage_still_reports(site: Website, page: Page) -> None:
    """As third-party frames and strict settings have it."""
    blocked = """Object.defineProperty(window, "localStorage", {get() { throw new DOMException("no", "SecurityError") }});
    Object.defineProperty(Document.prototype, "cookie", {get() { throw new DOMException("no", "SecurityError") }})"""
    page.goto(shop(site, blocked, NOW, CONFIG))
    answered(site, page, "page_view")
    page.context.set_offline(True)
    page.evaluate("new Promise(done => gtag('event', 'sign_up', {event_callback: done}))")
    page.context.set_offline(False)
    answered(site, page, "sign_up")
