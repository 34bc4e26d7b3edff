"""Finding what waits of some visitors in one stream: in bounded pieces, so that nobody else waits for it."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Final

from proxy.entry import Entry, decode
from proxy.store.client import Store, script
from proxy.store.keys import GROUP, OutboxKeys

_FIND: Final = script("find")
_AT_ONCE: Final = 250
"""Entries that one script looks at; more would keep the store from answering others."""


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """An entry of one of the visitors. ``entry`` is None where it cannot be read, ``held`` if a live worker has it.

    ``words`` are a dead letter's.
    """

    id: str
    entry: Entry | None
    words: str
    held: bool


async def pending(
    store: Store, keys: OutboxKeys, visitors: Collection[str], *, silence_ms: int
) -> AsyncIterator[list[Found]]:
    """Find full entries of these visitors that have not ended.

    Args:
        store: where they are.
        keys: the outbox.
        visitors: whose; a thousand at most.
        silence_ms: after so long without a sign of life a worker holds nothing any more.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    async for found in _pages(store, keys, keys.stream, GROUP, silence_ms, visitors):
        yield found


async def dead(store: Store, keys: OutboxKeys, visitors: Collection[str]) -> AsyncIterator[list[Found]]:
    """Find the dead letters of these visitors; see ``pending``."""
    async for found in _pages(store, keys, keys.dead, "", 0, visitors):
        yield found


async def sent(store: Store, keys: OutboxKeys, visitors: Collection[str]) -> AsyncIterator[list[Found]]:
    """Find what is kept of these visitors' delivered entries; see ``pending``."""
    async for found in _pages(store, keys, keys.sent, "", 0, visitors):
        yield found


async def _pages(
    store: Store, keys: OutboxKeys, stream: str, group: str, silence_ms: int, visitors: Collection[str]
) -> AsyncIterator[list[Found]]:
    """Look through a stream up to what is its newest entry now: what is added meanwhile is not chased."""
    newest = await store.guarded(store.redis.xrevrange(stream, count=1))
    start = "-"
    while newest and start:
        after, *matches = await store.run(
            _FIND,
            [stream, keys.workers],
            [start, newest[0][0], _AT_ONCE, group, silence_ms, *visitors],
        )
        start = f"({after.decode()}" if after else ""
        found = [_found(entry_id, fields, held) for entry_id, fields, held in matches]
        yield [one for one in found if one.entry is None or one.entry.visitor in visitors]


def _found(entry_id: bytes, fields: list[bytes], held: bytes) -> Found:
    by_name = dict(zip(fields[::2], fields[1::2], strict=True))
    try:
        entry = decode(by_name[b"e"])
    except ValueError:
        entry = None
    return Found(entry_id.decode(), entry, by_name.get(b"w", b"").decode(errors="replace"), held == b"1")
