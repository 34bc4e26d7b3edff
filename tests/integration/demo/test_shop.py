"""The demo's shop: the ad that leads into it, its languages, and what it refuses."""

import re
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.demo.run import Demo
from tests.support.demo import Visitor


async def test_the_shops_address_leads_through_the_ad(visitor: Visitor) -> None:
    """Whoever opens the shop has clicked on an ad: campaign and three click ids are in the address, new each time."""
    seen: set[str] = set()
    for _ in range(2):
        async with visitor.session.get(visitor.shop) as answer:
            assert answer.status == 200
            query = parse_qs(answer.url.query_string)
            assert {"utm_source", "gclid", "fbclid", "msclkid"} <= query.keys()
            seen.add(query["gclid"][0])
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("accept", "query", "language", "heading"),
    [
        ("nb-NO,nb;q=0.9,en;q=0.8", "", "nb", "Dette skjer med hver hendelse"),
        ("nn", "", "nb", "Dette skjer med hver hendelse"),
        ("de,en;q=0.5", "", "en", "What happens to each event"),
        ("sv;q=broken,fr", "", "en", "What happens to each event"),
        ("nb-NO", "?lang=en", "en", "What happens to each event"),
        ("en", "?lang=nb", "nb", "Dette skjer med hver hendelse"),
        ("en", "?lang=xx", "en", "What happens to each event"),
    ],
)
async def test_the_page_speaks_the_readers_language(
    visitor: Visitor, accept: str, query: str, language: str, heading: str
) -> None:
    """Norwegian or English, as asked for, else as the browser prefers."""
    async with visitor.session.get(f"{visitor.shop}/{query}", headers={"Accept-Language": accept}) as answer:
        text = await answer.text()
        assert answer.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in text
    assert heading in text


async def test_every_answer_forbids_what_the_page_does_not_need(visitor: Visitor, demo: Demo) -> None:
    """A policy without inline scripts and other hosts; and no page of the shop loads from elsewhere."""
    for path in ("/", "/static/main.js", "/visitor", "/nowhere", "/static/none.js"):
        async with visitor.session.get(visitor.shop + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            text = await answer.text()
        assert "default-src 'self'" in policy
        assert f"connect-src 'self' {demo.urls['public']};" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)', text)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "[::1]"])
async def test_foreign_names_are_not_answered(visitor: Visitor, host: str) -> None:
    """A page elsewhere that lets its name point at us gets nothing."""
    async with visitor.session.get(visitor.shop, headers={"Host": host}, allow_redirects=False) as answer:
        assert answer.status == 421


@pytest.mark.parametrize("path", ["/visitor", "/notes", "/vendors/meta"])
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
async def test_foreign_pages_change_nothing(visitor: Visitor, path: str, headers: dict[str, str]) -> None:
    """Only the demo's own page may make a new visitor, write notes or disturb a vendor."""
    async with visitor.session.post(visitor.shop + path, json={"fault": "hang"}, headers=headers) as answer:
        assert answer.status == 403
    assert visitor.demo.twin.twin.faults.view() == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/notes", {"note": "visitor", "site": "consent-mode"}),
        ("/notes", {"note": "accept", "site": "elsewhere"}),
        ("/notes", {"note": 1, "site": "consent-mode"}),
        ("/vendors/meta", {"fault": "burn"}),
        ("/vendors/meta", ["fault"]),
        ("/vendors/meta", {}),
    ],
)
async def test_what_the_page_does_not_offer_is_refused(visitor: Visitor, path: str, body: object) -> None:
    """Closed sets on the way in: nothing a client makes up is shown to others."""
    headers = {"Origin": visitor.shop}
    async with visitor.session.post(visitor.shop + path, json=body, headers=headers) as answer:
        assert answer.status == 400
    assert visitor.demo.feed.since(0) == []


async def test_a_new_visitor_brings_no_cookie(visitor: Visitor) -> None:
    """Both of the gateway's cookies are cleared, and the next page comes by a new click on the ad."""
    await visitor.choose(*["granted"] * 4)
    form = {"preset": "eea-strict", "lang": "nb"}
    async with visitor.session.post(
        f"{visitor.shop}/visitor", data=form, headers={"Origin": visitor.shop}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
        where = parse_qs(urlsplit(answer.headers["Location"]).query)
        cleared = SimpleCookie()
        for line in answer.headers.getall("Set-Cookie"):
            cleared.load(line)
    assert (where["preset"], where["lang"], "gclid" in where) == (["eea-strict"], ["nb"], True)
    assert {name: (one.value, one["max-age"], one["path"]) for name, one in cleared.items()} == {
        "_sayso": ("", "0", "/"),
        "_sayso_consent": ("", "0", "/"),
    }
    async with visitor.session.get(f"{visitor.shop}/visitor") as answer:
        assert await answer.json() == {"id": False, "refusal": False}
