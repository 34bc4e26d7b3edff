"""What a page reports by itself, and how its owner switches that off."""

from playwright.sync_api import Page, Route

from tests.support.loader_page import GRANTED, answered, consent, one, shop
from tests.support.website import STRANGER, Website, until

NOW = consent("default", GRANTED, wait_for_update=0)
CONFIG = "gtag('config', 'G-SHOP1')"
# The links lead nowhere: what is reported is the click.
LINKS = """
<script>addEventListener("click", e => e.target.closest("a") && e.preventDefault()); addEventListener("submit", e => e.preventDefault())</script>
<a id="out" href="https://other.test/page?mail=kari@example.com#x">Out</a>
<a id="in" href="/in">In</a>
<a id="mail" href="mailto:kari@example.com">Mail</a>
<svg width="20" height="20"><a id="file" href="/files/Prices%202027.pdf?key=secret"><rect width="20" height="20" /></a></svg>
<a id="hidden" data-sayso-ignore href="https://other.test/hidden">Hidden</a>
<button id="cta" data-track="cta_click" data-track-pos="top" data-track-list-name="L"><b>Buy</b></button>
<form id="contact" name="c"><input name="mail" value="kari@example.com"><button id="send">Send</button></form>
<form data-sayso-ignore><button id="silent">Send</button></form>
<form data-track="ask"><input name="id" value="4711"><button id="ask">Ask</button></form>
<button id="end">End</button><script>document.getElementById("end").onclick = () => gtag("event", "end")</script>
"""
BUTTONS = ("out", "in", "mail", "file", "hidden", "cta b", "send", "silent", "ask", "end")


def clicked(site: Website, page: Page, attributes: str = "") -> dict[str, dict[str, object]]:
    """Click everything there is; return the parameters of what was reported, by name."""
    page.goto(shop(site, NOW, attributes=attributes, body=LINKS))
    for button in BUTTONS:
        page.click(f"#{button}")
    answered(site, page, "end")
    found = site.events()
    names = [event["name"] for event in found]
    assert [name for name in names if names.count(name) > 1 and name != "form_submit"] == []
    assert "kari" not in repr(found)
    assert "4711" not in repr(found)
    assert "secret" not in repr(found)
    return {event["name"]: event["params"] for event in reversed(found)}


def test_links_downloads_forms_and_marked_elements_report_themselves(site: Website, page: Page) -> None:
    """Under GA4's names, without queries and without a word of what was typed."""
    found = clicked(site, page)
    assert found == {
        "click": {"link_url": "https://other.test/page", "link_domain": "other.test", "outbound": True},
        "file_download": {
            "link_url": site.url("/files/Prices%202027.pdf"),
            "file_name": "Prices%202027.pdf",
            "file_extension": "pdf",
        },
        "cta_click": {"pos": "top", "list_name": "L"},
        "form_submit": {"form_id": "contact", "form_name": "c"},
        "ask": {},
        "end": {},
    }
    assert len(site.events("form_submit")) == 2


def test_each_kind_can_be_switched_off(site: Website, page: Page) -> None:
    """By an attribute of the script tag; what the owner marked by hand stays."""
    assert clicked(site, page, "data-no-outbound data-no-downloads data-no-forms").keys() == {
        "cta_click",
        "ask",
        "end",
    }


def test_all_can_be_switched_off_at_once(site: Website, page: Page) -> None:
    """``data-auto="off"``: moves within the page too."""
    assert clicked(site, page, 'data-auto="off"').keys() == {"cta_click", "ask", "end"}
    page.evaluate("history.pushState({}, '', '/elsewhere')")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    page.click("#end")
    until(lambda: len(site.events("end")) == 2, page)
    assert site.events("page_view") == []


