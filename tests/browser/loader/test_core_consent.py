"""What the loader does before, at and after the visitor's decision: on the bytes it sends, and on what the vendors got."""

import json

from playwright.sync_api import Page

from tests.support.loader_page import DENIED, GRANTED, SIGNALS, STATISTICS, answered, consent, one, shop
from tests.support.website import Website, until

CONFIG = "gtag('config', 'G-SHOP1')"
CLICKED = (
    "?q=1&gclid=gclid-of-a-click&fbclid=fbclid_of_a_click&msclkid=0123456789abcdef0123456789abcdef#fragment"
)
IDS = ("gclid-of-a-click", "fbclid_of_a_click", "0123456789abcdef", "fragment")


def test_denied_by_default_sends_no_id_and_stores_nothing(site: Website, page: Page) -> None:
    """Neither the bytes that left the page, nor what Google's cookieless ping held, nor the browser has an id."""
    page.goto(shop(site, consent("default", DENIED, wait_for_update=0), CONFIG) + CLICKED)
    event = answered(site, page, "page_view")
    assert event["page"]["url"] == site.url("/?q=1")
    assert event["consent"] == DENIED
    assert "ids" not in event
    until(lambda: site.vendor("google_analytics"), page)
    seen = repr([(sent.headers.get("cookie"), sent.body) for sent in site.sent]) + repr(site.vendor())
    assert not [text for text in (*IDS, "_sayso") if text in seen]
    assert {request["vendor"] for request in site.vendor()} == {"google_analytics"}
    assert site.to("consent") == []
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    # A default is no decision: the server remembers neither an id nor a refusal.
    assert page.context.cookies() == []


def test_events_wait_for_the_decision_and_get_their_click_ids_only_then(site: Website, page: Page) -> None:
    """What was queued before the decision goes out once, with the consent and the ids that it allows."""
    page.goto(shop(site, consent("default", DENIED, wait_for_update=60_000), CONFIG) + CLICKED)
    page.evaluate("gtag('event', 'view_item')")
    page.evaluate(consent("update", GRANTED))
    event = answered(site, page, "page_view")
    assert event["consent"] == GRANTED
    assert event["ids"]["gclid"] == "gclid-of-a-click"
    assert event["ids"]["fbclid"] == "fbclid_of_a_click"
    assert "fbclid=fbclid_of_a_click" in event["page"]["url"]
    assert "fragment" not in event["page"]["url"]
    assert one(site, page, "view_item")["consent"] == GRANTED
    # The decision went first: its answer brought the id that the events carry.
    assert [sent.path for sent in site.sent][:2] == ["consent", "collect"]
    assert all("_sayso=" in sent.headers["cookie"] for sent in site.to("collect"))


def test_an_accepted_purchase_reaches_every_vendor_in_full(site: Website, page: Page) -> None:
    """From the click on Accept to Google Analytics, Google Ads, Meta and Microsoft, under one event id."""
    page.goto(shop(site, consent("default", DENIED, wait_for_update=60_000), CONFIG) + CLICKED)
    page.evaluate(consent("update", GRANTED))
    page.evaluate(
        "gtag('event', 'purchase', {value: 99.5, currency: 'NOK', transaction_id: 'T-1', event_id: 'order-1'})"
    )
    vendors = {"google_analytics", "google_ads", "meta", "microsoft"}
    until(lambda: vendors <= {one["vendor"] for one in site.vendor()}, page, what="all vendors")

    def bought(vendor: str) -> bool:
        return "T-1" in repr(site.vendor(vendor))

    until(lambda: all(map(bought, vendors)), page, what="the purchase at all vendors")
    assert "fbclid_of_a_click" in repr(site.vendor("meta"))
    assert "fbclid_of_a_click" not in repr(site.vendor("google_ads")) + repr(site.vendor("microsoft"))


def test_where_nothing_was_said_no_consent_is_claimed(site: Website, page: Page) -> None:
    """Without default and platform the event says nothing of consent, and carries no id; the server fails closed."""
    page.goto(shop(site, CONFIG) + CLICKED)
    event = answered(site, page, "page_view")
    assert "consent" not in event
    assert "ids" not in event
    assert site.to("consent") == []
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0


