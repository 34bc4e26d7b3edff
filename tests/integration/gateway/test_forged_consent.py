"""Nobody but the visitor raises what a visitor has denied; and a denial gets through from wherever it may come."""

import json
from collections.abc import Mapping

import pytest

from tests.support.rig import ADS, DENY, GRANT, ORIGIN, STATS, Browser, Rig, StartRig, purchase, signals, site

ADS_DENIED = dict.fromkeys(ADS, "denied")
ELSEWHERE = {"Origin": "https://evil.example"}


async def decided(rig: Rig) -> Browser:
    """Return a visitor who has granted statistics and denied advertising, half a minute ago."""
    browser = rig.browser()
    now = rig.clock()
    await browser.consent({**GRANT, "decided_at": now - 60_000})
    await browser.consent({**ADS_DENIED, "decided_at": now - 30_000})
    assert signals(await rig.record(browser.id)) == {**STATS, **ADS_DENIED}
    return browser


async def everything(rig: Rig, browser: Browser) -> dict[str, object]:
    """Return all that the store holds under a visitor's id, byte by byte."""
    tag = f"sayso:{{shop:{browser.id}}}"
    return {
        "record": await rig.ask("HGETALL", f"{tag}:consent"),
        "history": await rig.ask("LRANGE", f"{tag}:history", 0, -1),
        "keys": [key for key in await rig.keys() if key != "sayso:probe"],
    }