def test_moves_within_the_page_are_page_views(site: Website, page: Page) -> None:
    """With the page before as referrer and the title that comes after; not for a new hash, and not twice if the page reports too."""
    page.goto(shop(site, NOW, "gtag('config', 'G-SHOP1', {page_path: '/start'})"))
    answered(site, page, "page_view")
    page.evaluate("history.pushState({}, '', '/two?a=1'); setTimeout(() => { document.title = 'Two' }, 30)")
    until(lambda: len(site.events("page_view")) == 2, page)
    page.evaluate("history.replaceState({}, '', '/two?a=1#part')")
    page.evaluate("history.pushState({}, '', '/three'); gtag('config', 'G-SHOP1')")
    until(lambda: len(site.events("page_view")) == 3, page)
    page.go_back()
    until(lambda: len(site.events("page_view")) == 4, page)
    found = [(event["page"]["url"], event["page"]["referrer"]) for event in site.events("page_view")]
    paths = [("/start", None), ("/two?a=1", "/"), ("/three", "/two?a=1"), ("/two?a=1", "/three")]
    assert found == [(site.url(url), site.url(ref) if ref else "") for url, ref in paths]
    assert site.events("page_view")[1]["page"]["title"] == "Two"


def test_moves_are_not_reported_where_the_owner_does_it(site: Website, page: Page) -> None:
    """``data-no-spa``."""
    page.goto(shop(site, NOW, CONFIG, attributes="data-no-spa"))
    page.evaluate("history.pushState({}, '', '/two')")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    page.evaluate("gtag('event', 'sign_up')")
    answered(site, page, "sign_up")
    one(site, page, "page_view")


def test_a_page_that_comes_back_from_the_cache_is_viewed_again(site: Website, page: Page) -> None:
    """The browser keeps it as it was, scripts and all."""
    url = shop(site, NOW, CONFIG, after="addEventListener('pageshow', e => window.kept = e.persisted)")
    other = site.put("/", "<!doctype html><title>Other</title>", host=STRANGER)
    page.goto(url)
    answered(site, page, "page_view")
    page.goto(other)
    page.go_back(wait_until="commit")
    until(lambda: page.evaluate("window.kept"), page)
    until(lambda: len(site.events("page_view")) == 2, page)


def test_a_prepared_page_reports_nothing_until_it_is_shown(site: Website, page: Page) -> None:
    """A browser may load a page that nobody ever sees."""
    prepared = "Object.defineProperty(Document.prototype, 'prerendering', {value: true})"
    page.goto(shop(site, prepared, NOW, CONFIG))
    page.evaluate("gtag('event', 'sign_up')")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert site.sent == []
    page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    answered(site, page, "sign_up")
    assert [event["name"] for event in site.events()] == ["page_view", "sign_up"]


def test_what_is_done_before_the_second_file_is_there_waits_for_it(site: Website, page: Page) -> None:
    """Clicks, moves and calls of Segment's: each once. Without that file events go all the same."""
    more: list[Route] = []
    page.route("**/sayso.more.*", lambda route: more.append(route))  # noqa: PLW0108 - playwright counts its parameters
    page.goto(shop(site, NOW, CONFIG, attributes="data-segment", body=LINKS), wait_until="domcontentloaded")
    page.click("#cta")
    page.evaluate(
        "history.pushState({}, '', '/two'); history.pushState({}, '', '/three'); analytics.track('Signed Up')"
    )
    page.evaluate("gtag('event', 'sign_up')")
    answered(site, page, "sign_up")
    assert [event["name"] for event in site.events()] == ["page_view", "sign_up"]
    until(lambda: more, page)
    more[0].continue_()
    until(
        lambda: len(site.events("page_view")) == 3 and site.events("cta_click") and site.events("signed_up"),
        page,
    )
    page.click("#end")
    answered(site, page, "end")
    paths = [event["page"]["url"] for event in site.events("page_view")]
    assert paths == [site.url(path) for path in ("/", "/two", "/three")]
    assert [len(site.events(name)) for name in ("cta_click", "signed_up")] == [1, 1]
