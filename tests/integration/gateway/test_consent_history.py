"""Every decision is kept as proof of itself, shown to whoever has the cookie, and to nobody else."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from proxy.gateway import consent_export
from proxy.held import look_through
from proxy.store.keys import history_key
from tests.support.rig import (
    ADS,
    DENY,
    GRANT,
    ORIGIN,
    STATS,
    Browser,
    Rig,
    StartRig,
    event,
    purchase,
    signals,
    site,
)

SCHEMA: Any = json.loads(
    (Path(__file__).parents[3] / "docs" / "consent-record.schema.json").read_text(encoding="utf-8")
)
NOTICE = {
    "controller": "Shop AS",
    "contact": "privacy@shop.example",
    "dpo": "Kari, dpo@shop.example",
    "authority": "NO-Datatilsynet",
    "jurisdiction": "NO",
    "language": "nb",
    "version": "2026-11",
    "url": "https://shop.example/privacy",
    "withdrawal_url": "https://shop.example/cookies",
    "storage": ["EU"],
    "sha256": "ab" * 32,
}


async def exported(browser: Browser) -> dict[str, Any]:
    """Return all that is held, each record of it valid."""
    answer = await browser.get("/consent?export=1")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.set_cookies == []
    held: dict[str, Any] = answer.json["held"]
    for record in held["records"]:
        Draft202012Validator(SCHEMA).validate(record)
    return held


def states(record: dict[str, Any]) -> dict[str, str]:
    """Return the state of each purpose of a record."""
    return {one["id"]: one["state"] for one in record["purposes"]}


class TestTheRecords:
    async def test_each_decision_is_one_and_a_withdrawal_is_another(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(notice=NOTICE)})
        browser = rig.browser()
        decided_at = rig.clock() - 60_000
        await browser.consent({**STATS, "source": "cookiebot", "proof": "cmp-1", "decided_at": decided_at})
        await browser.consent({**dict.fromkeys(ADS, "granted")}, {"Sec-GPC": "1"})
        await browser.consent({"ad_storage": "denied"})
        first, second, third = (await exported(browser))["records"]
        assert [one["event"]["kind"] for one in (first, second, third)] == ["given", "given", "withdrawn"]
        assert (first["prev"], second["prev"], third["prev"]) == (
            None,
            first["record_id"],
            second["record_id"],
        )
        assert states(first) == {**dict.fromkeys(ADS, "unknown"), **STATS}
        assert states(second) == GRANT
        assert states(third) == {**GRANT, "ad_storage": "withdrawn"}
        assert first["notice"] == {
            "version": "2026-11",
            "sha256": "ab" * 32,
            "language": "nb",
            "url": "https://shop.example/privacy",
        }
        assert (first["controller"]["name"], first["jurisdiction"], first["storage"]) == (
            "Shop AS",
            "NO",
            ["EU"],
        )
        assert first["withdrawal_method"] == "https://shop.example/cookies"
        assert first["retention"] == "P395D"
        assert first["evidence"]["proof"] == "cmp-1"
        assert first["evidence"]["policy_version"] == rig.sites[0].policy.version
        assert (first["event"]["source"], first["event"]["stated"]) == ("cookiebot", "guuu")
        assert (first["event"]["gpc"], second["event"]["gpc"]) == (False, True)
        assert [one["name"] for one in first["recipients"]] == ["google_analytics"]
        assert "meta" in [one["name"] for one in second["recipients"]]
        assert [one["name"] for one in third["recipients"]] == ["google_analytics"]
        assert first["principal"] == third["principal"] != browser.id

    async def test_the_notice_is_the_one_of_then(self, start_rig: StartRig) -> None:
        """A new version of it does not change what was shown before."""
        browser = (await start_rig({"shop": site(notice=NOTICE)})).browser()
        await browser.consent(STATS)
        browser.rig = await start_rig({"shop": site(notice={**NOTICE, "version": "2027-01"})})
        await browser.consent(dict.fromkeys(ADS, "granted"))
        records = (await exported(browser))["records"]
        assert [one["notice"]["version"] for one in records] == ["2026-11", "2027-01"]

    async def test_a_first_grant_of_an_event_is_one_too(self, rig: Rig) -> None:
        browser = rig.browser()
        await purchase(browser, consent=GRANT)
        (record,) = (await exported(browser))["records"]
        assert (record["event"]["type"], record["event"]["explicit"]) == ("reported", False)
        assert record["event"]["source"] == "event"

    async def test_what_changes_nothing_is_none(self, rig: Rig) -> None:
        browser = rig.browser()
        at = rig.clock() - 1000
        await browser.consent({**STATS, "decided_at": at})
        await browser.consent({**STATS, "decided_at": at})
        await browser.consent({"ad_storage": "unknown"})
        await purchase(browser, consent=STATS)
        assert len((await exported(browser))["records"]) == 1

    async def test_of_confirmations_only_the_last_is_kept(self, rig: Rig) -> None:
        """A banner that says the same on each page would else push out what counts."""
        browser = rig.browser()
        for age in range(500, 0, -1):
            await browser.consent({**STATS, "decided_at": rig.clock() - age * 1000})
        records = (await exported(browser))["records"]
        assert [one["event"]["kind"] for one in records] == ["given", "confirmed"]

    async def test_there_are_never_more_than_the_bound(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(STATS)
        first = rig.clock() - 10_000
        for number in range(210):
            value = ("denied", "granted")[number % 2]
            await browser.consent({"ad_storage": value, "decided_at": first + number})
        assert await rig.ask("LLEN", history_key("shop", str(browser.id))) == 200

    async def test_they_are_kept_as_long_as_the_policy_says(self, start_rig: StartRig) -> None:
        """By default as long as the record."""
        lives = {}
        for days in (None, 1825):
            policy = {"preset": "consent-mode", "consent_max_age_days": 100}
            rig = await start_rig(
                {"shop": site(policy=policy if days is None else {**policy, "record_keep_days": days})}
            )
            browser = rig.browser()
            await browser.consent(STATS)
            lives[days] = await rig.ask("TTL", history_key("shop", str(browser.id)))
            (record,) = (await exported(browser))["records"]
            assert record["retention"] == f"P{days or 130}D"
        assert 130 * 86_400 - 60 < lives[None] <= 130 * 86_400
        assert 1825 * 86_400 - 60 < lives[1825] <= 1825 * 86_400

    async def test_the_banners_cookie_is_there_as_a_hash_alone(self, rig: Rig) -> None:
        browser = rig.browser()
        raw = (
            "{stamp:%27s1%27%2Cregion:%27canary%27%2Cnecessary:true%2Cpreferences:true%2Cstatistics:true%2Cmarketing:false"
            f"%2Cmethod:%27explicit%27%2Cver:1%2Cutc:{rig.clock() - 5000}}}"
        )
        cookie = f"CookieConsent={raw}; unrelated=canary-2"
        await browser.collect(event(), {"Cookie": cookie})
        (record,) = (await exported(browser))["records"]
        assert (record["evidence"]["cmp"], record["event"]["source"]) == ("cookiebot", "cookiebot")
        assert len(record["evidence"]["banner_keyed_hash"]) == 32
        other = rig.browser()
        await other.collect(event(), {"Cookie": f"CookieConsent={raw}; unrelated=another"})
        (second,) = (await exported(other))["records"]
        assert second["evidence"]["banner_keyed_hash"] == record["evidence"]["banner_keyed_hash"]
        kept = await rig.ask("LRANGE", history_key("shop", str(browser.id)), 0, -1)
        assert b"canary" not in b"".join(kept)

    async def test_no_address_no_browser_and_no_page_is_in_them(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT, {"X-Forwarded-For": "203.0.113.77", "Referer": f"{ORIGIN}/secret-page"})
        kept = b"".join(await rig.ask("LRANGE", history_key("shop", str(browser.id)), 0, -1))
        for canary in (b"203.0.113", b"127.0.0", b"Mozilla", b"secret-page", str(browser.id).encode()):
            assert canary not in kept


class TestTheExport:
    async def test_events_that_wait_are_shown_with_all_that_is_held(self, rig: Rig) -> None:
        browser, other = rig.browser(), rig.browser()
        for one, mail in ((browser, "kari@example.com"), (other, "ola@example.com")):
            await one.consent(GRANT)
            await purchase(one, user_data={"email": mail}, event_id=f"order-{mail[:4]}")
        held = await exported(browser)
        shown = {one["forwarder"]: one for one in held["events"]}
        assert shown.keys() >= {"google_analytics", "meta"}
        assert {one["where"] for one in held["events"]} == {"pending"}
        assert "contact" in shown["meta"]["event"]
        text = json.dumps(held)
        assert "order-kari" in text
        assert "kari@example.com" not in text, "only the hash is stored"
        assert "order-ola" not in text
        assert str(other.id) not in text
        assert {one["forwarder"] for one in held["recipients"]} >= {"google_analytics", "meta"}

    async def test_an_id_of_nobody_gets_the_same_shape(self, rig: Rig) -> None:
        browser, guesser = rig.browser(), rig.browser()
        await browser.consent(GRANT)
        await purchase(browser)
        guesser.cookies["_sayso"] = f"{'x' * 22}.{rig.clock() // 1000}"
        mine, nobodys = await exported(browser), await exported(guesser)
        without = await exported(rig.browser())
        assert list(mine) == list(nobodys) == list(without)
        assert nobodys["records"] == nobodys["events"] == nobodys["recipients"] == []
        assert nobodys["consent"] is None
        assert not await rig.keys("*xxxxxx*")

    async def test_both_look_at_the_same_number_of_entries(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """How long it takes says nothing on whether an id exists."""
        browser, guesser = rig.browser(), rig.browser()
        await browser.consent(GRANT)
        for number in range(5):
            await purchase(browser, event_id=f"e{number}")
        guesser.cookies["_sayso"] = f"{'x' * 22}.{rig.clock() // 1000}"
        looks: list[int] = []
        real = rig.store.run

        async def counted(script: Any, keys: Any, args: Any) -> Any:
            if script.name == "find":
                looks[-1] += 1
            return await real(script, keys, args)

        monkeypatch.setattr(rig.store, "run", counted)
        for one in (browser, guesser):
            looks.append(0)
            await exported(one)
        assert looks[0] == looks[1] > 0

    async def test_too_many_entries_are_not_looked_through(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser)
        monkeypatch.setattr(consent_export, "MOST_LOOKED_AT", 2)
        held = await exported(browser)
        assert held["events"] == []
        assert "too many" in held["left_out"][0]
        assert held["records"]

    async def test_one_is_made_at_a_time(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever asks meanwhile gets all but the events, and is told so."""
        browser, other = rig.browser(), rig.browser()
        for one in (browser, other):
            await one.consent(GRANT)
            await purchase(one)
        looking, go_on = asyncio.Event(), asyncio.Event()
        real = look_through

        async def slow(*args: Any, **settings: Any) -> None:
            looking.set()
            await go_on.wait()
            await real(*args, **settings)

        monkeypatch.setattr(consent_export, "look_through", slow)
        first = asyncio.create_task(exported(browser))
        await looking.wait()
        second = await exported(other)
        go_on.set()
        assert (await first)["left_out"] == []
        assert (second["events"], len(second["records"])) == ([], 1)
        assert "another export" in second["left_out"][0]

    async def test_a_foreign_page_does_not_get_it(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        answer = await browser.get("/consent?export=1", {"Origin": "https://evil.example"})
        assert (answer.status, answer.json["reason"]) == (403, "origin")
        assert "Access-Control-Allow-Origin" not in answer.headers
        direct = await browser.get("/consent?export=1", {"Origin": None, "Sec-Fetch-Site": "none"})
        assert direct.status == 200

    async def test_a_refusal_without_an_id_is_shown_from_the_cookie(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(DENY)
        held = await exported(browser)
        (record,) = held["records"]
        assert (record["principal"], record["event"]["source"]) == (None, "refusal")
        assert set(states(record).values()) == {"denied"}


class TestErasedByTheVisitor:
    async def test_everything_goes_but_what_keeps_it_denied(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**GRANT, "proof": "canary"})
        await purchase(browser)
        visitor = str(browser.id)
        answer = await browser.request("DELETE", "/consent?erase=1")
        assert (answer.status, answer.body) == (204, b"")
        assert set(browser.cookies) == {"_sayso_consent"}
        assert signals(await browser.state()) == DENY
        record = await rig.record(visitor)
        assert (record["source"], record["tombstone"], record.get("proof")) == ("erased", "1", None)
        assert await rig.keys(f"*{visitor}*") == [f"sayso:{{shop:{visitor}}}:consent"]
        noted = await rig.ask("ZRANGE", "sayso:{withdrawn}:visitors", 0, -1)
        assert noted == [f"shop|{visitor}".encode()]

    async def test_it_stays_so_whatever_comes_with_the_old_cookie(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        old, visitor = dict(browser.cookies), str(browser.id)
        await browser.request("DELETE", "/consent?erase=1")
        before = await rig.record(visitor)
        for body in (DENY, {**GRANT, "decided_at": rig.clock() - 60_000}):
            browser.cookies = dict(old)
            assert (await browser.consent(body)).status == 204
        browser.cookies = dict(old)
        await browser.withdraw()
        assert await rig.record(visitor) == before
        assert await rig.keys(f"*{visitor}*") == [f"sayso:{{shop:{visitor}}}:consent"]

    async def test_without_it_the_proof_stays(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = str(browser.id)
        await browser.withdraw()
        kept = await rig.ask("LRANGE", history_key("shop", visitor), 0, -1)
        assert [json.loads(one)["kind"] for one in kept] == ["given", "withdrawn"]

    async def test_from_elsewhere_it_withdraws_and_erases_nothing(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = str(browser.id)
        answer = await browser.request(
            "DELETE", "/consent?erase=1", headers={"Origin": "https://evil.example"}
        )
        assert (answer.status, answer.json["reason"]) == (403, "origin")
        record = await rig.record(visitor)
        assert (record["tombstone"], record["source"]) == ("1", "withdrawal")
        assert await rig.ask("LLEN", history_key("shop", visitor)) == 2

    async def test_without_a_cookie_there_is_nothing_to_erase(self, rig: Rig) -> None:
        assert (await rig.browser().request("DELETE", "/consent?erase=1")).status == 204
        assert not await rig.keys("*:consent")
