"""The metrics as Prometheus reads them: every name, closed labels, true sums, and an answer while the store is down."""

import asyncio
import os
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy import __version__, metrics
from proxy.canary.run import Canary
from proxy.canary.sink import Sink
from proxy.clocks import VendorClocks
from proxy.delivery.backoff import State
from proxy.delivery.clock import SystemClock
from proxy.delivery.states import pause, resume
from proxy.exposition import expose
from proxy.facts import Fact, build, of_clock, of_processes, of_workers
from proxy.instruments import StoreWatch, watch_loop
from proxy.metrics import LOOP_CPU, PROCESS_CPU, STORE_ERRORS
from proxy.metrics_stored import ENTRY_LIMIT
from proxy.reasons import Decision, Outcome, OutcomeReason, Reason
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError, script
from tests.support.delivery import Scene, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.vendor import Reply
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(store: Store, site: Site) -> Samples:
    """Return all samples by name and labels."""
    text = (await expose(store, [site], 1)).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    """Return labels as ``Samples`` has them."""
    return tuple(sorted(values.items()))


VENDOR = {"site": "shop", "forwarder": "vendor"}


@pytest.fixture(autouse=True)
def counters_of_this_process() -> None:
    """Forget what other tests of this process have counted."""
    for counted in (
        metrics.EVENTS_INVALID,
        metrics.CONSENT_READS,
        metrics.EGRESS_VIOLATIONS,
        metrics.VENDOR_REQUEST_DURATION,
    ):
        counted.clear()


async def test_everything_exists_from_the_beginning_at_zero(store: Store) -> None:
    """An alert on an increase needs the zero before it."""
    samples = await scrape(store, site_of(link()))
    for name, more in {
        "sayso_outbox_entries": {},
        "sayso_outbox_oldest_seconds": {},
        "sayso_vendor_late_refusals_total": {},
        "sayso_consent_withdrawn_in_outbox_total": {},
        "sayso_forwarder_paused": {"by": "vendor"},
        "sayso_outcomes_total": {"outcome": "delivered", "reason": "accepted"},
        "sayso_decisions_total": {"decision": "full", "reason": "granted"},
    }.items():
        assert samples[name, labels(**VENDOR, **more)] == 0
    assert samples["sayso_events_received_total", labels(site="shop")] == 0
    assert samples["sayso_events_invalid_total", labels(site="shop", reason="malformed")] == 0
    # These are the process's own, so another test may have counted.
    assert ("sayso_egress_violations_total", labels(**VENDOR)) in samples
    assert ("sayso_consent_reads_total", labels(result="found")) in samples
    assert samples["sayso_store_up", ()] == 1


async def test_what_the_store_counts_is_exposed(store: Store) -> None:
    """What was received is what ended plus what waits, in the metrics as well."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", "e1")
        await scene.ping("page_view")
        await scene.decide("dddd", mode="withdraw")
        before = await scrape(store, scene.site)
        assert before["sayso_outbox_entries", labels(**VENDOR)] == 3
        assert 0 <= before["sayso_outbox_oldest_seconds", labels(**VENDOR)] < 60
        await scene.work()
        await scene.settled(delivered_accepted=3)
    after = await scrape(store, scene.site)
    assert after["sayso_events_received_total", labels(site="shop")] == 3
    assert after["sayso_decisions_total", labels(**VENDOR, decision="full", reason="granted")] == 2
    assert after["sayso_outcomes_total", labels(**VENDOR, outcome="delivered", reason="accepted")] == 3
    assert after["sayso_consent_withdrawn_in_outbox_total", labels(**VENDOR)] == 2
    assert after["sayso_outbox_entries", labels(**VENDOR)] == 0
    assert after["sayso_outbox_oldest_seconds", labels(**VENDOR)] == 0
    name = "sayso_vendor_request_duration_seconds_count"
    assert after[name, labels(forwarder="vendor", status="2xx")] >= 3


async def test_a_pause_can_be_alerted_on(store: Store) -> None:
    """It is a gauge, and dead letters are counted beside it."""
    async with Scene(store, site_of(link())) as scene:
        scene.vendor.queue = [Reply(422), *[Reply(401)] * 1000]
        await scene.ping("page_view", "scroll")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)

        async def shown() -> bool:
            samples = await scrape(store, scene.site)
            return (
                samples["sayso_forwarder_paused", labels(**VENDOR, by="vendor")] == 1
                and samples["sayso_forwarder_paused", labels(**VENDOR, by="operator")] == 0
                and samples["sayso_dead_letters", labels(**VENDOR)] == 1
            )

        await wait_until(shown)


async def test_an_operators_pause_is_told_from_a_vendors(store: Store) -> None:
    """From the moment it is ordered, also while nobody delivers; whoever did it need not be woken for it."""
    site = site_of(link())
    by_whom = [("sayso_forwarder_paused", labels(**VENDOR, by=by)) for by in ("operator", "vendor")]
    async with Scene(store, site) as scene:
        scene.vendor.queue = [Reply(401)] * 1000
        await scene.ping("page_view")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        await pause(store, "shop", "vendor")
        samples = await scrape(store, site)
        assert [samples[one] for one in by_whom] == [1, 0]
        await resume(store, "shop", "vendor", 1)
        samples = await scrape(store, site)
        assert samples[by_whom[0]] == 0


async def test_the_clock_is_compared_with_the_store_s(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are one machine's here, so nothing is sure to differ; until ours is put forward."""
    ahead = ("sayso_clock_ahead_seconds", labels(of="store"))
    assert (await scrape(store, site_of(link())))[ahead] == 0
    real = time.time_ns
    monkeypatch.setattr("proxy.exposition.time.time_ns", lambda: real() + 3600 * 10**9)
    samples = await scrape(store, site_of(link()))
    assert 3590 < samples[ahead] <= 3600


