"""``GET /collect``: one event in the query, in GA4's short names. The answer is an image, whatever became of the event."""

from typing import Any
from urllib.parse import urlencode

import pytest

from proxy.event import FullEvent
from proxy.metrics import EVENTS_INVALID
from proxy.reasons import Invalid
from tests.support.rig import GRANT, ORIGIN, Answer, Rig, StartRig, event, site


def is_pixel(answer: Answer) -> bool:
    """Tell whether an answer is the image that every pixel gets."""
    return (
        answer.status == 200
        and answer.headers["Content-Type"] == "image/gif"
        and answer.headers["Cache-Control"] == "no-store"
        and answer.body[:6] == b"GIF89a"
        and answer.body[6:10] == b"\x01\x00\x01\x00"
        and answer.body[-1:] == b";"
    )


def invalid(reason: Invalid) -> float:
    """Return how many were counted as invalid for that reason."""
    return float(EVENTS_INVALID.labels("shop", reason.value)._value.get())


async def test_the_query_is_an_event(rig: Rig) -> None:
    """Names as GA4's own collection has them: ``ep.`` texts, ``epn.`` numbers."""
    browser = rig.browser()
    await browser.consent(GRANT)
    query: dict[str, Any] = {
        "v": 2,
        "en": "purchase",
        "dl": f"{ORIGIN}/thanks?utm_source=news",
        "dr": "https://search.example/",
        "dt": "Takk for kjøpet",
        "ul": "nb-no",
        "sr": "1920x1080",
        "cu": "NOK",
        "epn.value": "499.5",
        "epn.shipping": "49",
        "ep.transaction_id": "T-1",
        "ep.coupon": "VÅR",
        "ep.event_id": "pixel-1",
        "unknown": "x",
    }
    answer = await browser.get(f"/collect?{urlencode(query)}")
    assert is_pixel(answer)
    (entry,) = await rig.entries("shop", "google_analytics")
    assert isinstance(entry.event, FullEvent)
    assert entry.visitor == browser.id
    got = entry.event
    assert (got.name, got.event_id, got.value, got.currency) == ("purchase", "pixel-1", 499.5, "NOK")
    assert (got.transaction_id, got.title, got.screen) == ("T-1", "Takk for kjøpet", "1920x1080")
    assert got.url == f"{ORIGIN}/thanks?utm_source=news"
    assert got.params == {"shipping": 49, "coupon": "VÅR"}


async def test_a_repeated_id_is_forwarded_once(rig: Rig) -> None:
    """A pixel in a cached page, and the same event from the loader, are one."""
    await rig.post("/collect", event("purchase", event_id="one"))
    assert is_pixel(await rig.browser().get("/collect?en=purchase&ep.event_id=one"))
    assert len(await rig.entries("shop", "google_analytics")) == 1


async def test_googles_own_ids_are_not_taken_from_a_strangers_query(rig: Rig) -> None:
    """An image's address is anybody's to write; only cookies name whose visit it is."""
    browser = rig.browser()
    await browser.consent(GRANT)
    await browser.get("/collect?en=page_view&cid=1111111111.2222222222&sid=1795340000&visitor=x")
    (entry,) = await rig.entries("shop", "google_analytics")
    assert isinstance(entry.event, FullEvent)
    assert "1111111111" not in str(entry.event.ids)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "name"),
        ("en=", "name"),
        ("en=no+good", "name"),
        ("EN=purchase", "name"),
        ("en=purchase&cu=kroner", "type"),
        ("en=purchase&epn.value=nan", "type"),
        ("en=purchase&epn.value=1e999", "type"),
        ("en=purchase&epn.value=" + "9" * 40, "type"),
        ("en=purchase&epn.count=-inf", "type"),
        ("en=purchase&ep.event_id=" + "e" * 129, "too_large"),
        ("en=purchase&" + "&".join(f"ep.p{n}=1" for n in range(101)), "too_many"),
        ("&".join(f"a{n}=1" for n in range(500)) + "&en=purchase", "name"),
    ],
)
async def test_what_is_no_event_is_counted_and_answered_with_the_image(
    rig: Rig, query: str, reason: str
) -> None:
    """The page must not break; the operator must know."""
    before = invalid(Invalid(reason))
    assert is_pixel(await rig.browser().get(f"/collect?{query}"))
    assert invalid(Invalid(reason)) == before + 1
    assert await rig.counts() == {}


@pytest.mark.parametrize(
    "query",
    [
        "en=a&en=b",
        "en=page_view&ep.=1&epn.=2&ep.a",
        "en=page_view&ep.x=%ff%fe&dl=%ed%a0%80",
        "en=page_view&&&=&;",
    ],
)
async def test_an_odd_query_with_a_name_is_an_event(rig: Rig, query: str) -> None:
    """What has no place in an event is left out."""
    assert is_pixel(await rig.browser().get(f"/collect?{query}"))
    assert (await rig.counts())["r|shop"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": None, "Referer": "https://evil.example/page"},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_from_elsewhere_it_is_an_image_and_no_event(rig: Rig, headers: dict[str, str | None]) -> None:
    """The rules of origin are those of a post."""
    before = invalid(Invalid.ORIGIN)
    assert is_pixel(await rig.browser().get("/collect?en=purchase", headers))
    assert invalid(Invalid.ORIGIN) == before + 1
    assert await rig.counts() == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None, "Referer": f"{ORIGIN}/thanks"},
        {"Origin": None, "Referer": f"{ORIGIN}/"},
        {"Origin": None, "Sec-Fetch-Site": "same-origin"},
        {"Origin": None, "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_an_image_names_its_page_by_referer_or_fetch_metadata(
    rig: Rig, headers: dict[str, str | None]
) -> None:
    """Browsers send no Origin with an image."""
    assert is_pixel(await rig.browser().get("/collect?en=purchase", headers))
    assert (await rig.counts())["r|shop"] == 1


async def test_past_the_rate_limit_it_is_still_an_image(start_rig: StartRig) -> None:
    """Always means always; the events beyond the limit are not taken."""
    rig = await start_rig(server={"rate_limit_per_minute": 2})
    answers = [await rig.browser().get("/collect?en=page_view") for _ in range(4)]
    assert all(is_pixel(answer) for answer in answers)
    assert (await rig.counts())["r|shop"] == 2


async def test_a_head_request_is_no_event(rig: Rig) -> None:
    """Link checkers and mail scanners ask for the head alone."""
    answer = await rig.browser().request("HEAD", "/collect?en=purchase")
    assert (answer.status, answer.body) == (200, b"")
    assert await rig.counts() == {}


async def test_an_id_on_legitimate_interest_is_set_by_a_pixel_too(start_rig: StartRig) -> None:
    """An image sets cookies as any answer does."""
    rig = await start_rig({"shop": site(policy={"preset": "notice-2021"})})
    browser = rig.browser()
    answer = await browser.get("/collect?en=page_view")
    assert is_pixel(answer)
    assert answer.life_of("_sayso") == 7 * 86_400
