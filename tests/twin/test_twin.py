"""The twin's memory: the ring, the counts, waiting, addresses that nobody has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.twin.app import RunningTwin, make_twin, start_twin
from proxy.twin.discovery import make_vendors
from proxy.twin.faults import Fault
from proxy.twin.keys import TWIN
from proxy.twin.recorder import Recorder
from proxy.twin.reply import Reply
from proxy.twin.request import TwinRequest
from proxy.twin.twin import Twin, UnknownVendorError
from proxy.twin.vendor import World

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

HIT = "/www.google-analytics.com/g/collect?v=2&tid=G-A&cid=1.2&en=page_view"


def hit(number: int = 0, body: bytes = b"") -> TwinRequest:
    """Return a web hit of Google Analytics."""
    return TwinRequest("POST", f"{HIT}&_s={number}", (), body)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/collect.example/",
        "/graph.facebook.com/v26.0/1/adsets",
        "/datamanager.googleapis.com/v1/events:other",
    ],
)
async def test_an_address_that_nobody_has_is_404_and_recorded_as_unknown(
    send: Send, running: RunningTwin, target: str
) -> None:
    """So that a test can assert that there was none."""
    status, _, _ = await send("POST", target, {"a": 1})
    assert status == 404
    (recorded,) = running.twin.requests("unknown")
    assert recorded.errors == ("unknown address",)


async def test_a_request_is_recorded_as_it_came(send: Send, running: RunningTwin) -> None:
    """Raw and parsed, the host in lower case."""
    target = "/GRAPH.facebook.com/v26.0/1/events?a=1&a=%C3%A5+b&flag"
    await send("POST", target, {"data": []}, headers={"X-Test": "yes", "User-Agent": "sayso"})
    (recorded,) = running.twin.requests()
    assert (recorded.seq, recorded.host, recorded.path) == (1, "graph.facebook.com", "/v26.0/1/events")
    assert recorded.request.query == "a=1&a=%C3%A5+b&flag"
    view = recorded.view()
    assert view["params"] == [("a", "1"), ("a", "å b"), ("flag", "")]
    assert ("x-test", "yes") in view["headers"]
    assert (view["body"], view["json"]) == ('{"data":[]}', {"data": []})
    assert recorded.request.header("user-agent") == "sayso"


def test_bytes_that_are_no_text_are_still_shown() -> None:
    """They come as lone surrogates, which JSON cannot hold."""
    twin = Twin()
    twin.take(TwinRequest("GET", "/www.google-analytics.com/g/collect?dl=\udcff%FF"))
    view = orjson.loads(orjson.dumps(twin.requests()[0].view()))
    assert view["params"] == [["dl", "\ufffd\ufffd"]]


def test_a_record_shows_nothing_personal_in_its_repr() -> None:
    """A failing assertion prints it."""
    twin = Twin()
    twin.take(
        TwinRequest("POST", "/graph.facebook.com/v26.0/1/events?em=ola@example.no", (), b"ola@example.no")
    )
    assert "ola" not in repr(twin.requests())


def test_the_ring_keeps_the_newest_and_counts_all() -> None:
    """Numbers are never used twice, not even after clearing."""
    twin = Twin(capacity=3)
    for number in range(5):
        twin.take(hit(number))
    assert [item.seq for item in twin.requests()] == [3, 4, 5]
    assert twin.tally("google_analytics").requests == 5
    twin.clear()
    assert twin.requests() == []
    assert twin.tally("google_analytics").requests == 0
    twin.take(hit())
    assert [item.seq for item in twin.requests()] == [6]


def test_the_ring_is_bounded_in_bytes_too() -> None:
    """The newest stays, however large it is."""
    recorder = Recorder(100, byte_capacity=1000)
    for _ in range(5):
        recorder.add("meta", 0.0, TwinRequest("POST", "/h/p", (), b"x" * 400), Reply(), "")
    assert [item.seq for item in recorder.since()] == [4, 5]
    recorder.add("meta", 0.0, TwinRequest("POST", "/h/p", (), b"x" * 4000), Reply(), "")
    assert [item.seq for item in recorder.since()] == [6]


def test_without_recording_it_only_counts() -> None:
    """For load."""
    twin = Twin(record=False, strict=False)
    for number in range(3):
        twin.take(hit(number))
    assert twin.requests() == []
    assert twin.tally("google_analytics").accepted == 3


def test_without_strictness_bad_events_count_too() -> None:
    """Checking costs more than answering."""
    request = TwinRequest(
        "POST", "/graph.facebook.com/v26.0/1/events", (), b'{"data":[{}],"access_token":"t"}'
    )
    assert Twin(strict=False).take(request)[0].status == 200
    assert Twin().take(request)[0].status == 400


async def test_waiting_for_a_number_and_for_a_condition() -> None:
    """Several may wait at once."""
    twin = Twin()

    async def later() -> None:
        for number in range(3):
            twin.take(hit(number))
            await asyncio.sleep(0)

    task = asyncio.ensure_future(later())
    both = asyncio.gather(
        twin.wait_for(2), twin.wait_for(lambda found: any("_s=2" in item.request.query for item in found))
    )
    by_number, by_condition = await both
    await task
    assert len(by_number) >= 2
    assert len(by_condition) == 3


async def test_waiting_in_vain_says_what_did_arrive() -> None:
    """By vendor, and no more than that."""
    twin = Twin()
    twin.take(hit())
    with pytest.raises(TimeoutError, match=r"google_analytics.*1"):
        await twin.wait_for(1, 0.01, "meta")


def test_every_vendor_module_is_found_by_itself() -> None:
    """No registry lists them; reserved words are nobody's."""
    names = {name for vendor in make_vendors(World()) for name in vendor.names}
    assert names >= {"google_analytics", "google_ads", "google_oauth", "meta", "microsoft"}
    assert "unknown" not in names
    assert "all" not in names


def test_an_unknown_vendor_word_is_refused() -> None:
    """The error lists what there is."""
    twin = Twin()
    with pytest.raises(UnknownVendorError, match="microsoft"):
        twin.fault("bing", Fault(status=500))
    with pytest.raises(UnknownVendorError):
        twin.configure("bing")
    with pytest.raises(ValueError, match="late_refusals"):
        twin.configure("google_ads", options={"polls": 1})
    with pytest.raises(ValueError, match="processing_polls"):
        twin.configure("google_ads", options={"processing_polls": "1"})


def test_the_application_carries_its_twin() -> None:
    """For tests that mount it themselves."""
    assert isinstance(make_twin(capacity=1)[TWIN], Twin)


@pytest.mark.parametrize("broken", [b"NOT HTTP", b"GET /?email=ola@example.no\xff HTTP/1.1"])
async def test_neither_address_nor_content_reaches_the_log(
    caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    """There is no access log, and aiohttp's own words about broken requests are cut to the kind of error."""
    caplog.set_level(logging.DEBUG)
    running = await start_twin()
    port = int(running.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(broken + b"\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    await writer.wait_closed()
    async with aiohttp.ClientSession() as session, session.get(running.url + HIT) as response:
        assert response.status == 204
    await running.stop()
    assert "error while answering a request: " in caplog.text
    assert not any(word in caplog.text for word in ("127.0.0.1", "ola@example.no", "NOT HTTP"))


async def test_an_address_in_use_is_an_error_of_the_system(running: RunningTwin) -> None:
    """Not a hang, and not another port."""
    with pytest.raises(OSError, match="address already in use"):
        await start_twin(port=int(running.url.rpartition(":")[2]))
