"""``/g/collect``: Google's own tag sends to us as it would to Google, and its hits are events like any other."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest

from proxy.reasons import Invalid
from tests.support.events import STANZAS
from tests.support.own_valkey import Valkey
from tests.support.rig import (
    GRANT,
    ORIGIN,
    SHOP,
    Rig,
    StartRig,
    event,
    site,
)
from tests.support.tag_hits import CID, DENIED, SECOND, SID, fulls, invalid, query, send

# --- taking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("more", ["", "&richsstsse"])
async def test_a_hit_is_answered_as_by_google(rig: Rig, method: str, more: str) -> None:
    """204 and nothing else, also where the tag would take a stream of words."""
    answer = await rig.browser().request(method, f"/g/collect?{query()}{more}")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    (got,) = await fulls(rig)
    assert (got.name, got.ids) == ("page_view", {"client_id": CID, "session_id": SID})
    assert got.hit["_p"] == "1795341599377"


async def test_a_preflight_is_answered(rig: Rig) -> None:
    """Another sub-domain of the same site is another origin."""
    answer = await rig.browser().request(
        "OPTIONS", "/g/collect?v=2", None, {"Access-Control-Request-Method": "POST"}
    )
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    foreign = await rig.browser().request("OPTIONS", "/g/collect", None, {"Origin": "https://other.example"})
    assert foreign.status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://other.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": None, "Referer": f"{ORIGIN}/x"}, 204),
        ({"Origin": None, "Sec-Fetch-Site": "same-site"}, 204),
    ],
)
async def test_only_the_sites_own_pages_may_send(
    rig: Rig, headers: Mapping[str, str | None], status: int
) -> None:
    """The rules of ``/collect``."""
    answer = await rig.browser().post(f"/g/collect?{query()}", None, headers)
    assert answer.status == status
    assert bool(await rig.entries("shop", "google_analytics")) == (status == 204)


async def test_a_body_holds_an_event_per_line(rig: Rig) -> None:
    """Shared parameters stand in the query; blank lines are none."""
    body = b"en=page_view&_et=5\r\n\r\nen=purchase&cu=NOK&epn.value=499&ep.transaction_id=T-1&pr1=idSKU1~pr499\r\n"
    answer = await rig.browser().request(
        "POST", f"/g/collect?{query(en=None)}", body, {"Content-Type": "text/plain;charset=UTF-8"}
    )
    assert answer.status == 204
    first, second = await fulls(rig)
    assert (first.name, second.name) == ("page_view", "purchase")
    assert (second.value, second.currency, second.transaction_id) == (499, "NOK", "T-1")
    assert second.items == [{"item_id": "SKU1", "price": 499}]
    assert first.ids == second.ids


async def test_what_cannot_be_taken_is_told_line_by_line(rig: Rig) -> None:
    """Google would say 204; nothing that is not stored is acknowledged here."""
    before = invalid(Invalid.STREAM)
    browser = rig.browser()
    answer = await browser.request(
        "POST",
        f"/g/collect?{query()}",
        b"en=page_view\nen=bad+name\nen=scroll&tid=G-OTHER",
        {"Content-Type": "text/plain"},
    )
    assert answer.status == 200
    assert answer.json["accepted"] == 1
    assert [(one["index"], one["reason"]) for one in answer.json["invalid"]] == [(1, "name"), (2, "stream")]
    assert len(await fulls(rig)) == 1
    refused = await send(browser, tid="G-OTHER")
    assert (refused.status, refused.json["reason"], refused.json["accepted"]) == (400, "stream", 0)
    assert "G-OTHER" not in refused.body.decode()
    assert invalid(Invalid.STREAM) == before + 2


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason"),
    [
        ("", b"", {}, 400, "malformed"),
        ("v=2", b"", {}, 400, "stream"),
        ("v=1&tid=G-XXXXXXX&en=a", b"", {}, 400, "malformed"),
        ("v=2", b"en=a\n" * 101, {}, 413, "too_many"),
        ("v=2", b"x" * 70_000, {}, 413, "too_large"),
        ("v=2", b"en=a", {"Content-Type": "image/png"}, 415, "media_type"),
        ("v=2", b"en=a", {"Content-Encoding": "gzip"}, 415, "media_type"),
        ("a=" + "x" * 20_000, b"en=a\n" * 100, {}, 413, "too_large"),
    ],
)
async def test_a_request_that_is_none_is_refused(
    rig: Rig, path: str, body: bytes, headers: Mapping[str, str], status: int, reason: str
) -> None:
    """As ``/collect`` refuses."""
    sent = {"Content-Type": "text/plain", **headers}
    answer = await rig.browser().request("POST", f"/g/collect?{path}", body, sent)
    assert (answer.status, answer.json["reason"]) == (status, reason)


async def test_what_the_tag_may_probe_beside_it_is_not_there(rig: Rig) -> None:
    """Its service worker and its cookie setting are not ours to offer."""
    for path in ("/_/service_worker/x", "/_/set_cookie", "/ccm/collect"):
        assert (await rig.browser().get(path)).status == 404


async def test_an_id_that_comes_again_is_forwarded_once(rig: Rig) -> None:
    """The tag's event and the loader's are one if the page names it."""
    browser = rig.browser()
    await browser.consent(GRANT)
    await browser.collect(event("purchase", event_id="order-1"))
    await send(browser, en="purchase", **{"ep.event_id": "order-1"})
    assert len(await fulls(rig)) == 1


async def test_one_hit_feeds_every_vendor(rig: Rig) -> None:
    """Each with what is its own, and only Google Analytics with the tag's own words."""
    browser = rig.browser()
    browser.cookies["_fbp"] = "fb.1.1795169000000.1254136630"
    changes: dict[str, Any] = {
        "en": "purchase",
        "cu": "NOK",
        "epn.value": "499",
        "ep.transaction_id": "T-1",
        "pr1": "idSKU1~nmGenser~pr249.5~qt2",
        "dl": f"{ORIGIN}/thanks?gclid=Cj0Ktest&fbclid=IwARtest&msclkid=aaaabbbbccccddddeeeeffff00001111",
    }
    await send(browser, **changes)
    found = {name: (await fulls(rig, name))[0] for name in SHOP["forwarders"]}
    for got in found.values():
        assert (got.value, got.currency, got.transaction_id) == (499, "NOK", "T-1")
        assert got.items[0]["item_id"] == "SKU1"
    assert found["google_ads"].ids["gclid"] == "Cj0Ktest"
    assert found["meta"].ids["fbp"] == "fb.1.1795169000000.1254136630"
    assert "IwARtest" in found["meta"].ids["fbc"]
    assert found["microsoft"].ids["msclkid"] == "aaaabbbbccccddddeeeeffff00001111"
    assert [name for name, got in found.items() if got.hit] == ["google_analytics"]
    assert found["google_analytics"].url == f"{ORIGIN}/thanks?gclid=Cj0Ktest"


