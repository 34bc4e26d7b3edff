"""What of the audit trail still waits in the store, to be written to its files."""

from collections.abc import AsyncIterator
from typing import Any, Final

from proxy.audit.rows import Row, mark_of, rows_of
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import partition_keys

_AT_ONCE: Final = 200


async def waiting(store: Store, partitions: int) -> int:
    """Return how many records wait; each stands for some rows.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    return sum(
        [int(await store.guarded(store.redis.xlen(partition_keys(one).trail))) for one in range(partitions)]
    )


async def oldest_waiting(store: Store, partitions: int) -> float | None:
    """Return for how many seconds the oldest record has waited; None where nothing waits, or nobody can say."""
    try:
        seconds, _ = await store.guarded(store.redis.time())
        oldest: list[int] = []
        for one in range(partitions):
            found: Any = await store.guarded(store.redis.xrange(partition_keys(one).trail, count=1))
            oldest += [int(stream_id.partition(b"-")[0]) for stream_id, _ in found]
    except StoreUnavailableError:
        return None
    return max(0.0, int(seconds) - min(oldest) / 1000) if oldest else None


async def rows_waiting(store: Store, key: bytes, partition: int, most: int) -> AsyncIterator[Row]:
    """Yield the rows that wait in a partition, oldest first, of so many records at most, as they will be written.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    trail, start, seen = partition_keys(partition).trail, "-", 0
    while seen < most:
        found: Any = await store.guarded(store.redis.xrange(trail, start, "+", count=_AT_ONCE))
        for stream_id, fields in found:
            mark = mark_of(key, partition, stream_id.decode())
            for number, row in enumerate(rows_of(stream_id.decode(), fields)):
                yield {**row, "from": f"{mark}.{number}"}
        if len(found) < _AT_ONCE:
            return
        seen += len(found)
        start = f"({found[-1][0].decode()}"
