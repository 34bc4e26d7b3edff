"""What brought a visitor is not kept or used without consent, and is gone with it. On a real Valkey."""

from pathlib import Path

import pytest

from proxy.attribution import Click, News
from proxy.campaign import Campaign
from proxy.store.consents import Consents
from proxy.store.keys import attribution_key
from tests.support.landing import (
    FBCLID,
    GCLID,
    LANDING,
    MSCLKID,
    SHOP,
    THANKS,
    VALUES,
    buy,
    campaigns,
    clicks_sold,
    kept,
    land,
)
from tests.support.operating import Operator
from tests.support.rig import ADS, DENY, GRANT, STATS, Rig, StartRig, event, site
from tests.support.taken_back import keyspace


@pytest.fixture
async def rig(start_rig: StartRig) -> Rig:
    """Return a gateway that keeps for 30 days what brought a visitor, whose id lives for 400."""
    return await start_rig({"shop": SHOP})


class TestWithoutConsent:
    @pytest.mark.parametrize(
        ("preset", "consent"),
        [
            ("consent-mode", None),
            ("consent-mode", DENY),
            ("notice-2021", None),
            ("notice-2021", {"analytics_storage": "denied"}),
            ("notice-2021", dict.fromkeys(ADS, "denied")),
        ],
        ids=["nothing said", "all refused", "on legitimate interest", "an objection", "no ads"],
    )
    async def test_nothing_is_kept_and_a_purchase_has_what_its_own_page_says(
        self, start_rig: StartRig, preset: str, consent: dict[str, str] | None
    ) -> None:
        """On legitimate interest too, under which the visitor has an id and a session."""
        rig = await start_rig({"shop": site(policy={"preset": preset})})
        browser = rig.browser()
        if consent is not None:
            await browser.consent(consent)
        await land(browser)
        await buy(browser, f"{THANKS}?utm_source=page&utm_medium=own")
        assert await rig.keys("*:attribution") == []
        assert await clicks_sold(rig) == ""
        assert await campaigns(rig) == ["page\x1fown\x1f"]

    async def test_statistics_alone_keep_the_campaign_and_no_click(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(STATS)
        await land(browser)
        assert sorted(await kept(rig, browser)) == ["at", "campaign", "host", "medium", "source"]
        await buy(browser)
        assert await campaigns(rig) == ["news\x1fcpc\x1full"]
        assert await clicks_sold(rig) == ""

    @pytest.mark.parametrize("missing", ["ad_storage", "ad_user_data"])
    async def test_a_click_needs_both_of_its_signals(self, rig: Rig, missing: str) -> None:
        browser = rig.browser()
        await browser.consent({**GRANT, missing: "unknown"})
        await land(browser)
        assert "gclid" not in await kept(rig, browser)

    async def test_ads_alone_keep_the_click_and_no_campaign(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(dict.fromkeys(ADS, "granted"))
        await land(browser)
        assert sorted(await kept(rig, browser)) == ["fbclid", "gclid", "msclkid"]

    async def test_a_vendor_without_personalisation_gets_none(self, rig: Rig) -> None:
        """Meta and Microsoft need all three ad signals; Google Ads two."""
        browser = rig.browser()
        await browser.consent({**GRANT, "ad_personalization": "denied"})
        await land(browser)
        await buy(browser)
        assert await clicks_sold(rig) == GCLID

    async def test_a_page_seen_while_denied_is_never_kept(self, rig: Rig) -> None:
        """Not even if it comes in after the visitor has granted."""
        browser = rig.browser()
        seen = rig.clock() - 60_000
        await browser.consent({**STATS, **dict.fromkeys(ADS, "denied"), "decided_at": seen - 60_000})
        await browser.consent(GRANT)
        await browser.collect(event(page={"url": LANDING}, timestamp=seen))
        assert "gclid" not in await kept(rig, browser)

    async def test_global_privacy_control_keeps_and_credits_no_click(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event(page={"url": LANDING}), {"Sec-GPC": "1"})
        assert "gclid" not in await kept(rig, browser)
        await land(browser)
        assert "gclid" in await kept(rig, browser)
        await buy(browser, **{"Sec-GPC": "1"})
        assert await clicks_sold(rig) == ""

    async def test_an_events_own_denial_counts(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        denied = dict.fromkeys(ADS, "denied")
        await browser.collect(
            event("purchase", consent=denied, params={"value": 1.0, "currency": "NOK", "transaction_id": "T"})
        )
        assert await clicks_sold(rig) == ""


class TestTakenBack:
    async def test_a_withdrawal_deletes_all_of_it(self, rig: Rig) -> None:
        """With the record's own change: nothing of it is left when the withdrawal is answered, nor comes back."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        assert GCLID.encode() in await keyspace(rig.store)
        visitor = str(browser.id)
        await browser.withdraw()
        assert await kept(rig, browser, visitor) == {}
        await browser.consent(GRANT)
        await buy(browser)
        assert await clicks_sold(rig) == ""

    @pytest.mark.parametrize("signal", ["ad_storage", "ad_user_data"])
    async def test_a_lowered_ad_signal_deletes_the_clicks_alone(self, rig: Rig, signal: str) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await browser.consent({signal: "denied"})
        assert sorted(await kept(rig, browser)) == ["at", "campaign", "host", "medium", "source"]
        rig.clock.advance(seconds=5)
        await browser.consent(GRANT)
        await buy(browser)
        assert await clicks_sold(rig) == ""
        assert await campaigns(rig) == ["news\x1fcpc\x1full"]

    async def test_a_no_to_statistics_deletes_all_of_it(self, rig: Rig) -> None:
        """Even though the ad signals are granted still."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await browser.consent({"analytics_storage": "denied"})
        assert await kept(rig, browser) == {}

    async def test_a_consent_that_has_run_out_credits_nothing(self, start_rig: StartRig) -> None:
        policy = {"preset": "consent-mode", "consent_max_age_days": 9}
        rig = await start_rig({"shop": site(policy=policy, visitor={"consented_max_age_days": 400})})
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        rig.clock.advance(days=9.5)
        await buy(browser)
        assert await clicks_sold(rig) == ""
        assert await campaigns(rig) == ["\x1f\x1f"]

    async def test_what_was_read_before_the_withdrawal_is_not_written_after_it(self, rig: Rig) -> None:
        """The event has read the grant; the visitor withdraws; only then does the event come to keep its page."""
        consents: Consents = rig.parts.consents
        news = News(0, 1, Campaign("news", "cpc"), "shop.example", 10_000, {"gclid": Click(GCLID, 1)}, 10_000)
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.consent(dict.fromkeys(ADS, "denied"))
        await consents.keep("shop", str(browser.id), news)
        assert "gclid" not in await kept(rig, browser)
        visitor = str(browser.id)
        await browser.withdraw()
        await consents.keep("shop", visitor, news)
        assert await rig.keys("*:attribution") == []
        await consents.keep("shop", "x" * 22, news)
        assert await rig.keys("*:attribution") == [], "nobody whose record grants nothing"

    async def test_another_systems_denial_counts_though_it_deletes_nothing(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await rig.put_record(str(browser.id), ad_user_data="denied", decided_at=rig.clock(), times="")
        await buy(browser)
        assert await clicks_sold(rig) == ""

    async def test_a_key_that_somebody_spoiled_is_nothing(self, rig: Rig) -> None:
        """It loses no event, and is begun anew."""
        browser = rig.browser()
        await browser.consent(GRANT)
        key = attribution_key("shop", str(browser.id))
        await rig.ask("SET", key, "spoiled")
        await land(browser)
        assert (await kept(rig, browser))["source"] == "news"
        await rig.ask("DEL", key)
        await rig.ask("HSET", key, "at", "soon", "source", "\x00", "gclid", "x", "of_another", "1")
        await buy(browser)
        assert await clicks_sold(rig) == ""


class TestTheVisitorsRights:
    async def test_the_export_shows_it(self, rig: Rig, valkey_url: str, tmp_path: Path) -> None:
        """To the visitor, and to who answers for the site."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        fields = await kept(rig, browser)
        expected = {
            "first": {
                "source": "news",
                "medium": "cpc",
                "campaign": "ull",
                "host": "127.0.0.1",
                "at": int(fields["at"]),
            },
            "click_ids": {
                name: {"value": value, "at": int(fields["at"])}
                for name, value in (("gclid", GCLID), ("fbclid", FBCLID), ("msclkid", MSCLKID))
            },
        }
        assert (await browser.get("/consent?export=1")).json["held"]["attribution"] == expected
        body = await Operator(tmp_path, valkey_url).tells("consent", "export", str(browser.id))
        assert body["sites"][0]["attribution"] == expected
        assert (await rig.browser().get("/consent?export=1")).json["held"]["attribution"] is None

    async def test_an_erasure_deletes_it(self, rig: Rig, valkey_url: str, tmp_path: Path) -> None:
        """The visitor's own as the operator's, who is told beforehand."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await rig.ask("DEL", *(await rig.keys("*:out:*")), *(await rig.keys("*:trail")))
        told = await Operator(tmp_path, valkey_url).tells("consent", "erase", str(browser.id), "--dry-run")
        assert told["sites"][0]["attribution"] == 1
        await browser.request("DELETE", "/consent?erase=1")
        content = await keyspace(rig.store)
        assert [value for value in VALUES if value.encode() in content] == []

    async def test_click_ids_stand_nowhere_else(self, rig: Rig) -> None:
        """Of all keys only that one and the full entries of the vendor whose id it is hold one."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await buy(browser)
        await rig.ask("CONFIG", "SET", "rdbcompression", "no")
        where = set()
        for key in await rig.keys():
            content = await rig.ask("DUMP", key)
            where |= {(key.rpartition(":")[2], value) for value in VALUES if value.encode() in content}
        assert where == {
            *(("attribution", value) for value in VALUES),
            ("google_analytics", GCLID),
            ("google_ads", GCLID),
            ("meta", FBCLID),
            ("microsoft", MSCLKID),
        }
