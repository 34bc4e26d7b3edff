"""``sayso explain``: what happened to one event at each forwarder, from its acceptance to the vendor's answer, and why.

It looks into the trail that waits in the store, the trail's files, the outboxes and the dead letters.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

from proxy.assemble import now_ms
from proxy.audit.chain import key_of
from proxy.audit.reading import Search, search
from proxy.audit.rows import Row
from proxy.audit.waiting import rows_waiting
from proxy.delivery.states import LinkState, read_states
from proxy.identity import ref_of
from proxy.operate.account import Account, Explained, accounts_of
from proxy.operate.desk import Desk, MissingError, Work
from proxy.operate.explain_words import described, told
from proxy.operate.kept import paged
from proxy.operate.letters import find
from proxy.operate.shown import as_json, one_line
from proxy.scrub import scrub_text
from proxy.store.keys import outbox_keys, partition_of

_REF: Final = re.compile(r"[0-9a-f]{24}\Z")
MOST_BYTES: Final = 8 << 30
"""In how many bytes of files is looked; some seconds' worth."""
_MOST_RECORDS: Final = 50_000
_MOST_ENTRIES: Final = 20_000


def explaining(event_id: str, site: str | None, *, json: bool) -> Work:
    """Make the work of ``sayso explain``."""

    async def work(desk: Desk) -> str:
        found = await explain(desk, event_id, site)
        if json:
            return as_json([described(one) for one in found])
        return "\n\n".join(told(one) for one in found)

    return work


async def explain(
    desk: Desk, event_id: str, site: str | None, *, most_bytes: int = MOST_BYTES
) -> list[Explained]:
    """Return what is known of an event, at each site that has one of that id.

    Args:
        desk: where to look.
        event_id: as its sender named it, or its ref.
        site: of which site; None: of any.
        most_bytes: in how many bytes of files to look.

    Raises:
        MistakeError: there is no such site.
        MissingError: nothing is known of it.
        StoreUnavailableError: the store does not answer.
    """
    refs = [ref_of(desk.key, one.name, event_id) for one in desk.chosen_sites(site)]
    if _REF.match(event_id):
        refs.append(event_id)
    found: list[Explained] = []
    since, whole = "", True
    for ref in refs:
        rows, looked = await _rows(desk, ref, most_bytes)
        since, whole = looked.since, whole and looked.whole
        names = dict.fromkeys(str(row.get("site")) for row in rows)
        found += [await _explained(desk, one, ref, rows) for one in names if site in {None, one}]
    if not found:
        raise MissingError(_missing(since, whole=whole))
    return found


def _missing(since: str, *, whole: bool) -> str:
    where = f"rows of the audit trail go back to {since}" if since else "the audit trail has no rows"
    if not whole:
        where = f"only the newest files were looked at, back to {since}"
    return (
        f"nothing is known of this event: {where}. It was not accepted (what is invalid or refused leaves no trace), or"
        " it is older, or of another site"
    )


async def _rows(desk: Desk, ref: str, most_bytes: int) -> tuple[list[Row], Search]:
    """Return an event's rows, oldest first: those of the files, then those that still wait to be written."""
    partition = partition_of(ref, len(desk.partitions))
    # The store first: what is written meanwhile is met twice then, and not missed.
    waiting = [
        row
        async for row in rows_waiting(desk.store, key_of(desk.key), partition, _MOST_RECORDS)
        if row.get("ref") == ref
    ]
    looked = await asyncio.to_thread(search, desk.settings.audit_dir, ref, most_bytes)
    written = {row.get("from") for row in looked.rows}
    return [*looked.rows, *(row for row in waiting if row["from"] not in written)], looked


async def _explained(desk: Desk, site: str, ref: str, rows: Sequence[Row]) -> Explained:
    explained = accounts_of(site, ref, [row for row in rows if row.get("site") == site])
    titles = {(one.name, link.name): link.forwarder.title for one in desk.sites for link in one.links}
    states = {(one.site, one.forwarder): one for one in await read_states(desk.store, now_ms())}
    for account in explained.accounts:
        account.title = titles.get((site, account.forwarder), "")
        if account.state == "pending":
            await _look_at_entry(desk, site, ref, account, states.get((site, account.forwarder)))
        elif account.state == "rejected":
            await _look_at_letter(desk, site, ref, account)
    return explained


async def _look_at_entry(desk: Desk, site: str, ref: str, account: Account, state: LinkState | None) -> None:
    """Say of a pending entry how often it was tried, when it is next, and what the vendor says."""
    if state is not None:
        account.forwarder_state = state.state.value
        account.words = one_line(scrub_text(state.words))
    keys = outbox_keys(partition_of(ref, len(desk.partitions)), site, account.forwarder)
    redis, guarded = desk.store.redis, desk.store.guarded
    stream_id = await _find(desk, keys.stream, ref, account.since_ms)
    if stream_id is None:
        return
    tries: Any = await guarded(redis.hget(keys.tries, stream_id))
    due: Any = await guarded(redis.zscore(keys.parked, stream_id))
    account.tries = int(tries or 0)
    if due is not None:
        clock: Any = await guarded(redis.get(keys.clock))
        account.next_in_s = max(0.0, (due - max(now_ms(), int(clock or 0))) / 1000)


async def _look_at_letter(desk: Desk, site: str, ref: str, account: Account) -> None:
    """Say in the vendor's own words why it refused, as long as the dead letter is there."""
    partition = partition_of(ref, len(desk.partitions))
    keys = outbox_keys(partition, site, account.forwarder)
    stream_id = await _find(desk, keys.dead, ref, account.ended_ms)
    if stream_id is None:
        return
    try:
        letter = await find(desk, f"{site}/{account.forwarder}/{partition}/{stream_id}")
    except MissingError:
        return  # discarded in this moment
    account.dead_letter, account.words = letter.id, letter.words


async def _find(desk: Desk, key: str, ref: str, since_ms: int) -> str | None:
    """Return an entry's id in a stream, if it is among those that came since then."""
    needle = f'"i":"{ref}"'.encode()
    seen = 0
    async for stream_id, fields in paged(desk, key, str(since_ms), "+"):
        if needle in fields.get(b"e", b""):
            return stream_id
        seen += 1
        if seen >= _MOST_ENTRIES:
            return None
    return None
