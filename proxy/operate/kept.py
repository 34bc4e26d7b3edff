"""What the store keeps of ended entries, dead letters and delivered ones alike: reading it in pages, moving it back."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from proxy.entry import Entry, decode
from proxy.operate.desk import Desk
from proxy.operate.outboxes import Outbox
from proxy.operate.progress import Step
from proxy.store.client import script
from proxy.store.wire import Arg

_AGAIN: Final = script("again")
_AT_ONCE: Final = 200
"""Entries in one command; more would keep the store from answering others."""


async def paged(
    desk: Desk, key: str, first: str, last: str
) -> AsyncIterator[tuple[str, Mapping[bytes, bytes]]]:
    """Read a stream from one id to another, a page at a time.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    start = first
    while True:
        found = await desk.store.guarded(desk.store.redis.xrange(key, start, last, count=_AT_ONCE))
        for stream_id, fields in found:
            yield stream_id.decode(), fields
        if len(found) < _AT_ONCE:
            return
        start = f"({found[-1][0].decode()}"


def entry_of(fields: Mapping[bytes, bytes]) -> Entry | None:
    """Return the entry that is kept there; None if its bytes cannot be read."""
    try:
        return decode(fields.get(b"e", b""))
    except ValueError:
        return None


def pieces(stream_ids: Sequence[str]) -> Iterator[list[str]]:
    """Cut ids into parts that one command may take."""
    rest = iter(stream_ids)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


async def again(
    desk: Desk, outbox: Outbox, key: str, stream_ids: Sequence[str], ended: str, step: Step
) -> tuple[int, int]:
    """Move what is kept back to the end of its outbox, as if it had not ended.

    Args:
        desk: where.
        outbox: which.
        key: the stream in which it is kept.
        stream_ids: its ids there.
        ended: ``outcome|reason`` of what does not say how it had ended.
        step: told of each part.

    Returns:
        How many were moved, and how many stay because the outbox is full.

    Raises:
        StoreUnavailableError: the store does not answer; doing it again is safe.
    """
    keys, limits = outbox.keys, desk.settings.delivery
    who = f"{outbox.site}|{outbox.forwarder}"
    moved = stay = 0
    for some in pieces(stream_ids):
        args: list[Arg] = [who, ended, limits.max_entries, limits.max_bytes, *some]
        names = [key, keys.stream, keys.counts, keys.trail, keys.report]
        done, full = await desk.store.run(_AGAIN, names, args)
        moved, stay = moved + int(done), stay + int(full)
        step(len(some))
    return moved, stay
