"""An event that was made while a signal was denied is never released by a later grant, however late it is sent."""

import pytest

from tests.support.rig import ADS, DENY, GRANT, STATS, Rig, purchase, until

LATER = 1500
"""Milliseconds between the refusal and the event, and between the event and the grant."""


async def _tick(rig: Rig) -> None:
    """Wait until the clock has moved on: within one millisecond nobody can say what came first."""
    before = rig.clock()
    await until(lambda: rig.clock() > before + 1, "the next millisecond")


class TestKeptByTheClient:
    """A loader that was offline, or a page that queued, sends after the visitor changed their mind."""

    async def test_what_was_made_while_the_refusal_cookie_stood_is_not_sent_in_full(self, rig: Rig) -> None:
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**DENY, "decided_at": now - 3 * LATER})
        await browser.consent({**GRANT, "decided_at": now - LATER})
        old = await purchase(browser, event_id="old", timestamp=now - 2 * LATER)
        assert old["meta"] == "drop|consent_denied"
        assert old["google_analytics"] == "cookieless|consent_denied"
        new = await purchase(browser, event_id="new", timestamp=now - LATER // 2)
        assert new["meta"] == "full|granted"

    async def test_what_was_made_before_any_decision_is_released_by_the_first_grant(self, rig: Rig) -> None:
        """Silence is no refusal: a page may hold its events until the banner is answered."""
        browser = rig.browser()
        now = rig.clock()
        await browser.consent({**GRANT, "decided_at": now - LATER})
        assert (await purchase(browser, timestamp=now - 2 * LATER))["meta"] == "full|granted"

    async def test_a_partial_refusal_holds_back_what_needs_those_signals_alone(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(STATS)
        await browser.consent(dict.fromkeys(ADS, "denied"))
        denied_at = int((await rig.record(browser.id))["denied_at"].split(",")[1])
        rig.clock.advance(seconds=60)
        # The store's clock stands by itself, so the grant is written as another system of the site would write it.
        granted_at = rig.clock() - 1000
        record = await rig.record(browser.id)
        times = ",".join([record["times"].split(",")[0], *[str(granted_at)] * 3])
        assert browser.id is not None
        await rig.put_record(browser.id, **dict.fromkeys(ADS, "granted"), times=times, decided_at=granted_at)
        made = await purchase(browser, event_id="old", timestamp=denied_at + 10)
        assert (made["meta"], made["google_analytics"]) == ("drop|consent_denied", "full|granted")
        assert (await purchase(browser, event_id="new", timestamp=granted_at + 10))["meta"] == "full|granted"

    async def test_an_earlier_refusal_than_the_last_holds_back_too(self, rig: Rig) -> None:
        """Granted, denied, granted, denied, granted: only the last denial is remembered, and that must do for all."""
        browser = rig.browser()
        made: dict[str, int] = {}
        await browser.consent(GRANT)
        for name in ("first", "second"):
            await _tick(rig)
            await browser.consent(dict.fromkeys(ADS, "denied"))
            await _tick(rig)
            made[name] = rig.clock()
            await _tick(rig)
            await browser.consent(GRANT)
        for name, at in made.items():
            assert (await purchase(browser, event_id=name, timestamp=at))["meta"] == "drop|consent_denied"

    async def test_a_grant_that_is_only_confirmed_holds_nothing_back(self, rig: Rig) -> None:
        """A banner that says the same on each page does not make late what was made on the page before."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await _tick(rig)
        await browser.consent(dict.fromkeys(ADS, "denied"))
        await _tick(rig)
        await browser.consent(GRANT)
        await _tick(rig)
        made = rig.clock()
        await _tick(rig)
        await browser.consent(GRANT)
        assert (await purchase(browser, timestamp=made))["meta"] == "full|granted"

    @pytest.mark.parametrize("how", ["DELETE", "POST"])
    async def test_a_withdrawal_holds_back_what_was_made_before_the_new_grant(
        self, rig: Rig, how: str
    ) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await (browser.withdraw() if how == "DELETE" else browser.consent(DENY))
        made = rig.clock()
        rig.clock.advance(seconds=0.02)
        await browser.consent(GRANT)
        granted = int((await rig.record(browser.id))["decided_at"])
        assert (await purchase(browser, event_id="new"))["meta"] == "full|granted"
        if made < granted:
            assert (await purchase(browser, event_id="old", timestamp=made))["meta"] == "drop|consent_denied"