async def test_a_vendors_answers_tell_of_our_clock(store: Store) -> None:
    """By their dates, as far as those are sure: to the second, and the time of the request."""
    clocks = VendorClocks()
    async with Scene(store, site_of(link())) as scene:
        now_s = time.time()
        scene.vendor.queue = [Reply(200, headers={"Date": formatdate(now_s + 600, usegmt=True)})]
        await scene.ping("page_view")
        await scene.work(vendor_clocks=clocks)
        await scene.settled(delivered_accepted=1)
    ahead_s = clocks.ahead_s(SystemClock().monotonic())
    assert ahead_s is not None
    assert -600 <= ahead_s < -550
    assert of_clock(clocks, SystemClock().monotonic()) == [Fact(metrics.CLOCK, ahead_s, ("vendors",))]


async def test_a_store_whose_user_may_not_ask_about_it_is_still_up(own_valkey: Valkey) -> None:
    """Managed services may forbid INFO. Then its memory is not known, and everything else is."""
    own_valkey.ask("ACL", "SETUSER", "default", "-info")
    store = Store(own_valkey.url)
    samples = await scrape(store, site_of(link()))
    await store.close()
    assert samples["sayso_store_up", ()] == 1
    assert samples["sayso_events_received_total", labels(site="shop")] == 0
    assert ("sayso_store_memory_bytes", ()) not in samples


async def test_cpu_time_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the process, and of the thread that does the work: all since their start, each bit once."""
    monkeypatch.setattr("proxy.instruments._TICK_S", 0.01)

    def counted() -> tuple[float, float]:
        # The library has no other way to ask.
        return PROCESS_CPU.labels("main")._value.get(), LOOP_CPU.labels("main")._value.get()

    before = counted()
    task = asyncio.create_task(watch_loop("main"))
    least = (time.process_time(), time.thread_time())
    await wait_until(lambda: counted()[0] - before[0] >= least[0] and counted()[1] - before[1] >= least[1])
    task.cancel()
    after = counted()
    assert after[0] - before[0] <= time.process_time()
    assert after[1] - before[1] <= time.thread_time()


async def test_labels_are_closed_sets(store: Store) -> None:
    """No event name, id, URL or address ever becomes a label."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("a-secret-event-id", visitor="a-secret-visitor", url="https://shop.example/secret")
        await scene.ping("a_secret_name")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        samples = await scrape(store, scene.site)
    closed: dict[str, set[str]] = {
        "site": {"shop"},
        "decision": set(Decision),
        "outcome": set(Outcome),
        "reason": {*Reason, *OutcomeReason, *metrics.CATALOGUE[1].values["reason"]},
        "status": set(metrics.STATUSES),
        "result": set(metrics.READS),
    }
    # What this process counted for other tests' sites stands there, too.
    own = tuple(metric.name for metric in metrics.CATALOGUE if metric.where == "process")
    for name, pairs in samples:
        for label, value in pairs:
            known = {value} if label == "site" and name.startswith(own) else closed.get(label, {value})
            assert value in known, name
            assert "secret" not in value


async def test_it_answers_while_the_store_is_down_or_hangs(own_valkey: Valkey) -> None:
    """Within a second, and it says so."""
    store = Store(own_valkey.url)
    own_valkey.freeze()
    started = time.monotonic()
    samples = await scrape(store, site_of(link()))
    assert time.monotonic() - started < 1.0
    assert samples["sayso_store_up", ()] == 0
    assert ("sayso_consent_reads_total", labels(result="found")) in samples
    assert not [name for name, _ in samples if name == "sayso_outbox_entries"]
    own_valkey.thaw()
    own_valkey.stop()
    assert (await scrape(store, site_of(link())))["sayso_store_up", ()] == 0
    await store.close()


