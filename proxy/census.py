"""What the store has counted and holds at one moment: the half of the metrics that no crash loses or doubles."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import NoPermissionError

from proxy import metrics_stored as metrics
from proxy.audit.waiting import oldest_waiting
from proxy.delivery.backoff import State
from proxy.delivery.states import ORDERS, STATES, parse_states, paused_by_operator
from proxy.delivery.triage import LONGEST_S
from proxy.reasons import Decision, Outcome, Reason
from proxy.site import Site
from proxy.store.client import Store
from proxy.store.counted import links_in
from proxy.store.keys import outbox_keys, partition_keys

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

    def add(self, metric: metrics.Metric, labels: tuple[str, ...], value: float) -> None:
        """Add to a value; that of a metric is the sum of its partitions."""
        found = self.values[metric.name]
        found[labels] = found.get(labels, 0.0) + value

    def raise_to(self, metric: metrics.Metric, labels: tuple[str, ...], value: float) -> None:
        """Take the highest of all partitions."""
        found = self.values[metric.name]
        found[labels] = max(found.get(labels, 0.0), value)


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
    await _add_states(census, store, configured)
    await _add_server(census, store)
    census.add(metrics.AUDIT_LAG, (), await oldest_waiting(store, partitions) or 0.0)
    return census


async def _add_states(census: Census, store: Store, configured: Collection[tuple[str, str]]) -> None:
    """Say which forwarders send nothing. An operator's pause stands from the moment it is ordered, whoever runs."""
    async with store.redis.pipeline(transaction=True) as pipe:
        pipe.hgetall(STATES)
        pipe.hgetall(ORDERS)
        states, orders = await pipe.execute()
    held = paused_by_operator(orders)
    for who in held.intersection(configured):
        census.raise_to(metrics.PAUSED, (*who, "operator"), 1.0)
    for one in parse_states(states, time.time_ns() // 1_000_000):
        who = (one.site, one.forwarder)
        if who in configured and who not in held:
            census.raise_to(metrics.PAUSED, (*who, "vendor"), float(one.state is State.PAUSED))
            census.raise_to(metrics.FAILING, who, float(one.state is State.FAILING))


async def _add_server(census: Census, store: Store) -> None:
    """Say how full and how busy the server is; nothing where its user may not ask for that."""
    try:
        info: Any = await store.redis.info("memory", "cpu")
    except NoPermissionError:
        return
    census.add(metrics.STORE_MEMORY, (), float(info["used_memory"]))
    census.add(metrics.STORE_MEMORY_LIMIT, (), float(info.get("maxmemory", 0)))
    if "used_cpu_user" in info:
        census.add(metrics.STORE_CPU, (), float(info["used_cpu_user"]) + float(info["used_cpu_sys"]))


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
            for metric in (metrics.WITHDRAWN, metrics.LATE_REFUSALS, metrics.FAILING):
                census.add(metric, who, 0)
            for by in metrics.PAUSERS:
                census.add(metrics.PAUSED, (*who, by), 0)
            census.add(metrics.AGE_LIMIT, who, min(LONGEST_S, link.forwarder.full_max_age_s))
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
