"""``POST /collect``: events in, 204 out once they are durable, each counted for each forwarder."""

import asyncio
import json
from typing import Any

import pytest

from forwarders.base import Forwarder
from proxy.event import CookielessEvent, FullEvent
from tests.support.rig import DENY, GRANT, ORIGIN, Rig, StartRig, event, site

FORWARDERS = ("google_analytics", "google_ads", "meta", "microsoft")


async def sums(rig: Rig, site_name: str = "shop") -> dict[str, tuple[int, int, int]]:
    """Return forwarder → (received, ended, pending), of which the first is the sum of the others."""
    counts = await rig.counts()
    sums_of = {}
    for link in next(found.links for found in rig.sites if found.name == site_name):
        who = f"|{site_name}|{link.name}"
        ended = sum(number for name, number in counts.items() if name.startswith(f"o{who}|"))
        sums_of[link.name] = (
            counts.get(f"f{who}", 0),
            ended,
            len(await rig.entries(site_name, link.name)),
        )
    return sums_of


async def test_an_event_is_stored_for_each_forwarder_that_may_have_it_before_the_answer(rig: Rig) -> None:
    """At the moment of the 204, the entries are in the store: full ones belong to the visitor, in the visitor's name."""
    browser = rig.browser()
    assert (await browser.consent(GRANT)).status == 204
    answer = await browser.collect(
        event("purchase", event_id="e-1", params={"value": 499.0, "currency": "NOK", "transaction_id": "T-1"})
    )
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    for name in ("google_analytics", "meta", "microsoft"):
        (entry,) = await rig.entries("shop", name)
        assert isinstance(entry.event, FullEvent)
        assert (entry.event.name, entry.event.value, entry.event.transaction_id) == ("purchase", 499.0, "T-1")
        assert entry.visitor == browser.id
    counts = await rig.counts()
    assert counts["r|shop"] == 1
    assert counts["d|shop|meta|full|granted"] == 1


async def test_without_an_answer_of_the_visitor_only_nameless_pings_are_stored(rig: Rig) -> None:
    """Nothing known is unknown: Google gets a cookieless entry, the others nothing, and no cookie is set."""
    answer = await rig.post(
        "/collect", event("purchase", event_id="e-1", user_id="kari", ids={"gclid": "x1"})
    )
    assert answer.status == 204
    assert answer.set_cookies == []
    assert rig.decided() == {
        "google_analytics": "cookieless|consent_unknown",
        "google_ads": "cookieless|consent_unknown",
        "meta": "drop|consent_unknown",
        "microsoft": "drop|consent_unknown",
    }
    for name in ("google_analytics", "google_ads"):
        (entry,) = await rig.entries("shop", name)
        assert isinstance(entry.event, CookielessEvent)
        assert entry.visitor is None
    assert await rig.entries("shop", "meta") == []
    assert not [key for key in await rig.keys() if key.endswith(("consent", "session"))]


@pytest.mark.parametrize(
    "media",
    ["application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8", "TEXT/PLAIN", None],
)
async def test_json_may_come_as_text_as_a_beacon_sends_it(rig: Rig, media: str | None) -> None:
    """``sendBeacon`` with a string is text/plain; with an untyped Blob it names no type at all."""
    raw = json.dumps(event()).encode()
    answer = await rig.post("/collect", raw, {"Content-Type": media} if media else {})
    assert answer.status == 204
    assert (await rig.counts())["r|shop"] == 1


@pytest.mark.parametrize("many", [1, 2, 100])
async def test_up_to_a_hundred_events_come_at_once(rig: Rig, many: int) -> None:
    """``{"events": [...]}`` is what a page sends that has gathered some."""
    answer = await rig.post("/collect", {"events": [event(event_id=f"e-{n}") for n in range(many)]})
    assert answer.status == 204
    assert (await rig.counts())["r|shop"] == many
    assert len(await rig.entries("shop", "google_analytics")) == many


async def test_valid_events_beside_invalid_ones_are_taken(rig: Rig) -> None:
    """200 says how many were accepted and, by index, which were not and why."""
    answer = await rig.post(
        "/collect", {"events": [event(), {"name": "no good"}, event(), 7, event(timestamp=1)]}
    )
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.json["accepted"] == 2
    assert [(one["index"], one["reason"]) for one in answer.json["invalid"]] == [
        (1, "name"),
        (3, "type"),
        (4, "timestamp"),
    ]
    assert all(set(one) == {"index", "reason", "detail"} for one in answer.json["invalid"])
    assert (await rig.counts())["r|shop"] == 2


