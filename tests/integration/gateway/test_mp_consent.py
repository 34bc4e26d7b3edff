"""``/mp/collect``: consent decides as everywhere, and what a full event carries."""

from collections.abc import Mapping

import pytest

from proxy.event import CookielessEvent, FullEvent
from proxy.store.keys import consent_key, outbox_keys
from tests.support.events import STANZAS
from tests.support.mp_requests import (
    CLIENT,
    EMAIL_HASH,
    KEY,
    PERSON,
    PHONE_HASH,
    PURCHASE,
    SECOND,
    SESSION,
    VENDORS,
    body,
    send,
)
from tests.support.rig import ADS, DENY, GRANT, STATS, Browser, Rig, StartRig, site


@pytest.fixture
async def shop(start_rig: StartRig) -> Rig:
    """Return a gateway whose shop has a backend and the Google Analytics stream ``G-XXXXXXX``."""
    return await start_rig({"shop": site(ingest_keys=[KEY, "another-key"])})


@pytest.fixture
async def two_streams(start_rig: StartRig) -> Rig:
    """Return a gateway whose shop reports to two streams."""
    second = {"type": "google_analytics", "measurement_id": SECOND, "api_secret": "secret-of-the-second"}
    names = {"google_analytics": STANZAS["google_analytics"], "second": second, "meta": STANZAS["meta"]}
    return await start_rig({"shop": site(ingest_keys=[KEY], forwarders=names)})


async def granting(rig: Rig, consent: Mapping[str, str] = GRANT) -> Browser:
    """Return a visitor who has decided so."""
    browser = rig.browser()
    await browser.consent(consent)
    return browser


NOTHING: Mapping[str, str] = {}
GOOGLES = {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}
ALL_FOUR = {**GOOGLES, "analytics_storage": "GRANTED", "ad_storage": "GRANTED"}
ONLY_STATS = {"analytics_storage": "granted"}
MATRIX = [
    # Nobody is named: the event has its own consent to stand on, and Google's two keys never grant storage.
    ("consent-mode", "none", NOTHING, "cookieless|consent_unknown", "drop|consent_unknown"),
    ("consent-mode", "none", GOOGLES, "cookieless|consent_unknown", "drop|consent_unknown"),
    ("consent-mode", "none", ONLY_STATS, "full|granted", "drop|consent_unknown"),
    ("consent-mode", "none", ALL_FOUR, "full|granted", "full|granted"),
    ("consent-mode", "none", DENY, "cookieless|consent_denied", "drop|consent_denied"),
    ("eea-strict", "none", NOTHING, "drop|consent_unknown", "drop|consent_unknown"),
    ("eea-strict", "none", GOOGLES, "drop|consent_unknown", "drop|consent_unknown"),
    ("eea-strict", "none", ALL_FOUR, "full|granted", "full|granted"),
    ("notice-2021", "none", NOTHING, "cookieless|no_identifier", "drop|consent_unknown"),
    ("notice-2021", "none", GOOGLES, "cookieless|no_identifier", "drop|consent_unknown"),
    ("notice-2021", "none", ALL_FOUR, "full|granted", "full|granted"),
    # Somebody of whom nothing is known.
    ("consent-mode", "unknown", NOTHING, "cookieless|consent_unknown", "drop|consent_unknown"),
    ("consent-mode", "unknown", ALL_FOUR, "full|granted", "full|granted"),
    ("eea-strict", "unknown", GOOGLES, "drop|consent_unknown", "drop|consent_unknown"),
    ("notice-2021", "unknown", NOTHING, "full|legitimate_interest", "drop|consent_unknown"),
    # Somebody who has granted: the backend can lower that for its event, and need not repeat it.
    ("consent-mode", "granted", NOTHING, "full|granted", "full|granted"),
    ("consent-mode", "granted", {"ad_user_data": "DENIED"}, "full|granted", "drop|consent_denied"),
    ("consent-mode", "granted", DENY, "cookieless|consent_denied", "drop|consent_denied"),
    ("eea-strict", "granted", NOTHING, "full|granted", "full|granted"),
    ("notice-2021", "stats", GOOGLES, "full|granted", "drop|consent_unknown"),
    ("eea-strict", "stats", NOTHING, "full|granted", "drop|consent_unknown"),
    # Somebody who has refused: no backend can raise that.
    ("consent-mode", "denied", ALL_FOUR, "cookieless|consent_denied", "drop|consent_denied"),
    ("eea-strict", "denied", ALL_FOUR, "drop|consent_denied", "drop|consent_denied"),
    ("notice-2021", "denied", ALL_FOUR, "cookieless|objection", "drop|consent_denied"),
]
STORED: Mapping[str, Mapping[str, str]] = {"granted": GRANT, "stats": STATS, "denied": DENY}
VISITOR = "VisitorOfTheMatrix0000"


