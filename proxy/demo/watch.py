"""What nobody tells the feed: requests that a vendor leaves unanswered, and events that leave an outbox unsent."""

import asyncio
from typing import NoReturn

from proxy.demo.feed import Feed
from proxy.entry import decode
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import outbox_keys
from proxy.twin.twin import Twin

_LOOK_S = 1.0
_MOST_ENTRIES = 1000


async def watch_twin(twin: Twin, feed: Feed) -> NoReturn:
    """Tell the feed of every request that the twin resets or lets hang, for ever."""
    seen = twin.recorder.seq
    while True:
        await twin.recorder.changed()
        for record in list(twin.recorder.since(seen)):
            seen = record.seq
            if record.status == 0:
                feed.silent(record)


async def watch_outboxes(store: Store, feed: Feed) -> NoReturn:
    """Tell the feed of every event that is in its outbox no more and was not sent, for ever.

    Once may be too early, as decisions are told a moment before they are stored: an event counts as gone when it was
    missed twice.
    """
    missed: set[tuple[str, str, str]] = set()
    while True:
        await asyncio.sleep(_LOOK_S)
        rows = set(feed.open_rows())
        try:
            waiting = await _waiting(store, {(site, forwarder) for site, forwarder, _ in rows})
        except StoreUnavailableError:
            continue
        gone = rows - waiting
        for _, forwarder, ref in gone & missed:
            feed.held_back(ref, forwarder)
        missed = gone


async def _waiting(store: Store, outboxes: set[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Return site, forwarder and ref of every entry in these outboxes."""
    found: set[tuple[str, str, str]] = set()
    for site, forwarder in outboxes:
        stream = outbox_keys(0, site, forwarder).stream
        entries = await store.guarded(store.redis.xrange(stream, count=_MOST_ENTRIES))
        found |= {(site, forwarder, _ref_of(fields.get(b"e", b""))) for _, fields in entries}
    return found


def _ref_of(raw: bytes) -> str:
    """Return the ref of an entry; one that cannot be read, left by another version in a kept folder, has none."""
    try:
        return decode(raw).ref
    except ValueError:
        return ""