class TestDuplicates:
    """The same ``event_id`` for the same site within 48 h is accepted, and forwarded once."""

    async def test_a_repeat_is_accepted_and_dropped_as_duplicate(self, rig: Rig) -> None:
        for _ in range(3):
            assert (await rig.post("/collect", event(event_id="same"))).status == 204
        assert len(await rig.entries("shop", "google_analytics")) == 1
        counts = await rig.counts()
        assert counts["r|shop"] == 3
        for name in FORWARDERS:
            assert counts[f"o|shop|{name}|dropped|duplicate"] == 2
            assert counts[f"d|shop|{name}|drop|duplicate"] == 2

    async def test_a_repeat_within_one_request_is_one_event(self, rig: Rig) -> None:
        answer = await rig.post("/collect", {"events": [event(event_id="a"), event(event_id="a"), event()]})
        assert answer.status == 204
        assert len(await rig.entries("shop", "google_analytics")) == 2

    async def test_many_at_the_same_time_are_one_event(self, rig: Rig) -> None:
        """However many workers and requests race: one entry."""
        answers = await asyncio.gather(*(rig.post("/collect", event(event_id="race")) for _ in range(40)))
        assert {answer.status for answer in answers} == {204}
        assert len(await rig.entries("shop", "google_analytics")) == 1
        assert (await rig.counts())["r|shop"] == 40

    async def test_it_is_remembered_for_48_hours(self, rig: Rig) -> None:
        await rig.post("/collect", event(event_id="same"))
        (key,) = await rig.keys("*:seen:" + "?" * 24)
        assert 47 * 3600 < await rig.ask("TTL", key) <= 48 * 3600
        assert "same" not in key
        await rig.ask("DEL", key)  # as after 48 hours
        await rig.post("/collect", event(event_id="same"))
        assert len(await rig.entries("shop", "google_analytics")) == 2

    async def test_events_without_an_id_are_never_duplicates(self, rig: Rig) -> None:
        """Ours is minted per event, so two equal clicks are two clicks; and it costs the store no memory."""
        for _ in range(2):
            await rig.post("/collect", event("click"))
        assert len(await rig.entries("shop", "google_analytics")) == 2
        assert await rig.keys("*:seen:" + "?" * 24) == []

    async def test_a_repeat_after_consent_is_not_sent_a_second_time(self, rig: Rig) -> None:
        """An event made while a signal was denied is never released by a later grant."""
        browser = rig.browser()
        await browser.consent(DENY)
        await browser.collect(event("purchase", event_id="once"))
        rig.clock.advance(seconds=1)
        await browser.consent({**GRANT, "decided_at": rig.clock()})
        await browser.collect(event("purchase", event_id="once"))
        assert await rig.entries("shop", "meta") == []
        (entry,) = await rig.entries("shop", "google_analytics")
        assert isinstance(entry.event, CookielessEvent)


