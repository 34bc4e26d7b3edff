"""Several sites in one process: each with its hosts, paths, origins, keys and visitors, and none ever another's."""

import asyncio

import pytest

from proxy.event import FullEvent
from tests.support.rig import DENY, GRANT, UNKNOWN, Answer, Rig, StartRig, event, signals, site


@pytest.fixture
async def two(start_rig: StartRig) -> Rig:
    """Return a gateway of two sites, each on its own hosts."""
    return await start_rig(
        {
            "north": site(
                hosts=["north.example", "www.north.example"],
                origins=["https://north.example"],
                ingest_keys=["the-norths-key"],
            ),
            "south": site(
                hosts=["south.example"],
                origins=["https://south.example"],
                ingest_keys=["the-souths-key"],
                policy={"preset": "eea-strict"},
            ),
        }
    )


def at(name: str, **more: str | None) -> dict[str, str | None]:
    """Return the headers of one of the site's own pages."""
    return {"Host": f"{name}.example", "Origin": f"https://{name}.example", **more}


class TestWhichSite:
    @pytest.mark.parametrize(
        "host",
        ["north.example", "www.north.example", "NORTH.example", "north.example:8080", "north.example:443"],
    )
    async def test_the_host_says(self, two: Rig, host: str) -> None:
        assert (await two.post("/collect", event(), at("north", Host=host))).status == 204
        assert set(await two.counts()) >= {"r|north"}
        assert not [name for name in await two.counts() if "south" in name]

    @pytest.mark.parametrize(
        "host",
        [
            "other.example",
            "north.example.evil.example",
            "evil-north.example",
            "127.0.0.1",
            "",
            "*",
            "[::1]:8080",
        ],
    )
    async def test_an_unknown_host_is_404(self, two: Rig, host: str) -> None:
        for path in ("/collect", "/consent", "/", "/.well-known/gpc.json"):
            answer = await two.request("POST", path, b"{}", {"Host": host, "Origin": "https://north.example"})
            assert (answer.status, answer.json["reason"]) == (404, "unknown_site")
            assert answer.headers["Access-Control-Allow-Origin"] == "https://north.example"

    async def test_each_follows_its_own_policy(self, two: Rig) -> None:
        await two.post("/collect", event(), at("north"))
        await two.post("/collect", event(), at("south"))
        assert two.decided(2)["google_analytics"] == "cookieless|consent_unknown"
        assert two.decided(1)["google_analytics"] == "drop|consent_unknown"

    async def test_each_has_its_own_pages_and_keys(self, two: Rig) -> None:
        foreign = {"Host": "north.example", "Origin": "https://south.example"}
        assert (await two.post("/collect", event(), foreign)).status == 403
        for key, status in (("the-norths-key", 204), ("the-souths-key", 403)):
            headers = {"Host": "north.example", "Authorization": f"Bearer {key}"}
            assert (await two.request("POST", "/collect", event(), headers)).status == status

    async def test_the_same_event_id_is_another_event_elsewhere(self, two: Rig) -> None:
        for name in ("north", "south", "north"):
            await two.post("/collect", event("purchase", event_id="T-1"), at(name))
        counts = await two.counts()
        assert (counts["r|north"], counts["r|south"]) == (2, 1)
        assert counts["o|north|meta|dropped|duplicate"] == 1
        assert "o|south|meta|dropped|duplicate" not in counts


