"""Banner cookies and consent strings on their way through a real gateway: what they grant, lower, and leave behind."""

import asyncio
import json
from urllib.parse import quote

import pytest

from proxy.metrics import REGISTRY
from tests.support.rig import DENY, GRANT, STATS, Browser, Rig, StartRig, event, purchase, signals, site
from tests.support.tc_strings import Wish, vendor_field

STAMP = "G+6rYDfrzwrZItFRfHCbe8iQIFLhMDCgjBS+/Oq/gZe0Lovh65ODgg=="
MINUTE = 60_000


def cookiebot(rig: Rig, statistics: bool, marketing: bool, *, ago_s: float = 1) -> str:
    """Return Cookiebot's cookie of a visitor who answered so many seconds ago."""
    at = rig.clock() - int(ago_s * 1000)
    said = f"statistics:{str(statistics).lower()}%2Cmarketing:{str(marketing).lower()}"
    return (
        f"{{stamp:%27{STAMP}%27%2Cnecessary:true%2Cpreferences:false%2C{said}"
        f"%2Cmethod:%27explicit%27%2Cver:1%2Cutc:{at}%2Cregion:%27no%27}}"
    )


def tc(rig: Rig, **wish: object) -> str:
    """Return a TC string of today."""
    day = 86_400_000
    return Wish(updated_at=rig.clock() // day * day, **wish).text()  # type: ignore[arg-type]  # a test's own wishes


def disagreements(first: str, second: str) -> float:
    """Return how often two sources were counted to disagree."""
    labels = {"site": "shop", "first": first, "second": second}
    return REGISTRY.get_sample_value("sayso_consent_disagreements_total", labels) or 0.0


class TestBannerCookies:
    """The banner's own cookie is read by the server: no script of ours need have run."""

    async def test_an_accepted_banner_is_a_decision_with_a_record_and_a_time(self, rig: Rig) -> None:
        browser = rig.browser()
        browser.cookies["CookieConsent"] = cookiebot(rig, True, True, ago_s=30)
        assert (await purchase(browser))["meta"] == "full|granted"
        record = await rig.record(browser.id)
        assert signals(record) == GRANT
        assert (record["source"], record["proof"]) == ("cookiebot", STAMP)
        assert abs(int(record["decided_at"]) - rig.clock() + 30_000) < 10_000
        before = dict(record)
        assert (await purchase(browser))["meta"] == "full|granted"
        assert await rig.record(browser.id) == before

    async def test_an_unanswered_or_refused_banner_grants_nothing(self, rig: Rig) -> None:
        for value in ("-1", cookiebot(rig, False, False)):
            browser = rig.browser()
            browser.cookies["CookieConsent"] = value
            assert not any(code.startswith("full") for code in (await purchase(browser)).values())
            assert browser.id is None
        assert not await rig.keys("*:consent")

    async def test_a_refused_banner_is_remembered_without_an_id(self, rig: Rig) -> None:
        browser = rig.browser()
        browser.cookies["CookieConsent"] = cookiebot(rig, False, False)
        assert (await purchase(browser))["meta"] == "drop|consent_denied"
        assert browser.cookies["_sayso_consent"].split(".")[1] == "dddd"
        del browser.cookies["CookieConsent"]
        assert (await purchase(browser))["meta"] == "drop|consent_denied"

    async def test_a_partial_answer_counts_signal_by_signal(self, rig: Rig) -> None:
        browser = rig.browser()
        browser.cookies["CookieConsent"] = cookiebot(rig, True, False)
        decided = await purchase(browser)
        assert decided["google_analytics"] == "full|granted"
        assert decided["meta"] == "drop|consent_denied"
        assert (await rig.record(browser.id))["ad_storage"] == "denied"

    async def test_a_newer_refusal_in_the_banner_ends_what_the_record_grants(self, rig: Rig) -> None:
        """Also for what waits: the record itself becomes a tombstone, though no post of the loader came through."""
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        rig.clock.advance(seconds=60)
        browser.cookies["CookieConsent"] = cookiebot(rig, False, False, ago_s=1)
        assert (await purchase(browser))["meta"] == "drop|consent_denied"
        record = await rig.record(visitor)
        assert record["tombstone"] == "1"
        assert record["source"] == "cookiebot"
        assert browser.id is None
        assert "_sayso_consent" in browser.cookies

    async def test_an_older_refusal_in_the_banner_does_not_undo_a_newer_grant(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        before = disagreements("record", "cmp")
        browser.cookies["CookieConsent"] = cookiebot(rig, False, False, ago_s=600)
        assert (await purchase(browser))["meta"] == "full|granted"
        assert disagreements("record", "cmp") == before + 1

    async def test_a_newer_grant_in_the_banner_raises_what_was_denied(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        rig.clock.advance(seconds=60)
        browser.cookies["CookieConsent"] = cookiebot(rig, True, True, ago_s=1)
        assert (await purchase(browser))["meta"] == "full|granted"
        assert signals(await rig.record(browser.id)) == GRANT

    async def test_an_event_from_before_the_banner_was_accepted_stays_unreleased(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        then = rig.clock() - 600_000
        assert browser.id is not None
        marks = f"0,{then},0,0"
        await rig.put_record(
            browser.id, times=f"{then},{then},{then},{then}", decided_at=then, denied_at=marks
        )
        browser.cookies["CookieConsent"] = cookiebot(rig, True, True, ago_s=60)
        decided = await purchase(browser, timestamp=rig.clock() - 300_000)
        assert decided["meta"] == "drop|consent_denied"
        assert (await purchase(browser))["meta"] == "full|granted"

    @pytest.mark.parametrize("value", ["{stamp:%27x", "%7B%7D%7B", "{statistics:true}"])
    async def test_a_garbled_banner_cookie_lets_nothing_be_granted(self, rig: Rig, value: str) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        browser.cookies["CookieConsent"] = value
        assert (await purchase(browser))["meta"] == "drop|consent_unreadable"
        del browser.cookies["CookieConsent"]
        assert (await purchase(browser))["meta"] == "full|granted"

    @pytest.mark.parametrize("value", ["true", "yes", "1", "accepted", "dismiss"])
    async def test_the_plain_word_of_a_home_made_banner_is_no_platform_s(self, rig: Rig, value: str) -> None:
        """It says nothing to us, and costs the site nothing."""
        browser = rig.browser()
        browser.cookies["CookieConsent"] = value
        assert (await purchase(browser))["meta"] == "drop|consent_unknown"
        await browser.consent(GRANT)
        assert (await purchase(browser))["meta"] == "full|granted"

    async def test_a_site_that_names_its_platform_reads_no_other(self, start_rig: StartRig) -> None:
        for cmp, meta in (
            ("cookiebot", "full|granted"),
            ("klaro", "drop|consent_unknown"),
            ("none", "drop|consent_unknown"),
        ):
            rig = await start_rig({"shop": site(cmp=cmp)})
            browser = rig.browser()
            browser.cookies["CookieConsent"] = cookiebot(rig, True, True)
            assert (await purchase(browser))["meta"] == meta, cmp

    async def test_a_site_may_say_what_its_categories_are_called(self, start_rig: StartRig) -> None:
        klaro = quote(json.dumps({"matomo": True, "our-ads": True}), safe="")
        for names, meta in (({}, "drop|consent_unknown"), ({"cmp_marketing": ["our-ads"]}, "full|granted")):
            rig = await start_rig({"shop": site(cmp="klaro", **names)})
            browser = rig.browser()
            browser.cookies["klaro"] = klaro
            assert (await purchase(browser))["meta"] == meta, names

    async def test_an_opt_out_counts_beside_a_named_platform(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(cmp="klaro")})
        browser = rig.browser()
        await browser.consent(GRANT)
        browser.cookies["usprivacy"] = "1YYN"
        assert (await purchase(browser))["meta"] == "drop|consent_denied"

    async def test_the_raw_cookie_is_stored_nowhere(self, rig: Rig) -> None:
        browser = rig.browser()
        value = cookiebot(rig, True, True)
        browser.cookies["CookieConsent"] = value
        await purchase(browser)
        for key in await rig.keys():
            kind = (await rig.ask("TYPE", key)).decode()
            held = await rig.ask(*(("HGETALL", key) if kind == "hash" else ("DUMP", key)))
            assert b"preferences" not in repr(held).encode(), key


class TestConsentStrings:
    """What stands beside an event: Consent Mode's parameters and the IAB's strings."""

    async def pixel(self, browser: Browser, **query: str) -> dict[str, str]:
        pairs = {"en": "purchase", "ep.transaction_id": "T-1", "epn.value": "10", "cu": "NOK", **query}
        text = "&".join(f"{key}={quote(value, safe='')}" for key, value in pairs.items())
        assert (await browser.get(f"/collect?{text}")).status == 200
        return browser.rig.decided()

    async def test_consent_mode_in_a_pixel_grants_fills_and_denies(self, rig: Rig) -> None:
        browser = rig.browser()
        decided = await self.pixel(browser, gcs="G111", gcd="13r3r3r3r5l1")
        assert decided["meta"] == "full|granted"
        assert (await rig.record(browser.id))["source"] == "consent_mode"
        decided = await self.pixel(browser, gcs="G100", gcd="13q3q3q3q5l1")
        assert decided["meta"] == "drop|consent_denied"
        assert (await purchase(browser))["meta"] == "full|granted"

    async def test_a_pixel_without_consent_mode_is_unknown(self, rig: Rig) -> None:
        assert (await self.pixel(rig.browser()))["meta"] == "drop|consent_unknown"

    async def test_consent_mode_never_raises_a_stored_denial(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent({**STATS, "ad_storage": "denied"})
        decided = await self.pixel(browser, gcs="G111", gcd="13r3r3r3r5l1")
        assert decided["meta"] == "drop|consent_denied"

    async def test_garbled_strings_let_nothing_be_granted(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        for strings in (
            {"gcs": "G2"},
            {"gcd": "x"},
            {"gdpr_consent": "CQ"},
            {"gpp": "D"},
            {"us_privacy": "9"},
        ):
            decided = await purchase(browser, consent=strings)
            assert decided["meta"] == "drop|consent_unreadable", strings

    async def test_a_tc_string_grants_vendor_by_vendor(self, rig: Rig) -> None:
        """Google was consented to, Microsoft not; Meta is not on the list and was not in the Additional Consent."""
        text = tc(rig, consents=vendor_field((755,)))
        consent = {"gdpr_consent": text, "addtl_consent": "2~~dv.89", "analytics_storage": "granted"}
        browser = rig.browser()
        decided = await purchase(browser, consent=consent, user_data={"email": "kari@example.com"})
        assert decided["google_analytics"] == "full|granted"
        assert decided["google_ads"] == "full|granted"
        assert decided["microsoft"] == "drop|consent_denied"
        assert decided["meta"] == "drop|consent_denied"

    async def test_what_only_some_vendors_were_granted_is_not_remembered_for_all(self, rig: Rig) -> None:
        browser = rig.browser()
        consent = {"gdpr_consent": tc(rig, consents=vendor_field((755,))), "addtl_consent": "2~~dv.89"}
        await purchase(browser, consent={**consent, "analytics_storage": "granted"})
        record = await rig.record(browser.id)
        assert record["analytics_storage"] == "granted"
        assert record["ad_storage"] == "unknown"
        assert (await purchase(browser))["microsoft"] == "drop|consent_unknown"

    async def test_what_every_vendor_was_granted_is_remembered(self, rig: Rig) -> None:
        browser = rig.browser()
        consent = {"gdpr_consent": tc(rig), "addtl_consent": "2~89~dv."}
        decided = await purchase(browser, consent=consent)
        assert (decided["meta"], decided["microsoft"]) == ("full|granted", "full|granted")
        record = await rig.record(browser.id)
        assert (record["ad_storage"], record["ad_personalization"], record["source"]) == (
            "granted",
            "granted",
            "tcf",
        )
        assert (await purchase(browser))["meta"] == "full|granted"

    async def test_a_tc_string_in_a_cookie_lowers_what_the_record_grants(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        browser.cookies["euconsent-v2"] = tc(rig, consents=vendor_field((755,)))
        decided = await purchase(browser)
        assert decided["microsoft"] == "drop|consent_denied"
        assert decided["google_analytics"] == "full|granted"

    async def test_where_the_gdpr_does_not_apply_its_string_is_not_read(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        refused = tc(rig, purposes=(), consents=vendor_field(()))
        assert (await purchase(browser, consent={"gdpr": "0", "gdpr_consent": refused}))[
            "meta"
        ] == "full|granted"
        assert (await purchase(browser, consent={"gdpr_consent": refused}))["meta"] == "drop|consent_denied"

    async def test_an_opt_out_of_the_american_kind_denies_the_ad_signals(self, rig: Rig) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        for strings in ({"us_privacy": "1YYN"}, {"gpp": "DBABLA~BAAVAAAAAQA.YA"}):
            decided = await purchase(browser, consent=strings)
            assert decided["meta"] == "drop|consent_denied", strings
            assert decided["google_analytics"] == "full|granted", strings

    async def test_strings_are_stored_nowhere(self, rig: Rig) -> None:
        text = tc(rig)
        await purchase(rig.browser(), consent={"gdpr_consent": text, "addtl_consent": "2~89~dv."})
        for name in ("google_analytics", "meta", "microsoft"):
            for entry in await rig.entries("shop", name):
                assert text not in json.dumps(entry, default=repr)

    async def test_another_key_beside_the_signals_is_invalid(self, rig: Rig) -> None:
        answer = await rig.browser().collect(event(consent={"tcf": "x"}))
        assert answer.status == 400


class TestDoNotTrack:
    async def test_it_is_an_objection_where_the_policy_heeds_it(self, start_rig: StartRig) -> None:
        for dnt, ga in (("ignore", "full|legitimate_interest"), ("objection", "cookieless|gpc")):
            policy = {"preset": "consent-mode", "analytics_storage": "legitimate_interest", "dnt": dnt}
            rig = await start_rig({"shop": site(policy=policy)})
            await rig.browser().collect(event("purchase"), {"DNT": "1"})
            assert rig.decided()["google_analytics"] == ga
            await rig.browser().collect(event("purchase"), {"DNT": "0"})
            assert rig.decided()["google_analytics"] == "full|legitimate_interest"


class TestLateConsent:
    async def test_events_from_before_any_decision_are_counted(self, rig: Rig) -> None:
        labels = {"site": "shop"}
        before = REGISTRY.get_sample_value("sayso_events_undecided_total", labels) or 0.0
        browser = rig.browser()
        await purchase(browser)
        await browser.consent(DENY)
        await purchase(browser)
        assert REGISTRY.get_sample_value("sayso_events_undecided_total", labels) == before + 1

    async def test_how_late_a_decision_came_is_measured(self, rig: Rig) -> None:
        def late() -> tuple[float, float]:
            count = REGISTRY.get_sample_value("sayso_consent_late_seconds_count", {"site": "shop"}) or 0.0
            total = REGISTRY.get_sample_value("sayso_consent_late_seconds_sum", {"site": "shop"}) or 0.0
            return count, total

        browser = rig.browser()
        made = rig.clock() - 20_000
        await browser.consent(GRANT)
        before = late()
        await purchase(browser, timestamp=made)
        await purchase(browser)
        count, total = late()
        assert count == before[0] + 1
        assert 19 < total - before[1] < 40

    async def test_a_held_event_is_decided_on_what_the_visitor_says_meanwhile(
        self, start_rig: StartRig
    ) -> None:
        """Only a visitor who is known by an id can be waited for."""
        policy = {"preset": "notice-2021", "hold_ms": 2000}
        rig = await start_rig({"shop": site(policy=policy)})
        browser = rig.browser()
        await browser.collect(event())
        assert browser.id is not None
        other = rig.browser()
        other.cookies.update(browser.cookies)
        held = asyncio.create_task(purchase(browser))
        await other.consent(GRANT)
        assert (await held)["meta"] == "full|granted"

    async def test_a_held_event_of_a_silent_visitor_goes_on_as_it_is(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "notice-2021", "hold_ms": 100})})
        browser = rig.browser()
        await browser.collect(event())
        assert (await purchase(browser))["meta"] == "drop|consent_unknown"