class TestTheSum:
    """``received = delivered + dropped + rejected + expired + pending``, per site and forwarder."""

    async def test_it_holds_for_a_mixed_crowd(self, rig: Rig) -> None:
        granted, denied, silent = rig.browser(), rig.browser(), rig.browser()
        await granted.consent(GRANT)
        await denied.consent(DENY)
        for browser in (granted, denied, silent):
            for name in ("page_view", "purchase", "generate_lead"):
                assert (await browser.collect(event(name, event_id=f"{name}-1"))).status == 204
        await granted.collect({"events": [event(), {"name": ""}, event("x" * 50)]})
        found = await sums(rig)
        assert set(found) == set(FORWARDERS)
        for name, (received, ended, pending) in found.items():
            assert received == 10, name
            assert received == ended + pending, name
        assert (await rig.counts())["r|shop"] == 10

    async def test_an_event_that_nobody_may_have_is_accepted(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(policy={"preset": "eea-strict"})})
        assert (await rig.post("/collect", event("purchase"))).status == 204
        assert set((await sums(rig)).values()) == {(1, 1, 0)}
        assert not await rig.keys("*:out:*")

    async def test_an_event_outside_a_forwarders_events_is_its_not_configured(self, rig: Rig) -> None:
        await rig.post("/collect", event("page_view"))
        await rig.post("/collect", event("sign_up"))
        counts = await rig.counts()
        assert counts["o|shop|google_ads|dropped|not_configured"] == 2
        assert all(received == ended + pending for received, ended, pending in (await sums(rig)).values())

    async def test_a_full_outbox_drops_for_its_forwarder_alone(self, start_rig: StartRig) -> None:
        rig = await start_rig(delivery={"max_entries": 2})
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect({"events": [event("purchase", event_id=f"{n}") for n in range(5)]})
        counts = await rig.counts()
        assert counts["o|shop|meta|dropped|outbox_full"] == 3
        assert len(await rig.entries("shop", "meta")) == 2
        assert all(received == ended + pending for received, ended, pending in (await sums(rig)).values())

    async def test_it_holds_over_partitions(self, start_rig: StartRig) -> None:
        """An event's forwarders share a partition; all partitions together are the sum."""
        rig = await start_rig(store={"partitions": 4})
        await rig.post("/collect", {"events": [event(event_id=f"e-{n}") for n in range(50)]})
        await rig.post("/collect", {"events": [event(event_id=f"e-{n}") for n in range(50)]})
        assert set((await sums(rig)).values()) == {(100, 50, 50), (100, 100, 0)}
        assert len(await rig.keys("*:counts")) == 4


class TestThePage:
    async def test_the_referer_names_the_page_where_the_event_does_not(self, rig: Rig) -> None:
        url = f"{ORIGIN}/cart?utm_source=news&session=abc"
        await rig.post("/collect", {"name": "view_cart"}, {"Referer": url})
        (entry,) = await rig.entries("shop", "google_analytics")
        assert entry.event.url == f"{ORIGIN}/cart?utm_source=news"

    async def test_a_referer_from_elsewhere_names_no_page(self, rig: Rig) -> None:
        await rig.post("/collect", {"name": "view_cart"}, {"Referer": "https://other.example/secret"})
        (entry,) = await rig.entries("shop", "google_analytics")
        assert entry.event.url is None


