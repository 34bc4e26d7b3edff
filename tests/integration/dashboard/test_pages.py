"""The dashboard over real sockets: pages, files, mistakes and headers; on loopback without a login."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from proxy.dashboard.known import Rules
from proxy.store.trouble import StoreUnavailableError
from tests.support.made_up_report import TODAY, Listener


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """Start a listener that only this machine can reach."""
    async with Listener() as listener:
        yield listener


@pytest.fixture
async def http(listener: Listener) -> AsyncIterator[aiohttp.ClientSession]:
    """Make a client of it that follows no redirect by itself."""
    async with aiohttp.ClientSession(listener.url, headers={"Accept-Language": "en"}) as http:
        yield http


async def test_the_page_is_there_in_both_languages(http: aiohttp.ClientSession) -> None:
    """As the browser prefers, or as is asked for; it says in which it is."""
    async with http.get("/dashboard") as answer:
        text = await answer.text()
        assert answer.status == 200
        assert answer.headers["Content-Language"] == "en"
        assert '<html lang="en">' in text
        assert "Where they came from" in text
    async with http.get("/dashboard?lang=nb") as answer:
        assert "Hvor de kom fra" in await answer.text()
    async with http.get("/dashboard", headers={"Accept-Language": "nb-NO"}) as answer:
        assert '<html lang="nb">' in await answer.text()


@pytest.mark.parametrize(
    "path", ["/dashboard", "/dashboard?site=x", "/dashboard?format=csv", "/api/report.json", "/"]
)
async def test_every_answer_is_guarded(http: aiohttp.ClientSession, path: str) -> None:
    """Nothing may be run, framed, cached, sniffed or told to others."""
    async with http.get(path, allow_redirects=False) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/dashboard/nothing", 404),
        ("GET", "/dashboard/static/routes.py", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/dashboard", 405),
    ],
)
async def test_answers_of_the_servers_own_are_guarded_too(
    http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    """What there is not, or cannot be done; and none says on what we run."""
    async with http.request(method, path) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "sayso"
        assert answer.status == status


async def test_one_word_makes_a_file_of_the_page(http: aiohttp.ClientSession) -> None:
    """CSV and JSON of the same question; the API has them too."""
    async with http.get("/dashboard?period=7d&format=csv") as answer:
        assert answer.content_type == "text/csv"
        assert (
            answer.headers["Content-Disposition"] == 'attachment; filename="ullvik-2026-11-16-2026-11-22.csv"'
        )
        people = await answer.read()
        assert people.startswith(b"\xef\xbb\xbftable,")
    async with http.get("/dashboard?period=7d&format=csv&lang=nb") as answer:
        assert (await answer.read()).startswith(b"\xef\xbb\xbftable;")
    async with http.get("/api/report.csv?period=7d&lang=nb") as answer:
        programs = await answer.read()
    assert programs == people.removeprefix(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(programs.decode(), newline="")))
    async with http.get("/dashboard?period=7d&format=json") as answer:
        body = await answer.json()
    async with http.get("/api/report.json?period=7d&format=html") as answer:
        assert await answer.json() == body
    assert table[0]["number"] == str(body["totals"]["conversions"])
    assert body["to"] == TODAY.isoformat()


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("site=nowhere", 404, "There is no such site here."),
        ("event=nothing", 404, "This site has no such conversion."),
        ("period=8d", 400, "There is no such period."),
        ("from=1&to=2", 400, "The two days must be dates"),
        ("from=2020-01-01&to=2026-01-01", 400, "at most 400"),
        ("format=pdf", 400, "html, csv and json"),
    ],
)
async def test_a_mistake_is_told_in_plain_words(
    http: aiohttp.ClientSession, query: str, status: int, words: str
) -> None:
    """On the page in words and with a way back; in the API as JSON."""
    async with http.get(f"/dashboard?{query}") as answer:
        text = await answer.text()
        assert answer.status == status
        assert words in text
        assert 'href="/dashboard?lang=en"' in text
    if "format" not in query:
        async with http.get(f"/api/report.json?{query}") as answer:
            assert answer.status == status
            assert words in (await answer.json())["detail"]


async def test_no_query_brings_an_error(http: aiohttp.ClientSession) -> None:
    """Whatever stands in it: an answer that says something."""
    for query in (
        "period=%00",
        "site[]=x",
        "from=%F0%9F%8D%95&to=x",
        "lang=%3Cscript%3E",
        "source=%ff",
        "&&&=",
        "x=" * 200,
    ):
        async with http.get(f"/dashboard?{query}") as answer:
            assert answer.status in {200, 400, 404}, query
            assert "<script" not in await answer.text()


async def test_a_store_that_does_not_answer(listener: Listener, http: aiohttp.ClientSession) -> None:
    """The page says so, and files do; both with 503."""
    listener.source.error = StoreUnavailableError("gone")
    async with http.get("/dashboard?lang=nb") as answer:
        assert answer.status == 503
        assert "fordi datalageret ikke svarer" in await answer.text()
    async with http.get("/api/report.csv") as answer:
        assert answer.status == 503
        assert (await answer.json())["reason"] == "store_unavailable"


async def test_the_day_is_the_report_time_zones(listener: Listener, http: aiohttp.ClientSession) -> None:
    """At noon in London it is tomorrow in Kiritimati."""
    listener.source.kept = Rules("Pacific/Kiritimati", 400, 5)
    async with http.get("/api/report.json?period=today") as answer:
        assert (await answer.json())["to"] == "2026-11-23"


async def test_a_source_is_a_link_and_narrows_the_table(http: aiohttp.ClientSession) -> None:
    """Every link of the page leads to a page."""
    async with http.get("/dashboard?source=google") as answer:
        text = await answer.text()
    assert "Only the source google" in text
    assert "newsletter" not in text


async def test_the_foot_of_the_address_leads_to_the_page(http: aiohttp.ClientSession) -> None:
    """Whoever opens the listener's address, or adds a slash, gets there."""
    for path in ("/", "/dashboard/", "/dashboard/login"):
        async with http.get(path, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/dashboard")


async def test_the_page_brings_its_own_files(http: aiohttp.ClientSession) -> None:
    """Style and sign come from here and may be kept; nothing else can be had by that way."""
    for name, kind in (("dashboard.css", "text/css"), ("sayso.svg", "image/svg+xml")):
        async with http.get(f"/dashboard/static/{name}") as answer:
            assert answer.status == 200
            assert answer.content_type == kind
    for name in ("routes.py", "dashboard.html", "..%2froutes.py", "%2e%2e/words.py"):
        async with http.get(f"/dashboard/static/{name}") as answer:
            assert answer.status == 404


async def test_a_page_of_another_name_gets_nothing(listener: Listener, http: aiohttp.ClientSession) -> None:
    """A web page that had its own name pointed here (DNS rebinding) is refused, on every path with numbers."""
    port = urlsplit(listener.url).port
    for path in ("/dashboard", "/dashboard?format=json", "/api/report.csv"):
        async with http.get(path, headers={"Host": f"evil.example:{port}"}) as answer:
            assert answer.status == 403
            assert "ullvik" not in await answer.text()
    async with http.get("/dashboard", headers={"Host": f"localhost:{port}"}) as answer:
        assert answer.status == 200
    assert len(listener.source.asked) == 1


async def test_nobody_can_write(http: aiohttp.ClientSession) -> None:
    """Numbers can only be read; on loopback there is nothing to log in to or out of."""
    for path in ("/dashboard", "/api/report.json"):
        for method in ("POST", "PUT", "DELETE"):
            async with http.request(method, path) as answer:
                assert answer.status == 405
    async with http.post("/dashboard/login", data={"token": "x"}, allow_redirects=False) as answer:
        assert "Set-Cookie" not in answer.headers


async def test_an_unexpected_number_of_vendors_is_no_problem(
    listener: Listener, http: aiohttp.ClientSession
) -> None:
    """A site without any vendor still has its conversions."""
    listener.source.change = lambda known: replace(known, report=replace(known.report, funnels=()))
    async with http.get("/dashboard") as answer:
        assert "No vendor is set up for this site." in await answer.text()