def test_what_is_decided_is_posted_once_and_every_change_at_once(site: Website, page: Page) -> None:
    """The same state again is no news, whoever says it; another one is."""
    page.goto(shop(site, consent("default", DENIED), consent("update", STATISTICS), CONFIG))
    answered(site, page, "page_view")
    page.evaluate(consent("update", STATISTICS))
    page.evaluate(consent("update", {"analytics_storage": "granted"}))
    page.evaluate(consent("update", {"ad_user_data": "granted"}))
    until(lambda: len(site.to("consent")) == 2 and site.to("consent")[1].status, page)
    first, second = site.to("consent")
    assert (first.json, first.status) == (STATISTICS | {"source": "gtag"}, 204)
    assert (second.json, second.status) == (STATISTICS | {"ad_user_data": "granted", "source": "gtag"}, 204)


def test_a_withdrawal_is_posted_and_lowers_what_follows(site: Website, page: Page) -> None:
    """After it no vendor but Google's cookieless ping hears of the visitor, and the id is gone."""
    page.goto(shop(site, consent("update", GRANTED), CONFIG) + CLICKED)
    answered(site, page, "page_view")
    page.evaluate(consent("update", DENIED))
    until(lambda: len(site.to("consent")) == 2 and site.to("consent")[1].status == 204, page)
    page.evaluate("gtag('event', 'purchase', {value: 1, currency: 'NOK', transaction_id: 'T-2'})")
    event = answered(site, page, "purchase")
    assert event["consent"] == DENIED
    assert "ids" not in event
    until(lambda: "T-2" in repr(site.vendor("google_analytics")), page)
    assert "T-2" not in repr(site.vendor("meta")) + repr(site.vendor("microsoft"))
    assert [cookie["name"] for cookie in page.context.cookies()] == ["_sayso_consent"]


def test_a_withdrawal_survives_a_reload_in_the_same_tick(site: Website, page: Page) -> None:
    """Some platforms reload the page as soon as the visitor has answered. It is said once."""
    page.goto(shop(site, consent("update", GRANTED), CONFIG))
    answered(site, page, "page_view")
    shop(site, CONFIG)  # after the reload nothing is said
    with page.expect_navigation():
        page.evaluate(consent("update", DENIED) + "; location.reload()")
    until(lambda: len(site.events("page_view")) == 2, page)
    (sent,) = [sent for sent in site.to("consent") if sent.json["ad_storage"] == "denied"]
    until(lambda: sent.status == 204, page)
    assert [cookie["name"] for cookie in page.context.cookies()] == ["_sayso_consent"]


def test_a_withdrawal_does_not_wait_for_a_server_that_hangs(site: Website, page: Page) -> None:
    """It is on its way while an event before it has no answer yet."""
    page.goto(shop(site, consent("update", GRANTED), CONFIG))
    answered(site, page, "page_view")
    site.fault = "slow"
    page.evaluate("gtag('event', 'sign_up')")
    until(lambda: site.events("sign_up"), page)
    page.evaluate(consent("update", DENIED))
    until(lambda: len(site.to("consent")) == 2, page)
    site.mend()
    until(
        lambda: [
            sent for sent in site.to("consent") if sent.status == 204 and sent.json["ad_storage"] == "denied"
        ],
        page,
    )


def test_of_defaults_for_several_regions_the_stricter_counts(site: Website, page: Page) -> None:
    """Nobody in the browser knows where the visitor is."""
    everywhere = STATISTICS | {"ad_storage": "granted"}
    page.goto(
        shop(
            site,
            consent("default", everywhere),
            consent("default", {"ad_storage": "denied"}, region=["NO"]),
            consent(
                "default",
                {"ad_user_data": "granted", "ad_personalization": "granted"},
                region=["US"],
                wait_for_update=0,
            ),
            CONFIG,
        )
    )
    assert answered(site, page, "page_view")["consent"] == STATISTICS


def test_what_was_made_while_denied_is_not_released_by_a_later_grant(site: Website, page: Page) -> None:
    """It could not be sent at once; by then the visitor has agreed to other things, not to this."""
    page.goto(shop(site, consent("default", DENIED, wait_for_update=0), CONFIG) + CLICKED)
    answered(site, page, "page_view")
    site.fault = "down"
    page.evaluate("gtag('event', 'sign_up', {event_id: 'before'})")
    until(lambda: site.events("sign_up"), page)
    page.evaluate(consent("update", GRANTED))
    site.mend()
    event = answered(site, page, "sign_up")
    assert event["event_id"] == "before"
    assert event["consent"] == DENIED
    assert "ids" not in event


