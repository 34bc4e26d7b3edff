"""Faults: what the client sees, and whether the vendor took the events all the same."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.faults import Fault, FaultBoard, InvalidFaultError, parse_fault

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

TARGET = "/capi.uet.microsoft.com/v1/97000001/events"
AUTH = {"Authorization": "Bearer uet-token"}
BODY: dict[str, Any] = {
    "data": [
        {
            "eventType": "custom",
            "eventName": "purchase",
            "eventTime": 1_795_341_500,
            "userData": {"msclkid": "0123456789abcdef0123456789abcdef"},
        }
    ]
}


@pytest.mark.parametrize(
    ("target", "vendor", "status", "path"),
    [
        (TARGET, "microsoft", 503, ("error", "code", "InternalServerError")),
        (TARGET, "microsoft", 401, ("error", "code", "Unauthorized")),
        ("/graph.facebook.com/v26.0/1/events", "meta", 500, ("error", "code", 2)),
        ("/graph.facebook.com/v26.0/1/events", "meta", 429, ("error", "code", 80004)),
        ("/graph.facebook.com/v26.0/1/events", "meta", 401, ("error", "code", 190)),
        ("/graph.facebook.com/v26.0/1/events", "meta", 400, ("error", "code", 100)),
        (
            "/datamanager.googleapis.com/v1/events:ingest",
            "google_ads",
            429,
            ("error", "status", "RESOURCE_EXHAUSTED"),
        ),
        (
            "/datamanager.googleapis.com/v1/events:ingest",
            "google_ads",
            503,
            ("error", "status", "UNAVAILABLE"),
        ),
        ("/oauth2.googleapis.com/token", "google_oauth", 400, ("error", "invalid_grant")),
        ("/oauth2.googleapis.com/token", "google_oauth", 500, ("error", "internal_failure")),
    ],
)
async def test_a_status_comes_with_the_vendor_s_own_body(
    send: Send, running: RunningTwin, target: str, vendor: str, status: int, path: tuple[Any, ...]
) -> None:
    """And with Retry-After; the events are not taken."""
    running.twin.fault(vendor, Fault(status=status, retry_after=7))
    answered, body, headers = await send("POST", target, BODY, headers=AUTH)
    assert (answered, headers["Retry-After"]) == (status, "7")
    for key in path[:-1]:
        body = body[key]
    assert body == path[-1]
    (recorded,) = running.twin.requests(vendor)
    assert (recorded.status, recorded.accepted, recorded.fault) == (status, 0, f"status {status}")


async def test_google_analytics_fails_without_a_body(send: Send, running: RunningTwin) -> None:
    """It has no error bodies."""
    running.twin.fault("google_analytics", Fault(status=503))
    assert (await send("GET", "/www.google-analytics.com/g/collect?v=2"))[:2] == (503, b"")


async def test_a_fault_may_bring_its_own_body_and_headers(send: Send, running: RunningTwin) -> None:
    """For errors that no status stands for."""
    error = {"error": {"code": 341, "message": "limit"}}
    running.twin.fault("microsoft", Fault(status=400, body=error, headers={"X-Test": "1"}))
    status, body, headers = await send("POST", TARGET, BODY, headers=AUTH)
    assert (status, body, headers["X-Test"]) == (400, error, "1")


async def test_it_ends_after_count_requests(send: Send, running: RunningTwin) -> None:
    """A passing outage heals by itself."""
    running.twin.fault("microsoft", Fault(status=500, count=2))
    assert [(await send("POST", TARGET, BODY, headers=AUTH))[0] for _ in range(4)] == [500, 500, 200, 200]


async def test_every_nth_request(send: Send, running: RunningTwin) -> None:
    """Those in between are answered as ever."""
    running.twin.fault("microsoft", Fault(status=500, every=3))
    assert [(await send("POST", TARGET, BODY, headers=AUTH))[0] for _ in range(6)] == [200, 200, 500] * 2


async def test_only_bodies_that_match(send: Send, running: RunningTwin) -> None:
    """Of several faults the first that matches strikes."""
    running.twin.fault(
        "microsoft", Fault(status=500, match='"eventName":"refund"'), Fault(status=503, match="refund")
    )
    assert (await send("POST", TARGET, BODY, headers=AUTH))[0] == 200
    assert (await send("POST", TARGET, b'{"eventName":"refund"}', headers=AUTH))[0] == 500
    assert (await send("POST", TARGET, b'{"eventName": "refund"}', headers=AUTH))[0] == 503


async def test_other_vendors_go_on(send: Send, running: RunningTwin) -> None:
    """A fault is one vendor's, unless it is set for all."""
    running.twin.fault("meta", Fault(status=500))
    assert (await send("POST", TARGET, BODY, headers=AUTH))[0] == 200
    running.twin.fault("all", Fault(status=502))
    assert (await send("POST", TARGET, BODY, headers=AUTH))[0] == 502
    running.twin.fault("all")
    running.twin.fault("meta")
    assert running.twin.faults.view() == {}


