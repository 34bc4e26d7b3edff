"""All metrics as Prometheus reads them: those of every process, and those that are counted in the store.

It works while the store is down, and says so within a second.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from proxy import metrics
from proxy.census import Census, take_census
from proxy.clocks import Reading
from proxy.facts import Fact
from proxy.metrics_stored import ENTRY_LIMIT, STORE_UP
from proxy.site import Site
from proxy.store.assurance import takes_writes
from proxy.store.client import GONE, Store

_PATIENCE_S: Final = 0.6


async def expose(store: Store, sites: Sequence[Site], partitions: int, facts: Sequence[Fact] = ()) -> bytes:
    """Return the text exposition of all workers together.

    Args:
        store: where the rest is counted.
        sites: the configured ones; their counters exist from the beginning, at zero.
        partitions: how many parts each outbox has.
        facts: what the process that is asked knows of itself and of its children.
    """
    metrics.prepare(sites)
    trouble, census, clock = await asyncio.gather(
        takes_writes(store), _census_in_time(store, sites, partitions), _clock_in_time(store)
    )
    if clock is not None:
        facts = [*facts, Fact(metrics.CLOCK, clock, ("store",))]
    registry = CollectorRegistry()
    registry.register(_StoreCollector(census, up=census is not None and not trouble))
    registry.register(_FactCollector(facts))
    return _of_processes() + generate_latest(registry)


async def _census_in_time(store: Store, sites: Sequence[Site], partitions: int) -> Census | None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await take_census(store, sites, partitions)
    except GONE:
        return None


async def _clock_in_time(store: Store) -> float | None:
    """Return how far our clock is ahead of the store's for sure, in seconds; None if it does not answer."""
    asked_ms = time.time_ns() // 1_000_000
    try:
        async with asyncio.timeout(_PATIENCE_S):
            seconds, micros = await store.redis.time()
    except GONE:
        return None
    theirs_ms = seconds * 1000 + micros // 1000
    return Reading.of(asked_ms, time.time_ns() // 1_000_000, theirs_ms, resolution_ms=1).sure_s


class _StoreCollector(Collector):
    """Gives a census to the Prometheus library; without one, only says that the store is down."""

    def __init__(self, census: Census | None, *, up: bool) -> None:
        self._census = census
        self._up = up

    def collect(self) -> Iterator[Any]:
        """Yield one family per metric that is counted in the store."""
        yield GaugeMetricFamily(STORE_UP.name, STORE_UP.help, value=float(self._up))
        for metric in metrics.CATALOGUE:
            if metric.where != "store" or metric is STORE_UP or metric is ENTRY_LIMIT:
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels)
            if self._census is not None:
                for labels, value in sorted(self._census.values[metric.name].items()):
                    family.add_metric(labels, value)
            yield family


class _FactCollector(Collector):
    """Tells facts. They are no gauges of the library's: of those, each process of a start has its own."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Any]:
        """Yield one family per metric of which there is a fact."""
        load = metrics.CONFIG_LOAD
        facts = [
            *self._facts,
            Fact(metrics.LOADED, float(load.successful)),
            Fact(metrics.LOADED_AT, load.at),
        ]
        for metric in metrics.CATALOGUE:
            found = [one for one in facts if one.metric is metric]
            if found:
                kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                family = kind(metric.name, metric.help, labels=metric.labels)
                for one in found:
                    family.add_metric(one.labels, one.value)
                yield family


class _FilesCollector(Collector):
    """Adds up the files of all processes.

    The library's own collector fails on a file that a process is just making, as at every start of a worker.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Any]:
        """Yield one family per metric that is counted by the processes, in the order of their names.

        The library's order is that of the files, which a folder lists in any.
        """
        files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
        found = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # the library is only partly typed
        yield from sorted(found, key=lambda family: str(family.name))


def _of_processes() -> bytes:
    """Return what the processes count: all of them where they share a directory, else this one."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(metrics.REGISTRY)
    registry = CollectorRegistry()
    registry.register(_FilesCollector(Path(folder)))
    return generate_latest(registry)
