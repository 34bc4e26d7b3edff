"""Traces through a real gateway, a real delivery and a real receiver: what they tell, and what they never tell."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from proxy import __version__
from proxy.identity import ref_of
from proxy.traces.spans import Attribute
from proxy.traces.wired import Traces
from proxy.twin.app import start_twin
from proxy.twin.faults import Fault
from tests.support.canaries import LISTED_PARAM, Canary
from tests.support.leaks import Needles
from tests.support.processes import Sayso, config, kill
from tests.support.rig import DENY, GRANT, PAGE, event, site
from tests.support.serving import ADS, SERVE, buy
from tests.support.traced import Receiver, attributes
from tests.support.waiting import wait_until
from tests.support.whole import Whole

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""
_LONG_S = 20.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return a receiver that listens."""
    async with Receiver() as receiver:
        yield receiver


@asynccontextmanager
async def traced(
    valkey_url: str, endpoint: str, sample: float = 1.0, **settings: object
) -> AsyncIterator[Whole]:
    """Run gateway and delivery as two processes would: each with traces of its own."""
    shop = site(policy={"preset": "consent-mode", "cookieless_params": [LISTED_PARAM]})
    table = {"endpoint": endpoint, "sample": sample}
    async with Whole(valkey_url, {"shop": shop}, traces=table, **settings) as whole:
        traces = Traces(whole.rig.settings.traces)
        listener = traces.attempts.tell if traces.attempts is not None else None
        await whole.deliver(on_attempt=listener)
        try:
            yield whole
        finally:
            await traces.close(_LONG_S)


async def test_a_purchase_is_one_trace_and_names_nobody(
    valkey_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Request, decisions and deliveries; of a visitor with a mark in everything that can be marked, no mark is there."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=ours")
    needles = Needles()
    trusted = {"trusted_proxies": ["127.0.0.0/8"]}
    async with traced(valkey_url, receiver.url, server=trusted) as whole:
        rig = whole.rig
        orders = {}
        for number, (name, state) in enumerate({"kari": GRANT, "ola": DENY}.items()):
            canary = Canary(name, f"203.0.{113 + number}.77")
            browser = canary.browser(rig.browser())
            await browser.consent(canary.statement(state))
            order = canary.purchase()
            assert (await browser.collect(order)).status == 204
            assert (await browser.collect(order)).status == 204
            if browser.id is not None:
                canary.marks["id"] = browser.id
            orders[name] = str(order["event_id"])
            canary.add_to(needles)
        assert (await rig.browser().collect(b"{")).status == 400
        await whole.quiet()
    await rig.parts.traces.close(_LONG_S)

    refs = {name: ref_of(rig.key, "shop", order) for name, order in orders.items()}
    traces = {
        name: [one for one in receiver.spans() if one.trace_id.hex().startswith(ref)]
        for name, ref in refs.items()
    }
    kari = traces["kari"]
    first, second = (one for one in kari if one.name == "collect")
    assert first.parent_span_id == b""
    assert second.parent_span_id == first.span_id != second.span_id, "a repetition stands below"
    assert attributes(first) == {
        "sayso.route": "collect",
        "http.response.status_code": 204,
        "sayso.events": 1,
        "sayso.site": "shop",
    }
    decide = next(one for one in kari if one.name == "decide")
    assert decide.parent_span_id == first.span_id
    decisions = {attributes(one)["sayso.forwarder"]: attributes(one) for one in decide.events}
    assert set(decisions) == {"google_analytics", "google_ads", "meta", "microsoft"}
    assert decisions["meta"]["sayso.decision"] == "full"
    assert decisions["meta"]["sayso.reason"] == "granted"
    delivered = [one for one in kari if one.name == "deliver"]
    assert {attributes(one)["sayso.forwarder"] for one in delivered} == set(decisions)
    assert all(one.parent_span_id == first.span_id for one in delivered)
    meta = next(attributes(one) for one in delivered if attributes(one)["sayso.forwarder"] == "meta")
    assert meta == {
        "sayso.site": "shop",
        "sayso.forwarder": "meta",
        "sayso.decision": "full",
        "sayso.outcome": "delivered",
        "sayso.reason": "accepted",
        "sayso.attempt": 1,
        "sayso.events": 1,
        "http.response.status_code": 200,
    }
    assert {attributes(one)["sayso.decision"] for one in traces["ola"] if one.name == "deliver"} == {
        "cookieless"
    }
    assert [attributes(one)["http.response.status_code"] for one in receiver.spans("collect")].count(400) == 1
    assert {span.trace_id for span in receiver.spans()} >= {one[0].trace_id for one in traces.values()}
    assert len({(one.trace_id, one.span_id) for one in receiver.spans()}) == len(receiver.spans())

    declared = {one.value for one in Attribute}
    for span in receiver.spans():
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        assert declared >= set(attributes(span)).union(*(attributes(one) for one in span.events))
    for batch in receiver.batches():
        (resource,) = batch.resource_spans
        said = {one.key: one.value.string_value for one in resource.resource.attributes}
        assert said == {"service.name": "sayso", "service.version": __version__}
    assert set(receiver.paths) == {"/v1/traces"}
    assert not needles.find(receiver.everything())


