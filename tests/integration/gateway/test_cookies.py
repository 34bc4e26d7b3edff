"""The id cookie and the refusal cookie: when they are set, with what, for how long; and what else a Cookie header may hold."""

import re

import pytest

from proxy.event import FullEvent
from tests.support.events import COOKIES
from tests.support.rig import ADS, DENY, GRANT, STATS, Rig, StartRig, event, purchase, signals, site

DAY = 86_400
LI = {"preset": "consent-mode", "analytics_storage": "legitimate_interest"}


class TestTheIdCookie:
    async def test_its_attributes(self, rig: Rig) -> None:
        """HttpOnly, SameSite=Lax, the whole host and no other; on loopback not Secure, so that plain http works."""
        line = (await rig.browser().consent(GRANT)).set_cookie("_sayso")
        assert line is not None
        assert re.fullmatch(
            r"_sayso=[A-Za-z0-9_-]{22}\.\d{10}; Max-Age=7776000; Path=/; HttpOnly; SameSite=Lax", line
        )

    @pytest.mark.parametrize(
        ("host", "secure"),
        [
            ("shop.example", True),
            ("shop.example:8080", True),
            ("localhost", False),
            ("localhost:8080", False),
            ("127.0.0.1:1", False),
            ("127.9.8.7", False),
            ("[::1]:8080", False),
            ("LOCALHOST", False),
            ("localhost.evil.example", True),
            ("127.0.0.1.evil.example", True),
            ("1127.0.0.1", True),
            ("10.0.0.1", True),
        ],
    )
    async def test_it_is_secure_but_on_this_very_machine(self, rig: Rig, host: str, secure: bool) -> None:
        answer = await rig.post("/consent", dict(DENY), {"Host": host})
        assert ("; Secure" in str(answer.set_cookie("_sayso_consent"))) is secure
        answer = await rig.browser().consent(GRANT, {"Host": host})
        assert ("; Secure" in str(answer.set_cookie("_sayso"))) is secure

    async def test_no_id_without_a_basis(self, rig: Rig) -> None:
        for body in (
            event(),
            event(consent=DENY),
            event(consent={"ad_user_data": "granted", "ad_personalization": "granted"}),
        ):
            assert (await rig.browser().collect(body)).set_cookies == []

    @pytest.mark.parametrize("granted", [STATS, {"ad_storage": "granted"}, GRANT])
    async def test_either_storage_is_a_basis(self, rig: Rig, granted: dict[str, str]) -> None:
        for browser, answer in (
            (one := rig.browser(), await one.consent(granted)),
            (two := rig.browser(), await two.collect(event(consent=granted))),
        ):
            assert answer.life_of("_sayso") == 90 * DAY
            assert signals(await rig.record(browser.id)).items() >= granted.items()

    async def test_ids_are_random(self, rig: Rig) -> None:
        browsers = [rig.browser() for _ in range(50)]
        for browser in browsers:
            await browser.consent(GRANT)
        assert len({browser.id for browser in browsers}) == 50

    async def test_it_may_have_another_name(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(visitor={"cookie": "besok"})})
        browser = rig.browser()
        await browser.consent(GRANT)
        assert set(browser.cookies) == {"besok"}
        assert (await purchase(browser))["meta"] == "full|granted"
        await browser.withdraw()
        assert set(browser.cookies) == {"_sayso_consent"}