class TestBackends:
    """With an ingest key, ``Authorization: Bearer`` stands for a listed page, and an event may say more."""

    KEY = "an-ingest-key-of-the-shop"

    @pytest.fixture
    async def keyed(self, start_rig: StartRig) -> Rig:
        return await start_rig({"shop": site(ingest_keys=[self.KEY, "another-key"])})

    async def send(self, rig: Rig, body: object, key: str | None = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {key or self.KEY}", "User-Agent": "shop-backend/1.0", **headers}
        return await rig.request("POST", "/collect", body, sent)

    @pytest.mark.parametrize("key", [KEY, "another-key"])
    async def test_each_key_of_the_site_opens(self, keyed: Rig, key: str) -> None:
        assert (await self.send(keyed, event(), key)).status == 204

    @pytest.mark.parametrize(
        "authorization",
        [
            "Bearer wrong",
            "Bearer ",
            "Bearer",
            "Basic an-ingest-key-of-the-shop",
            "an-ingest-key-of-the-shop",
            "Bearer an-ingest-key-of-the-shop, x",
        ],
    )
    async def test_another_key_is_none(self, keyed: Rig, authorization: str) -> None:
        answer = await keyed.request("POST", "/collect", event(), {"Authorization": authorization})
        assert (answer.status, answer.json["reason"]) == (403, "origin")

    async def test_a_key_does_not_make_a_foreign_page_a_listed_one(self, keyed: Rig) -> None:
        assert (await self.send(keyed, event(), Origin="https://evil.example")).status == 403

    async def test_a_named_visitors_record_decides(self, keyed: Rig) -> None:
        """The backend's purchase is the visitor's own, with session, client and ids as the backend names them."""
        browser = keyed.browser()
        await browser.consent(GRANT)
        answer = await self.send(
            keyed,
            event(
                "purchase",
                visitor=browser.cookies["_sayso"],
                session_id="1795340000",
                client={
                    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
                    "ip": "81.2.69.142",
                    "language": "nb-NO",
                },
                ids={"fbp": "fb.1.1795169000000.1254136630", "gclid": "gclidFROMbackend-1"},
            ),
        )
        assert (answer.status, answer.set_cookies) == (204, [])
        (entry,) = await keyed.entries("shop", "meta")
        assert isinstance(entry.event, FullEvent)
        assert entry.visitor == browser.id
        assert entry.event.user_agent == "Mozilla/5.0 (X11; Linux x86_64)"
        assert "fb.1.1795169000000.1254136630" in entry.event.ids.values()
        (entry,) = await keyed.entries("shop", "google_analytics")
        assert isinstance(entry.event, FullEvent)
        assert "1795340000" in entry.event.ids.values()

    async def test_a_visitor_without_a_record_is_unknown(self, keyed: Rig) -> None:
        await self.send(keyed, event("purchase", visitor="A" * 22))
        assert keyed.decided()["meta"] == "drop|consent_unknown"

    async def test_a_withdrawn_visitor_is_withdrawn(self, keyed: Rig) -> None:
        browser = keyed.browser()
        await browser.consent(GRANT)
        visitor = browser.cookies["_sayso"]
        await browser.withdraw()
        await self.send(keyed, event("purchase", visitor=visitor, consent=GRANT))
        assert keyed.decided() == {
            "google_analytics": "cookieless|withdrawn",
            "google_ads": "cookieless|withdrawn",
            "meta": "drop|withdrawn",
            "microsoft": "drop|withdrawn",
        }

    @pytest.mark.parametrize("visitor", ["nobody", "", "x" * 22 + ".1", "../" * 9, "A" * 22 + "\n"])
    async def test_what_is_no_visitor_id_names_nobody(self, keyed: Rig, visitor: str) -> None:
        assert (await self.send(keyed, event("purchase", visitor=visitor))).status == 204
        assert keyed.decided()["meta"] == "drop|consent_unknown"
        assert not await keyed.keys("*:consent")

    async def test_without_a_visitor_an_event_has_its_own_consent_to_stand_on_and_no_other(
        self, keyed: Rig
    ) -> None:
        """One person's grant in a backend's batch says nothing of the next person's event."""
        purchase = event("purchase")
        answer = await self.send(
            keyed,
            {
                "events": [
                    {**purchase, "event_id": "a", "consent": GRANT},
                    {**purchase, "event_id": "b"},
                    {**purchase, "event_id": "c", "consent": DENY},
                    {**purchase, "event_id": "d", "consent": GRANT},
                ]
            },
        )
        assert (answer.status, answer.set_cookies) == (204, [])
        metas = [dict(told.decided)["meta"].code for told in keyed.told]
        assert metas == ["full|granted", "drop|consent_unknown", "drop|consent_denied", "full|granted"]
        first, second = await keyed.entries("shop", "meta")
        assert first.visitor != second.visitor

    async def test_without_a_visitor_silence_is_not_even_legitimate_interest(
        self, start_rig: StartRig
    ) -> None:
        """It is at most cookieless unless its own consent grants, on whatever basis statistics stand."""
        rig = await start_rig({"shop": site(ingest_keys=[self.KEY], policy={"preset": "notice-2021"})})
        await self.send(rig, event("purchase"))
        (entry,) = await rig.entries("shop", "google_analytics")
        assert isinstance(entry.event, CookielessEvent)

    async def test_a_page_cannot_say_what_only_a_backend_may(self, keyed: Rig) -> None:
        """Visitor, session, address and user agent of a stranger's JSON are left out, and nobody else's record is used."""
        browser = keyed.browser()
        await browser.consent(GRANT)
        await keyed.post(
            "/collect",
            event(
                "purchase",
                visitor=browser.cookies["_sayso"],
                session_id="1",
                client={"ip": "81.2.69.142", "user_agent": "Spoofed/9"},
            ),
        )
        assert keyed.decided()["meta"] == "drop|consent_unknown"
        (entry,) = await keyed.entries("shop", "google_analytics")
        assert entry.event.address is None
        assert "Spoofed" not in entry.event.user_agent


def test_every_forwarder_of_the_shop_is_one_of_ours(valkey_url: str) -> None:
    """The tests above say what becomes of an event for all forwarders of the shop, and so must know them all."""
    (found,) = Rig(valkey_url).sites
    assert tuple(link.name for link in found.links) == FORWARDERS
    assert all(isinstance(link.forwarder, Forwarder) for link in found.links)
