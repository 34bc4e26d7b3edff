"""Who may send: listed pages, the collector's own, and nobody else. ``/consent`` lets a pure refusal pass from anywhere."""

import pytest

from tests.support.rig import DENY, GRANT, ORIGIN, PAGE, STATS, Rig, StartRig, event, signals, site

EVIL = "https://evil.example"
ELSEWHERE = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://shop.example.evil.example"},
    {"Origin": "https://evil-shop.example"},
    {"Origin": "https://shop.example:8443"},
    {"Origin": "http://shop.example"},
    {"Origin": "https://shop.example/"},
    {"Origin": "HTTPS://SHOP.EXAMPLE"},
    {"Origin": "https://kari@shop.example"},
    {"Origin": f"{ORIGIN} {EVIL}"},
    {"Origin": f"{EVIL}, {ORIGIN}"},
    {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
    {"Origin": EVIL, "Referer": f"{ORIGIN}/"},
    {"Origin": None},
    {"Origin": None, "Sec-Fetch-Site": "cross-site"},
    {"Origin": None, "Sec-Fetch-Site": "none"},
    {"Origin": None, "Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": None, "Referer": f"{EVIL}/?{ORIGIN}/"},
    {"Origin": None, "Referer": f"{EVIL}#{ORIGIN}"},
    {"Origin": None, "Referer": "https://shop.example.evil.example/"},
    {"Origin": None, "Referer": "https://shop.example@evil.example/"},
    {"Origin": None, "Referer": "shop.example"},
    {"Origin": None, "Referer": "//shop.example/"},
    {"Origin": None, "Referer": "javascript:https://shop.example/"},
    {"Origin": None, "Referer": "http://shop.example/"},
]
HERE = [
    {"Origin": ORIGIN},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://www.shop.example"},
    {"Origin": None, "Sec-Fetch-Site": "same-origin"},
    {"Origin": None, "Sec-Fetch-Site": "same-site"},
    {"Origin": None, "Referer": f"{ORIGIN}/thanks?a=b#c"},
    {"Origin": None, "Referer": ORIGIN},
]


@pytest.fixture
async def shop(start_rig: StartRig) -> Rig:
    """Return a gateway whose shop has two listed origins."""
    return await start_rig({"shop": site(origins=[ORIGIN, "https://www.shop.example"])})


class TestEvents:
    @pytest.mark.parametrize("headers", ELSEWHERE, ids=range(len(ELSEWHERE)))
    async def test_from_elsewhere_they_are_403(self, shop: Rig, headers: dict[str, str | None]) -> None:
        """With a reason, without leave to read it, and without looking at what was sent."""
        for body in (event(), b"{", b"x" * 1000):
            answer = await shop.post("/collect", body, headers)
            assert (answer.status, answer.json["reason"]) == (403, "origin")
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert await shop.counts() == {}

    @pytest.mark.parametrize("headers", HERE, ids=range(len(HERE)))
    async def test_from_the_sites_pages_they_are_taken(
        self, shop: Rig, headers: dict[str, str | None]
    ) -> None:
        assert (await shop.post("/collect", event(), headers)).status == 204

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("host", ["collect.shop.example", "collect.shop.example:8080", "[::1]:8080"])
    async def test_the_collectors_own_pages_may_send(self, shop: Rig, scheme: str, host: str) -> None:
        """Behind a proxy that ends TLS it cannot know its own scheme, so either is its own."""
        answer = await shop.post("/collect", event(), {"Host": host, "Origin": f"{scheme}://{host}"})
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == f"{scheme}://{host}"

    async def test_a_site_without_origins_takes_from_its_own_host_alone(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(origins=[])})
        assert (await rig.post("/collect", event())).status == 403
        own = {"Host": "shop.example", "Origin": ORIGIN}
        assert (await rig.post("/collect", event(), own)).status == 204


