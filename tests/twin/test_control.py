"""The control API under /_twin/, its live view, and the twin as a process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.control import _is_local_name
from proxy.twin.request import TwinRequest

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

HIT = "/www.google-analytics.com/g/collect?v=2&tid=G-A&cid=1.2&en=page_view"
PING = "/www.google.com/pagead/1p-conversion/1/?label=A"


async def test_requests_can_be_listed_narrowed_and_forgotten(send: Send, running: RunningTwin) -> None:
    """By vendor, after a seq, the newest so many; numbers go on after forgetting."""
    for target in (HIT, PING, HIT, HIT):
        await send("GET", target)
    _, body, _ = await send("GET", "/_twin/requests")
    assert [item["vendor"] for item in body["requests"]] == ["google_analytics", "google_ads"] + [
        "google_analytics"
    ] * 2
    assert body["last"] == 4
    assert body["requests"][0] | {"time": 0, "headers": []} == {
        "seq": 1,
        "time": 0,
        "vendor": "google_analytics",
        "host": "www.google-analytics.com",
        "method": "GET",
        "path": "/g/collect",
        "query": "v=2&tid=G-A&cid=1.2&en=page_view",
        "params": [["v", "2"], ["tid", "G-A"], ["cid", "1.2"], ["en", "page_view"]],
        "headers": [],
        "body": "",
        "json": None,
        "form": [],
        "batch": [{"v": "2", "tid": "G-A", "cid": "1.2", "en": "page_view"}],
        "status": 204,
        "errors": [],
        "events": 1,
        "accepted": 1,
        "fault": "",
    }
    _, body, _ = await send("GET", "/_twin/requests?vendor=google_analytics&since=1&limit=1")
    assert [item["seq"] for item in body["requests"]] == [4]
    await send("DELETE", "/_twin/requests")
    assert (await send("GET", "/_twin/requests"))[1] == {"requests": [], "last": 4}
    assert running.twin.recorder.seq == 4


async def test_stats_count_by_vendor(send: Send) -> None:
    """Events that the vendor would throw away are counted apart from accepted ones."""
    await send("GET", HIT)
    await send("GET", HIT.replace("en=", "xx="))
    _, body, _ = await send("GET", "/_twin/stats")
    assert body == {
        "google_analytics": {
            "requests": 2,
            "events": 2,
            "accepted": 1,
            "duplicates": 0,
            "unique": 1,
            "statuses": {"204": 2},
            "faults": 0,
            "with_errors": 1,
        }
    }


async def test_faults_are_set_shown_and_lifted(send: Send) -> None:
    """One or several per vendor, each with the number of its hits."""
    _, body, _ = await send("PUT", "/_twin/faults/google_analytics", {"status": 503, "count": 5})
    assert (body["google_analytics"][0]["status"], body["google_analytics"][0]["hits"]) == (503, 0)
    assert (await send("GET", HIT))[0] == 503
    assert (await send("GET", "/_twin/faults"))[1]["google_analytics"][0]["hits"] == 1
    assert (await send("DELETE", "/_twin/faults/google_analytics"))[1] == {}
    await send("PUT", "/_twin/faults/meta", [{"hang": True, "match": "x"}, {"reset": True}])
    assert len((await send("GET", "/_twin/faults"))[1]["meta"]) == 2
    assert (await send("DELETE", "/_twin/faults"))[1] == {}
    assert (await send("GET", HIT))[0] == 204


async def test_settings_hold_credentials_and_never_show_them(send: Send) -> None:
    """Only their number is shown; without settings anything goes again."""
    wanted = {"tokens": ["EAAB-secret"], "options": {}}
    status, body, _ = await send("PUT", "/_twin/settings/meta", wanted)
    assert (status, body["settings"]["meta"]) == (200, {"tokens": 1, "ids": None, "options": []})
    assert "EAAB" not in str(body)
    target = "/graph.facebook.com/v26.0/1/events"
    assert (await send("POST", target, {"access_token": "other"}))[1]["error"]["code"] == 190
    await send("DELETE", "/_twin/settings/meta")
    assert (await send("POST", target, {"access_token": "other"}))[1]["error"]["code"] == 100


async def test_recording_and_strictness_can_be_switched(send: Send, running: RunningTwin) -> None:
    """While it runs, so that a load test need not start another twin."""
    _, body, _ = await send("PUT", "/_twin/mode", {"record": False, "strict": False})
    assert (body["record"], body["strict"]) == (False, False)
    await send("GET", HIT)
    assert running.twin.requests() == []
    assert running.twin.tally("google_analytics").requests == 1


async def test_tokens_can_be_made_void(send: Send, running: RunningTwin) -> None:
    """As when an operator revokes the account in the middle of the day."""
    form = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    assert (await send("POST", "/oauth2.googleapis.com/token", data=form))[0] == 200
    assert len(running.twin.world.grants) == 1
    await send("DELETE", "/_twin/tokens")
    assert running.twin.world.grants == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/_twin/faults/meta", b"{", 400),
        ("PUT", "/_twin/faults/meta", {"statuss": 500}, 400),
        ("PUT", "/_twin/faults/bing", {"status": 500}, 400),
        ("PUT", "/_twin/settings/meta", {"tokens": "EAAB"}, 400),
        ("PUT", "/_twin/settings/meta", {"options": {"x": 1}}, 400),
        ("PUT", "/_twin/settings/meta", {"options": []}, 400),
        ("PUT", "/_twin/settings/meta", {"token": []}, 400),
        ("PUT", "/_twin/mode", {"record": 1}, 400),
        ("GET", "/_twin/requests?since=x", None, 400),
        ("GET", "/_twin/stream?since=x", None, 400),
        ("POST", "/_twin/requests", {}, 404),
        ("GET", "/_twin/other", None, 404),
    ],
)
async def test_mistakes_are_told(
    send: Send, running: RunningTwin, method: str, path: str, body: Any, status: int
) -> None:
    """With a status and a text, and they are not taken for vendor traffic."""
    answered, answer, _ = await send(method, path, body)
    assert answered == status
    assert answer["error"]
    assert running.twin.requests() == []


async def test_a_name_that_a_web_page_could_rebind_is_refused(send: Send) -> None:
    """Records may hold what a developer's own browser sent; no foreign page reads them."""
    assert (await send("GET", "/_twin/requests", headers={"Host": "evil.example"}))[0] == 403
    assert (await send("GET", "/_twin/requests", headers={"Host": "twin:8080"}))[0] == 200


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("localhost", True),
        ("twin:80", True),
        ("10.0.0.5", True),
        ("rebound.example:8080", False),
        ("127.0.0.1.nip.example", False),
    ],
)
def test_local_names(host: str, local: bool) -> None:
    """Addresses, and names without a dot as containers have them."""
    assert _is_local_name(host) is local


