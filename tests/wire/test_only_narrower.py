"""From its decision on, an event only ever gets narrower: whatever fails, whoever grants what later."""

import time

from proxy.delivery.backoff import State
from proxy.twin.faults import Fault
from proxy.twin.recorder import Recorded
from tests.support.canaries import LISTED_PARAM, Canary, seen
from tests.support.leaks import Needles
from tests.support.rig import ADS, DENY, GRANT, event, site
from tests.support.waiting import wait_until
from tests.support.whole import StartWhole, Whole, bytes_of

GA = {"shop": site(forwarders={"google_analytics": site()["forwarders"]["google_analytics"]})}
REFUSE_ADS = dict.fromkeys(ADS, "denied")
AD_PARTS = {"gclid", "dclid", "whole email#sha256", "whole phone#sha256", "user id", "user property"}
DAY_MS = 86_400_000


def told(one: Recorded) -> str:
    """Return what a Google Analytics request says of consent: ``full`` with two letters, or ``gcs``."""
    if one.method == "GET":
        return one.params["gcs"]
    consent = one.json["consent"]
    return f"full {consent['ad_user_data'][0]}{consent['ad_personalization'][0]}"


async def failing(whole: Whole, vendor: str = "google_analytics") -> None:
    """Wait until a request has met the fault."""
    await wait_until(lambda: any(one.fault for one in whole.running.twin.requests(vendor)), what="a fault")


class TestAPartIsTakenBack:
    """Advertising is refused while statistics stay granted, and Google Analytics has a full entry waiting."""

    async def test_what_needed_it_does_not_leave(self, start_whole: StartWhole) -> None:
        """No click id, no contact hash, no user id, in any encoding; the statistics do."""
        whole = await start_whole(
            {"shop": site(policy={"preset": "consent-mode", "cookieless_params": [LISTED_PARAM]})}
        )
        canary = Canary("kari", "203.0.113.77")
        browser = canary.browser(whole.rig.browser())
        await browser.consent(canary.statement(GRANT))
        assert (await browser.collect(canary.purchase())).status == 204
        assert (await browser.consent(REFUSE_ADS)).status == 204
        needles = Needles()
        canary.add_to(needles)
        await whole.deliver()
        requests = await whole.quiet()
        assert sorted((one.vendor, one.method) for one in requests) == [
            ("google_ads", "GET"),
            ("google_analytics", "POST"),
        ]
        assert all(one.errors == () for one in requests)
        (statistics,) = (one for one in requests if one.method == "POST")
        assert told(statistics) == "full DD"
        found = seen(needles.find(bytes_of(statistics)), "kari")
        assert found >= {"_ga", "_ga session", "transaction", "free parameter", "agent", "query"}
        wire = seen(needles.find(whole.tee.sent), "kari")
        assert not (found | wire) & (AD_PARTS | {"fbclid", "msclkid", "_fbp", "_uetvid", "id"})

    async def test_events_from_before_and_after_do_not_share_a_request(self, start_whole: StartWhole) -> None:
        """Refused, then granted again: what was made before the refusal stays without."""
        whole = await start_whole(GA)
        browser = whole.rig.browser()
        await browser.consent(GRANT)
        mail = {"email": "kari@example.com"}
        await browser.collect(event(name="purchase", user_data=mail))
        await browser.consent(REFUSE_ADS)

        async def granted_again() -> bool:
            await browser.consent(GRANT)
            return bool((await browser.state())["ad_storage"] == "granted")

        await wait_until(granted_again)
        await browser.collect(event(name="sign_up", user_data=mail))
        await whole.deliver()
        requests = await whole.quiet()
        by_name = {each["name"]: one for one in requests for each in one.json["events"]}
        assert len(requests) == len(by_name) == 2
        assert told(by_name["purchase"]) == "full DD"
        assert "user_data" not in by_name["purchase"].json
        assert told(by_name["sign_up"]) == "full GG"
        assert "user_data" in by_name["sign_up"].json

    async def test_withdrawn_while_the_vendor_was_down(self, start_whole: StartWhole) -> None:
        """The same entry in three attempts: all, then without advertising, then nameless."""
        whole = await start_whole(GA)
        whole.running.twin.fault("google_analytics", Fault(status=503))
        browser = whole.rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event())
        await whole.deliver(chance=lambda: 0.02)
        await failing(whole)
        await browser.consent(REFUSE_ADS)
        await wait_until(lambda: told(whole.seen()[-1]) == "full DD", what="another attempt")
        await browser.withdraw()
        await wait_until(lambda: told(whole.seen()[-1]) == "G100", what="another attempt")
        whole.running.twin.fault("google_analytics")
        said = [told(one) for one in await whole.quiet()]
        assert list(dict.fromkeys(said)) == ["full GG", "full DD", "G100"]