class TestReading:
    """Which page's script may read an answer."""

    async def test_a_listed_one_may_with_cookies(self, shop: Rig) -> None:
        for answer in (
            await shop.post("/collect", event()),
            await shop.post("/collect", b"{"),
            await shop.post("/consent", {"x": 1}),
            await shop.request("GET", "/consent", None, PAGE),
            await shop.request("DELETE", "/consent", None, PAGE),
            await shop.request("GET", "/nothing", None, PAGE),
            await shop.request("PUT", "/collect", None, PAGE),
        ):
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert answer.headers["Vary"] == "Origin"

    async def test_no_other_may(self, shop: Rig) -> None:
        """A foreign page cannot ask a visitor's browser for the visitor's state, or for all that is held."""
        for path in ("/consent", "/consent?export=1", "/nothing"):
            answer = await shop.request("GET", path, None, {"Origin": EVIL})
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Access-Control-Allow-Credentials" not in answer.headers

    @pytest.mark.parametrize(
        ("path", "methods"), [("/collect", {"POST", "GET"}), ("/consent", {"POST", "GET", "DELETE"})]
    )
    async def test_a_preflight_from_a_listed_page_says_what_it_may(
        self, shop: Rig, path: str, methods: set[str]
    ) -> None:
        answer = await shop.request(
            "OPTIONS",
            path,
            None,
            {
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) >= methods
        assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()
        assert int(answer.headers["Access-Control-Max-Age"]) > 0

    @pytest.mark.parametrize("origin", [EVIL, "null"])
    async def test_a_preflight_from_elsewhere_allows_nothing(self, shop: Rig, origin: str) -> None:
        answer = await shop.request("OPTIONS", "/collect", None, {"Origin": origin})
        assert answer.status == 403
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


class TestConsent:
    """From elsewhere: anything that grants is 403 and changes nothing; a pure refusal with the cookie is applied."""

    @pytest.mark.parametrize("headers", ELSEWHERE, ids=range(len(ELSEWHERE)))
    async def test_a_grant_from_elsewhere_is_403(self, shop: Rig, headers: dict[str, str | None]) -> None:
        browser = shop.browser()
        await browser.consent(STATS)
        before = await shop.record(browser.id)
        for said in (GRANT, {"ad_storage": "granted", "analytics_storage": "denied"}):
            answer = await browser.consent(said, headers)
            assert (answer.status, answer.json["reason"], answer.set_cookies) == (403, "origin", [])
        assert await shop.record(browser.id) == before

    @pytest.mark.parametrize("headers", ELSEWHERE, ids=range(len(ELSEWHERE)))
    async def test_a_first_decision_needs_a_listed_page(
        self, shop: Rig, headers: dict[str, str | None]
    ) -> None:
        for said in (GRANT, DENY, {}):
            answer = await shop.browser().consent(said, headers)
            assert (answer.status, answer.set_cookies) == (403, [])
        assert not await shop.keys("*:consent")

    @pytest.mark.parametrize("headers", ELSEWHERE, ids=range(len(ELSEWHERE)))
    async def test_a_refusal_with_the_visitors_cookie_is_applied(
        self, shop: Rig, headers: dict[str, str | None]
    ) -> None:
        browser = shop.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        assert (await browser.consent({"ad_user_data": "denied"}, headers)).status == 204
        assert (await shop.record(visitor))["ad_user_data"] == "denied"
        assert (await browser.consent(DENY, headers)).status == 204
        assert signals(await shop.record(visitor)) == DENY
        assert set(browser.cookies) == {"_sayso_consent"}

    async def test_so_is_a_withdrawal(self, shop: Rig) -> None:
        browser = shop.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        assert (await browser.withdraw({"Origin": EVIL})).status == 204
        assert (await shop.record(visitor))["tombstone"] == "1"

    async def test_a_withdrawal_from_elsewhere_without_a_cookie_is_403(self, shop: Rig) -> None:
        assert (await shop.browser().withdraw({"Origin": EVIL})).status == 403

    async def test_a_refusal_with_a_refusal_cookie_is_applied(self, shop: Rig) -> None:
        browser = shop.browser()
        await browser.consent({"ad_storage": "denied"})
        assert (await browser.consent(DENY, {"Origin": EVIL})).status == 204
        assert signals(await browser.state()) == DENY

    async def test_an_ingest_key_stands_for_a_listed_page(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(ingest_keys=["a-key-of-the-shop"])})
        answer = await rig.request(
            "POST", "/consent", dict(GRANT), {"Authorization": "Bearer a-key-of-the-shop"}
        )
        assert answer.status == 204
        assert answer.set_cookie("_sayso") is not None
