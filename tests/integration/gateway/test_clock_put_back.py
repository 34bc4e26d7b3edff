"""The gateway's clock is put forward and back: consent does not come back with it, and events stay within the present."""

from tests.support.rig import GRANT, Rig, StartRig, event, purchase, site

SHORT = {"shop": site(policy={"preset": "consent-mode", "consent_max_age_days": 30})}


class TestConsent:
    async def test_a_grant_that_has_run_out_stays_so(self, start_rig: StartRig) -> None:
        """For events, and in what the visitor is told of it."""
        rig = await start_rig(SHORT)
        browser = rig.browser()
        await browser.consent(GRANT)
        rig.clock.advance(days=31)
        assert (await purchase(browser))["meta"] == "drop|consent_expired"
        rig.clock.advance(days=-31)
        assert (await purchase(browser))["meta"] == "drop|consent_expired"
        assert set((await browser.state())["expired"]) == set(GRANT)

    async def test_nobody_has_to_have_looked_while_it_was_right(self, start_rig: StartRig) -> None:
        """The clock is put back right after the start, without a request before: the start itself is remembered."""
        rig = await start_rig(SHORT)
        browser = rig.browser()
        rig.clock.advance(days=-31)
        await browser.consent(GRANT)
        rig.clock.advance(seconds=-60)
        assert (await purchase(browser))["meta"] == "drop|consent_expired"


class TestEvents:
    async def test_an_event_of_now_is_of_the_clocks_now(self, rig: Rig) -> None:
        """Ages are counted by the time of day: put back by an hour, an event of the hour before is from the future."""
        browser = rig.browser()
        await browser.consent(GRANT)
        before_ms = rig.clock()
        rig.clock.advance(seconds=-3600)
        assert (await browser.collect(event(timestamp=before_ms))).status == 400
        assert (await browser.collect(event())).status == 204
        (entry,) = await rig.entries("shop", "google_analytics")
        assert entry.accepted_ms < before_ms
        assert entry.made_ms < before_ms

    async def test_its_session_begins_anew(self, rig: Rig) -> None:
        """One that begins in an hour would be told to the vendor."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event())
        before = await rig.session(browser.id)
        rig.clock.advance(seconds=-3600)
        await browser.collect(event())
        after = await rig.session(browser.id)
        assert before is not None
        assert after is not None
        assert 3590 <= int(before) - int(after) <= 3610
