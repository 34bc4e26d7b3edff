"""Conversions put into outboxes as the gateway puts them, and what the store then has of them in its reports."""

import itertools
import time
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from proxy.attribution import Credit
from proxy.campaign import Campaign
from proxy.entry import Entry, encode
from proxy.event import Event
from proxy.report.counting import Counting
from proxy.signals import ALL_DENIED, ALL_GRANTED
from proxy.store.client import Store
from proxy.store.keys import outbox_keys, partition_keys
from proxy.store.outbox import Outbox, Put
from tests.support.delivery import SITE
from tests.support.events import cookieless_event, full_event

TODAY = date(2026, 11, 22)
_numbers = itertools.count(1)


def put(
    decided: str = "full|granted",
    *,
    to: str = "vendor",
    name: str = "purchase",
    day: date = TODAY,
    visitor: str = "visitor-1",
    campaign: Campaign | None = None,
    ref: str = "",
    names: str = "",
    **event: Any,
) -> Put:
    """Return a conversion for one forwarder, as the gateway would put it into the outbox.

    ``event`` are fields of the reported one; with ``ref`` it may be a duplicate.
    """
    now_ms = time.time_ns() // 1_000_000
    number = next(_numbers)
    mode = decided.partition("|")[0]
    own = ref or f"ref-{number}"
    mark = f"{day.isoformat()}|{name}"
    entry = None
    if mode == "full":
        reduced = full_event(event_id=f"e{number}", name=name, time_ms=now_ms)
        entry = Entry(reduced, own, visitor, now_ms, now_ms, "v1", mark=mark)
    elif mode == "cookieless":
        entry = Entry(cookieless_event(name=name), own, None, now_ms, 0, "v1", mark=mark)
    conversion = Counting().conversion(
        mark,
        Event(name, f"e{number}", now_ms, **event),
        ALL_GRANTED if mode == "full" else ALL_DENIED,
        Credit(campaign),
        [(to, decided, None, 0, names)],
        late=False,
    )
    raw = encode(entry) if entry is not None else None
    return Put(own, bool(ref), SITE, [(to, decided, raw)], b"", conversion)


def outbox(store: Store, **settings: Any) -> Outbox:
    """Return the taking side of the outboxes."""
    return Outbox(store, **{"partitions": 1, "most_entries": 100_000, **settings})


async def hashes(store: Store, pattern: str) -> dict[str, dict[str, str]]:
    """Return the hashes whose keys fit, by what follows the partition in their keys."""
    found: dict[str, dict[str, str]] = {}
    async for key in store.redis.scan_iter(match=f"sayso:*:{pattern}", count=10_000):
        fields: Any = await store.redis.hgetall(key)  # bytes, as nothing is decoded
        found[key.decode().split(":", 2)[2]] = {name.decode(): text.decode() for name, text in fields.items()}
    return found


def sums(reports: Mapping[str, Mapping[str, str]]) -> Counter[str]:
    """Return what reports say of forwarders, by the names that the counters have: all days and conversions together."""
    found: Counter[str] = Counter()
    for key, fields in reports.items():
        site = key.split(":")[1]
        for field, number in fields.items():
            kind, _, forwarder, *rest = [*field.split("|"), ""]
            if kind in {"d", "o"}:
                found["|".join((kind, site, forwarder, *rest[:-1]))] += int(number)
            if kind == "d" and rest[0] == "drop":
                found["|".join(("o", site, forwarder, "dropped", rest[1]))] += int(number)
    return +found


def of_counters(counts: Mapping[str, int]) -> Counter[str]:
    """Return the counters with which reports have to agree where every event is a conversion."""
    return +Counter({name: number for name, number in counts.items() if name[:2] in {"d|", "o|"}})


async def counters(store: Store) -> dict[str, int]:
    """Return the first partition's counters."""
    found: Any = await store.redis.hgetall(partition_keys(0).counts)  # bytes, as nothing is decoded
    return {name.decode(): int(number) for name, number in found.items()}


async def waiting(store: Store, forwarder: str = "vendor") -> int:
    """Return how many entries have not ended."""
    return int(await store.redis.xlen(outbox_keys(0, SITE, forwarder).stream))