def test_one_visitor_gets_one_id(site: Website, page: Page) -> None:
    """The second request waits for the answer to the first, which sets the id."""
    calls = "gtag('event', 'sign_up'); gtag('event', 'purchase', {value: 1, currency: 'NOK'})"
    page.goto(shop(site, consent("default", GRANTED, wait_for_update=0), CONFIG, after=calls))
    answered(site, page, "purchase")
    answered(site, page, "sign_up")
    assert "cookie" not in site.to("collect")[0].headers
    assert all("_sayso=" in sent.headers["cookie"] for sent in site.to("collect")[1:])
    assert [cookie["name"] for cookie in page.context.cookies()] == ["_sayso"]


def test_what_an_earlier_page_said_already_undoes_no_withdrawal_made_elsewhere(
    site: Website, page: Page
) -> None:
    """A platform says the same on every page. The visitor withdrew at Sayso itself since; that stands."""
    url = shop(site, consent("default", DENIED), CONFIG, after=consent("update", GRANTED))
    page.goto(url)
    until(lambda: [sent for sent in site.to("consent") if sent.status == 204], page)
    (first,) = [sent.json for sent in site.to("consent")]
    assert "decided_at" not in first
    assert page.evaluate("fetch('/s/consent', {method: 'DELETE'}).then((answer) => answer.status)") == 204
    site.sent.clear()
    page.goto(url)
    again = until(lambda: [sent for sent in site.to("consent") if sent.status == 204], page)[0].json
    assert {name: again[name] for name in SIGNALS} == GRANTED
    assert again["decided_at"] > 1_700_000_000_000
    state = page.evaluate("fetch('/s/consent').then((answer) => answer.json())")
    assert {state[name] for name in SIGNALS} == {"denied"}


def test_a_new_decision_after_a_refusal_counts(site: Website, page: Page) -> None:
    """Who refuses and then accepts in the same banner has decided anew."""
    page.goto(shop(site, consent("default", DENIED), CONFIG, after=consent("update", GRANTED)))
    last_is(site, page, GRANTED)
    page.evaluate(consent("update", DENIED))
    last_is(site, page, DENIED)
    page.evaluate(consent("update", GRANTED))
    last_is(site, page, GRANTED)
    state = page.evaluate("fetch('/s/consent').then((answer) => answer.json())")
    assert {state[name] for name in SIGNALS} == {"granted"}


def test_accepting_anew_after_a_withdrawal_made_elsewhere_counts(site: Website, page: Page) -> None:
    """The same choice, by a click on this page, is a decision of now. A visit is none, nor a click to another page."""
    accept = (
        "void (document.getElementById('yes').onclick = () => gtag('consent', 'update', "
        + json.dumps(GRANTED)
        + "))"
    )
    moved = "void (document.getElementById('on').onclick = () => { history.pushState({}, '', '/on'); gtag('consent', 'update', "
    moved += json.dumps(GRANTED) + "); return false })"
    body = '<button id="yes">Yes</button><a id="on" href="/on">On</a>'
    page.goto(shop(site, consent("default", DENIED), CONFIG, body=body, after=consent("update", GRANTED)))
    last_is(site, page, GRANTED)
    assert page.evaluate("fetch('/s/consent', {method: 'DELETE'}).then((answer) => answer.status)") == 204
    page.reload()
    page.wait_for_function("!!_sayso.anew")
    page.evaluate(moved)
    page.click("#on")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert held(page) == {"denied"}
    page.evaluate(accept)
    page.click("#yes")
    until(lambda: held(page) == {"granted"}, page, what="the new decision")


def held(page: Page) -> set[str]:
    """Return the values of the four signals that the gateway holds."""
    state = page.evaluate("fetch('/s/consent').then((answer) => answer.json())")
    return {state[name] for name in SIGNALS}


def last_is(site: Website, page: Page, signals: dict[str, str]) -> None:
    """Wait until the newest statement says so, and all of them are answered."""

    def said() -> bool:
        sent = site.to("consent")
        done = bool(sent) and all(one.status == 204 for one in sent)
        return done and {name: sent[-1].json[name] for name in SIGNALS} == signals

    until(said, page, what="the newest statement")
