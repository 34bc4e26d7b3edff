"""The cookies in a real browser over simulated weeks: never longer than promised, whatever the visitor does.

Time passes for both sides at once: the server's clock is put forward, and every cookie in the browser is put so much
nearer to its end. What ends a cookie is then the browser itself, by what the server told it.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.turned_clock import Dial, needs_faketime
from tests.support.website import BASE, COLLECTOR, SHOP, STRANGER, Website, until

pytestmark = needs_faketime

DAY = 86_400
ID, REFUSAL = "_sayso", "_sayso_consent"
CONSENTED_DAYS = 60
REFUSAL_DAYS = 395
MOST_DAYS = 400
SLACK_S = 120
GRANT = '{"analytics_storage": "granted", "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}'
DENY = GRANT.replace("granted", "denied")
PLACES = [pytest.param(BASE, SHOP, id="below the shop"), pytest.param("/", COLLECTOR, id="beside the shop")]


@contextmanager
def _website(preset: str, more: str) -> Iterator[tuple[Website, Dial]]:
    with (
        tempfile.TemporaryDirectory(prefix="sayso-") as folder,
        pytest.MonkeyPatch.context() as environment,
    ):
        dial = Dial(Path(folder))
        for name, value in dial.changes.items():
            environment.setenv(name, value)
        with Website(Path(folder).resolve(), preset, more) as site:
            environment.undo()  # the browser's clock is nobody's to turn
            yield site, dial


@pytest.fixture(scope="module")
def on_interest(chromium_path: str) -> Iterator[tuple[Website, Dial]]:
    """Start a shop that follows the notice of 2021: statistics on legitimate interest."""
    with _website("notice-2021", "") as found:
        yield found


@pytest.fixture(scope="module")
def on_consent(chromium_path: str) -> Iterator[tuple[Website, Dial]]:
    """Start a shop that asks for consent."""
    with _website(
        "consent-mode", f"[sites.shop.visitor]\nconsented_max_age_days = {CONSENTED_DAYS}"
    ) as found:
        yield found


class Life:
    """A visitor's browser, and time."""

    def __init__(self, found: tuple[Website, Dial], page: Page) -> None:
        self.site, self.dial = found
        self.page = page
        self.passed_s = 0.0
        self.site.forget()
        self.dial.turn(0)
        page.goto(self.site.put("/", "<!doctype html><title>Shop</title><p>Hello."))

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def cookie(self, name: str) -> dict[str, object] | None:
        """Return a cookie as the browser holds it; a test fails if it holds several of that name."""
        found = [dict(one) for one in self.context.cookies() if one["name"] == name]
        assert len(found) < 2, found
        return found[0] if found else None

    def left_s(self, name: str) -> float:
        """Return how long the browser will keep a cookie."""
        cookie = self.cookie(name)
        assert cookie is not None, f"no {name}"
        expires = cookie["expires"]
        assert isinstance(expires, float | int)
        assert expires > 0, "it would live until the browser is closed, whenever that is"
        return expires - time.time()

    def id(self) -> str | None:
        cookie = self.cookie(ID)
        return None if cookie is None else str(cookie["value"])

    def pass_days(self, days: float) -> None:
        """Let time go by: for the server, and for the browser's cookies."""
        seconds = days * DAY
        self.passed_s += seconds
        self.dial.turn(self.passed_s)
        held = self.context.cookies()
        self.context.clear_cookies()
        for cookie in held:
            cookie["expires"] -= seconds
            if cookie["expires"] > time.time():
                self.context.add_cookies([cookie])  # type: ignore[list-item]  # the same keys, told apart by name only

    def post(self, url: str, body: str) -> None:
        """Post as the loader does while the page is there; wait for the answer."""
        js = "([url, body]) => fetch(url, {method: 'POST', body, credentials: 'include', keepalive: true}).then((a) => a.status)"
        assert self.page.evaluate(js, [url, body]) == 204

    def beacon(self, url: str, body: str) -> None:
        """Post as the loader does when the page goes; wait until it was answered and the browser has its cookies."""
        before = len(self.site.sent)
        assert self.page.evaluate("([url, body]) => navigator.sendBeacon(url, body)", [url, body])
        (sent,) = until(
            lambda: [one for one in self.site.sent[before:] if one.method == "POST" and one.status], self.page
        )
        assert sent.status == 204


