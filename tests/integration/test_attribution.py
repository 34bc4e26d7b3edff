"""What brought a visitor is kept on consent and credited to a later purchase, for its time. On a real Valkey."""

import re

import pytest

from proxy.store import attributions
from proxy.store.keys import attribution_key
from tests.support.landing import (
    DAY_S,
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
    sold,
)
from tests.support.rig import GRANT, ORIGIN, Rig, StartRig, event, site
from tests.support.whole import Whole


@pytest.fixture
async def rig(start_rig: StartRig) -> Rig:
    """Return a gateway that keeps for 30 days what brought a visitor, whose id lives for 400."""
    return await start_rig({"shop": SHOP})


class TestKeptAndCredited:
    async def test_a_purchase_days_later_tells_each_vendor_its_own_click(self, valkey_url: str) -> None:
        """Over the wire: Google the ``gclid``, Meta ``fbc`` with the click's own time, Microsoft the ``msclkid``."""
        async with Whole(valkey_url, {"shop": SHOP}) as whole:
            rig = whole.rig
            rig.clock.advance(days=-6)
            browser = rig.browser()
            await browser.consent(GRANT)
            began = rig.clock()
            await land(browser)
            ended = rig.clock()
            rig.clock.advance(days=6)
            await buy(browser)
            await whole.deliver()
            await whole.quiet()
            sent = {
                vendor: b"".join(one.request.body for one in whole.seen(vendor))
                for vendor in ("google_ads", "meta", "microsoft", "google_analytics")
            }
            assert f'"gclid":"{GCLID}"'.encode() in sent["google_ads"]
            assert f'"msclkid":"{MSCLKID}"'.encode() in sent["microsoft"]
            seen_at = int(re.findall(rb'"fbc":"fb.1.(\d+).' + FBCLID.encode() + b'"', sent["meta"])[0])
            assert began <= seen_at <= ended, "the click's own time, not the purchase's"
            for vendor, own in (
                ("google_ads", GCLID),
                ("meta", FBCLID),
                ("microsoft", MSCLKID),
                ("google_analytics", ""),
            ):
                assert sent[vendor], f"nothing reached {vendor}"
                assert [value for value in VALUES if value.encode() in sent[vendor]] == [own] * bool(own)

    async def test_the_report_counts_it_to_the_first_campaign(self, rig: Rig) -> None:
        """Not to what the page of the purchase says, which is of a later visit."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        rig.clock.advance(days=3)
        await buy(browser, f"{THANKS}?utm_source=late&utm_medium=email")
        assert await campaigns(rig) == ["news\x1fcpc\x1full"]

    async def test_the_first_event_with_consent_of_its_own_is_enough(self, rig: Rig) -> None:
        """The id is made with it; what its page says is kept under that id."""
        browser = rig.browser()
        await browser.collect(event(page={"url": LANDING}, consent=GRANT))
        fields = await kept(rig, browser)
        assert {name: fields[name] for name in ("source", "medium", "campaign", "host")} == {
            "source": "news",
            "medium": "cpc",
            "campaign": "ull",
            "host": "127.0.0.1",
        }
        assert {name: fields[name].partition(" ")[2] for name in ("gclid", "fbclid", "msclkid")} == {
            "gclid": GCLID,
            "fbclid": FBCLID,
            "msclkid": MSCLKID,
        }

    async def test_page_and_purchase_of_one_request_are_enough(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        both = [
            event(page={"url": LANDING}),
            event("purchase", params={"value": 1.0, "currency": "NOK", "transaction_id": "T-1"}),
        ]
        await browser.collect({"events": both})
        assert await sold(rig, "google_ads") == {"gclid": GCLID}
        assert await campaigns(rig) == ["news\x1fcpc\x1full"]

    async def test_a_backend_may_report_the_purchase(self, start_rig: StartRig) -> None:
        """With the visitor's id, from another machine, without any page."""
        rig = await start_rig({"shop": {**SHOP, "ingest_keys": ["a-backend-s-own-key"]}})
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        told = event(
            "purchase", page={}, visitor=browser.cookies["_sayso"], params={"value": 9.0, "currency": "NOK"}
        )
        answer = await rig.request("POST", "/collect", told, {"Authorization": "Bearer a-backend-s-own-key"})
        assert answer.status == 204, answer.body
        assert await sold(rig, "google_ads") == {"gclid": GCLID}

    async def test_a_page_that_brings_nothing_new_writes_nothing(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither the same landing page once more, nor any other page; and nothing is prolonged."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        first = await kept(rig, browser)
        key = attribution_key("shop", str(browser.id))
        kept_again: list[object] = []
        monkeypatch.setattr(attributions, "keep", lambda *given: kept_again.append(given))
        rig.clock.advance(days=2)
        await land(browser)
        await land(browser, THANKS)
        await land(browser, THANKS, referrer="https://www.google.com/")
        assert await kept(rig, browser) == first
        assert kept_again == []
        assert await rig.ask("PTTL", key) <= 30 * DAY_S * 1000


class TestSeveralVisits:
    async def test_the_first_source_stays_and_the_newest_click_of_a_network_counts(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        rig.clock.advance(days=2)
        await land(browser, f"{ORIGIN}/?utm_source=second&wbraid=wbraidOfTheSecondVisit")
        fields = await kept(rig, browser)
        assert fields["source"] == "news"
        assert "gclid" not in fields
        assert fields["wbraid"].endswith(" wbraidOfTheSecondVisit")
        assert fields["fbclid"].endswith(f" {FBCLID}")
        await buy(browser)
        assert await sold(rig, "google_ads") == {"wbraid": "wbraidOfTheSecondVisit"}

    async def test_an_older_click_that_comes_in_late_changes_nothing(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**GRANT, "decided_at": rig.clock() - 5 * DAY_S * 1000})
        await land(browser)
        late = event(
            page={"url": f"{ORIGIN}/?gclid=gclidOfAnOlderVisit"}, timestamp=rig.clock() - DAY_S * 1000
        )
        await browser.collect(late)
        assert (await kept(rig, browser))["gclid"].endswith(GCLID)

    async def test_the_purchases_own_page_wins(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await buy(browser, f"{THANKS}?gbraid=gbraidOfThePageItself")
        assert await sold(rig, "google_ads") == {"gbraid": "gbraidOfThePageItself"}
        assert (await sold(rig, "microsoft"))["msclkid"] == MSCLKID

    async def test_a_vendors_own_cookie_wins(self, rig: Rig) -> None:
        """Its script renews it at every click; what was kept is for when there is none."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        browser.cookies |= {
            "_gcl_aw": "GCL.1795000002.gclidOfTheCookie",
            "_fbc": "fb.1.1795169000001.fbclidOfTheCookie",
            "_uetmsclkid": "_uetfedcba9876543210fedcba9876543210",
        }
        await buy(browser)
        assert await sold(rig, "google_ads") == {"gclid": "gclidOfTheCookie"}
        assert (await sold(rig, "meta"))["fbc"] == "fb.1.1795169000001.fbclidOfTheCookie"
        assert (await sold(rig, "microsoft"))["msclkid"] == "fedcba9876543210fedcba9876543210"


class TestItsTime:
    async def test_it_ends_by_itself_counted_from_the_visit(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        key = attribution_key("shop", str(browser.id))
        assert 30 * DAY_S - 60 < await rig.ask("TTL", key) <= 30 * DAY_S
        rig.clock.advance(days=29)
        await land(browser)
        await buy(browser)
        assert await sold(rig, "google_ads") == {"gclid": GCLID}
        rig.clock.advance(days=1.1)
        await buy(browser)
        assert await clicks_sold(rig) == GCLID + "," + FBCLID + "," + MSCLKID, "those of the purchase before"
        assert await sold(rig, "google_ads") == {}
        assert sorted(await campaigns(rig)) == ["\x1f\x1f", "news\x1fcpc\x1full"]

    async def test_each_part_ends_in_its_own_time(self, rig: Rig) -> None:
        """A newer click does not keep the older source: the store itself forgets each field."""
        browser = rig.browser()
        await browser.consent({**GRANT, "decided_at": rig.clock() - 3 * DAY_S * 1000})
        await browser.collect(
            event(page={"url": f"{ORIGIN}/?utm_source=news"}, timestamp=rig.clock() - 2 * DAY_S * 1000)
        )
        await land(browser, f"{ORIGIN}/?gclid={GCLID}")
        lives = await rig.ask(
            "HTTL", attribution_key("shop", str(browser.id)), "FIELDS", 2, "source", "gclid"
        )
        assert lives[0] <= 28 * DAY_S < 30 * DAY_S - 60 < lives[1] <= 30 * DAY_S

    async def test_what_is_too_old_makes_room(self, rig: Rig) -> None:
        """In a store that cannot forget single fields too, an old source is not the first any more."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        rig.clock.advance(days=31)
        await land(browser, f"{ORIGIN}/?utm_source=new")
        fields = await kept(rig, browser)
        assert (fields["source"], fields["campaign"]) == ("new", "")

    @pytest.mark.parametrize(
        ("policy", "visitor", "days"),
        [
            ({}, {"consented_max_age_days": 5}, 5),
            ({"consent_max_age_days": 9}, {"consented_max_age_days": 400}, 9),
        ],
        ids=["the id", "the consent"],
    )
    async def test_it_is_never_kept_longer_than(
        self, start_rig: StartRig, policy: dict[str, int], visitor: dict[str, int], days: int
    ) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "consent-mode", **policy}, visitor=visitor)})
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        assert (
            days * DAY_S - 60 < await rig.ask("TTL", attribution_key("shop", str(browser.id))) <= days * DAY_S
        )

    async def test_it_can_be_switched_off(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(visitor={"attribution_days": 0})})
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        await buy(browser)
        assert await kept(rig, browser) == {}
        assert await clicks_sold(rig) == ""

    async def test_what_was_kept_before_it_was_switched_off_is_not_used(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": SHOP})
        browser = rig.browser()
        await browser.consent(GRANT)
        await land(browser)
        other = await start_rig({"shop": site(visitor={"attribution_days": 0})})
        later = other.browser()
        later.cookies = dict(browser.cookies)
        await buy(later)
        assert await clicks_sold(other) == ""