async def test_contact_data_that_the_tag_hashed_serves_google_alone(rig: Rig) -> None:
    """A conversion without a click id goes to Google Ads all the same; others hash in another way, and get none."""
    digest = sha256(b"kari@shop.example").digest()
    written = urlsafe_b64encode(digest).decode().rstrip("=")
    await send(rig.browser(), en="purchase", em=f"tv.1~em.{written}")
    assert (await fulls(rig, "google_ads"))[0].contact == {"email": digest.hex()}
    assert (await fulls(rig, "google_analytics"))[0].hit["em"] == f"tv.1~em.{written}"
    for name in ("meta", "microsoft"):
        assert (await fulls(rig, name))[0].contact == {}


async def test_each_stream_gets_its_own_hits_and_others_those_of_the_first(start_rig: StartRig) -> None:
    """A page with two streams has the tag report everything twice."""
    rig = await start_rig({"shop": site(forwarders={**SHOP["forwarders"], "second": SECOND})})
    browser = rig.browser()
    for tid in ("G-XXXXXXX", "G-SECOND1"):
        assert (await send(browser, tid=tid, en="purchase", **{"ep.event_id": "order-1"})).status == 204
    assert [one.event_id for one in await fulls(rig)] == ["order-1"]
    assert [one.event_id for one in await fulls(rig, "second")] == ["order-1.G-SECOND1"]
    assert len(await fulls(rig, "meta")) == 1
    assert rig.decided()["meta"] == "drop|not_configured"
    assert rig.decided(2)["second"] == "drop|not_configured"


async def test_what_the_tag_reports_of_itself_goes_to_google_analytics_alone(rig: Rig) -> None:
    """``user_engagement`` is its bookkeeping, no event of the shop's."""
    browser = rig.browser()
    await send(browser, en="user_engagement", _et=4321)
    (got,) = await fulls(rig)
    assert (got.name, got.hit["_et"]) == ("user_engagement", "4321")
    for other in ("meta", "microsoft", "google_ads"):
        assert rig.decided()[other] == "drop|not_configured"
    assert (await browser.collect(event("user_engagement"))).status == 204
    assert rig.decided()["google_analytics"] == "drop|not_configured"
    await send(rig.browser(), DENIED, en="user_engagement")
    assert rig.decided()["google_analytics"] == "cookieless|consent_denied"


async def test_where_hits_do_not_go_on_as_such_the_tags_bookkeeping_goes_nowhere(start_rig: StartRig) -> None:
    """The Measurement Protocol does not take it; everything else goes there, as the tag's own."""
    by_protocol = {**STANZAS["google_analytics"], "relay": "measurement_protocol"}
    rig = await start_rig({"shop": site(forwarders={"google_analytics": by_protocol})})
    await send(rig.browser(), en="user_engagement")
    assert rig.decided()["google_analytics"] == "drop|not_configured"
    await send(rig.browser())
    (got,) = await fulls(rig)
    assert (got.hit, got.ids) == ({}, {"client_id": CID, "session_id": SID})


async def test_cookies_stand_in_for_ids_that_the_query_lacks(rig: Rig) -> None:
    """Both formats of the session's."""
    browser = rig.browser()
    browser.cookies["_ga"] = f"GA1.2.{CID}"
    for session in (f"GS1.1.{SID}.3.1.1795341500.60.0.0", f"GS2.1.s{SID}$o3$g1$t1795341500$j60$l0$h0"):
        browser.cookies["_ga_XXXXXXX"] = session
        await send(browser, cid=None, sid=None)
        assert (await fulls(rig))[-1].ids == {"client_id": CID, "session_id": SID}


async def test_a_site_without_google_analytics_takes_no_hits(start_rig: StartRig) -> None:
    """There is no stream that they could be of."""
    rig = await start_rig({"shop": site(forwarders={"meta": STANZAS["meta"]})})
    assert (await send(rig.browser())).json["reason"] == "stream"


async def test_a_store_that_is_away_is_no_204(own_valkey: Valkey) -> None:
    """The hit is lost to this gateway, but nobody is told that it is not."""
    async with Rig(own_valkey.url, patience_s=0.3) as rig:
        own_valkey.stop()
        before = invalid(Invalid.NOT_STORED)
        answer = await send(rig.browser())
        assert (answer.status, answer.json["reason"]) == (503, "store_unavailable")
        assert "Retry-After" in answer.headers
        assert invalid(Invalid.NOT_STORED) == before + 1