@pytest.mark.parametrize(("base", "host"), PLACES)
class TestOnLegitimateInterest:
    def test_an_id_ends_with_its_seventh_day_however_often_it_is_used(
        self, on_interest: tuple[Website, Dial], page: Page, base: str, host: str
    ) -> None:
        """A daily visit, by a beacon each, does not keep it; the next one after it is another's."""
        life = Life(on_interest, page)
        collect = life.site.url(f"{base}collect", host=host)
        life.beacon(collect, '{"name": "page_view"}')
        until(life.id, page)
        first = life.id()
        cookie = life.cookie(ID)
        assert cookie is not None
        assert (cookie["domain"], cookie["path"], cookie["sameSite"]) == (host, "/", "Lax")
        assert (cookie["httpOnly"], cookie["secure"]) == (True, True)
        assert page.evaluate("document.cookie") == ""
        for day in range(7):
            assert 7 * DAY - life.passed_s - SLACK_S < life.left_s(ID) <= 7 * DAY - life.passed_s + 1, day
            life.beacon(collect, '{"name": "page_view"}')
            life.post(collect, '{"name": "view_item"}')
            assert life.id() == first
            life.pass_days(1 if day < 6 else 0.99)
        assert life.id() == first, "it ends early"
        life.pass_days(0.02)
        assert life.id() is None
        life.post(collect, '{"name": "page_view"}')
        assert life.id() not in {None, first}
        assert life.left_s(ID) <= 7 * DAY

    def test_not_even_consent_makes_it_longer_under_that_notice(
        self, on_interest: tuple[Website, Dial], page: Page, base: str, host: str
    ) -> None:
        """It promises seven days; said on the third, four of them are left."""
        life = Life(on_interest, page)
        life.post(life.site.url(f"{base}collect", host=host), '{"name": "page_view"}')
        first = life.id()
        life.pass_days(3)
        life.post(life.site.url(f"{base}consent", host=host), GRANT)
        assert life.id() == first
        assert life.left_s(ID) <= 4 * DAY + 1
        life.pass_days(4.01)
        assert life.id() is None


@pytest.mark.parametrize(("base", "host"), PLACES)
class TestOnConsent:
    def test_an_id_ends_when_its_site_says_though_the_visitor_comes_and_consents_again(
        self, on_consent: tuple[Website, Dial], page: Page, base: str, host: str
    ) -> None:
        """Counted from when it was made; nobody is full after that until they say so anew."""
        life = Life(on_consent, page)
        collect, consent = (life.site.url(f"{base}{route}", host=host) for route in ("collect", "consent"))
        life.beacon(consent, GRANT)
        until(life.id, page)
        first = life.id()
        for week in range(1, 8):
            life.pass_days(7)
            life.beacon(collect, '{"name": "page_view"}')
            life.post(consent, GRANT)
            assert life.id() == first
            assert life.left_s(ID) <= CONSENTED_DAYS * DAY - life.passed_s + 1, f"longer in week {week}"
        assert life.left_s(ID) > CONSENTED_DAYS * DAY - life.passed_s - SLACK_S, "it would end early"
        life.pass_days(CONSENTED_DAYS - 49 - 0.01)
        assert life.id() == first
        life.pass_days(0.02)
        assert life.context.cookies() == []
        life.post(collect, '{"name": "page_view"}')
        assert life.context.cookies() == []

    def test_a_refusal_is_remembered_without_an_id(
        self, on_consent: tuple[Website, Dial], page: Page, base: str, host: str
    ) -> None:
        """For 395 days, the same for everybody who refused at that moment; and a refusal said again is a new one."""
        life = Life(on_consent, page)
        consent = life.site.url(f"{base}consent", host=host)
        life.post(consent, GRANT)
        assert life.id() is not None
        life.beacon(consent, DENY)
        until(lambda: life.cookie(REFUSAL), page)
        assert life.id() is None
        cookie = life.cookie(REFUSAL)
        assert cookie is not None
        assert (cookie["domain"], cookie["path"], cookie["sameSite"]) == (host, "/", "Lax")
        assert (cookie["httpOnly"], cookie["secure"]) == (True, True)
        assert str(cookie["value"]).startswith("1.dddd.")
        assert REFUSAL_DAYS * DAY - SLACK_S < life.left_s(REFUSAL) <= REFUSAL_DAYS * DAY + 1
        life.pass_days(200)
        life.post(life.site.url(f"{base}collect", host=host), '{"name": "page_view"}')
        assert [one["name"] for one in life.context.cookies()] == [REFUSAL]
        assert life.left_s(REFUSAL) <= 195 * DAY + 1, "a visit is no refusal"
        life.pass_days(195.01)
        assert life.context.cookies() == []


def test_no_cookie_is_longer_than_browsers_keep_any(on_consent: tuple[Website, Dial], page: Page) -> None:
    """Chromium cuts every life down to 400 days; the longest of ours is below that, so it is kept as it was told."""
    life = Life(on_consent, page)
    page.goto(
        life.site.put("/long", "<!doctype html><title>x</title>", Set_Cookie=f"long=1; Max-Age={730 * DAY}")
    )
    assert MOST_DAYS * DAY - SLACK_S < life.left_s("long") <= MOST_DAYS * DAY + 1
    assert REFUSAL_DAYS < MOST_DAYS


def test_a_page_of_strangers_gets_no_cookie_set(on_interest: tuple[Website, Dial], page: Page) -> None:
    """Neither by a beacon nor by a request with credentials: to them there is no visitor."""
    life = Life(on_interest, page)
    page.goto(life.site.put("/", "<!doctype html><title>Other</title>", host=STRANGER))
    js = """(url) => [navigator.sendBeacon(url, '{"name": "page_view"}'),
        fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body: '{"name": "page_view"}'})][1].then(() => 1)"""
    page.evaluate(js, life.site.url("/collect", host=COLLECTOR))
    sent = until(lambda: len(life.site.to("collect")) == 2 and life.site.to("collect"), page)
    until(lambda: all(one.status for one in sent), page)
    assert [one.status for one in sent] == [403, 403]
    assert life.context.cookies() == []
