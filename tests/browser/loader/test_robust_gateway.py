"""A gateway that is gone, hangs or talks nonsense never breaks a page: its own script, its forms and its links go on.

What stands on the console is the browser's own line about a request that failed; no script can prevent it. Which lines
those are is written down here, and nothing else may be there.
"""

import socket
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from proxy.loader.script import make_script
from tests.support.website import BASE, COLLECTOR, Fault, Website, complaints, until

FAILED = "console: Failed to load resource: "
EMPTY = f"{FAILED}net::ERR_EMPTY_RESPONSE"
REFUSED = f"{FAILED}net::ERR_CONNECTION_REFUSED"
STATUS_500 = f"{FAILED}the server responded with a status of 500 (Internal Server Error)"
STATUS_404 = f"{FAILED}the server responded with a status of 404 (Not Found)"

STUB = """<script>
window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }
gtag('consent', 'default', {analytics_storage: 'granted', ad_storage: 'granted', ad_user_data: 'granted',
  ad_personalization: 'granted'});
gtag('js', new Date()); gtag('config', 'shop');
</script>"""
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>{stub}
<script async src="{src}" {more}></script></head><body>
<button id="add" type="button">Add</button><output id="basket">0</output>
<a id="next" href="/next">Next</a>
<form id="order" action="/thanks"><input name="q" value="1"><button id="buy">Buy</button></form>
<script>
add.onclick = () => {{ gtag('event', 'add_to_cart', {{value: 1, currency: 'NOK'}}); basket.value = +basket.value + 1; }};
order.onsubmit = () => {{ gtag('event', 'purchase', {{value: 1, currency: 'NOK', transaction_id: 'T-1'}}); }};
document.documentElement.dataset.ran = 'yes';
</script></body></html>"""


def put(site: Website, src: str, more: str = "") -> str:
    """Put up the shop, with its loader from there, and with further attributes of the tag; return its address."""
    for path in ("/next", "/thanks"):
        site.put(path, f"<!doctype html><title>{path}</title><p>Here you are.")
    return site.put("/", PAGE.format(stub=STUB, src=src, more=more))


def use(site: Website, page: Page, url: str) -> None:
    """Use the page as a visitor does. Nothing of it waits for Sayso: each step is only there if the page answered."""
    page.goto(url, wait_until="domcontentloaded")
    assert page.get_attribute("html", "data-ran") == "yes"
    for clicks in (1, 2):
        page.click("#add")
        assert page.text_content("#basket") == str(clicks)
    page.click("#next", no_wait_after=True)
    page.wait_for_url(site.url("/next"))
    page.goto(url, wait_until="domcontentloaded")
    page.click("#buy", no_wait_after=True)
    page.wait_for_url(site.url("/thanks?q=1"))


# --- the script itself does not come -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """How the script fails, and what the browser says of it each time, if it says anything."""

    fault: Fault
    says: tuple[str, ...] = ()


SYNTAX = "error: Unexpected token '<'"
SCRIPT_CASES = {
    "broken off": Case("down", (EMPTY,)),
    "hangs": Case("slow"),
    "500": Case("500", (STATUS_500,)),
    # Whoever answers HTML with 200 has the browser read it as a script: that it is none is the browser's word as well.
    "HTML": Case("html", (SYNTAX,)),
}


@pytest.mark.parametrize("case", SCRIPT_CASES.values(), ids=SCRIPT_CASES.keys())
def test_a_page_works_without_its_script(site: Website, page: Page, case: Case) -> None:
    """Whatever comes in its place."""
    site.fault = case.fault
    with complaints(page) as said:
        use(site, page, put(site, f"{BASE}sayso.js"))
        assert set(said) <= set(case.says)
    assert {one.path for one in site.scripts} == {"sayso.js"}
    assert site.sent == []


def test_a_page_works_when_nobody_listens(site: Website, page: Page) -> None:
    """The connection is refused."""
    with socket.socket() as taken, complaints(page) as said:
        taken.bind(("127.0.0.1", 0))
        use(site, page, put(site, f"https://shop.test:{taken.getsockname()[1]}{BASE}sayso.js"))
        assert set(said) == {REFUSED}
    assert site.sent == []


def test_a_page_works_when_the_script_is_not_there(site: Website, page: Page) -> None:
    """As with a wrong name, or one that the site has switched off."""
    with complaints(page) as said:
        use(site, page, put(site, f"{BASE}no-such.js"))
        assert set(said) == {STATUS_404}


@pytest.mark.parametrize("part", [0.4, 0.999])
def test_a_script_that_is_cut_short_does_nothing_at_all(site: Website, page: Page, part: float) -> None:
    """It is one function, so that a part of it is no script: the page's own queue is as it was, and nothing is sent."""
    url = put(site, "/cut.js")
    site.put("/cut.js", make_script().body[: int(part * len(make_script().body))], media="text/javascript")
    with complaints(page) as said:
        page.goto(url)
        assert [one for one in said if not one.startswith("error: ")] == []
        assert len(said) == 1
        assert page.evaluate("dataLayer.push === Array.prototype.push && dataLayer.length") == 3
        use(site, page, url)
    assert site.sent == []


