"""Records that other systems wrote, well or badly; and the session that is kept with the visitor."""

import asyncio
from typing import Any

import pytest

from tests.support.rig import (
    ADS,
    GRANT,
    STATS,
    UNKNOWN,
    Browser,
    Rig,
    StartRig,
    event,
    purchase,
    signals,
    site,
)

UNREADABLE: list[dict[str, Any]] = [
    {"ad_storage": "yes"},
    {"ad_storage": "Granted"},
    {"ad_storage": "granted "},
    {"decided_at": "yesterday"},
    {"decided_at": "-5"},
    {"decided_at": "1.5"},
    {"decided_at": "9" * 5000},
    {"gpc": "perhaps"},
    {"tombstone": "no"},
    {"times": "1,2,3"},
    {"times": "a,b,c,d"},
    {"denied_at": ","},
    {"source": b"\xff\xfe"},
]


class TestForeignRecords:
    """Other systems may write the record, in its published form and otherwise."""

    VISITOR = "B" * 22

    def browser(self, rig: Rig) -> Browser:
        browser = rig.browser()
        browser.cookies["_sayso"] = f"{self.VISITOR}.{rig.clock() // 1000 - 60}"
        return browser

    async def test_the_published_fields_are_enough(self, rig: Rig) -> None:
        await rig.put_record(self.VISITOR, **GRANT, source="crm", decided_at=rig.clock() - 1000)
        assert (await purchase(self.browser(rig)))["meta"] == "full|granted"

    async def test_missing_signals_are_unknown(self, rig: Rig) -> None:
        await rig.put_record(self.VISITOR, analytics_storage="granted", decided_at=rig.clock() - 1000)
        decided = await purchase(self.browser(rig))
        assert (decided["google_analytics"], decided["meta"]) == ("full|granted", "drop|consent_unknown")

    @pytest.mark.parametrize("policy", ["drop", "cookieless"])
    @pytest.mark.parametrize("fields", UNREADABLE, ids=range(len(UNREADABLE)))
    async def test_a_bad_value_makes_the_whole_record_unreadable(
        self, start_rig: StartRig, fields: dict[str, Any], policy: str
    ) -> None:
        """``on_store_failure`` decides, never more than without any consent; an event's own grant helps nothing."""
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "on_store_failure": policy})})
        await rig.put_record(self.VISITOR, **{**GRANT, "decided_at": rig.clock() - 1000, **fields})
        before = await rig.record(self.VISITOR) if b"\xff\xfe" not in fields.values() else {}
        for consent in ({}, GRANT):
            decided = await purchase(self.browser(rig), consent=consent)
            assert decided == {
                "google_analytics": f"{policy}|consent_unreadable",
                "google_ads": f"{policy}|consent_unreadable",
                "meta": "drop|consent_unreadable",
                "microsoft": "drop|consent_unreadable",
            }
        if before:
            assert await rig.record(self.VISITOR) == before

    @pytest.mark.parametrize(
        "command", ["SET {} granted", "RPUSH {} granted", "SADD {} granted", "ZADD {} 1 granted"]
    )
    async def test_so_does_a_wrong_type(self, rig: Rig, command: str) -> None:
        key = f"sayso:{{shop:{self.VISITOR}}}:consent"
        await rig.ask(*command.format(key).split())
        browser = self.browser(rig)
        assert set((await purchase(browser, consent=GRANT)).values()) == {"drop|consent_unreadable"}
        assert (await browser.get("/consent")).json == UNKNOWN
        assert (await browser.get("/consent?export=1")).json["held"]["consent"] == "unreadable"

    async def test_eea_strict_never_sends_for_an_unreadable_record(self, start_rig: StartRig) -> None:
        policy = {"preset": "eea-strict", "on_store_failure": "cookieless"}
        rig = await start_rig({"shop": site(policy=policy)})
        await rig.put_record(self.VISITOR, ad_storage="yes")
        assert set((await purchase(self.browser(rig))).values()) == {"drop|consent_unreadable"}

    async def test_a_visitor_may_put_an_unreadable_record_right(self, rig: Rig) -> None:
        """By a decision of their own; what could not be read grants nothing in the new one."""
        key = f"sayso:{{shop:{self.VISITOR}}}:consent"
        await rig.ask("SET", key, "granted")
        browser = self.browser(rig)
        await browser.consent(STATS)
        assert signals(await browser.state()) == {**UNKNOWN, **STATS}

    async def test_one_visitors_unreadable_record_is_nobody_elses(self, rig: Rig) -> None:
        """They are read in one go, with everything that can be wrong with one of them."""
        others = [rig.browser() for _ in range(20)]
        for other in others:
            await other.consent(GRANT)
        key = f"sayso:{{shop:{self.VISITOR}}}"
        await rig.ask("RPUSH", f"{key}:consent", "x")
        await rig.put_record("C" * 22, **GRANT, decided_at=rig.clock())
        await rig.ask("SET", f"sayso:{{shop:{'C' * 22}}}:session", "no number")
        spoiled, odd = self.browser(rig), rig.browser()
        odd.cookies["_sayso"] = "C" * 22 + f".{rig.clock() // 1000}"
        answers = await asyncio.gather(
            *(browser.collect(event("purchase")) for browser in [spoiled, odd, *others, spoiled, odd])
        )
        assert {answer.status for answer in answers} == {204}
        entries = await rig.entries("shop", "meta")
        assert sorted(str(entry.visitor) for entry in entries) == sorted(
            ["C" * 22, "C" * 22, *(str(other.id) for other in others)]
        )

    async def test_a_grant_from_the_future_is_not_granted(self, rig: Rig) -> None:
        await rig.put_record(self.VISITOR, **GRANT, decided_at=rig.clock() + 3_600_000)
        assert (await purchase(self.browser(rig)))["meta"] == "drop|consent_unreadable"

    async def test_a_grant_without_a_time_is_not_granted(self, rig: Rig) -> None:
        await rig.put_record(self.VISITOR, **GRANT)
        assert (await purchase(self.browser(rig)))["meta"] == "drop|consent_unreadable"


class TestSessions:
    async def test_a_visit_is_a_session_of_thirty_minutes(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser)
        start = await rig.session(browser.id)
        assert start is not None
        (key,) = await rig.keys("*:session")
        assert 0 < await rig.ask("TTL", key) <= 1800
        rig.clock.advance(seconds=60)
        await purchase(browser)
        assert await rig.session(browser.id) == start

    async def test_an_event_after_a_pause_prolongs_it(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser)
        (key,) = await rig.keys("*:session")
        await rig.ask("EXPIRE", key, 600)  # as after 20 minutes
        await purchase(browser)
        assert await rig.ask("TTL", key) > 1700

    async def test_without_statistics_there_is_none(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**dict.fromkeys(ADS, "granted"), "analytics_storage": "denied"})
        await purchase(browser)
        assert browser.id is not None
        assert await rig.session(browser.id) is None

    async def test_an_expired_grant_of_statistics_begins_none(self, start_rig: StartRig) -> None:
        """Though the ad signals were granted anew since."""
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})})
        visitor = "D" * 22
        now = rig.clock()
        old, new = now - 31 * 86_400_000, now - 1000
        await rig.put_record(visitor, **GRANT, decided_at=new, times=f"{old},{new},{new},{new}")
        browser = rig.browser()
        browser.cookies["_sayso"] = f"{visitor}.{now // 1000}"
        decided = await purchase(browser)
        assert (decided["meta"], decided["google_analytics"]) == (
            "full|granted",
            "cookieless|consent_expired",
        )
        assert await rig.session(visitor) is None