class TestBasePath:
    @pytest.mark.parametrize("base_path", ["/sayso", "/sayso/", "/a/b-c/d.e/"])
    async def test_all_routes_are_under_it(self, start_rig: StartRig, base_path: str) -> None:
        rig = await start_rig({"shop": site(base_path=base_path)})
        path = base_path.rstrip("/")
        browser = rig.browser()
        assert (await browser.post(f"{path}/consent", dict(GRANT))).status == 204
        assert signals((await browser.get(f"{path}/consent")).json) == GRANT
        assert (await browser.post(f"{path}/collect", event())).status == 204
        assert (await browser.get(f"{path}/collect?en=page_view")).headers["Content-Type"] == "image/gif"
        assert (await browser.get(f"{path}/.well-known/gpc.json")).status == 200
        for elsewhere in ("/collect", f"{path}collect", f"{path}//collect", f"/x{path}/collect"):
            assert (await browser.post(elsewhere, event())).status == 404

    async def test_browsers_find_the_gpc_statement_at_the_root(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(base_path="/sayso/")})
        assert (await rig.browser().get("/.well-known/gpc.json")).status == 200

    async def test_two_sites_may_share_a_host(self, start_rig: StartRig) -> None:
        rig = await start_rig(
            {
                "no": site(hosts=["shop.example"], base_path="/no/"),
                "se": site(hosts=["shop.example"], base_path="/se/"),
            }
        )
        host = {"Host": "shop.example"}
        await rig.post("/no/collect", event(), host)
        await rig.post("/se/collect", event(), host)
        await rig.post("/se/collect", event(), host)
        counts = await rig.counts()
        assert (counts["r|no"], counts["r|se"]) == (1, 2)
        assert (await rig.post("/collect", event(), host)).json["reason"] == "unknown_route"

    async def test_the_cookie_is_the_whole_hosts(self, start_rig: StartRig) -> None:
        """The page that shows the banner is not under our path."""
        rig = await start_rig({"shop": site(base_path="/sayso/")})
        line = (await rig.browser().post("/sayso/consent", dict(DENY))).set_cookie("_sayso_consent")
        assert "; Path=/;" in str(line)


class TestVisitors:
    """A visitor's record, session and decisions belong to one site, though a browser brings the same id to another."""

    async def test_a_consent_at_one_is_none_at_the_other(self, two: Rig) -> None:
        browser = two.browser()
        await browser.consent(GRANT, at("north"))
        assert signals((await browser.get("/consent", at("south"))).json) == UNKNOWN
        await browser.collect(event("purchase"), at("south"))
        assert two.decided()["meta"] == "drop|consent_unknown"
        await browser.collect(event("purchase"), at("north"))
        assert two.decided()["meta"] == "full|granted"

    async def test_a_withdrawal_at_one_leaves_the_others_record(self, two: Rig) -> None:
        browser = two.browser()
        await browser.consent(GRANT, at("north"))
        cookies = dict(browser.cookies)
        await browser.consent(GRANT, at("south"))
        visitor = browser.id
        await browser.withdraw(at("south"))
        assert (await two.record(visitor, "south"))["tombstone"] == "1"
        assert signals(await two.record(visitor, "north")) == GRANT
        browser.cookies = cookies
        await browser.collect(event("purchase"), at("north"))
        assert two.decided()["meta"] == "full|granted"

    async def test_vendors_get_another_id_for_each_site(self, two: Rig) -> None:
        browser = two.browser()
        for name in ("north", "south"):
            await browser.consent(GRANT, at(name))
            await browser.collect(event("purchase"), at(name))
        ids = []
        for name in ("north", "south"):
            for forwarder in ("google_analytics", "meta", "microsoft"):
                (entry,) = await two.entries(name, forwarder)
                assert isinstance(entry.event, FullEvent)
                assert entry.visitor == browser.id
                assert browser.id not in entry.event.ids.values()
                ids.append(str(entry.event.ids))
        assert len(set(ids)) == 6

    async def test_they_are_never_mixed_however_many_come_at_once(self, two: Rig) -> None:
        """Sixty visitors at two sites, some of whom granted: each entry is its own visitor's, at its own site."""
        visitors = [(two.browser(), ("north", "south")[n % 2], n % 3 == 0, f"canary-{n}") for n in range(60)]

        async def decide(n: int) -> None:
            browser, name, grants, _ = visitors[n]
            assert (await browser.consent(GRANT if grants else DENY, at(name))).status == 204

        async def buy(n: int) -> Answer:
            browser, name, _, canary = visitors[n]
            body = event("purchase", params={"canary": canary}, user_id=canary)
            return await browser.collect({"events": [body, body]}, at(name))

        await asyncio.gather(*(decide(n) for n in range(60)))
        answers = await asyncio.gather(*(buy(n) for _ in range(5) for n in range(60)))
        assert {answer.status for answer in answers} == {204}
        owners = {canary: (browser.id, name) for browser, name, grants, canary in visitors if grants}
        for name in ("north", "south"):
            for forwarder in ("google_analytics", "meta", "microsoft"):
                full = [
                    entry
                    for entry in await two.entries(name, forwarder)
                    if isinstance(entry.event, FullEvent)
                ]
                assert len(full) == 10 * 10
                for entry in full:
                    canary = str(entry.event.params["canary"])
                    assert (entry.visitor, name) == owners[canary]