@pytest.mark.parametrize(("preset", "known", "said", "analytics", "meta"), MATRIX)
async def test_consent_decides_as_everywhere(
    start_rig: StartRig,
    preset: str,
    known: str,
    said: Mapping[str, str],
    analytics: str,
    meta: str,
) -> None:
    """By preset, by what is remembered of the visitor who is named, and by what the body itself says."""
    rig = await start_rig({"shop": site(ingest_keys=[KEY], policy={"preset": preset})})
    keys: dict[str, object] = {**PERSON, "consent": dict(said)}
    if known != "none":
        keys["visitor"] = VISITOR
    if known in STORED:
        now = rig.clock()
        await rig.put_record(VISITOR, **STORED[known], source="page", decided_at=now - 60_000, gpc="0")
    assert (await send(rig, body(**keys))).status == 204
    decided = rig.decided()
    assert (decided["google_analytics"], decided["meta"]) == (analytics, meta)
    for name in VENDORS:
        for entry in await rig.entries("shop", name):
            assert isinstance(entry.event, FullEvent) is decided[name].startswith("full")
            if isinstance(entry.event, CookielessEvent):
                await _names_nobody(rig, name)


async def _names_nobody(rig: Rig, forwarder: str) -> None:
    """Look at the entry's bytes as stored: nothing that names the client, the user or the visitor is in them."""
    raw = repr(await rig.ask("XRANGE", outbox_keys(0, "shop", forwarder).stream, "-", "+"))
    shown = (
        CLIENT,
        "957607842",
        SESSION,
        VISITOR,
        "canary",
        EMAIL_HASH,
        PHONE_HASH,
        "1254136630",
        "81.2.69.142",
    )
    for one in shown:
        assert one not in raw