async def test_a_delay_is_only_late(send: Send, running: RunningTwin) -> None:
    """The answer is right and the events are taken."""
    running.twin.fault("microsoft", Fault(delay_ms=150))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await send("POST", TARGET, BODY, headers=AUTH))[0] == 200
    assert loop.time() - began >= 0.15
    assert running.twin.tally("microsoft").accepted == 1


async def test_malformed_json_comes_with_200_and_the_events_are_taken(
    send: Send, running: RunningTwin
) -> None:
    """Only the answer is damaged."""
    running.twin.fault("microsoft", Fault(malformed=True))
    with pytest.raises(ValueError, match="end of data"):
        await send("POST", TARGET, BODY, headers=AUTH)
    (recorded,) = running.twin.requests()
    assert (recorded.status, recorded.accepted, recorded.fault) == (200, 1, "malformed")


@pytest.mark.parametrize(
    "target", [TARGET, "/www.google-analytics.com/mp/collect?measurement_id=G-1&api_secret=s"]
)
async def test_a_truncated_answer_breaks_off_though_the_events_are_taken(
    send: Send, running: RunningTwin, target: str
) -> None:
    """Also where the vendor's answer has no body; the next connection works."""
    running.twin.fault("all", Fault(truncate=True))
    with pytest.raises(aiohttp.ClientPayloadError):
        await send("POST", target, BODY, headers=AUTH)
    (recorded,) = running.twin.requests()
    assert (recorded.status in {200, 204}, recorded.fault) == (True, "truncate")
    running.twin.fault("all")
    assert (await send("POST", target, BODY, headers=AUTH))[0] in {200, 204}


async def test_a_reset_ends_the_connection_and_nothing_is_taken(send: Send, running: RunningTwin) -> None:
    """The client may have tried again by itself; each try is recorded."""
    running.twin.fault("microsoft", Fault(reset=True))
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await send("POST", TARGET, BODY, headers=AUTH)
    (recorded, *_) = running.twin.requests()
    assert (recorded.status, recorded.accepted, recorded.fault) == (0, 0, "reset")


async def test_a_hang_lasts_until_the_client_gives_up(send: Send, running: RunningTwin) -> None:
    """It is recorded at once, so that a test can wait for it."""
    running.twin.fault("microsoft", Fault(hang=True))
    with pytest.raises(TimeoutError):
        await send("POST", TARGET, BODY, headers=AUTH, timeout=aiohttp.ClientTimeout(total=0.3))
    (recorded,) = running.twin.requests()
    assert (recorded.status, recorded.accepted, recorded.fault) == (0, 0, "hang")


async def test_stopping_the_twin_ends_what_hangs(running: RunningTwin) -> None:
    """No stop waits for a client's patience."""
    running.twin.fault("microsoft", Fault(hang=True))
    async with aiohttp.ClientSession() as session:
        hanging = asyncio.ensure_future(session.post(running.url + TARGET, json=BODY, headers=AUTH))
        await running.twin.wait_for(1)
        async with asyncio.timeout(3):
            await running.stop()
            with pytest.raises(aiohttp.ClientError):
                await hanging


async def test_the_port_is_free_again_after_the_stop(running: RunningTwin) -> None:
    """Nothing listens on."""
    port = int(running.url.rpartition(":")[2])
    await running.stop()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"statuss": 500},
        {"status": "500"},
        {"status": True},
        {"status": 700},
        {"delay_ms": -1},
        {"every": 0},
        {"hang": 1},
        {"match": 5},
        {"headers": []},
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(data: Any) -> None:
    """A typing mistake must not pass for a fault that never strikes."""
    with pytest.raises(InvalidFaultError):
        parse_fault(data)


def test_a_fault_of_json_is_what_it_says() -> None:
    """Null stands for absent."""
    assert parse_fault({"status": 503, "retry_after": 1, "count": None}) == Fault(status=503, retry_after=1)


def test_what_a_fault_carries_is_not_in_its_repr() -> None:
    """Text to match may be personal."""
    assert "ola@example.no" not in repr(Fault(match="ola@example.no", body={"a": "ola@example.no"}))


def test_a_spent_fault_lets_the_next_one_strike() -> None:
    """So outages of several kinds can be lined up."""
    board = FaultBoard()
    first, second = Fault(status=500, count=1), Fault(status=503)
    board.set("meta", first, second)
    assert [board.pick("meta", b"") for _ in range(3)] == [first, second, second]
