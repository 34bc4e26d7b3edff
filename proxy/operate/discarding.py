"""``sayso outbox discard``: ends what waits for a forwarder, unsent, and counts it as dropped."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from proxy.delivery.states import ORDERS
from proxy.operate.desk import Desk, MistakeError, Work
from proxy.operate.outboxes import Outbox, outboxes
from proxy.operate.progress import progress
from proxy.operate.shown import as_json, counted
from proxy.reasons import Outcome, OutcomeReason
from proxy.store.claims import Claims, End

_AT_ONCE: Final = 200


def discard_pending(site: str, forwarder: str, *, json: bool, dry_run: bool) -> Work:
    """Make the work: for a forwarder that was removed from the configuration, or that an operator has paused."""

    async def work(desk: Desk) -> str:
        found = await outboxes(desk, site, forwarder)
        await _check(desk, found)
        waiting = 0
        for outbox in found:
            waiting += int(await desk.store.guarded(desk.store.redis.xlen(outbox.keys.stream)))
        done = 0
        if not dry_run:
            with progress("entries to discard", waiting) as step:
                for outbox in found:
                    async for number in _ended(desk, outbox):
                        step(number)
                        done += number
        if json:
            return as_json({"discarded": done, "would_discard": waiting if dry_run else 0})
        if dry_run:
            return f"would discard {counted(waiting, 'pending entry', 'pending entries')}"
        return f"discarded: {counted(done, 'pending entry', 'pending entries')}"

    return work


async def _check(desk: Desk, found: Sequence[Outbox]) -> None:
    """Refuse it for a forwarder that sends: what is under way would arrive, and be counted as discarded.

    Raises:
        MistakeError: it is configured, and no operator has paused it.
        StoreUnavailableError: the store does not answer.
    """
    site, forwarder = found[0].site, found[0].forwarder
    order: Any = await desk.store.guarded(desk.store.redis.hget(ORDERS, f"{site}|{forwarder}"))
    if not found[0].removed and order != b"pause":
        raise MistakeError(
            f"{site} {forwarder} is configured, and not paused: sayso pause {site} {forwarder} first"
        )


async def _ended(desk: Desk, outbox: Outbox) -> AsyncIterator[int]:
    """End what waits now, a part at a time, and yield how many each part was."""
    claims = Claims(desk.store, outbox.keys, site=outbox.site, forwarder=outbox.forwarder, worker="operator")
    newest = await desk.store.guarded(desk.store.redis.xrevrange(outbox.keys.stream, count=1))
    last = newest[0][0].decode() if newest else ""
    while last:
        page = await claims.page("", _AT_ONCE)
        ids = [one.id for one in page if _place(one.id) <= _place(last)]
        if not ids:
            return
        yield await claims.settle([End(one, Outcome.DROPPED, OutcomeReason.DISCARDED) for one in ids])


def _place(stream_id: str) -> tuple[int, int]:
    time, _, number = stream_id.partition("-")
    return int(time), int(number)