class TestFullEvents:
    async def test_client_and_session_go_to_google_as_the_backend_names_them(self, shop: Rig) -> None:
        browser = await granting(shop)
        sent = body(**PERSON, client_id=f"GA1.1.{CLIENT}", visitor=browser.cookies["_sayso"])
        assert (await send(shop, sent)).status == 204
        (entry,) = await shop.entries("shop", "google_analytics")
        assert isinstance(entry.event, FullEvent)
        assert entry.visitor == browser.id
        assert entry.event.ids == {"client_id": CLIENT, "session_id": SESSION}
        assert entry.event.user_id == PERSON["user_id"]
        assert entry.event.user_properties == {"member": "property-canary-33"}
        assert entry.event.user_agent == PERSON["user_agent"]
        assert entry.event.address == "81.2.69.0"
        link = next(link for link in shop.sites[0].links if link.name == "google_analytics")
        sent_on = link.forwarder.full([entry.event]).body
        assert sent_on is not None
        assert (sent_on["client_id"], sent_on["user_id"]) == (CLIENT, PERSON["user_id"])
        assert sent_on["events"][0]["params"]["session_id"] == SESSION
        assert sent_on["user_data"]["sha256_phone_number"] == [PHONE_HASH]

    async def test_an_id_of_the_backends_own_is_as_good(self, shop: Rig) -> None:
        await send(shop, body(client_id="till-7.counter", consent=GRANT))
        (entry,) = await shop.entries("shop", "google_analytics")
        assert isinstance(entry.event, FullEvent)
        assert entry.event.ids["client_id"] == "till-7.counter"

    async def test_without_a_client_google_knows_the_visitor_as_from_the_page(self, shop: Rig) -> None:
        """Who runs our loader has no client id to name: both ways the visitor has the same, and the same session."""
        browser = await granting(shop)
        await browser.collect({"name": "page_view"})
        assert (await send(shop, {"visitor": browser.id, "events": [{"name": "purchase"}]})).status == 204
        first, second = await shop.entries("shop", "google_analytics")
        assert isinstance(first.event, FullEvent)
        assert isinstance(second.event, FullEvent)
        assert first.event.ids == second.event.ids

    @pytest.mark.parametrize("missing", ADS)
    async def test_the_user_is_named_only_if_all_four_are_granted(self, shop: Rig, missing: str) -> None:
        await send(shop, body(**PERSON, consent={**GRANT, missing: "denied"}))
        (entry,) = await shop.entries("shop", "google_analytics")
        assert isinstance(entry.event, FullEvent)
        assert (entry.event.user_id, entry.event.user_properties) == (None, {})
        assert ("email" in entry.event.contact) is (missing != "ad_user_data")

    async def test_googles_hashes_are_for_google_alone(self, shop: Rig) -> None:
        """Another vendor normalises otherwise, so that such a hash would be nobody's there."""
        hashed = {"sha256_email_address": [EMAIL_HASH], "sha256_phone_number": [PHONE_HASH]}
        await send(shop, body(consent=GRANT, user_data=hashed))
        for name in ("google_analytics", "google_ads"):
            (entry,) = await shop.entries("shop", name)
            assert isinstance(entry.event, FullEvent)
            assert entry.event.contact == {"email": EMAIL_HASH, "phone": PHONE_HASH}
        for name in ("meta", "microsoft"):
            for entry in await shop.entries("shop", name):
                assert isinstance(entry.event, FullEvent)
                assert entry.event.contact == {}

    async def test_what_is_plain_wins_over_what_is_hashed(self, shop: Rig) -> None:
        await send(shop, body(**PERSON, consent=GRANT))
        (entry,) = await shop.entries("shop", "google_analytics")
        assert isinstance(entry.event, FullEvent)
        assert entry.event.contact["email"] != EMAIL_HASH
        assert entry.event.contact["phone"] == PHONE_HASH
        (entry,) = await shop.entries("shop", "meta")
        assert isinstance(entry.event, FullEvent)
        assert list(entry.event.contact) == ["em"]

    async def test_the_backends_own_program_and_network_are_not_the_visitors(self, shop: Rig) -> None:
        for consent in (GRANT, {}):
            await send(shop, body(consent=consent), headers={"Accept-Language": "de-DE"})
        for entry in await shop.entries("shop", "google_analytics"):
            said = ("", "Mozilla/5.0")[isinstance(entry.event, CookielessEvent)]
            assert (entry.event.user_agent, entry.event.address, entry.event.country) == (said, None, None)
            assert entry.event.language is None

    async def test_a_place_that_is_stated_is_the_visitors(self, shop: Rig) -> None:
        await send(shop, body(consent=GRANT, user_location={"country_id": "no", "region_id": "NO-03"}))
        (entry,) = await shop.entries("shop", "google_analytics")
        assert isinstance(entry.event, FullEvent)
        assert (entry.event.country, entry.event.region) == ("NO", "NO-03")


async def test_a_withdrawn_visitor_is_withdrawn(shop: Rig) -> None:
    """A backend that still holds the id of somebody who has left gets nothing through in full."""
    browser = await granting(shop)
    visitor = browser.cookies["_sayso"]
    await browser.withdraw()
    await send(shop, body(**PERSON, visitor=visitor, consent=dict(GRANT)))
    assert shop.decided()["google_analytics"] == "cookieless|withdrawn"
    assert shop.decided()["meta"] == "drop|withdrawn"


async def test_a_backend_is_given_no_cookie(shop: Rig) -> None:
    """Not even where its own consent makes an id: it would become the id of everybody whom the backend reports."""
    answer = await send(shop, body(consent=GRANT))
    assert answer.set_cookies == []
    (entry,) = await shop.entries("shop", "google_analytics")
    assert entry.visitor is not None
    assert await shop.ask("EXISTS", consent_key("shop", entry.visitor)) == 1


async def test_the_sum_holds(shop: Rig) -> None:
    """Each event is counted for each forwarder, as from everywhere."""
    await send(shop, body(PURCHASE, {"name": "login"}))
    counts = await shop.counts()
    assert counts["r|shop"] == 2
    assert {name: counts[f"f|shop|{name}"] for name in VENDORS} == dict.fromkeys(VENDORS, 2)