def test_a_script_of_another_version_is_refused_where_the_page_says_which(site: Website, page: Page) -> None:
    """That is what ``integrity`` is for; the page goes on without."""
    wrong = f'integrity="sha384-{"A" * 64}" crossorigin="anonymous"'
    with complaints(page) as said:
        use(site, page, put(site, f"{BASE}sayso.0123456789abcdef.js", wrong))
        assert said
        assert all("digest" in one and "integrity" in one for one in said)
    assert {one.path for one in site.scripts} == {"sayso.0123456789abcdef.js"}
    assert site.sent == []


def test_the_right_integrity_lets_it_in_from_another_host_of_the_site(site: Website, page: Page) -> None:
    """By its hash, with CORS, as ``sayso loader`` prints it."""
    script = make_script()
    right = f'integrity="{script.integrity}" crossorigin="anonymous"'
    with complaints(page) as said:
        page.goto(put(site, site.url(f"/sayso.{script.digest}.js", host=COLLECTOR), right))
        until(lambda: site.events("page_view"), page)
        assert said == []


# --- the script is there, its gateway is not -----------------------------------------------------------------------------

GATEWAY_CASES = {
    "broken off": Case("down", (EMPTY,)),
    "hangs": Case("slow"),
    "500": Case("500", (STATUS_500,)),
    # The file that hears consent platforms is fetched from there too, and read as a script.
    "HTML": Case("html", (SYNTAX,)),
}
CORS = "has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present"
"""What the browser adds where somebody else's answer comes from another host."""


def with_script(site: Website, folder: str) -> str:
    """Put up the shop with a script that comes from elsewhere, and sends to that folder; return the shop's address."""
    site.put("/loader.js", make_script().body, media="text/javascript")
    return put(site, "/loader.js", f'data-base="{folder}"')


@pytest.mark.parametrize(
    ("case", "host"),
    [*((case, "") for case in GATEWAY_CASES.values()), (GATEWAY_CASES["500"], COLLECTOR)],
    ids=[*GATEWAY_CASES, "500 from a sub-domain"],
)
def test_a_page_works_though_nothing_can_be_sent(site: Website, page: Page, case: Case, host: str) -> None:
    """The loader tries, and what it gets instead of an answer stays with it."""
    url = with_script(site, site.url("/", host=host) if host else BASE)
    site.fault = case.fault
    with complaints(page) as said:
        use(site, page, url)
        until(lambda: site.to("collect"), page)
        allowed = {*case.says, f"{FAILED}net::ERR_FAILED"} if host else {*case.says}
        assert {one for one in said if not (host and CORS in one)} <= allowed
        assert sum(FAILED in one for one in said) <= len(site.sent) + len(site.scripts), (
            "more than one line for a request"
        )


def test_a_visitor_leaves_while_requests_hang(site: Website, page: Page) -> None:
    """Neither a link nor a form waits for an answer: the next page is there, and there was none yet."""
    url = with_script(site, BASE)
    site.fault = "slow"
    with complaints(page) as said:
        use(site, page, url)
        until(lambda: site.events("purchase"), page)
        assert {one.status for one in site.to("collect")} == {0}
        assert said == []


@pytest.mark.parametrize("case", GATEWAY_CASES.values(), ids=GATEWAY_CASES.keys())
def test_a_page_that_waits_for_its_event_goes_on(site: Website, page: Page, case: Case) -> None:
    """``event_callback`` is called though there was no good answer: pages go to the next one by it."""
    url = with_script(site, BASE)
    site.fault = case.fault
    page.goto(url, wait_until="domcontentloaded")
    js = "gtag('event', 'purchase', {value: 1, currency: 'NOK', event_callback: () => { location = '/thanks?q=1'; }})"
    page.evaluate(js)
    page.wait_for_url(site.url("/thanks?q=1"))


def test_what_could_not_be_sent_does_not_fill_the_console(site: Website, page: Page) -> None:
    """Trying again has its bounds: fifty events, a decision and a minute without a gateway are a handful of lines.

    When the gateway is back, the first answer lets everything go that waits.
    """
    url = with_script(site, BASE)
    site.fault = "500"
    page.clock.install()
    with complaints(page) as said:
        page.goto(url)
        page.evaluate("for (let i = 0; i < 50; i++) gtag('event', 'view_item', {value: i, currency: 'NOK'})")
        page.evaluate("gtag('consent', 'update', {ad_storage: 'denied'})")
        for _ in range(60):
            page.clock.run_for(1_000)
            page.evaluate("gtag('event', 'sign_up')")
            until(lambda: all(one.status for one in site.sent), page)
        assert set(said) == {STATUS_500}
        assert 2 <= len(said) <= 15, f"{len(said)} lines"
        # After 1, 2, 4 ... 32 seconds.
        assert 5 <= len(site.to("consent")) <= 8
    site.mend()
    site.sent.clear()

    def arrived() -> bool:
        # Again and again: the page may hear of its last failure only now, and then pauses for as long as that.
        page.clock.run_for(8_000)
        return bool(site.events("sign_up")) and all(one.status == 204 for one in site.sent)

    until(arrived, page)
    assert [one.path for one in site.sent][:2] == ["consent", "collect"]