class TestItsLife:
    """Counted from creation, never extended."""

    async def test_on_consent_it_ends_90_days_after_it_was_made(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        for left in range(8, 0, -1):
            rig.clock.advance(days=10)
            answer = await browser.consent({**GRANT, "decided_at": rig.clock()})
            assert browser.id == visitor
            assert left * 10 * DAY - 5 <= answer.life_of("_sayso") <= left * 10 * DAY
        rig.clock.advance(days=9)
        assert (await purchase(browser))["meta"] == "full|granted"
        rig.clock.advance(days=2)
        assert (await purchase(browser))["meta"] == "drop|consent_unknown"
        assert browser.id is None

    async def test_on_legitimate_interest_it_ends_7_days_after_it_was_made(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy=LI)})
        browser = rig.browser()
        answer = await browser.collect(event())
        assert answer.life_of("_sayso") == 7 * DAY
        visitor = browser.id
        for _ in range(6):
            rig.clock.advance(days=1)
            assert (await browser.collect(event())).set_cookies == []
            assert browser.id == visitor
        rig.clock.advance(days=2)
        await browser.collect(event())
        assert browser.id not in {None, visitor}

    async def test_a_client_that_keeps_it_longer_gets_another(self, start_rig: StartRig) -> None:
        """Its time of creation stands in it, so that no client decides how long it lives."""
        rig = await start_rig({"shop": site(policy=LI)})
        browser = rig.browser()
        await browser.collect(event())
        kept, visitor = browser.cookies["_sayso"], browser.id
        rig.clock.advance(days=8)
        answer = await browser.collect(event(), {"Cookie": f"_sayso={kept}"})
        assert answer.life_of("_sayso") == 7 * DAY
        last = (await rig.entries("shop", "google_analytics"))[-1]
        assert last.visitor not in {None, visitor}

    async def test_a_denial_outlives_the_id_that_it_was_said_under(self, start_rig: StartRig) -> None:
        """Where a client keeps the cookie: the new id begins with the old one's denials, and no event lifts them."""
        rig = await start_rig({"shop": site(policy=LI)})
        browser = rig.browser()
        await browser.collect(event())
        await browser.consent(dict.fromkeys(ADS, "denied"))
        kept, visitor = browser.cookies["_sayso"], browser.id
        rig.clock.advance(days=8)
        await browser.collect({"events": [event(), event(consent=GRANT)]}, {"Cookie": f"_sayso={kept}"})
        assert browser.id not in {None, visitor}
        assert (await purchase(browser, consent=GRANT))["meta"] == "drop|consent_denied"

    async def test_what_is_left_when_consent_goes_does_not_carry_an_old_id(self, start_rig: StartRig) -> None:
        """An id of 30 days lived on consent; on legitimate interest it has outlived its 7 days. The denial stays."""
        rig = await start_rig({"shop": site(policy=LI)})
        browser = rig.browser()
        await browser.consent(dict.fromkeys(ADS, "granted"))
        visitor = browser.id
        rig.clock.advance(days=30)
        await browser.consent(dict.fromkeys(ADS, "denied"))
        assert set(browser.cookies) == {"_sayso_consent"}
        assert {**await browser.state()}.items() >= dict.fromkeys(ADS, "denied").items()
        assert (await rig.record(visitor))["ad_storage"] == "denied"
        assert (await purchase(browser, consent=GRANT))["meta"] == "drop|consent_denied"

    async def test_notice_2021_gives_seven_days_with_consent_too(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "notice-2021"})})
        assert (await rig.browser().consent(GRANT)).life_of("_sayso") == 7 * DAY

    async def test_the_configuration_may_shorten_both(self, start_rig: StartRig) -> None:
        visitor = {"max_age_days": 1, "consented_max_age_days": 2}
        rig = await start_rig({"shop": site(policy=LI, visitor=visitor)})
        assert (await rig.browser().collect(event())).life_of("_sayso") == DAY
        assert (await rig.browser().consent(GRANT)).life_of("_sayso") == 2 * DAY


class TestTheRefusalCookie:
    async def test_it_holds_four_signals_and_a_time_and_nothing_else(self, rig: Rig) -> None:
        line = (await rig.browser().consent({**DENY, "proof": "cmp-1", "source": "cmp"})).set_cookie(
            "_sayso_consent"
        )
        assert line is not None
        assert re.fullmatch(
            r"_sayso_consent=1\.dddd\.\d{13}; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax", line
        )

    async def test_it_and_an_id_exclude_each_other(self, rig: Rig) -> None:
        browser = rig.browser()
        now = rig.clock()
        for step, (said, left) in enumerate(
            [
                (DENY, "_sayso_consent"),
                (GRANT, "_sayso"),
                (DENY, "_sayso_consent"),
                ({"ad_storage": "granted"}, "_sayso"),
                ({"ad_storage": "denied"}, "_sayso_consent"),
            ]
        ):
            await browser.consent({**said, "decided_at": now - 1000 + step})
            assert set(browser.cookies) == {left}, step

    @pytest.mark.parametrize(
        "value",
        ["", "x", "1.gggg", "2.dddd.1795341600000", "1.dddx.1795341600000", "1.dddd.1795341600000.x", "dddd"],
    )
    async def test_one_that_is_not_ours_is_unreadable_and_not_silence(self, rig: Rig, value: str) -> None:
        answer = await rig.browser().collect(
            event("purchase", consent=GRANT), {"Cookie": f"_sayso_consent={value}"}
        )
        assert answer.set_cookies == []
        assert set(rig.decided().values()) == {"drop|consent_unreadable"}

    async def test_a_grant_in_it_grants_nothing(self, rig: Rig) -> None:
        """Anyone can write a cookie; only the record under an id grants."""
        cookie = f"_sayso_consent=1.gggg.{rig.clock():013d}"
        await rig.browser().collect(event("purchase"), {"Cookie": cookie})
        assert rig.decided()["meta"] == "drop|consent_unknown"

    async def test_one_from_the_future_does_not_outrank_every_decision(self, rig: Rig) -> None:
        browser = rig.browser()
        browser.cookies["_sayso_consent"] = "1.dddd.9999999999999"
        await browser.consent({**GRANT, "decided_at": rig.clock() + 1000})
        assert signals(await browser.state()) == GRANT

    async def test_beside_an_id_the_newer_of_the_two_counts(self, rig: Rig) -> None:
        """As where a browser kept both: the refusal denies what it is newer for."""
        browser = rig.browser()
        await browser.consent(GRANT)
        now = rig.clock()
        browser.cookies["_sayso_consent"] = f"1.dddd.{now - 60_000}"
        assert (await purchase(browser))["meta"] == "full|granted"
        browser.cookies["_sayso_consent"] = f"1.uddd.{now + 1000}"
        rig.clock.advance(seconds=2)
        assert (await purchase(browser))["meta"] == "drop|consent_denied"
        assert rig.decided()["google_analytics"] == "full|granted"