async def _events(response: aiohttp.ClientResponse, count: int) -> list[dict[str, str]]:
    """Read so many events off a stream."""
    found: list[dict[str, str]] = []
    while len(found) < count:
        block = await response.content.readuntil(b"\n\n")
        if not block.startswith(b":"):
            found.append(dict(line.split(": ", 1) for line in block.decode().strip().split("\n")))
    return found


async def test_the_stream_shows_requests_as_they_come(send: Send, running: RunningTwin) -> None:
    """From the moment of connecting, not what was before."""
    await send("GET", HIT)
    async with aiohttp.ClientSession() as session, session.get(running.url + "/_twin/stream") as response:
        assert response.content_type == "text/event-stream"
        for target in (PING, HIT):
            await send("GET", target)
        first, second = await _events(response, 2)
    assert (first["event"], first["id"], second["id"]) == ("request", "2", "3")
    assert orjson.loads(first["data"])["vendor"] == "google_ads"


async def test_the_stream_can_begin_earlier_and_narrow_to_a_vendor(send: Send, running: RunningTwin) -> None:
    """After a seq given in the query, or in the header that browsers send when they reconnect."""
    for target in (HIT, PING, PING):
        await send("GET", target)
    url = running.url + "/_twin/stream?vendor=google_ads&since=0"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert [item["id"] for item in await _events(response, 2)] == ["2", "3"]
        async with session.get(running.url + "/_twin/stream", headers={"Last-Event-ID": "2"}) as response:
            assert [item["id"] for item in await _events(response, 1)] == ["3"]


async def test_the_stream_says_what_it_missed(send: Send, running: RunningTwin) -> None:
    """What left the ring before it could be sent is told as a count."""
    for _ in range(2):
        await send("GET", HIT)
    await send("DELETE", "/_twin/requests")
    await send("GET", HIT)
    async with (
        aiohttp.ClientSession() as session,
        session.get(running.url + "/_twin/stream?since=0") as response,
    ):
        missed, shown = await _events(response, 2)
    assert (missed["event"], missed["data"], shown["id"]) == ("missed", "2", "3")


async def test_the_stream_ends_with_the_twin(running: RunningTwin) -> None:
    """An open live view does not hold up the stop."""
    async with aiohttp.ClientSession() as session, session.get(running.url + "/_twin/stream") as response:
        await response.content.readuntil(b"\n\n")
        running.twin.take(TwinRequest("GET", HIT))
        async with asyncio.timeout(3):
            await running.stop()
            await response.read()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_says_when_it_is_ready_and_stops_clean(stop: signal.Signals) -> None:
    """One line with its address, exit 0, nothing on stderr."""
    code = "from proxy.twin.server import run; run('127.0.0.1', 0)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("sayso twin ready url=http://127.0.0.1:")
    url = line.strip().partition("url=")[2]
    async with aiohttp.ClientSession() as session, session.get(url + HIT) as response:
        assert response.status == 204
    process.send_signal(stop)
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")
