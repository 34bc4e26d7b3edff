"""The canary: it goes the whole way, says so, and is silent on nothing that goes wrong."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from proxy.canary.run import Canary, Result
from proxy.canary.sink import Sink
from proxy.canary.site import NAME
from proxy.twin.app import start_twin
from tests.support.processes import Sayso, config
from tests.support.serving import ADS, SERVE, metrics
from tests.support.waiting import wait_until

KEY = bytes(32)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Return the canary's vendor, which listens."""
    sink = await Sink().start()
    yield sink
    await sink.stop()


class Gateway:
    """A gateway that answers as it is told, and may deliver what it must not."""

    def __init__(self, sink: Sink) -> None:
        self.status = 204
        self.delivers: set[str] = set()
        self.url = ""
        self._sink = sink

    async def __aenter__(self) -> "Gateway":
        self._runner = web.ServerRunner(web.Server(self._take), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.BaseRequest) -> web.Response:
        event = await request.json()
        assert request.host == "canary.sayso.invalid"
        if event["consent"]["ad_storage"] in self.delivers:
            body = {"events": [{"params": {"transaction_id": event["params"]["transaction_id"]}}]}
            async with aiohttp.ClientSession() as session, session.post(self._sink.origin, json=body):
                pass
        return web.Response(status=self.status)


async def turn(gateway: Gateway, sink: Sink, every_s: float = 5.0) -> Canary:
    """Take one turn; return the canary."""
    canary = Canary(gateway.url, KEY, every_s, sink)
    async with aiohttp.ClientSession() as session:
        await canary.turn(session)
    return canary


async def test_what_arrives_is_well(sink: Sink) -> None:
    """Green, and counted."""
    async with Gateway(sink) as gateway:
        gateway.delivers = {"granted"}
        canary = await turn(gateway, sink)
    assert canary.last is Result.ARRIVED
    assert (await canary.part())["canary"].status == "ready"
    assert canary.leaks == 0


async def test_what_is_not_delivered_degrades(sink: Sink) -> None:
    """It was taken, but no vendor got it in time."""
    async with Gateway(sink) as gateway:
        canary = await turn(gateway, sink, every_s=0.1)
    assert canary.last is Result.LATE
    assert "did not arrive in time" in (await canary.part())["canary"].words


@pytest.mark.parametrize("status", [503, 403, 400])
async def test_what_is_not_taken_degrades(sink: Sink, status: int) -> None:
    """Whatever the gateway's reason."""
    async with Gateway(sink) as gateway:
        gateway.status = status
        canary = await turn(gateway, sink)
    assert canary.last is Result.REFUSED
    assert "was not taken" in (await canary.part())["canary"].words


async def test_an_event_without_consent_that_arrives_is_a_leak(sink: Sink) -> None:
    """The bug that must never be silent, also when it arrives after its turn."""
    async with Gateway(sink) as gateway:
        gateway.delivers = {"granted", "denied"}
        canary = await turn(gateway, sink)
    assert canary.leaks == 1
    assert "without consent" in (await canary.part())["canary"].words


async def printed(folder: Path, *words: str) -> str:
    """Give a command; return what it prints."""
    async with Sayso(folder, *words, "--config", "sayso.toml", **ADS) as command:
        assert await command.wait() == 0, command.err
        return command.out


async def test_a_served_shop_with_a_canary_measures_itself(
    short_path: Path, session: aiohttp.ClientSession
) -> None:
    """Through gateway, store, delivery and mapping; the real vendors get nothing of it, and it shows in the metrics."""
    twin = await start_twin()
    config(short_path, twin.url, "[canary]", 'every = "1s"')
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        found: dict[str, float] = {}

        async def twice() -> bool:
            nonlocal found
            found = await metrics(session, urls["admin"])
            return found['sayso_canary_runs_total{result="arrived"}'] >= 2

        await wait_until(twice, within_s=30, what="two conversions of the canary")
        assert found["sayso_canary_leaks_total"] == 0
        assert found["sayso_canary_seconds_count"] >= 2
        assert found["sayso_canary_last_arrival_timestamp_seconds"] > 1_700_000_000
        assert found[f'sayso_events_received_total{{site="{NAME}"}}'] >= 4
        assert (
            found[
                f'sayso_decisions_total{{decision="drop",forwarder="google_analytics",reason="consent_denied",site="{NAME}"}}'
            ]
            >= 2
        )
        async with session.get(f"{urls['admin']}/readyz") as answer:
            assert (await answer.json())["parts"]["canary"] == {"status": "ready"}
        said = json.loads(await printed(short_path, "status", "--json"))
        # It is a site like others, and not one that was removed: the runbook sends the operator here.
        states = {(one["site"], one["state"], one["adds_up"]) for one in said["forwarders"]}
        assert (NAME, "running", True) in states
        assert (await printed(short_path, "consent", "get", "A" * 22)).count(NAME) == 0
        assert twin.twin.requests() == []
    await twin.stop()
    assert "canary" not in sayso.err or "arrived" in sayso.err
