"""A real Prometheus with our rules, scraping a real Sayso under load: every query of every file works and is true."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import promql_parser
import pytest

from proxy.metrics import CATALOGUE
from tests.support.processes import ROOT, config
from tests.support.rig import DENY, ORIGIN
from tests.support.serving import ADS, event
from tests.support.watching import Asked, Prometheus, fetch, of_panels, of_rules, promtool, substituted
from tests.support.website import until

pytestmark = pytest.mark.timeout(180)
GRANTED, DENIED, UNDECIDED, MALFORMED, PIXELS, AFTER = 12, 6, 4, 3, 5, 8
REFUSED = "order-that-meta-refuses"
VENDORS = ("google_analytics", "google_ads", "meta", "microsoft")

BRIEFLY = {"SaysoForwarderFailing", "SaysoDeadLetters", "SaysoWorkersMissing"}
"""Alerts whose condition is met for a moment by what the load does; none lasts until it would fire."""
BY_SPEED = {"SaysoBusy", "SaysoCollectSlowFast", "SaysoCollectSlowSlow", "SaysoStoreSlow"}
"""Alerts whose condition a machine that is busy with something else may meet."""


@dataclass(slots=True)
class Shop:
    """A Sayso with two workers and a canary, its twin, and the Prometheus that scrapes it."""

    folder: Path
    prometheus: Prometheus
    public: str
    admin: str
    twin: str
    main: int
    received: int = 0
    """Valid events that were sent to the shop."""
    requests: int = 0
    """Requests to ``/collect`` that were answered with 204."""
    pixels: int = 0
    since: float = 0.0
    """When Prometheus had scraped it first, in Unix seconds."""

    def send(self, body: object, **headers: str) -> None:
        """Send one event as a browser does."""
        answer = fetch(f"{self.public}/collect", "POST", body, **{"Origin": ORIGIN} | headers)
        assert answer == "", answer
        self.received += 1
        self.requests += 1

    def see(self) -> None:
        """Send an event by the pixel, as nothing else here does."""
        assert fetch(f"{self.public}/collect?en=page_view", Origin=ORIGIN).startswith("GIF89a")
        self.received += 1
        self.pixels += 1

    def spoil(self) -> None:
        """Send what is no event."""
        assert fetch(f"{self.public}/collect", "POST", [], Origin=ORIGIN).startswith("400")

    def fault(self, vendor: str, **what: object) -> None:
        """Have a vendor misbehave; nothing: no more."""
        if what:
            fetch(f"{self.twin}/_twin/faults/{vendor}", "PUT", what)
        else:
            fetch(f"{self.twin}/_twin/faults/{vendor}", "DELETE")

    def counted(self, expr: str) -> float:
        """Return what Prometheus has of a sum; 0 where there is nothing."""
        return self.prometheus.value(expr) or 0.0

    def workers(self) -> list[int]:
        """Return the process ids of the gateway's workers."""
        found = Path(f"/proc/{self.main}/task/{self.main}/children").read_text(encoding="utf-8").split()
        return [int(pid) for pid in found if b"proxy.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def start(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """Start one of our commands; return it and the URLs of its ready line."""
    with (folder / f"{arguments[0]}.stderr").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "proxy.cli", *arguments],
            cwd=folder,
            env=os.environ | ADS | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert " ready " in line, (folder / f"{arguments[0]}.stderr").read_text()
    return process, dict(word.split("=", 1) for word in line.split() if "=" in word)


@pytest.fixture(scope="module")
def shop(tools: None) -> Iterator[Shop]:
    """Run it all, put a load on it, kill a worker, put another on it, and wait until everything is counted."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as name:
        folder = Path(name).resolve()
        twin, twin_urls = start(folder, "twin", "--listen", "127.0.0.1:0")
        file = config(
            folder,
            twin_urls["url"],
            "[canary]",
            'every = "1s"',
            "[delivery]",
            "linger_ms = 20",
            server="workers = 2",
        )
        sayso, urls = start(folder, "serve", "--config", str(file))
        try:
            with Prometheus(folder, urls["admin"].removeprefix("http://")) as prometheus:
                shop = Shop(folder, prometheus, urls["public"], urls["admin"], twin_urls["url"], sayso.pid)
                prometheus.wait_until_scraped()
                shop.since = time.time()
                load(shop)
                yield shop
        finally:
            for process in (sayso, twin):
                process.terminate()
            for process in (sayso, twin):
                process.wait(30)
                if process.stdout is not None:
                    process.stdout.close()


def load(shop: Shop) -> None:
    """Visitors who say yes, no and nothing; vendors that fail and refuse; a withdrawal; and a worker that is killed."""
    shop.fault("microsoft", status=503)
    shop.fault("meta", status=400, match=REFUSED)
    for number in range(GRANTED):
        shop.send(event(f"yes-{number}"))
    shop.send(event(REFUSED))
    for number in range(DENIED):
        shop.send({**event(f"no-{number}"), "consent": dict(DENY)})
    for number in range(UNDECIDED):
        shop.send({"name": "page_view", "event_id": f"undecided-{number}"})
    # GPC denies what the event's own consent grants.
    shop.send(event("disagrees"), **{"Sec-GPC": "1"})
    for _ in range(MALFORMED):
        shop.spoil()
    withdraw(shop)
    until(
        lambda: shop.counted('sum(sayso_requests_total{route="collect",status="4xx"})') == MALFORMED,
        what="4xx",
    )
    until(lambda: shop.counted("sum(sayso_forwarder_failing)") >= 1, what="a failing vendor")
    until(lambda: shop.counted("sum(sayso_withdrawal_reach_seconds_count)") >= 1, what="a withdrawal's reach")
    for _ in range(PIXELS):
        shop.see()
    until(lambda: pixels(shop) == shop.pixels, what="all pixels in the metrics")
    os.kill(shop.workers()[0], signal.SIGKILL)
    until(lambda: shop.counted("sum(sayso_worker_restarts_total)") == 1, what="the worker's return")
    shop.fault("microsoft")
    for number in range(AFTER):
        shop.send(event(f"after-{number}"))
        shop.see()
    fetch(f"{shop.public}/collect", "POST", event("to-nobody"), Origin="https://evil.example")
    until(lambda: pixels(shop) == shop.pixels, what="all pixels in the metrics, after a worker was killed")
    until(
        lambda: shop.counted('sum(sayso_outbox_entries{site="shop"})') == 0,
        within_s=60,
        what="empty outboxes",
    )
    until(lambda: shop.counted('max(sayso_canary_runs_total{result="arrived"})') >= 2, what="two canaries")


def pixels(shop: Shop) -> float:
    """Return the pixels that Prometheus knows of."""
    return shop.counted('sum(sayso_requests_total{route="pixel",status="2xx"})')


def withdraw(shop: Shop) -> None:
    """Be a visitor who says yes, buys while a vendor is away, and takes it back: what waits for that vendor is reached."""
    at = urlsplit(shop.public)
    line = http.client.HTTPConnection(at.hostname or "", at.port or 0, timeout=30)
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}

    def ask(method: str, path: str, body: object = None) -> list[str]:
        line.request(method, path, json.dumps(body) if body else None, headers)
        answer = line.getresponse()
        assert answer.status == 204, answer.read()
        answer.read()
        return answer.msg.get_all("Set-Cookie", [])

    cookies = ask("POST", "/collect", event("regretted"))
    headers["Cookie"] = "; ".join(one.partition(";")[0] for one in cookies)
    # An event from before its visitor's decision, which came in after it.
    at_ms = time.time_ns() // 1_000_000 - 5000
    page = {"url": f"{ORIGIN}/shoes"}
    ask("POST", "/collect", {"name": "page_view", "event_id": "late", "timestamp": at_ms, "page": page})
    ask("DELETE", "/consent")
    line.close()
    shop.received += 2
    shop.requests += 2


