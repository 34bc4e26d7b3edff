"""All metrics as Prometheus reads them: those of every process, and those that are counted in the store.

It works while the store is down, and says so within a second.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from proxy import metrics
from proxy.delivery.backoff import State
from proxy.delivery.states import STATES, parse_states
from proxy.metrics import Metric
from proxy.reasons import Decision, Outcome, Reason
from proxy.site import Site
from proxy.store.assurance import takes_writes
from proxy.store.client import GONE, Store
from proxy.store.counted import links_in
from proxy.store.keys import outbox_keys, partition_keys

_PATIENCE_S: Final = 0.8
_KINDS: Final = {
    "r": metrics.RECEIVED,
    "d": metrics.DECISIONS,
    "o": metrics.OUTCOMES,
    "w": metrics.WITHDRAWN,
    "l": metrics.LATE_REFUSALS,
}
_FULL_REASONS: Final = (Reason.GRANTED, Reason.LEGITIMATE_INTEREST)

Values = dict[tuple[str, ...], float]


@dataclass(slots=True)
class Census:
    """What the store held at one moment: values by metric and labels."""

    values: dict[str, Values] = field(default_factory=lambda: defaultdict(dict))

    def add(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Add to a value; that of a metric is the sum of its partitions."""
        found = self.values[metric.name]
        found[labels] = found.get(labels, 0.0) + value

    def raise_to(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Take the highest of all partitions."""
        found = self.values[metric.name]
        found[labels] = max(found.get(labels, 0.0), value)


async def expose(store: Store, sites: Sequence[Site], partitions: int) -> bytes:
    """Return the text exposition of all workers together.

    Args:
        store: where the rest is counted.
        sites: the configured ones; their counters exist from the beginning, at zero.
        partitions: how many parts each outbox has.
    """
    metrics.prepare(sites)
    trouble, census = await asyncio.gather(takes_writes(store), _census_in_time(store, sites, partitions))
    registry = CollectorRegistry()
    registry.register(_StoreCollector(census, up=census is not None and not trouble))
    registry.register(_ConfigCollector())
    return _of_processes() + generate_latest(registry)


async def _census_in_time(store: Store, sites: Sequence[Site], partitions: int) -> Census | None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await take_census(store, sites, partitions)
    except GONE:
        return None


async def take_census(store: Store, sites: Sequence[Site], partitions: int) -> Census:
    """Read what is counted in the store; each partition as it was at one moment.

    Raises:
        RedisError: the store does not answer; or what else ``GONE`` lists.
    """
    census = Census()
    _begin_at_zero(census, sites)
    configured = {(site.name, link.name) for site in sites for link in site.links}
    for partition in range(partitions):
        # Forwarders that were removed are looked at as well: the sum is to hold for what they have left.
        put_into = links_in(await _names(store, partition))
        links = sorted(configured | put_into)
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(partition_keys(partition).counts)
            for site, name in links:
                keys = outbox_keys(partition, site, name)
                pipe.xlen(keys.stream)
                pipe.xrange(keys.stream, count=1)
                pipe.xlen(keys.dead)
            found = await pipe.execute()
        _add_counts(census, found[0])
        now_ms = time.time_ns() // 1_000_000
        for at, link in enumerate(links):
            waiting, oldest, dead = found[1 + 3 * at : 4 + 3 * at]
            census.add(metrics.ENTRIES, link, waiting)
            census.add(metrics.DEAD_LETTERS, link, dead)
            age_ms = now_ms - int(oldest[0][0].partition(b"-")[0]) if oldest else 0
            census.raise_to(metrics.OLDEST, link, max(age_ms, 0) / 1000)
    states: Any = await store.redis.hgetall(STATES)  # bytes, as nothing is decoded
    for one in parse_states(states, time.time_ns() // 1_000_000):
        if (one.site, one.forwarder) in configured:
            paused = one.state in {State.PAUSED, State.HELD}
            census.raise_to(metrics.PAUSED, (one.site, one.forwarder), float(paused))
    return census


async def _names(store: Store, partition: int) -> list[bytes]:
    """Return the names of a partition's counters."""
    found: Any = await store.redis.hkeys(partition_keys(partition).counts)  # bytes, as nothing is decoded
    return list(found)


def _add_counts(census: Census, counts: Mapping[bytes, bytes]) -> None:
    """Add the fields of a partition's ``counts``: the kind's letter, then the labels, parted by ``|``."""
    for name, value in counts.items():
        kind, *labels = name.decode().split("|")
        metric = _KINDS.get(kind)
        if metric is not None and len(labels) == len(metric.labels):
            census.add(metric, tuple(labels), int(value))


def _begin_at_zero(census: Census, sites: Iterable[Site]) -> None:
    for site in sites:
        census.add(metrics.RECEIVED, (site.name,), 0)
        for link in site.links:
            who = (site.name, link.name)
            for metric in (metrics.WITHDRAWN, metrics.LATE_REFUSALS, metrics.PAUSED):
                census.add(metric, who, 0)
            for outcome, reason in metrics.ENDINGS:
                census.add(metrics.OUTCOMES, (*who, outcome, reason), 0)
            for decision, why in _possible():
                census.add(metrics.DECISIONS, (*who, decision, why), 0)
                if decision is Decision.DROP:
                    census.add(metrics.OUTCOMES, (*who, Outcome.DROPPED, why), 0)


def _possible() -> Iterator[tuple[Decision, Reason]]:
    for reason in Reason:
        if reason in _FULL_REASONS:
            yield Decision.FULL, reason
        else:
            yield Decision.COOKIELESS, reason
            yield Decision.DROP, reason


class _StoreCollector(Collector):
    """Gives a census to the Prometheus library; without one, only says that the store is down."""

    def __init__(self, census: Census | None, *, up: bool) -> None:
        self._census = census
        self._up = up

    def collect(self) -> Iterator[Any]:
        """Yield one family per metric that is counted in the store."""
        yield GaugeMetricFamily(metrics.STORE_UP.name, metrics.STORE_UP.help, value=float(self._up))
        for metric in metrics.CATALOGUE:
            if metric.where != "store" or metric is metrics.STORE_UP:
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels)
            if self._census is not None:
                for labels, value in sorted(self._census.values[metric.name].items()):
                    family.add_metric(labels, value)
            yield family


class _ConfigCollector(Collector):
    """Says which configuration runs. No gauge of the library's: of those, each process of a start has its own."""

    def collect(self) -> Iterator[Any]:
        """Yield one family for how the last reading went, and one for when the running one was read."""
        load = metrics.CONFIG_LOAD
        for metric, value in ((metrics.LOADED, float(load.successful)), (metrics.LOADED_AT, load.at)):
            yield GaugeMetricFamily(metric.name, metric.help, value=value)


class _FilesCollector(Collector):
    """Adds up the files of all processes.

    The library's own collector fails on a file that a process is just making, as at every start of a worker.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Any]:
        """Yield one family per metric that is counted by the processes."""
        files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
        yield from MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # the library is only partly typed


def _of_processes() -> bytes:
    """Return what the processes count: all of them where they share a directory, else this one."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(metrics.REGISTRY)
    registry = CollectorRegistry()
    registry.register(_FilesCollector(Path(folder)))
    return generate_latest(registry)