class TestLaterGrants:
    """They are for later events."""

    async def test_a_ping_that_failed_stays_a_ping(self, start_whole: StartWhole) -> None:
        """The visitor grants everything before it is tried again: it is sent as it was."""
        whole = await start_whole(GA)
        whole.running.twin.fault("google_analytics", Fault(reset=True))
        browser = whole.rig.browser()
        await browser.consent(DENY)
        await browser.collect(event())
        await whole.deliver(chance=lambda: 0.02)
        await failing(whole)
        await browser.consent(GRANT)
        whole.running.twin.fault("google_analytics")
        requests = await whole.quiet()
        assert {told(one) for one in requests} == {"G100"}
        assert len({one.params["cid"] for one in requests}) == 1, "a retry repeats its ids"

    async def test_nothing_that_was_dropped_comes_back(self, start_whole: StartWhole) -> None:
        """A vendor that may have nothing without consent is never told of that event."""
        whole = await start_whole()
        browser = whole.rig.browser()
        await browser.consent(DENY)
        await browser.collect(event("purchase", params={"value": 1, "currency": "NOK"}))
        await browser.consent(GRANT)
        await whole.deliver()
        assert {one.vendor for one in await whole.quiet()} == {"google_analytics", "google_ads"}
        assert {one.method for one in whole.seen()} == {"GET"}


class TestOutages:
    """Whatever a vendor does, the entry is not sent on less consent than it stands on."""

    async def test_consent_that_ran_out_meanwhile_is_none(self, start_whole: StartWhole) -> None:
        """A grant may end between two attempts."""
        whole = await start_whole()
        whole.running.twin.fault("all", Fault(status=500))
        browser = whole.rig.browser()
        almost = whole.rig.clock() - 365 * DAY_MS + 60_000
        await browser.consent({**GRANT, "decided_at": almost})
        await browser.collect(event(params={"value": 1}))
        await whole.deliver(chance=lambda: 0.02)
        await failing(whole)
        await failing(whole, "meta")
        before = len(whole.seen())
        whole.clock.ahead_ms = 120_000
        await wait_until(lambda: any(one.method == "GET" for one in whole.seen()[before:]), what="a ping")
        whole.running.twin.fault("all")
        later = await whole.quiet()
        delivered = [one for one in later if not one.fault]
        assert [(one.vendor, told(one)) for one in delivered] == [("google_analytics", "G100")]
        counts = await whole.rig.counts()
        assert counts["o|shop|meta|dropped|withdrawn"] == 1

    async def test_a_pause_is_no_way_round_it(self, start_whole: StartWhole) -> None:
        """A forwarder that waits for its operator keeps its entries, but not those of one who withdraws."""
        whole = await start_whole()
        whole.running.twin.fault("meta", Fault(status=401))
        browser = whole.rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event())
        delivery = await whole.deliver()

        def paused() -> bool:
            return any(one.forwarder == "meta" and one.state is State.PAUSED for one in delivery.states())

        await wait_until(paused, what="a pause")
        await browser.withdraw()
        withdrawn = time.time()
        await whole.quiet()
        assert all(one.status == 401 and one.time < withdrawn + 1 for one in whole.seen("meta"))
        assert (await whole.rig.counts())["o|shop|meta|dropped|withdrawn"] == 1
