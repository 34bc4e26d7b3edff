"""From purchases in a shop to the numbers on the dashboard, through gateway, store, delivery and vendors."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from proxy.dashboard.wired import add_dashboard
from proxy.delivery.states import pause
from proxy.operate.desk import Desk
from proxy.store.client import Store
from proxy.twin.faults import Fault
from tests.support.own_valkey import Valkey
from tests.support.rig import DENY, GRANT, ORIGIN, Rig, event
from tests.support.waiting import wait_until
from tests.support.whole import Whole

TOKEN = "an-admin-token"
SAME = {"Sec-Fetch-Site": "same-origin"}
PAGE = {"url": f"{ORIGIN}/thanks?utm_source=news&utm_medium=email&utm_campaign=uke-47"}


@asynccontextmanager
async def dashboard_of(rig: Rig, store: Store | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve the dashboard of a gateway's installation; yields a client of it."""
    app = web.Application()
    add_dashboard(app, lambda: Desk(rig.settings, rig.sites, store or rig.store, rig.key))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        no_cookies = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            url, headers={"Accept-Language": "en"}, cookie_jar=no_cookies
        ) as http:
            yield http
    finally:
        await runner.cleanup()


def fields(page: str) -> dict[str, str]:
    """Return the hidden fields of the page's forms."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


async def told(http: aiohttp.ClientSession, query: str = "period=7d") -> dict[str, Any]:
    """Return the report as JSON."""
    async with http.get(f"/api/report.json?{query}") as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def buy(rig: Rig, number: int, consent: object, again: int = 0) -> None:
    """Let so many people buy something, and some of it be told twice."""
    for at in range(number):
        browser = rig.browser()
        order = f"{'yes' if consent == GRANT else 'no'}-{at}"
        params = {"value": 100.5, "currency": "NOK", "transaction_id": order}
        sold = event("purchase", event_id=order, page=PAGE, params=params, consent=consent)
        for _ in range(2 if at < again else 1):
            assert (await browser.collect(sold)).status == 204


async def test_purchases_are_on_the_dashboard(valkey_url: str) -> None:
    """What was bought, with which answer, where it came from, and what became of it at each vendor."""
    async with Whole(valkey_url) as whole, dashboard_of(whole.rig) as http:
        whole.running.twin.fault("meta", Fault(status=400))
        await whole.deliver()
        await buy(whole.rig, 7, GRANT, again=2)
        await buy(whole.rig, 6, DENY)
        await whole.quiet()
        body = await told(http)
        assert body["totals"]["conversions"] == 13
        assert body["totals"]["duplicates"] == 2
        assert body["totals"]["value"] == {"NOK": 1306.5}
        answers = {tuple(one["answers"]): one["conversions"] for one in body["consent"]}
        assert (answers["all",], answers["denied",]) == (7, 6)
        (campaign,) = body["campaigns"]
        assert (campaign["source"], campaign["campaign"], campaign["conversions"]) == ("news", "uke-47", 13)
        meta = next(one for one in body["forwarders"] if one["forwarder"] == "meta")
        assert meta["received"] == 15
        assert meta["dropped"] == {"consent_denied": 6, "duplicate": 2}
        assert meta["outcomes"]["rejected"] == {"vendor_rejected": 7}
        google = next(one for one in body["forwarders"] if one["forwarder"] == "google_analytics")
        assert (google["full"], google["cookieless"]) == (7, 6)
        assert google["outcomes"]["delivered"] == {"accepted": 13}
        async with http.get("/dashboard?period=7d") as answer:
            page = await answer.text()
            assert answer.status == 200
        assert "15 received = 7 with identifiers + 0 without identifiers + 8 not sent" in page
        assert "Meta&#39;s own words" in page
        assert "<strong>7 ×</strong>" in page  # noqa: RUF001


async def test_a_paused_vendor_is_on_the_dashboard(valkey_url: str) -> None:
    """How vendors are is read from the same place as health reads it."""
    async with Whole(valkey_url) as whole, dashboard_of(whole.rig) as http:
        await whole.deliver()
        site = whole.rig.sites[0].name
        await pause(whole.rig.store, site, "meta")

        async def shown() -> bool:
            async with http.get("/dashboard") as answer:
                return "was paused by an operator" in await answer.text()

        await wait_until(shown, within_s=20.0, what="the pause on the dashboard")


async def test_a_logout_holds_in_every_process(own_valkey: Valkey) -> None:
    """A copy of the cookie is worth nothing at another listener of the installation, nor after a restart."""
    server = {"admin_listen": "0.0.0.0:9464", "admin_token": TOKEN}  # only named
    async with (
        Rig(own_valkey.url, server=server) as rig,
        dashboard_of(rig) as one,
        dashboard_of(rig) as other,
    ):
        async with one.get("/dashboard") as answer:
            form = fields(await answer.text()) | {"token": TOKEN}
            begun = {**SAME, "Cookie": f"sayso_login={answer.cookies['sayso_login'].value}"}
        async with one.post("/dashboard/login", data=form, headers=begun, allow_redirects=False) as answer:
            assert answer.status == 303
            cookie = f"sayso_admin={answer.cookies['sayso_admin'].value}"
        async with other.get("/dashboard", headers={"Cookie": cookie}) as answer:
            assert answer.status == 200
            form = fields(await answer.text())
        own_valkey.stop()
        async with other.get("/dashboard", headers={"Cookie": cookie}) as answer:
            assert answer.status == 503
        async with other.get("/api/report.csv", headers={"Cookie": cookie}) as answer:
            assert answer.status == 503
        own_valkey.start()
        out = {**SAME, "Cookie": cookie}
        async with one.post("/dashboard/logout", data=form, headers=out, allow_redirects=False) as answer:
            assert answer.status == 303
        for path in ("/dashboard", "/api/report.json"):
            async with other.get(path, headers={"Cookie": cookie}) as answer:
                assert answer.status == 401
        (key,) = await rig.keys("sayso:ended-login:*")
        assert 0 < await rig.ask("TTL", key) <= 12 * 3600


async def test_a_store_that_is_gone_takes_nothing_else_down(own_valkey: Valkey) -> None:
    """The page says that the numbers cannot be read, in either form."""
    async with Rig(own_valkey.url) as rig, dashboard_of(rig) as http:
        assert (await told(http))["totals"]["conversions"] == 0
        own_valkey.stop()
        async with http.get("/dashboard") as answer:
            assert answer.status == 503
            assert "The numbers cannot be read just now" in await answer.text()
        async with http.get("/api/report.json") as answer:
            assert answer.status == 503
        own_valkey.start()
        assert (await told(http))["totals"]["conversions"] == 0


async def test_a_new_site_says_what_to_do(valkey_url: str) -> None:
    """Nothing was counted yet: no zeros, but what counts as a conversion and how to try."""
    async with Rig(valkey_url) as rig, dashboard_of(rig) as http, http.get("/dashboard") as answer:
        page = await answer.text()
        assert "No conversions in these days" in page
        assert "purchase" in page
        assert "sayso doctor" in page