FORGED: list[tuple[str, Mapping[str, str | None], int]] = [
    ("a page of another site", ELSEWHERE, 403),
    ("a sandboxed page", {"Origin": "null"}, 403),
    ("an origin that only begins alike", {"Origin": f"{ORIGIN}.evil.example"}, 403),
    ("another scheme", {"Origin": ORIGIN.replace("https", "http")}, 403),
    ("a subdomain of the shop that is not listed", {"Origin": ORIGIN.replace("shop.", "evil.shop.")}, 403),
    ("no origin at all", {"Origin": None}, 403),
    ("no origin, cross-site", {"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
    ("no origin, typed in", {"Origin": None, "Sec-Fetch-Site": "none"}, 403),
    ("no origin, a foreign referrer", {"Origin": None, "Referer": "https://evil.example/shop.example"}, 403),
    ("a foreign origin that calls itself the same", {**ELSEWHERE, "Sec-Fetch-Site": "same-origin"}, 403),
    ("a foreign origin with a listed referrer", {**ELSEWHERE, "Referer": f"{ORIGIN}/"}, 403),
    ("a made-up key", {"Origin": None, "Authorization": "Bearer guessed"}, 403),
]


class TestFromElsewhere:
    @pytest.mark.parametrize(("_what", "headers", "status"), FORGED, ids=[one[0] for one in FORGED])
    async def test_nothing_is_raised_and_nothing_changes(
        self, rig: Rig, _what: str, headers: Mapping[str, str | None], status: int
    ) -> None:
        browser = await decided(rig)
        before = await everything(rig, browser)
        for body in (GRANT, {"ad_storage": "granted"}, {**DENY, "ad_user_data": "granted"}):
            for media in ("application/json", "text/plain"):
                answer = await browser.post(
                    "/consent", json.dumps(body).encode(), {**headers, "Content-Type": media}
                )
                assert (answer.status, answer.json["reason"]) == (status, "origin")
                assert answer.set_cookies == []
        assert await everything(rig, browser) == before

    @pytest.mark.parametrize(("_what", "headers", "_status"), FORGED, ids=[one[0] for one in FORGED])
    async def test_a_denial_from_the_same_place_counts(
        self, rig: Rig, _what: str, headers: Mapping[str, str | None], _status: int
    ) -> None:
        browser = await decided(rig)
        visitor = browser.id
        assert (await browser.consent({"analytics_storage": "denied"}, headers)).status == 204
        assert signals(await rig.record(visitor)) == DENY
        other = await decided(rig)
        visitor = other.id
        assert (await other.withdraw(headers)).status == 204
        assert (await rig.record(visitor))["tombstone"] == "1"


class TestAnotherVisitorsId:
    async def test_without_the_cookie_a_grant_is_a_first_decision_of_somebody_else(self, rig: Rig) -> None:
        browser, stranger = await decided(rig), rig.browser()
        before = await everything(rig, browser)
        assert (await stranger.consent(GRANT)).status == 204
        assert stranger.id != browser.id
        after = await everything(rig, browser)
        assert (after["record"], after["history"]) == (before["record"], before["history"])

    @pytest.mark.parametrize("where", ["visitor", "id", "_sayso", "client_id"])
    async def test_naming_it_in_the_body_is_an_error(self, rig: Rig, where: str) -> None:
        browser, stranger = await decided(rig), rig.browser()
        before = await everything(rig, browser)
        assert (await stranger.consent({**GRANT, where: browser.id})).status == 400
        assert (await stranger.post(f"/consent?{where}={browser.id}", dict(DENY))).status == 204
        assert await everything(rig, browser) == before

    async def test_two_ids_at_once_raise_neither(self, rig: Rig) -> None:
        """Whose decision it is cannot be told: an attacker's cookie beside the visitor's own, or the other way round."""
        browser, other = await decided(rig), await decided(rig)
        before = await everything(rig, browser), await everything(rig, other)
        cookie = f"_sayso={browser.cookies['_sayso']}; _sayso={other.cookies['_sayso']}"
        assert (await rig.browser().consent(GRANT, {"Cookie": cookie})).status == 204
        after = await everything(rig, browser), await everything(rig, other)
        assert [(one["record"], one["history"]) for one in after] == [
            (one["record"], one["history"]) for one in before
        ]

    @pytest.mark.parametrize(
        "change", ["no time", "a letter more", "a letter less", "another case", "too old", "ahead"]
    )
    async def test_an_id_that_is_not_quite_it_reaches_nothing(self, rig: Rig, change: str) -> None:
        browser = await decided(rig)
        assert browser.id is not None
        made = browser.cookies["_sayso"].partition(".")[2]
        swapped = "A" if browser.id[0] != "A" else "B"
        value = {
            "no time": browser.id,
            "a letter more": f"{browser.id}A.{made}",
            "a letter less": f"{browser.id[:-1]}.{made}",
            "another case": f"{swapped}{browser.id[1:]}.{made}",
            "too old": f"{browser.id}.{int(made) - 400 * 86_400}",
            "ahead": f"{browser.id}.{int(made) + 30 * 86_400}",
        }[change]
        before = await everything(rig, browser)
        answer = await rig.browser().consent(GRANT, {"Cookie": f"_sayso={value}"})
        assert answer.status == 204
        after = await everything(rig, browser)
        assert (after["record"], after["history"]) == (before["record"], before["history"])


class TestReplays:
    async def test_an_old_grant_once_more_changes_nothing(self, rig: Rig) -> None:
        """With the visitor's own cookie, from a listed page: as where a page sends its queue again."""
        browser = rig.browser()
        grant = {**GRANT, "decided_at": rig.clock() - 60_000}
        await browser.consent(grant)
        await browser.consent(ADS_DENIED)
        before = await everything(rig, browser)
        for _ in range(3):
            assert (await browser.consent(grant)).status == 204
        assert await everything(rig, browser) == before

    async def test_not_even_if_its_clock_was_ahead(self, rig: Rig) -> None:
        """What it claimed is later than the denial; but it is not later than what it claimed itself."""
        browser = rig.browser()
        grant = {**GRANT, "decided_at": rig.clock() + 240_000}
        await browser.consent(grant)
        assert signals(await rig.record(browser.id)) == GRANT
        await browser.consent(ADS_DENIED)
        before = await everything(rig, browser)
        assert (await browser.consent(grant)).status == 204
        assert await everything(rig, browser) == before
        later = {**GRANT, "decided_at": rig.clock() + 240_000}
        await browser.consent(later)
        assert signals(await rig.record(browser.id)) == GRANT, "a new decision by the same clock counts"

    @pytest.mark.parametrize("how", ["DELETE", "POST"])
    @pytest.mark.parametrize("ahead", [-60_000, 240_000])
    async def test_nor_after_everything_was_withdrawn(self, rig: Rig, how: str, ahead: int) -> None:
        browser = rig.browser()
        grant = {**GRANT, "decided_at": rig.clock() + ahead}
        await browser.consent(grant)
        visitor, old = browser.id, browser.cookies["_sayso"]
        await (browser.withdraw() if how == "DELETE" else browser.consent(DENY))
        before = await rig.record(visitor), await rig.keys()
        assert (await browser.consent(grant)).status == 204
        assert signals(await browser.state()) == DENY
        assert (await rig.record(visitor), await rig.keys()) == before
        # And with the cookie from before the withdrawal, as an attacker would who had kept it.
        browser.cookies = {"_sayso": old}
        assert (await browser.consent(grant)).status == 204
        assert signals(await rig.record(visitor)) == DENY
        assert (await rig.record(visitor))["denied_at"] == before[0]["denied_at"]
        assert browser.id is None

    async def test_a_time_that_cannot_be_is_an_error(self, rig: Rig) -> None:
        browser = await decided(rig)
        before = await everything(rig, browser)
        for at in (rig.clock() + 301_000, 0, -1, "now", 1.5, True, 10**18):
            assert (await browser.consent({**GRANT, "decided_at": at})).status == 400
        assert await everything(rig, browser) == before

    async def test_a_grant_from_before_the_denial_changes_nothing(self, rig: Rig) -> None:
        browser = await decided(rig)
        before = await everything(rig, browser)
        for age in (30_000, 30_001, 86_400_000, 400 * 86_400_000):
            grant = {**dict.fromkeys(ADS, "granted"), "decided_at": rig.clock() - age - 1000}
            assert (await browser.consent(grant)).status == 204
        assert await everything(rig, browser) == before


# Cookiebot's cookie: it names its categories, and has the time of the decision.
def cookiebot(*, marketing: bool, statistics: bool = True, at: int) -> str:
    """Return Cookiebot's cookie, quoted as it writes it."""
    words = (
        "{stamp:'x',necessary:true,preferences:true,"
        f"statistics:{str(statistics).lower()},marketing:{str(marketing).lower()},method:'explicit',ver:1,utc:{at}}}"
    )
    return "CookieConsent=" + words.replace("'", "%27").replace(",", "%2C")


class TestTheBannersOwnCookie:
    """Where the request carries the consent platform's cookie, it must agree to a denial's being lifted."""

    def headers(self, browser: Browser, banner: str) -> dict[str, str]:
        own = [f"{name}={value}" for name, value in browser.cookies.items()]
        return {"Cookie": "; ".join([*own, banner])}

    async def test_one_that_denies_keeps_it_denied(self, rig: Rig) -> None:
        browser = await decided(rig)
        before = await everything(rig, browser)
        banner = cookiebot(marketing=False, at=rig.clock() - 90_000)
        assert (
            await browser.consent(dict.fromkeys(ADS, "granted"), self.headers(browser, banner))
        ).status == 204
        assert await everything(rig, browser) == before

    @pytest.mark.parametrize("garbled", ["CookieConsent={broken", "usprivacy=1Y"])
    async def test_so_does_one_that_cannot_be_understood(self, rig: Rig, garbled: str) -> None:
        browser = await decided(rig)
        before = await everything(rig, browser)
        assert (await browser.consent(GRANT, self.headers(browser, garbled))).status == 204
        assert await everything(rig, browser) == before

    async def test_one_that_agrees_lifts_it(self, rig: Rig) -> None:
        browser = await decided(rig)
        banner = cookiebot(marketing=True, at=rig.clock())
        await browser.consent(GRANT, self.headers(browser, banner))
        assert signals(await rig.record(browser.id)) == GRANT

    async def test_none_at_all_lifts_it_too(self, rig: Rig) -> None:
        """A site's own banner, or one without a cookie."""
        browser = await decided(rig)
        await browser.consent(GRANT)
        assert signals(await rig.record(browser.id)) == GRANT

    async def test_it_counts_signal_by_signal(self, rig: Rig) -> None:
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**GRANT, "decided_at": now - 60_000})
        await browser.consent(
            {"analytics_storage": "denied", "ad_user_data": "denied", "decided_at": now - 30_000}
        )
        banner = cookiebot(marketing=False, statistics=True, at=now - 90_000)
        await browser.consent({**STATS, "ad_user_data": "granted"}, self.headers(browser, banner))
        record = await rig.record(browser.id)
        assert (record["analytics_storage"], record["ad_user_data"]) == ("granted", "denied")

    async def test_a_first_decision_needs_no_agreement(self, rig: Rig) -> None:
        """Its cookie may be written a moment later. What is then sent is still decided on both."""
        browser = rig.browser()
        banner = cookiebot(marketing=False, at=rig.clock() - 5000)
        await browser.consent(GRANT, self.headers(browser, banner))
        assert signals(await rig.record(browser.id)) == GRANT

    async def test_a_refusal_in_the_browser_is_a_denial_too(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**DENY, "decided_at": rig.clock() - 10_000})
        banner = cookiebot(marketing=False, statistics=False, at=rig.clock() - 20_000)
        await browser.consent(GRANT, self.headers(browser, banner))
        assert signals(await browser.state()) == DENY
        assert not await rig.keys("*:consent")

    async def test_an_expired_grant_is_not_renewed_against_it(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})})
        browser = rig.browser()
        await browser.consent({**GRANT, "decided_at": rig.clock() - 31 * 86_400_000})
        banner = cookiebot(marketing=False, statistics=False, at=rig.clock() - 32 * 86_400_000)
        before = await everything(rig, browser)
        await browser.consent(GRANT, self.headers(browser, banner))
        assert await everything(rig, browser) == before
        assert (await purchase(browser))["meta"] == "drop|consent_expired"

    async def test_a_denial_needs_no_agreement(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        banner = cookiebot(marketing=True, at=rig.clock())
        await browser.consent(ADS_DENIED, self.headers(browser, banner))
        assert signals(await rig.record(browser.id)) == {**STATS, **ADS_DENIED}