async def test_an_attempt_that_fails_shows(valkey_url: str, receiver: Receiver) -> None:
    """What is tried again, and what comes of it then, each with its number."""
    async with traced(valkey_url, receiver.url) as whole:
        whole.running.twin.fault("meta", Fault(status=503, count=1))
        browser = whole.rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event("purchase", params={"value": 3, "currency": "NOK"}))
        await whole.quiet()
    tries = [one for one in map(attributes, receiver.spans("deliver")) if one["sayso.forwarder"] == "meta"]
    assert [
        (one["sayso.outcome"], one["sayso.attempt"], one["http.response.status_code"]) for one in tries
    ] == [
        ("retry", 1, 503),
        ("delivered", 2, 200),
    ]


async def test_a_share_of_none_sends_nothing(valkey_url: str, receiver: Receiver) -> None:
    """Not even an empty request."""
    async with traced(valkey_url, receiver.url, sample=0.0) as whole:
        await whole.rig.browser().collect(event("purchase"))
        await whole.quiet()
    await whole.rig.parts.traces.close(_LONG_S)
    assert receiver.bodies == []


async def test_both_halves_sample_the_same_events(valkey_url: str, receiver: Receiver) -> None:
    """A trace that has deliveries has its request too, and the other way round."""
    async with traced(valkey_url, receiver.url, sample=0.5) as whole:
        browser = whole.rig.browser()
        await browser.consent(GRANT)
        assert (await browser.collect({"events": [event("page_view") for _ in range(40)]})).status == 204
        await whole.quiet()
    await whole.rig.parts.traces.close(_LONG_S)
    collected = {one.trace_id for one in receiver.spans("collect")}
    assert 0 < len(collected) < 40
    assert collected == {one.trace_id for one in receiver.spans("decide")}
    assert collected == {one.trace_id for one in receiver.spans("deliver")}


async def test_a_receiver_that_is_away_stops_nothing(
    valkey_url: str, everything_logged: pytest.LogCaptureFixture
) -> None:
    """Events flow, the end is quick, and one line of each process says what is wrong."""
    async with traced(valkey_url, NOWHERE) as whole:
        browser = whole.rig.browser()
        await browser.consent(GRANT)
        for _ in range(3):
            assert (await browser.collect(event("purchase"))).status == 204
        assert len(await whole.quiet()) > 0
        exporter = whole.rig.parts.traces
        began = time.monotonic()
        await exporter.close(0.2)
        assert time.monotonic() - began < 5.0, "an end waits for no receiver"

        def warned() -> bool:
            return len(_lines(everything_logged)) >= 1

        await wait_until(warned, within_s=_LONG_S, what="a warning")
    lines = _lines(everything_logged)
    assert {one.levelno for one in lines} == {logging.WARNING}
    assert len(lines) <= 2, "one per process, and these were two"
    assert not [one for one in everything_logged.records if one.name.startswith("opentelemetry")]


def _lines(log: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in log.records if one.name == "sayso.traces"]


async def test_served_it_goes_on_after_a_worker_was_killed(short_path: Path, receiver: Receiver) -> None:
    """One trace from two processes; what waits at the end is sent; a new worker can be started beside the thread."""
    twin = await start_twin()
    config(short_path, twin.url, "[traces]", f'endpoint = "{receiver.url}"', "sample = 1.0")
    async with Sayso(short_path, *SERVE, **ADS) as sayso, aiohttp.ClientSession(headers=PAGE) as session:
        url = (await sayso.ready())["public"]
        assert await buy(session, url, "o1") == 204
        await wait_until(
            lambda: bool(receiver.spans("deliver") and receiver.spans("collect")),
            within_s=_LONG_S,
            what="a trace",
        )
        (worker,) = sayso.workers()
        kill(worker)

        async def again() -> bool:
            return sayso.workers() not in ([], [worker]) and await buy(session, url, "o2") == 204

        await wait_until(again, within_s=_LONG_S, what="a new worker")
        await wait_until(
            lambda: len({one.trace_id for one in receiver.spans("deliver")}) >= 2,
            within_s=_LONG_S,
            what="deliveries of both",
        )
        await asyncio.gather(*(buy(session, url, f"p{number}") for number in range(5)))
        assert await sayso.stop() == 0
    await twin.stop()
    collected = {one.trace_id for one in receiver.spans("collect")}
    delivered = {one.trace_id for one in receiver.spans("deliver")}
    assert len(collected) >= 7
    assert delivered <= collected
    assert len(delivered) >= 2
    assert "Traceback" not in sayso.err
