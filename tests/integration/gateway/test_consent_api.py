"""``/consent``: stated, told, changed and withdrawn; and what each of it does to the events that follow."""

import asyncio
import json
from typing import Any

import pytest

from proxy.entry import Entry
from proxy.event import FullEvent
from tests.support.rig import DENY, GRANT, ORIGIN, Browser, Rig, StartRig, event, site

UNKNOWN = dict.fromkeys(GRANT, "unknown")
ADS = ("ad_storage", "ad_user_data", "ad_personalization")
STATS = {"analytics_storage": "granted"}


def signals(state: dict[str, Any]) -> dict[str, Any]:
    """Return the four signals of an answer or a record."""
    return {name: state[name] for name in GRANT}


async def purchase(browser: Browser, **fields: object) -> dict[str, str]:
    """Send a purchase and return forwarder → decision|reason."""
    answer = await browser.collect(event("purchase", **fields))
    assert answer.status == 204
    return browser.rig.decided()


def modes(entries: list[Entry]) -> list[str]:
    return ["full" if isinstance(entry.event, FullEvent) else "cookieless" for entry in entries]


class TestStating:
    async def test_a_grant_mints_an_id_and_writes_the_record(self, rig: Rig) -> None:
        """The record is the published one: signals, source, time, GPC, policy version, proof."""
        browser = rig.browser()
        before = rig.clock()
        answer = await browser.consent({**GRANT, "source": "cookiebot", "proof": "cmp-1234"})
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        record = await rig.record(browser.id)
        assert signals(record) == GRANT
        assert (record["source"], record["proof"], record["gpc"]) == ("cookiebot", "cmp-1234", "")
        assert before <= int(record["decided_at"]) <= rig.clock()
        assert record["policy_version"] == rig.sites[0].policy.version

    async def test_it_is_told_back_to_the_visitor(self, rig: Rig) -> None:
        browser = rig.browser()
        decided_at = rig.clock() - 60_000
        await browser.consent({**STATS, "ad_storage": "denied", "source": "page", "decided_at": decided_at})
        state = await browser.state()
        assert signals(state) == {**UNKNOWN, **STATS, "ad_storage": "denied"}
        assert (state["source"], state["decided_at"], state["gpc"]) == ("page", decided_at, False)

    async def test_a_refusal_is_told_back_too(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(DENY)
        assert signals(await browser.state()) == DENY

    @pytest.mark.parametrize("media", ["application/json", "text/plain", "text/plain;charset=UTF-8"])
    async def test_it_may_come_as_text(self, rig: Rig, media: str) -> None:
        browser = rig.browser()
        answer = await browser.post("/consent", json.dumps(dict(GRANT)).encode(), {"Content-Type": media})
        assert answer.status == 204
        assert signals(await browser.state()) == GRANT

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "malformed"),
            (b"{", "malformed"),
            (b"[]", "type"),
            (b"null", "type"),
            (b'"granted"', "type"),
            (b'{"ad_storage": "yes"}', "type"),
            (b'{"ad_storage": "unknown"}', "type"),
            (b'{"ad_storage": true}', "type"),
            (b'{"ad_storage": null}', "type"),
            (b'{"ad_storage": "Granted"}', "type"),
            (b'{"marketing": "granted"}', "type"),
            (b'{"ad_storage": "granted", "extra": 1}', "type"),
            (b'{"AD_STORAGE": "granted"}', "type"),
            (b'{"ad_storage": "granted", "source": ""}', "type"),
            (b'{"ad_storage": "granted", "source": 1}', "type"),
            (b'{"ad_storage": "granted", "source": "kari@example.no"}', "type"),
            (b'{"ad_storage": "granted", "source": "%s"}' % (b"s" * 65), "type"),
            (b'{"ad_storage": "granted", "proof": 1}', "type"),
            (b'{"ad_storage": "granted", "proof": "%s"}' % (b"p" * 257), "type"),
            (b'{"ad_storage": "granted", "decided_at": "now"}', "timestamp"),
            (b'{"ad_storage": "granted", "decided_at": 0}', "timestamp"),
            (b'{"ad_storage": "granted", "decided_at": -1}', "timestamp"),
            (b'{"ad_storage": "granted", "decided_at": true}', "timestamp"),
            (b'{"ad_storage": "granted", "decided_at": 1e300}', "timestamp"),
            (b'{"ad_storage": "granted", "decided_at": 99999999999999}', "timestamp"),
        ],
    )
    async def test_what_cannot_be_understood_is_400_and_changes_nothing(
        self, rig: Rig, raw: bytes, reason: str
    ) -> None:
        answer = await rig.post("/consent", raw, {"Content-Type": "application/json"})
        assert (answer.status, answer.json["reason"]) == (400, reason)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.set_cookies == []
        assert not await rig.keys("*:consent")

    @pytest.mark.parametrize(("ahead_s", "status"), [(290, 204), (310, 400)])
    async def test_a_decision_is_at_most_five_minutes_ahead(
        self, rig: Rig, ahead_s: int, status: int
    ) -> None:
        answer = await rig.post("/consent", {**GRANT, "decided_at": rig.clock() + ahead_s * 1000})
        assert answer.status == status

    async def test_a_decision_that_is_ahead_does_not_outrank_later_ones(self, rig: Rig) -> None:
        """A browser's clock that is ahead must not make its grant stronger than the next denial's grant."""
        browser = rig.browser()
        await browser.consent({**GRANT, "decided_at": rig.clock() + 200_000})
        assert int((await rig.record(browser.id))["decided_at"]) <= rig.clock()

    async def test_saying_nothing_changes_nothing(self, rig: Rig) -> None:
        browser = rig.browser()
        answer = await browser.consent({})
        assert (answer.status, answer.set_cookies) == (204, [])
        assert not await rig.keys("*:consent")

    async def test_any_subset_leaves_the_rest_as_it_was(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(STATS)
        await browser.consent({"ad_storage": "granted"})
        await browser.consent({"ad_personalization": "denied"})
        assert signals(await browser.state()) == {
            **UNKNOWN,
            **STATS,
            "ad_storage": "granted",
            "ad_personalization": "denied",
        }

    async def test_the_record_lives_30_days_longer_than_a_grant(self, rig: Rig) -> None:
        """So that an expired consent can be told from one never given."""
        browser = rig.browser()
        await browser.consent(GRANT)
        (key,) = await rig.keys("*:consent")
        assert 394 * 86_400 < await rig.ask("TTL", key) <= 395 * 86_400

    async def test_its_key_and_the_sessions_share_the_visitors_tag(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser)
        tag = f"sayso:{{shop:{browser.id}}}"
        assert await rig.keys("*{shop:*") == [f"{tag}:consent", f"{tag}:session"]


class TestAsking:
    async def test_without_a_cookie_all_is_unknown_and_nothing_is_set(self, rig: Rig) -> None:
        answer = await rig.browser().get("/consent")
        assert (answer.status, answer.json) == (200, UNKNOWN)
        assert answer.set_cookies == []
        assert answer.headers["Cache-Control"] == "no-store"

    async def test_asking_sets_nothing(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        before = await rig.keys()
        answer = await browser.get("/consent")
        assert (answer.status, answer.set_cookies) == (200, [])
        assert await rig.keys() == before

    @pytest.mark.parametrize("cookie", ["", "nobody", "A" * 22, "A" * 22 + ".0000000001", "A" * 22 + ".9999999999"])
    async def test_an_id_cookie_that_is_not_ours_is_none(self, rig: Rig, cookie: str) -> None:
        await rig.put_record("A" * 22, **GRANT, source="x", decided_at=rig.clock())
        browser = rig.browser()
        browser.cookies["_sayso"] = cookie
        assert (await browser.get("/consent")).json == UNKNOWN

    async def test_an_expired_grant_is_told_as_expired(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})})
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        rig.clock.advance(days=31)
        state = await browser.state()
        assert signals(state) == {**UNKNOWN, "ad_storage": "denied"}
        assert state["expired"] == ["analytics_storage"]

    async def test_the_export_holds_all_that_is_held(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**GRANT, "source": "cookiebot", "proof": "cmp-1234"})
        await purchase(browser)
        held = (await browser.get("/consent?export=1")).json["held"]
        assert held["visitor"]["id"] == browser.id
        assert signals(held["consent"]) == GRANT
        assert (held["consent"]["source"], held["consent"]["proof"]) == ("cookiebot", "cmp-1234")
        assert held["session_start"] == int(await rig.session(browser.id) or 0)

    async def test_the_export_of_one_who_refused_is_the_refusal(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(DENY)
        held = (await browser.get("/consent?export=1")).json["held"]
        assert set(held) == {"refusal"}
        assert signals(held["refusal"]) == DENY

    async def test_only_the_export_names_the_id(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        assert browser.id is not None
        assert browser.id.encode() not in (await browser.get("/consent")).body

    async def test_the_support_for_gpc_is_stated(self, rig: Rig) -> None:
        answer = await rig.browser().get("/.well-known/gpc.json")
        assert answer.status == 200
        assert answer.json["gpc"] is True
        assert len(answer.json["lastUpdate"]) == len("2026-11-22")


class TestRaising:
    """A grant lifts a denial only if it is newer, and comes with the visitor's own cookie."""

    async def test_an_older_grant_changes_nothing(self, rig: Rig) -> None:
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**STATS, **dict.fromkeys(ADS, "denied"), "decided_at": now - 1000})
        for decided_at in (now - 5000, now - 1001, now - 1000):
            assert (await browser.consent({**GRANT, "decided_at": decided_at})).status == 204
            assert (await browser.state())["ad_storage"] == "denied"
        await browser.consent({**GRANT, "decided_at": now - 999})
        assert signals(await browser.state()) == GRANT

    async def test_a_denial_always_applies_however_old(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.consent({"ad_storage": "denied", "decided_at": 1})
        assert (await browser.state())["ad_storage"] == "denied"

    async def test_a_denial_of_long_ago_does_not_make_room_for_an_older_grant(self, rig: Rig) -> None:
        """Its time is that of the newest decision of the signal: a grant from before that changes nothing."""
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**GRANT, "decided_at": now - 1000})
        await browser.consent({"ad_storage": "denied", "decided_at": 1})
        await browser.consent({"ad_storage": "granted", "decided_at": now - 2000})
        assert (await browser.state())["ad_storage"] == "denied"

    async def test_without_the_visitors_cookie_a_grant_is_a_first_decision_of_its_own(self, rig: Rig) -> None:
        """It is another visitor's: the stored denial stands."""
        browser, stranger = rig.browser(), rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        await stranger.consent(GRANT)
        assert stranger.id != browser.id
        assert (await browser.state())["ad_storage"] == "denied"

    async def test_a_refusal_in_the_browser_is_lifted_by_a_newer_grant_only(self, rig: Rig) -> None:
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**DENY, "decided_at": now - 1000})
        await browser.consent({**GRANT, "decided_at": now - 2000})
        assert signals(await browser.state()) == DENY
        assert browser.id is None
        await browser.consent({**GRANT, "decided_at": now - 500})
        assert signals(await browser.state()) == GRANT

    async def test_an_old_grant_that_arrives_late_does_not_undo_a_partial_refusal(self, rig: Rig) -> None:
        """The refusal cookie goes when an id comes; its denials keep their time in the record."""
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**dict.fromkeys(ADS, "denied"), "decided_at": now - 1000})
        await browser.consent({**GRANT, "decided_at": now - 5000})
        assert signals(await browser.state()) == {**DENY, **STATS}
        await browser.consent({**GRANT, "decided_at": now - 3000})
        assert signals(await browser.state()) == {**DENY, **STATS}
        await browser.consent({**GRANT, "decided_at": now - 100})
        assert signals(await browser.state()) == GRANT

    async def test_a_grant_sent_before_a_withdrawal_and_received_after_it_grants_nothing(
        self, rig: Rig
    ) -> None:
        """It carries the id cookie of its time, and no refusal: the tombstone under that id outranks it."""
        browser = rig.browser()
        await browser.consent(GRANT)
        late, decided_at = dict(browser.cookies), rig.clock()
        rig.clock.advance(seconds=0.5)
        await browser.withdraw()
        browser.cookies = late
        answer = await browser.consent({**GRANT, "decided_at": decided_at - 1})
        assert answer.status == 204
        assert browser.id is None
        assert signals(await browser.state()) == DENY
        assert (await purchase(browser))["meta"] == "drop|consent_denied"

    async def test_whoever_withdrew_may_grant_anew_under_a_new_id(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        old = browser.id
        await browser.withdraw()
        await browser.consent({**GRANT, "decided_at": rig.clock() + 1000})
        assert browser.id not in {None, old}
        assert (await purchase(browser))["meta"] == "full|granted"
        assert (await rig.record(old))["tombstone"] == "1"

    async def test_the_old_id_stays_withdrawn_whoever_sends_it(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        stolen = dict(browser.cookies)
        await browser.withdraw()
        browser.cookies = stolen
        decided = await purchase(browser, consent=GRANT)
        assert set(decided.values()) == {"cookieless|withdrawn", "drop|withdrawn"}


class TestWithdrawing:
    async def test_everything_is_withdrawn(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser)
        visitor = browser.id
        answer = await browser.withdraw()
        assert (answer.status, answer.body) == (204, b"")
        assert "_sayso" not in browser.cookies
        assert browser.cookies["_sayso_consent"].startswith("1.dddd.")
        record = await rig.record(visitor)
        assert signals(record) == DENY
        assert record["tombstone"] == "1"
        assert await rig.session(visitor) is None
        assert signals(await browser.state()) == DENY

    async def test_the_tombstone_lives_as_long_as_a_record(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.withdraw()
        (key,) = await rig.keys("*:consent")
        assert 394 * 86_400 < await rig.ask("TTL", key) <= 395 * 86_400

    async def test_refusing_everything_is_withdrawing(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        await browser.consent(DENY)
        assert set(browser.cookies) == {"_sayso_consent"}
        assert (await rig.record(visitor))["tombstone"] == "1"

    async def test_refusing_both_storages_ends_the_id_too(self, rig: Rig) -> None:
        """Without statistics and without ad storage there is no basis for an id, whatever else is granted."""
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        await browser.consent({"analytics_storage": "denied"})
        assert browser.id == visitor
        await browser.consent({"ad_storage": "denied"})
        assert set(browser.cookies) == {"_sayso_consent"}
        assert (await rig.record(visitor))["tombstone"] == "1"

    async def test_who_never_said_anything_may_withdraw(self, rig: Rig) -> None:
        browser = rig.browser()
        answer = await browser.withdraw()
        assert answer.status == 204
        assert set(browser.cookies) == {"_sayso_consent"}
        assert not await rig.keys("*:consent")
        assert set((await purchase(browser)).values()) == {"cookieless|consent_denied", "drop|consent_denied"}

    async def test_withdrawing_twice_is_as_once(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        await browser.withdraw()
        assert (await browser.withdraw()).status == 204
        assert signals(await rig.record(visitor)) == DENY

    async def test_the_next_event_is_no_longer_full(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser, event_id="1")
        await browser.withdraw()
        await purchase(browser, event_id="2")
        assert modes(await rig.entries("shop", "google_analytics")) == ["full", "cookieless"]
        assert len(await rig.entries("shop", "meta")) == 1

    async def test_each_of_several_ids_is_withdrawn_where_a_browser_sends_several(self, rig: Rig) -> None:
        """A second cookie of that name, set for the parent domain, must not keep the visitor's own alive."""
        first, second = rig.browser(), rig.browser()
        await first.consent(GRANT)
        await second.consent(GRANT)
        both = f"_sayso={first.cookies['_sayso']}; _sayso={second.cookies['_sayso']}"
        answer = await rig.browser().withdraw({"Cookie": both})
        assert answer.status == 204
        for browser in (first, second):
            assert (await rig.record(browser.id))["tombstone"] == "1"

    async def test_so_does_a_refusal(self, rig: Rig) -> None:
        first, second = rig.browser(), rig.browser()
        await first.consent(GRANT)
        await second.consent(GRANT)
        both = f"_sayso={first.cookies['_sayso']}; _sayso={second.cookies['_sayso']}"
        assert (await rig.browser().consent(DENY, {"Cookie": both})).status == 204
        for browser in (first, second):
            assert signals(await rig.record(browser.id)) == DENY

    async def test_an_id_past_its_life_is_withdrawn_too(self, rig: Rig) -> None:
        """Entries made under it yesterday may still be waiting."""
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor, value = browser.id, browser.cookies["_sayso"]
        rig.clock.advance(days=91)
        assert (await rig.browser().withdraw({"Cookie": f"_sayso={value}"})).status == 204
        assert (await rig.record(visitor))["tombstone"] == "1"


class TestAnEventsOwnConsent:
    """A source without a time: fills in what is unknown, or lowers for this event only; it never raises a denial."""

    async def test_a_first_grant_mints_the_id_and_writes_the_record(self, rig: Rig) -> None:
        browser = rig.browser()
        decided = await purchase(browser, consent=GRANT)
        assert set(decided.values()) <= {"full|granted", "cookieless|no_identifier"}
        assert browser.id is not None
        record = await rig.record(browser.id)
        assert signals(record) == GRANT
        assert record["source"] == "event"
        assert [entry.visitor for entry in await rig.entries("shop", "meta")] == [browser.id]
        assert (await purchase(browser))["meta"] == "full|granted"

    async def test_a_grant_without_storage_mints_no_id(self, rig: Rig) -> None:
        browser = rig.browser()
        decided = await purchase(
            browser, consent={"ad_user_data": "granted", "ad_personalization": "granted"}
        )
        assert decided["meta"] == "drop|consent_unknown"
        assert browser.cookies == {}
        assert not await rig.keys("*:consent")

    async def test_it_fills_in_what_the_record_does_not_know(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(STATS)
        decided = await purchase(browser, consent=dict.fromkeys(ADS, "granted"))
        assert decided["meta"] == "full|granted"
        record = await rig.record(browser.id)
        assert signals(record) == GRANT

    async def test_it_never_raises_a_stored_denial(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        decided = await purchase(browser, consent=GRANT)
        assert decided["meta"] == "drop|consent_denied"
        assert (await rig.record(browser.id))["ad_storage"] == "denied"

    async def test_it_never_raises_a_refusal_in_the_browser(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(DENY)
        decided = await purchase(browser, consent=GRANT)
        assert set(decided.values()) == {"cookieless|consent_denied", "drop|consent_denied"}
        assert browser.id is None
        assert not await rig.keys("*:consent")

    async def test_a_denial_counts_for_this_event_only(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        before = await rig.record(browser.id)
        assert (await purchase(browser, consent={"ad_user_data": "denied"}))["meta"] == "drop|consent_denied"
        assert await rig.record(browser.id) == before
        assert (await purchase(browser))["meta"] == "full|granted"

    async def test_one_events_denial_does_not_cost_the_visitor_the_id(self, rig: Rig) -> None:
        """However old the id: another event of the same request, and the next request, are the visitor's as before."""
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        rig.clock.advance(days=20)
        answer = await browser.collect(
            {"events": [event("purchase", consent=DENY), event("purchase"), event("purchase", consent=GRANT)]}
        )
        assert (answer.status, answer.set_cookies) == (204, [])
        metas = [dict(told.decided)["meta"].code for told in rig.told]
        assert metas == ["drop|consent_denied", "full|granted", "full|granted"]
        assert {entry.visitor for entry in await rig.entries("shop", "meta")} == {visitor}

    async def test_a_denial_writes_no_record_and_no_cookie(self, rig: Rig) -> None:
        browser = rig.browser()
        assert (await purchase(browser, consent=DENY))["meta"] == "drop|consent_denied"
        assert browser.cookies == {}
        assert not await rig.keys("*:consent")

    async def test_several_first_grants_of_one_request_make_one_visitor(self, rig: Rig) -> None:
        browser = rig.browser()
        answer = await browser.collect(
            {
                "events": [
                    event("page_view"),
                    event("purchase", consent=STATS),
                    event("purchase", consent=GRANT),
                    event("purchase"),
                ]
            }
        )
        assert answer.status == 204
        assert len(answer.set_cookies) == 1
        assert len(await rig.keys("*:consent")) == 1
        assert modes(await rig.entries("shop", "google_analytics")) == ["cookieless", "full", "full", "full"]
        metas = [dict(told.decided)["meta"].code for told in rig.told]
        assert metas[2:] == ["full|granted", "full|granted"]

    async def test_an_upgrade_from_legitimate_interest_keeps_the_id(self, start_rig: StartRig) -> None:
        policy = {"preset": "consent-mode", "analytics_storage": "legitimate_interest"}
        rig = await start_rig({"shop": site(policy=policy)})
        browser = rig.browser()
        assert (await browser.collect(event())).life_of("_sayso") == 7 * 86_400
        visitor = browser.id
        rig.clock.advance(days=2)
        answer = await browser.collect(event("purchase", consent=GRANT))
        assert browser.id == visitor
        assert 88 * 86_400 - 5 <= answer.life_of("_sayso") <= 88 * 86_400
        assert (await rig.record(visitor))["source"] == "event"


class TestGlobalPrivacyControl:
    GPC = {"Sec-GPC": "1"}

    @pytest.mark.parametrize("value", ["1", "1, 1", " 1 "])
    async def test_it_denies_the_ad_signals(self, rig: Rig, value: str) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event("purchase"), {"Sec-GPC": value})
        assert rig.decided() == {
            "google_analytics": "full|granted",
            "google_ads": "cookieless|gpc",
            "meta": "drop|gpc",
            "microsoft": "drop|gpc",
        }

    @pytest.mark.parametrize("value", ["0", "", "true", "11", "?1"])
    async def test_other_values_say_nothing(self, rig: Rig, value: str) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event("purchase"), {"Sec-GPC": value})
        assert rig.decided()["meta"] == "full|granted"

    async def test_a_grant_that_was_given_with_it_on_stands(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT, self.GPC)
        await browser.collect(event("purchase"), self.GPC)
        assert rig.decided()["meta"] == "full|granted"
        assert (await browser.state())["gpc"] is True

    async def test_granting_statistics_with_it_on_does_not_carry_older_ad_grants(self, rig: Rig) -> None:
        """The ad signals were granted without it, so it denies them still."""
        browser = rig.browser()
        await browser.consent(dict.fromkeys(ADS, "granted"))
        await browser.consent(STATS, self.GPC)
        await browser.collect(event("purchase"), self.GPC)
        assert rig.decided()["meta"] == "drop|gpc"

    async def test_nor_does_one_ad_signal_the_others(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "granted", "ad_personalization": "granted"})
        await browser.consent({"ad_user_data": "granted"}, self.GPC)
        await browser.collect(event("purchase"), self.GPC)
        assert rig.decided()["meta"] == "drop|gpc"

    async def test_all_ad_signals_granted_anew_with_it_on_stand(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.consent({**GRANT, "decided_at": rig.clock() + 5}, self.GPC)
        await browser.collect(event("purchase"), self.GPC)
        assert rig.decided()["meta"] == "full|granted"

    async def test_an_events_own_grant_does_not_outrank_it(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.collect(event("purchase", consent=GRANT), self.GPC)
        assert rig.decided()["meta"] == "drop|gpc"
        record = await rig.record(browser.id)
        assert signals(record) == {**UNKNOWN, **STATS}

    async def test_it_is_for_the_request_alone(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event("purchase"), self.GPC)
        await browser.collect(event("purchase"))
        assert rig.decided()["meta"] == "full|granted"

    async def test_on_legitimate_interest_it_is_an_objection(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "notice-2021"})})
        browser = rig.browser()
        answer = await browser.collect(event("purchase"), self.GPC)
        assert answer.set_cookies == []
        assert rig.decided()["google_analytics"] == "cookieless|gpc"
        assert not await rig.keys("*:session")


class TestLegitimateInterest:
    """On it, unknown is allowed; a denial is an objection and is honoured."""

    @pytest.fixture
    async def notice(self, start_rig: StartRig) -> Rig:
        return await start_rig({"shop": site(policy={"preset": "notice-2021"})})

    async def test_silence_is_full_for_statistics_and_has_an_id(self, notice: Rig) -> None:
        browser = notice.browser()
        decided = await purchase(browser)
        assert decided["google_analytics"] == "full|legitimate_interest"
        assert decided["meta"] == "drop|consent_unknown"
        assert browser.id is not None
        assert not await notice.keys("*:consent")
        assert await notice.session(browser.id) is not None

    async def test_an_objection_ends_the_id(self, notice: Rig) -> None:
        browser = notice.browser()
        await purchase(browser)
        visitor = browser.id
        await browser.consent({"analytics_storage": "denied"})
        assert set(browser.cookies) == {"_sayso_consent"}
        assert (await notice.record(visitor))["tombstone"] == "1"
        assert (await purchase(browser))["google_analytics"] == "cookieless|objection"
        assert browser.id is None

    async def test_an_events_own_objection_counts_for_that_event(self, notice: Rig) -> None:
        browser = notice.browser()
        decided = await purchase(browser, consent={"analytics_storage": "denied"})
        assert decided["google_analytics"] == "cookieless|objection"
        assert browser.cookies == {}

    async def test_refusing_advertising_leaves_statistics(self, notice: Rig) -> None:
        browser = notice.browser()
        await browser.consent(dict.fromkeys(ADS, "denied"))
        assert browser.id is not None
        decided = await purchase(browser)
        assert decided["google_analytics"] == "full|legitimate_interest"
        assert decided["google_ads"] == "cookieless|consent_denied"


class TestExpiry:
    async def test_an_old_grant_is_not_granted(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})})
        browser = rig.browser()
        await browser.consent(GRANT)
        rig.clock.advance(days=29)
        assert (await purchase(browser))["meta"] == "full|granted"
        rig.clock.advance(days=2)
        decided = await purchase(browser)
        assert decided["meta"] == "drop|consent_expired"
        assert decided["google_analytics"] == "cookieless|consent_expired"

    async def test_an_event_cannot_renew_it(self, start_rig: StartRig) -> None:
        """An expired grant is not unknown: a source without a time has nothing to fill in."""
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})})
        browser = rig.browser()
        await browser.consent(GRANT)
        rig.clock.advance(days=31)
        assert (await purchase(browser, consent=GRANT))["meta"] == "drop|consent_expired"

    async def test_a_denial_does_not_expire(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})})
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        rig.clock.advance(days=31)
        assert (await purchase(browser))["meta"] == "drop|consent_denied"

    async def test_a_refusal_stands_for_a_year(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(DENY)
        rig.clock.advance(days=390)
        assert (await purchase(browser, consent=GRANT))["meta"] == "drop|consent_denied"


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

    UNREADABLE = [
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

    @pytest.mark.parametrize("command", ["SET {} granted", "RPUSH {} granted", "SADD {} granted", "ZADD {} 1 granted"])
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
