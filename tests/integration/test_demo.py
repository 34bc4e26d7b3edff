"""``sayso demo`` from outside: one command, one line, four addresses; and the live view that it is there for."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aiohttp
import pytest

from proxy.demo.run import Demo
from proxy.twin.faults import Fault

ROOT = Path(__file__).resolve().parents[2]
DEMO = "import sys; from pathlib import Path; from proxy.demo.run import demo; sys.exit(demo({}))"
READY = re.compile(
    r"sayso ready public=http://127\.0\.0\.1:\d+ admin=http://127\.0\.0\.1:\d+"
    r" shop=http://127\.0\.0\.1:\d+ twin=http://127\.0\.0\.1:\d+\n"
)
VENDORS = ("google_analytics", "google_ads", "meta", "microsoft")
SIGNALS = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")
PATHS = {"consent-mode": "/", "notice-2021": "/notice-2021/", "eea-strict": "/eea-strict/"}


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)  # noqa: ASYNC110 - several sources change it


class Visitor:
    """A browser's part: keeps cookies, says where it comes from, and reads the feed."""

    def __init__(self, demo: Demo, session: aiohttp.ClientSession, preset: str = "consent-mode") -> None:
        self.demo = demo
        self.session = session
        self.preset = preset
        self.shop = demo.urls["shop"]
        self._base = demo.urls["public"] + PATHS[preset]

    async def choose(self, *values: str) -> None:
        state = dict(zip(SIGNALS, values, strict=True))
        async with self.session.post(f"{self._base}consent", json=state, headers={"Origin": self.shop}) as answer:
            assert answer.status == 204

    async def withdraw(self) -> None:
        async with self.session.delete(f"{self._base}consent", headers={"Origin": self.shop}) as answer:
            assert answer.status == 204
        note = {"note": "withdraw", "site": self.preset}
        async with self.session.post(f"{self.shop}/notes", json=note, headers={"Origin": self.shop}) as answer:
            assert answer.status == 204

    async def buy(self) -> None:
        event = {
            "name": "purchase",
            "event_id": str(uuid4()),
            "page": {"url": f"{self.shop}/thanks?gclid=Cj0abc&fbclid=IwARabc&msclkid={'a' * 32}"},
            "params": {"value": 499, "currency": "NOK", "transaction_id": "U-1"},
            "user_data": {"email": "kari.nordmann@example.com"},
        }
        async with self.session.post(f"{self._base}collect", json=event, headers={"Origin": self.shop}) as answer:
            assert answer.status == 204

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the newest event's rows, by forwarder."""
        cards = [card.view() for card in self.demo.feed.since(0)]
        events = [card for card in cards if card["kind"] == "event"]
        newest = max(events, key=lambda card: str(card["time"]))
        rows: Any = newest["rows"]
        return {row["forwarder"]: row for row in rows}

    def state(self, forwarder: str) -> str:
        return str(self.rows()[forwarder]["state"])


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    demo = await Demo.start(tmp_path / "store")
    yield demo
    await demo.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of 127.0.0.1 too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session


@pytest.fixture
def visitor(demo: Demo, session: aiohttp.ClientSession) -> Visitor:
    return Visitor(demo, session)


# --- the command ----------------------------------------------------------------------------------------------------


async def start(folder: Path, argument: str = "") -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DEMO.format(argument),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_is_and_leaves_nothing_behind(
    tmp_path: Path, session: aiohttp.ClientSession, number: signal.Signals
) -> None:
    """One line on stdout, four places that answer; told to stop, it ends well and takes its folder along."""
    process, line = await start(tmp_path)
    assert READY.fullmatch(line)
    urls = dict(word.split("=", 1) for word in line.split()[2:])
    for url in (urls["shop"], f"{urls['admin']}/metrics", f"{urls['admin']}/readyz", f"{urls['twin']}/_twin/stats"):
        async with session.get(url) as answer:
            assert answer.status == 200, url
    async with session.get(f"{urls['public']}/consent") as answer:
        assert answer.status == 200
    process.send_signal(number)
    async with asyncio.timeout(10):
        more, complaints = await process.communicate()
    assert process.returncode == 0
    assert more == complaints == b""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("sayso-demo")] == []


