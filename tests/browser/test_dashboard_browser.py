"""The dashboard in a real Chromium: nothing runs, nothing is refused, nobody meets a barrier, and it works without a mouse."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from proxy.dashboard.known import Known, Refusals, Standing
from proxy.report.model import CampaignCount
from tests.support.made_up_report import STANDING, Listener, MadeUp

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "an-admin-token"
HOSTILE = "<img src=x onerror=document.title='run'><script>document.title='run'</script>\"' onclick='x"
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}
PAGES = [
    ("?site=ullvik&period=7d", "en", "light", DESK),
    ("?site=ullvik&period=7d&source=google", "nb", "dark", PHONE),
    ("?site=outlet", "nb", "light", PHONE),
    ("?site=new", "nb", "dark", PHONE),
    ("?site=nowhere", "en", "light", DESK),
]


def hostile(known: Known) -> Known:
    """Put what a stranger could have chosen wherever strangers choose something."""
    campaigns = (CampaignCount(HOSTILE, HOSTILE, HOSTILE, known.report.conversions, {}, 0),)
    refusals = {"meta": Refusals([(HOSTILE, 5)], 5)}
    standing = Standing(store=HOSTILE, states=STANDING.states, refusals=refusals)
    return replace(known, report=replace(known.report, campaigns=campaigns), standing=standing)


class Listeners:
    """Three listeners in a thread of their own: an open one, one with hostile names, one with a login."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._all = (Listener(), Listener(MadeUp(change=hostile)), Listener(token=TOKEN))
        for one in self._all:
            self._run(one.__aenter__())
        self.open, self.hostile, self.guarded = (one.url for one in self._all)

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def stop(self) -> None:
        """End them."""
        for one in self._all:
            self._run(one.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture(scope="module")
def listeners() -> Iterator[Listeners]:
    """Start the listeners once."""
    found = Listeners()
    yield found
    found.stop()


@pytest.fixture
def page(context: BrowserContext, listeners: Listeners) -> Iterator[Page]:
    """Open a page that fails its test if a script runs, the policy refuses something or another machine is asked."""
    complaints: list[str] = []
    own = (listeners.open, listeners.hostile, listeners.guarded)
    page = context.new_page()

    def console(text: str) -> None:
        # A page that there is not answers 404, and the browser says so of itself.
        if "status of 404" not in text and "status of 401" not in text:
            complaints.append(text)

    page.on("console", lambda message: console(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(own) else complaints.append(asked.url))
    yield page
    assert complaints == []


def barriers(page: Page) -> list[str]:
    """Return what axe finds on a page, whatever is open on it."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe is not installed: sh tools/ensure_axe.sh")
def test_axe_finds_no_barrier(browser: Browser, listeners: Listeners) -> None:
    """In both languages and schemes, wide and narrow, with and without numbers."""
    found = {}
    for query, lang, scheme, size in PAGES:
        context = browser.new_context(
            bypass_csp=True,  # axe is ours to put in
            color_scheme="dark" if scheme == "dark" else "light",
            viewport=size,
        )
        page = context.new_page()
        page.goto(f"{listeners.open}/dashboard{query}&lang={lang}")
        found[query] = barriers(page)
        context.close()
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{listeners.guarded}/dashboard")
    found["login"] = barriers(page)
    context.close()
    assert {place: one for place, one in found.items() if one} == {}


def test_hostile_names_run_nothing(page: Page, listeners: Listeners) -> None:
    """What looks like a script is read as text by the browser, too, and the policy has nothing to refuse."""
    page.goto(f"{listeners.hostile}/dashboard?site=ullvik&lang=en")
    assert page.locator("script, img:not([alt=''])").count() == 0
    assert page.locator("#campaigns tbody td").first.inner_text() == HOSTILE
    assert page.locator("#delivery q").first.inner_text() == HOSTILE
    assert page.title().startswith("ullvik: all conversions")


def test_everything_works_without_a_script(browser: Browser, listeners: Listeners) -> None:
    """With scripts switched off, a marketer chooses another period and finds the numbers of a day."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{listeners.open}/dashboard")
    page.select_option("#bar-period", "last_month")
    page.select_option("#bar-compare", "none")
    page.click("text=Show")
    expect(page.locator(".span")).to_have_text("1–31 October 2026")  # noqa: RUF001
    page.click("#days summary")
    expect(page.locator("#days tbody tr")).to_have_count(31)
    page.click("#campaigns a:has-text('google / cpc') >> nth=0")
    expect(page.locator(".only")).to_contain_text("Only the source google")
    expect(page.locator(".span")).to_have_text("1–31 October 2026")  # noqa: RUF001
    page.click("text=Norsk")
    expect(page.locator(".only")).to_contain_text("Bare kilden google")
    context.close()


def test_days_of_ones_own_and_a_file(page: Page, listeners: Listeners) -> None:
    """From and to are changed in the form, and the file is of the same days."""
    page.goto(f"{listeners.open}/dashboard?lang=nb")
    page.fill("#bar-from", "2026-05-01")
    page.fill("#bar-to", "2026-05-17")
    page.click("text=Vis")
    expect(page.locator(".span")).to_have_text("1.–17. mai 2026")  # noqa: RUF001
    with page.expect_download() as download:
        page.click("text=CSV")
    assert download.value.suggested_filename == "ullvik-2026-05-01-2026-05-17.csv"


def test_the_keyboard_reaches_everything(page: Page, listeners: Listeners) -> None:
    """The first stop leads past the bar; tables that scroll can be scrolled; nothing catches the focus."""
    page.goto(f"{listeners.open}/dashboard?site=ullvik&lang=en")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the numbers"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "bar-site"
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(document.activeElement.id || document.activeElement.textContent"
                " || document.activeElement.name || '').trim().slice(0, 40)"
            )
        )
    assert {
        "bar-period",
        "bar-event",
        "Show",
        "The numbers as a table",
        "google / cpc",
        "Match-key coverage",
    } <= reached


