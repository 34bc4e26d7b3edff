"""Raising and withdrawing: a grant lifts a denial only if it is newer; a withdrawal is for good under its id."""

from tests.support.rig import ADS, DENY, GRANT, STATS, Rig, modes, purchase, signals


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