async def test_a_folder_of_the_users_own_is_kept(tmp_path: Path) -> None:
    """With --data-dir the store's files stay, append-only file and all."""
    process, line = await start(tmp_path, f"Path({str(tmp_path / 'mine')!r})")
    assert READY.fullmatch(line)
    process.terminate()
    async with asyncio.timeout(10):
        await process.communicate()
    assert process.returncode == 0
    assert list((tmp_path / "mine").rglob("*.aof"))


async def test_it_ends_in_time_while_a_vendor_hangs(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """A request that is never answered does not keep the demo alive."""
    process, line = await start(tmp_path)
    urls = dict(word.split("=", 1) for word in line.split()[2:])
    async with session.put(f"{urls['twin']}/_twin/faults/google_analytics", json={"hang": True}) as answer:
        assert answer.status == 200
    headers = {"Origin": urls["shop"]}
    async with session.post(f"{urls['public']}/collect", json={"name": "page_view"}, headers=headers) as answer:
        assert answer.status == 204
    async with session.get(f"{urls['shop']}/feed") as live:
        async for part in live.content:
            if b'"silent"' in part:
                break
        process.terminate()
        async with asyncio.timeout(10):
            await process.communicate()
    assert process.returncode == 0


async def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """What a user can cause is said in one line on stderr, and is status 1."""
    (tmp_path / "file").write_text("not a folder")
    process, line = await start(tmp_path, f"Path({str(tmp_path / 'file')!r})")
    _, complaints = await process.communicate()
    assert line == ""
    assert process.returncode == 1
    assert complaints.startswith(b"sayso: ")
    assert complaints.count(b"\n") == 1


# --- the shop -------------------------------------------------------------------------------------------------------


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


# --- what happens to each event -------------------------------------------------------------------------------------

YES, NO = "granted", "denied"
F, C, D = "full", "cookieless", "drop"


@pytest.mark.parametrize(
    ("preset", "values", "expected"),
    [
        ("consent-mode", None, (C, C, D, D)),
        ("consent-mode", (NO, NO, NO, NO), (C, C, D, D)),
        ("consent-mode", (YES, NO, NO, NO), (F, C, D, D)),
        ("consent-mode", (YES, YES, YES, YES), (F, F, F, F)),
        ("notice-2021", None, (F, C, D, D)),
        ("notice-2021", (NO, NO, NO, NO), (C, C, D, D)),
        ("notice-2021", (YES, NO, NO, NO), (F, C, D, D)),
        ("notice-2021", (YES, YES, YES, YES), (F, F, F, F)),
        ("eea-strict", None, (D, D, D, D)),
        ("eea-strict", (NO, NO, NO, NO), (D, D, D, D)),
        ("eea-strict", (YES, NO, NO, NO), (F, D, D, D)),
        ("eea-strict", (YES, YES, YES, YES), (F, F, F, F)),
    ],
)
async def test_a_purchase_under_each_policy(
    demo: Demo,
    session: aiohttp.ClientSession,
    preset: str,
    values: tuple[str, ...] | None,
    expected: tuple[str, ...],
) -> None:
    """The feed shows each decision, and every vendor that may have the event accepts it as what it was decided."""
    visitor = Visitor(demo, session, preset)
    if values is not None:
        await visitor.choose(*values)
    await visitor.buy()
    await until(lambda: all(row["state"] in {"accepted", "none"} for row in visitor.rows().values()))
    rows = visitor.rows()
    assert tuple(rows[name]["decision"] for name in VENDORS) == expected
    for name, decision in zip(VENDORS, expected, strict=True):
        assert len(rows[name]["attempts"]) == (decision != D)
        assert demo.twin.twin.tally(name).accepted == (decision != D)


async def test_the_request_behind_a_row_can_be_fetched(visitor: Visitor) -> None:
    """A row names the twin's records; the shop shows them as the vendor got them, without how they travelled."""
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(lambda: visitor.state("meta") == "accepted")
    (seq,) = visitor.rows()["meta"]["attempts"]
    async with visitor.session.get(f"{visitor.shop}/requests/{seq}") as answer:
        shown = await answer.json()
    assert shown["method"] == "POST"
    assert re.fullmatch(r"https://graph\.facebook\.com/v[\d.]+/1234567890/events", shown["url"])
    assert shown["json"]["data"][0]["event_name"] == "Purchase"
    assert shown["status"] == 200
    assert "host" not in dict(shown["headers"])
    async with visitor.session.get(f"{visitor.shop}/requests/{seq + 1000}") as answer:
        assert answer.status == 404


async def test_the_live_view_tells_all_and_then_only_what_changed(visitor: Visitor) -> None:
    """A reader that comes back with the number of its last card gets what changed since, and no more."""
    await visitor.buy()
    await until(lambda: visitor.state("google_ads") == "accepted")
    first = await read_feed(visitor, 1, {})
    last = max(first)
    await visitor.buy()
    await until(lambda: visitor.state("google_ads") == "accepted")
    later = await read_feed(visitor, 1, {"Last-Event-ID": str(last)})
    assert min(later) > last
    assert {card["key"] for card in later.values()}.isdisjoint(card["key"] for card in first.values())


async def read_feed(visitor: Visitor, cards: int, headers: dict[str, str]) -> dict[int, Any]:
    """Return so many cards by their numbers."""
    found: dict[int, Any] = {}
    number = 0
    async with asyncio.timeout(10), visitor.session.get(f"{visitor.shop}/feed", headers=headers) as live:
        assert live.content_type == "text/event-stream"
        async for line in live.content:
            if line.startswith(b"id: "):
                number = int(line[4:])
            elif line.startswith(b"data: "):
                found[number] = json.loads(line[6:])
                if len(found) == cards:
                    break
    return found


@pytest.mark.parametrize(
    ("fault", "state"), [(Fault(status=503, count=1), "retry"), (Fault(reset=True, count=1), "silent")]
)
async def test_a_vendor_in_trouble_is_told_and_tried_again(visitor: Visitor, fault: Fault, state: str) -> None:
    """A row goes through its trouble to its end, each attempt to be looked at; the other vendors notice nothing."""
    seen: set[str] = set()
    visitor.demo.twin.twin.fault("meta", fault)
    await visitor.choose(*[YES] * 4)
    await visitor.buy()

    def accepted() -> bool:
        seen.add(visitor.state("meta"))
        return visitor.state("meta") == "accepted"

    await until(accepted)
    assert state in seen or len(visitor.rows()["meta"]["attempts"]) == 2
    assert len(visitor.rows()["meta"]["attempts"]) == 2
    await until(lambda: all(row["state"] == "accepted" for row in visitor.rows().values()))


async def test_a_refusal_for_good_is_told_in_words(visitor: Visitor) -> None:
    """A vendor that does not want an event says why, and the row says it."""
    visitor.demo.twin.twin.fault("microsoft", Fault(status=400))
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(lambda: visitor.state("microsoft") == "refused")
    assert visitor.rows()["microsoft"]["words"]


async def test_what_waits_for_a_vendor_is_held_back_by_a_withdrawal(visitor: Visitor) -> None:
    """Consent is taken back while Meta hangs: its event never arrives, and the row says why."""
    twin = visitor.demo.twin.twin
    twin.fault("meta", Fault(reset=True))
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(lambda: visitor.state("meta") == "silent")
    await visitor.withdraw()
    twin.fault("meta")
    await until(lambda: visitor.state("meta") == "withdrawn", within=20)
    assert twin.tally("meta").accepted == 0