def test_a_narrow_screen_does_not_scroll_sideways(page: Page, listeners: Listeners) -> None:
    """At 360 pixels the page is as wide as the screen; only tables scroll within themselves."""
    page.set_viewport_size(PHONE)
    for query in ("?site=ullvik&lang=nb", "?site=ullvik&period=13m&lang=en", "?site=new&lang=nb"):
        page.goto(f"{listeners.open}/dashboard{query}")
        page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
        assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("width", [320, 768])
def test_nothing_is_wider_than_the_screen(page: Page, listeners: Listeners, width: int) -> None:
    """At 400 percent 1280 pixels are 320 (WCAG 1.4.10); the login, too, whatever is hidden in it."""
    page.set_viewport_size({"width": width, "height": 256})
    open_, guarded = listeners.open, listeners.guarded
    for url in (
        f"{open_}/dashboard?site=ullvik&lang=nb",
        f"{open_}/dashboard?site=nowhere&lang=nb",
        f"{guarded}/dashboard?lang=nb",
    ):
        page.goto(url)
        page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
        assert page.evaluate("document.documentElement.scrollWidth") == width, url


def test_what_is_told_apart_by_colour_stays_so_in_forced_colours(page: Page, listeners: Listeners) -> None:
    """High contrast: the keys of the figures keep their look, and the chosen language has a line around it."""
    page.emulate_media(forced_colors="active")
    page.goto(f"{listeners.open}/dashboard?site=ullvik&lang=en")
    looks = "one => getComputedStyle(one).backgroundColor"
    this, then = (page.locator(f".key.{kind}").evaluate(looks) for kind in ("this", "then"))
    assert this != then
    line = page.locator(".languages [aria-current]").evaluate("one => getComputedStyle(one).borderTopWidth")
    assert line == "1px"


def test_it_prints(page: Page, listeners: Listeners) -> None:
    """On paper: no form, dark on white, the figures with their bars."""
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"{listeners.open}/dashboard?site=ullvik&lang=en")
    expect(page.locator("form.bar")).to_be_hidden()
    expect(page.locator("#days .chart rect.day").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_logging_in_and_out(page: Page, listeners: Listeners) -> None:
    """A wrong password, the right one, the page that was asked for, and out again."""
    page.goto(f"{listeners.guarded}/dashboard?period=7d&lang=en")
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That was not the password.")
    page.get_by_label("Password").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".span")).to_have_text("16–22 November 2026")  # noqa: RUF001
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#token")).to_be_visible()
