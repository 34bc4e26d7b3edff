"""What a visitor leaves in outboxes, with canaries in it; and looking for them in every key and on disk."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from proxy.delivery.pace import Pace
from proxy.reasons import Outcome, OutcomeReason
from proxy.store.claims import Claims, End, Kept
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import FAST, SITE, Scene

VISITOR = "V" * 22
OTHER = "W" * 22
PERSONAL: dict[str, Any] = {
    "url": "https://shop.example/thanks?utm_source=news&merke=Qz7UrlCanaryXk19",
    "ids": {"fbc": "fb.1.1795341600000.Qz7ClickCanaryXk19"},
    "contact": {"em": "Qz7ContactCanaryXk19"},
    "user_id": "Qz7UserCanaryXk19",
}
"""For a full event: each value holds a text that stands nowhere else."""
CANARIES = (b"Qz7UrlCanary", b"Qz7ClickCanary", b"Qz7ContactCanary", b"Qz7UserCanary")
SWEEPING: Pace = replace(FAST, marks_s=0.05, marks_ms=0)
"""Delivery that looks for withdrawn visitors' entries all the time."""


def found_in(data: bytes) -> list[bytes]:
    """Return the canaries that are in these bytes."""
    return [one for one in CANARIES if one in data]


async def keyspace(store: Store) -> bytes:
    """Return everything in the store as commands show it, keys included, in their order.

    What one group of events was answered is left out: it is forgotten after a minute, and says nothing of anybody.
    """
    parts: list[object] = []
    redis: Any = store.redis
    for key in sorted([key async for key in redis.scan_iter(count=1000)]):
        if b":seen:group:" in key:
            continue
        kind = (await redis.type(key)).decode()
        reads = {
            "string": redis.get,
            "hash": redis.hgetall,
            "list": lambda key: redis.lrange(key, 0, -1),
            "zset": lambda key: redis.zrange(key, 0, -1),
            "stream": redis.xrange,
        }
        parts += [key, await reads[kind](key)]
    return repr(parts).encode()


def on_disk(folder: Path) -> bytes:
    """Return all bytes of all files below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def end(store: Store, outcome: Outcome, *, forwarder: str = "vendor", words: str | None = None) -> int:
    """End all that waits, as delivery does: refused with the vendor's words, or delivered and kept."""
    claims = Claims(
        store,
        outbox_keys(0, SITE, forwarder),
        site=SITE,
        forwarder=forwarder,
        worker="gone",
        kept=Kept(seconds=3600),
    )
    await claims.prepare()
    claimed = await claims.new(10_000, block_ms=None)
    reason = OutcomeReason.ACCEPTED if outcome is Outcome.DELIVERED else OutcomeReason.VENDOR_REJECTED
    return await claims.settle([End(one.id, outcome, reason, words) for one in claimed])


async def leave_everywhere(
    scene: Scene, visitors: Sequence[str] = (VISITOR, OTHER), *, to: str = "vendor"
) -> None:
    """Have each visitor leave a dead letter, a copy of a sent entry, and an entry that waits."""
    for visitor in visitors:
        marks = PERSONAL if visitor == VISITOR else {}
        quoted = " fb.1.1795341600000.Qz7ClickCanaryXk19" if visitor == VISITOR else ""
        await scene.full(f"dead-{visitor[0]}", visitor=visitor, to=to, **marks)
        await end(scene.store, Outcome.REJECTED, forwarder=to, words=f"bad click id{quoted}")
        await scene.full(f"sent-{visitor[0]}", visitor=visitor, to=to, **marks)
        await end(scene.store, Outcome.DELIVERED, forwarder=to)
    for visitor in visitors:
        await scene.full(
            f"wait-{visitor[0]}", visitor=visitor, to=to, **(PERSONAL if visitor == VISITOR else {})
        )
