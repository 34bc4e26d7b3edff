"""What else speaks for a visitor beside ``/consent``: the event, the browser (GPC), legitimate interest, and time."""

import pytest

from tests.support.rig import (
    ADS,
    DENY,
    GRANT,
    STATS,
    UNKNOWN,
    Rig,
    StartRig,
    event,
    modes,
    purchase,
    signals,
    site,
)


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


GPC = {"Sec-GPC": "1"}


class TestGlobalPrivacyControl:
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
        await browser.consent(GRANT, GPC)
        await browser.collect(event("purchase"), GPC)
        assert rig.decided()["meta"] == "full|granted"
        assert (await browser.state())["gpc"] is True

    async def test_granting_statistics_with_it_on_does_not_carry_older_ad_grants(self, rig: Rig) -> None:
        """The ad signals were granted without it, so it denies them still."""
        browser = rig.browser()
        await browser.consent(dict.fromkeys(ADS, "granted"))
        await browser.consent(STATS, GPC)
        await browser.collect(event("purchase"), GPC)
        assert rig.decided()["meta"] == "drop|gpc"

    async def test_nor_does_one_ad_signal_the_others(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "granted", "ad_personalization": "granted"})
        await browser.consent({"ad_user_data": "granted"}, GPC)
        await browser.collect(event("purchase"), GPC)
        assert rig.decided()["meta"] == "drop|gpc"

    async def test_all_ad_signals_granted_anew_with_it_on_stand(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.consent({**GRANT, "decided_at": rig.clock() + 5}, GPC)
        await browser.collect(event("purchase"), GPC)
        assert rig.decided()["meta"] == "full|granted"

    async def test_an_events_own_grant_does_not_outrank_it(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.collect(event("purchase", consent=GRANT), GPC)
        assert rig.decided()["meta"] == "drop|gpc"
        record = await rig.record(browser.id)
        assert signals(record) == {**UNKNOWN, **STATS}

    async def test_it_is_for_the_request_alone(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event("purchase"), GPC)
        await browser.collect(event("purchase"))
        assert rig.decided()["meta"] == "full|granted"

    async def test_on_legitimate_interest_it_is_an_objection(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "notice-2021"})})
        browser = rig.browser()
        answer = await browser.collect(event("purchase"), GPC)
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