# --- what it says -----------------------------------------------------------------------------------------------------


RECORDS = [one for one in of_rules() if ":" in one.where]
CONDITIONS = [one for one in of_rules() if ":" not in one.where]


@pytest.mark.parametrize("asked", [*RECORDS, *of_panels()], ids=lambda asked: asked.where)
def test_a_query_shows_something(shop: Shop, asked: Asked) -> None:
    """Two parsers take it, Prometheus has no warning, and somewhere in the time of the load there is a number."""
    expr = substituted(asked.expr)
    promql_parser.parse(expr)
    assert shop.prometheus.over_time(expr, shop.since) != []


@pytest.mark.parametrize("asked", CONDITIONS, ids=lambda asked: asked.where)
def test_a_condition_works_and_is_not_met(shop: Shop, asked: Asked) -> None:
    """Alerts are what is rightly empty, at all times of the load."""
    promql_parser.parse(asked.expr)
    found = shop.prometheus.over_time(asked.expr, shop.since)
    assert asked.where in BRIEFLY | BY_SPEED or found == []


def test_prometheus_runs_every_rule_without_an_error(shop: Shop) -> None:
    """As many as there are in the files."""
    groups = shop.prometheus.get("rules")["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in found} == {one.where for one in of_rules()}
    assert {rule["health"] for rule in found} == {"ok"}


def test_nobody_is_woken(shop: Shop) -> None:
    """A vendor that is away for seconds, a refused event, a killed worker: none of it is worth an alert."""
    assert shop.prometheus.over_time('ALERTS{alertstate="firing"}', shop.since) == []


def test_every_metric_is_there(shop: Shop) -> None:
    """All of the catalogue."""
    names = set(shop.prometheus.get("label/__name__/values"))
    exposed = {
        f"{metric.exposed}_count" if metric.kind == "histogram" else metric.exposed for metric in CATALOGUE
    }
    assert exposed <= names


def test_the_exposition_is_as_prometheus_wants_it(shop: Shop) -> None:
    """Names, units, help: its own linter."""
    done = promtool("check", "metrics", given=fetch(f"{shop.admin}/metrics"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- what it counts ---------------------------------------------------------------------------------------------------


def test_sums_are_what_was_sent_also_after_a_worker_was_killed(shop: Shop) -> None:
    """Requests by the processes, events by the store, what could not be taken by its reason."""
    assert pixels(shop) == shop.pixels
    # The canary sends two in each turn; of those, what a killed worker had not handed over within a second is lost.
    assert shop.counted('sum(sayso_requests_total{route="collect",status="2xx"})') >= shop.requests
    assert shop.counted('sum(sayso_events_received_total{site="shop"})') == shop.received
    invalid = shop.prometheus.ask('sum by (reason) (sayso_events_invalid_total{site="shop"}) > 0')
    assert {labels["reason"]: value for labels, value in invalid} == {"type": MALFORMED, "origin": 1}


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_event_has_one_decision_and_one_outcome_per_forwarder(shop: Shop, vendor: str) -> None:
    """The sum, as Prometheus has it: nothing waits, nothing is unaccounted for."""
    link = f'{{site="shop",forwarder="{vendor}"}}'
    assert shop.counted(f"sum(sayso_decisions_total{link})") == shop.received
    assert shop.counted(f"sum(sayso_outcomes_total{link})") == shop.received
    assert shop.prometheus.value(f"sayso:unaccounted:entries{link}") == 0
    refused = shop.prometheus.ask(
        f'sum by (reason) (sayso_outcomes_total{{site="shop",forwarder="{vendor}",outcome="rejected"}}) > 0'
    )
    assert [(labels["reason"], value) for labels, value in refused] == [("vendor_rejected", 1)] * (
        vendor == "meta"
    )
    assert shop.counted(f"sayso_dead_letters{link}") == (vendor == "meta")


def test_what_visitors_said_is_seen(shop: Shop) -> None:
    """Undecided, late, disagreeing; a withdrawal that reached what waited; and nothing that must not be."""
    counted = shop.counted
    assert counted("sum(sayso_events_undecided_total)") == UNDECIDED + shop.pixels
    assert counted("sum(sayso_consent_late_seconds_count)") == 1
    assert counted("sum(sayso_consent_disagreements_total)") >= 1
    assert counted('sum(sayso_consent_withdrawn_in_outbox_total{forwarder="microsoft"})') >= 1
    assert (
        counted("sum(sayso_consent_age_seconds_count) - sum(sayso_consent_age_seconds_bucket{le='0.5'})") == 0
    )
    assert counted("sum(sayso_egress_violations_total)") == 0
    assert counted("sum(sayso_canary_leaks_total)") == 0


def test_processes_are_seen(shop: Shop) -> None:
    """Two workers again, one restart, memory, and a vendor that failed."""
    counted = shop.counted
    assert counted('sayso_workers{state="running"}') == counted('sayso_workers{state="wanted"}') == 2
    assert counted("sayso_worker_restarts_total") == 1
    assert counted('sayso_process_resident_bytes{part="gateway"}') > 10_000_000
    failed = 'sayso_vendor_request_duration_seconds_count{forwarder="microsoft",status="5xx"}'
    assert counted(failed) >= 1
