"""``/consent``: what a visitor states, and what the visitor is told."""

import json

import pytest

from tests.support.rig import DENY, GRANT, ORIGIN, STATS, UNKNOWN, Rig, StartRig, purchase, signals, site


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
        assert await rig.keys("*{shop:*") == [f"{tag}:consent", f"{tag}:history", f"{tag}:session"]


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

    @pytest.mark.parametrize(
        "cookie", ["", "nobody", "A" * 22, "A" * 22 + ".0000000001", "A" * 22 + ".9999999999"]
    )
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
        assert held["visitor"] is held["consent"] is held["session_start"] is None
        assert held["events"] == held["recipients"] == []
        assert signals(held["refusal"]) == DENY
        (record,) = held["records"]
        assert record["event"]["state"] == "refused"
        assert {one["state"] for one in record["purposes"]} == {"denied"}

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