async def test_the_catalogue_names_all_there_is(store: Store) -> None:
    """Nothing is exposed that is not declared, with the labels and the help that it is declared with."""
    facts = [build(), Fact(ENTRY_LIMIT, 9), *of_workers(1, 2, 3), *of_processes(os.getpid(), [os.getpid()])]
    facts += Canary("http://127.0.0.1:9", bytes(32), 60.0, Sink()).facts()
    text = (await expose(store, [site_of(link())], 1, facts)).decode()
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert set(found) == {metric.name for metric in metrics.CATALOGUE}
    for metric in metrics.CATALOGUE:
        family = found[metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
            for label, allowed in metric.values.items():
                assert sample.labels[label] in allowed


async def test_what_the_process_knows_of_itself_is_exposed(store: Store) -> None:
    """Its memory, its workers, its version, and how full an outbox may get."""
    facts = [build(), Fact(ENTRY_LIMIT, 9), *of_workers(1, 2, 3), *of_processes(os.getpid(), [os.getpid()])]
    text = (await expose(store, [site_of(link())], 1, facts)).decode()
    assert 'sayso_workers{state="running"} 1.0' in text
    assert 'sayso_workers{state="wanted"} 2.0' in text
    assert "sayso_worker_restarts_total 3.0" in text
    assert "sayso_outbox_limit_entries 9.0" in text
    assert f'sayso_build_info{{version="{__version__}"}} 1.0' in text
    found = {
        sample.labels["part"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "sayso_process_resident_bytes"
    }
    assert 5_000_000 < found["main"] < 5_000_000_000
    assert found["gateway"] > 5_000_000


async def test_the_store_s_memory_and_the_trail_s_lag_are_exposed(store: Store) -> None:
    """A row that nobody writes grows old; how old, a scrape tells."""
    before = await scrape(store, site_of(link()))
    assert before["sayso_store_memory_bytes", ()] > 100_000
    assert before["sayso_store_cpu_seconds_total", ()] > 0
    assert before["sayso_audit_lag_seconds", ()] == 0
    await store.redis.xadd("sayso:{p0}:trail", {"s": "[]", "w": "shop|vendor"}, id="1000-1")
    after = await scrape(store, site_of(link()))
    assert after["sayso_audit_lag_seconds", ()] > 1_000_000


async def test_how_long_a_delivery_took_is_measured_for_conversions_apart(store: Store) -> None:
    """From acceptance to the vendor's word, a no as well as a yes."""
    metrics.DELIVERY_LAG.clear()
    async with Scene(store, site_of(link())) as scene:
        scene.vendor.queue = [Reply(422)]
        await scene.ping("purchase")
        await scene.work()
        await scene.settled(rejected_vendor_rejected=1)
        await scene.ping("page_view", "purchase", accepted_ms=time.time_ns() // 1_000_000 - 60_000)
        await scene.settled(rejected_vendor_rejected=1, delivered_accepted=2)
    samples = await scrape(store, scene.site)
    for events, number, least in (("conversion", 2, 60), ("other", 1, 60)):
        assert samples["sayso_delivery_lag_seconds_count", labels(**VENDOR, events=events)] == number
        assert samples["sayso_delivery_lag_seconds_sum", labels(**VENDOR, events=events)] >= least


async def test_the_store_is_measured_by_what_is_asked_of_it(own_valkey: Valkey) -> None:
    """How long each script takes, and which it did not run."""
    watch = StoreWatch()
    store = Store(own_valkey.url, patience_s=0.3, watch=watch)
    lease = script("lease")
    before = STORE_ERRORS.labels("lease")._value.get()  # the library has no other way to ask
    await store.run(lease, ["sayso:test:lease"], ["me", 1000])
    own_valkey.stop()
    with pytest.raises(StoreUnavailableError):
        await store.run(lease, ["sayso:test:lease"], ["me", 1000])
    assert STORE_ERRORS.labels("lease")._value.get() == before + 1
    await store.close()


@pytest.mark.parametrize("workers", [2])
def test_all_workers_are_summed(tmp_path: Path, workers: int) -> None:
    """What each process counts is one number in the end, also of those that are gone."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    count = "from proxy import metrics; metrics.CONSENT_READS.labels('found').inc(3)"
    show = "from proxy.exposition import _of_processes; print(_of_processes().decode())"
    for code in [count] * workers:
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=ROOT)  # noqa: S603  # ours
    shown = subprocess.run(  # noqa: S603  # ours
        [sys.executable, "-c", show], env=environment, check=True, cwd=ROOT, capture_output=True, text=True
    ).stdout
    assert f'sayso_consent_reads_total{{result="found"}} {3.0 * workers}' in shown