class TestCookieHeaders:
    async def test_two_ids_that_differ_are_nobodys(self, rig: Rig) -> None:
        """There is no telling which is the visitor's: not granted, under its own reason, and no third id is made."""
        first, second = rig.browser(), rig.browser()
        await first.consent(GRANT)
        await second.consent(GRANT)
        both = f"_sayso={first.cookies['_sayso']}; _sayso={second.cookies['_sayso']}"
        answer = await rig.browser().collect(event("purchase", consent=GRANT), {"Cookie": both})
        assert answer.set_cookies == []
        assert set(rig.decided().values()) == {"drop|consent_unreadable"}

    async def test_the_same_id_twice_is_one(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        twice = f"_sayso={browser.cookies['_sayso']}; a=b; _sayso={browser.cookies['_sayso']}"
        await browser.collect(event("purchase"), {"Cookie": twice})
        assert rig.decided()["meta"] == "full|granted"

    async def test_a_header_of_twenty_kilobytes_is_no_trouble(self, rig: Rig) -> None:
        """A TCF string, some tests and a shop's own cookies are soon above what servers take by default."""
        browser = rig.browser()
        await browser.consent(GRANT)
        filler = "; ".join(f"cookie{n}={'x' * 190}" for n in range(100))
        assert len(filler) > 20_000
        answer = await browser.collect(
            event("purchase"), {"Cookie": f"{filler}; _sayso={browser.cookies['_sayso']}; {filler}"}
        )
        assert answer.status == 204
        assert rig.decided()["meta"] == "full|granted"

    @pytest.mark.parametrize(
        "around",
        [
            "{}",
            " {} ",
            ";{};",
            "a; {}; =; ;; b=",
            "a=b;{}",
            'c="x; {}; y"',
            "__sayso=1; {}; _sayso2=2",
            "é=ø; {}",
        ],
    )
    async def test_it_is_found_among_whatever_else(self, rig: Rig, around: str) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        cookie = around.format(f"_sayso={browser.cookies['_sayso']}")
        await browser.collect(event("purchase"), {"Cookie": cookie})
        assert rig.decided()["meta"] == "full|granted"

    async def test_vendors_own_cookies_reach_their_vendor_alone(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        browser.cookies |= COOKIES
        await browser.collect(event("purchase"))
        ids = {}
        for name in ("google_analytics", "meta", "microsoft"):
            (entry,) = await rig.entries("shop", name)
            assert isinstance(entry.event, FullEvent)
            ids[name] = str(entry.event.ids)
        assert "1254136630.1795000000" in ids["google_analytics"]
        assert COOKIES["_fbp"] in ids["meta"]
        assert "fb.1" not in ids["google_analytics"] + ids["microsoft"]
        assert "1795000000" not in ids["meta"] + ids["microsoft"]

    async def test_nothing_of_them_is_kept_without_consent(self, rig: Rig) -> None:
        browser = rig.browser()
        browser.cookies |= COOKIES
        await browser.collect(event("purchase"))
        stored = str(
            [
                entry.event
                for name in ("google_analytics", "google_ads")
                for entry in await rig.entries("shop", name)
            ]
        )
        for value in COOKIES.values():
            assert value not in stored
