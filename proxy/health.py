"""How the store and the forwarders are, for ``/readyz``: degraded is not down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from proxy.admin import Part
from proxy.audit.waiting import oldest_waiting
from proxy.delivery.backoff import State
from proxy.delivery.clock import SystemClock
from proxy.delivery.pace import Pace
from proxy.delivery.states import ORDERS, LinkState, paused_by_operator, read_states
from proxy.site import Site
from proxy.store.assurance import Durability, Finding, assess, takes_writes
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import outbox_keys, partition_keys

log = logging.getLogger("sayso.store")
Ask = Callable[[], Awaitable[dict[str, Part]]]
_LOOK_S = 60.0
_SOON_S = 5.0
_AUDIT_LATE_S = 60.0
_SILENCE_MS = Pace().silence_ms


def store_part(store: Store) -> Ask:
    """Make the question whether the store takes writes: without that no event can be accepted."""

    async def ask() -> dict[str, Part]:
        trouble = await takes_writes(store)
        if trouble:
            return {"store": Part("not_ready", f"the store takes no events: {trouble}")}
        return {"store": Part("ready")}

    return ask


class DurabilityWatch:
    """Looks every minute whether the store promises what the configuration expects of it, and says so when that changes.

    Args:
        store: the store.
        expected: the configuration's ``durability``.
    """

    def __init__(self, store: Store, expected: Durability) -> None:
        self._store = store
        self._expected = expected
        self._found: list[Finding] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            answered = await self.look()
            await asyncio.sleep(_LOOK_S if answered else _SOON_S)

    async def look(self) -> bool:
        """Look once; False if the store does not answer."""
        try:
            found = await assess(self._store, self._expected)
        except StoreUnavailableError:
            return False
        known = {one.weakness for one in self._found}
        for one in found:
            if one.weakness not in known:
                level = logging.INFO if one.severity == "note" else logging.WARNING
                log.log(level, "the store: %s; better: %s", one.words, one.remedy)
        for gone in known - {one.weakness for one in found}:
            log.info("the store: no longer %s", gone.value)
        self._found = found
        return True

    async def part(self) -> dict[str, Part]:
        """Say what it found last. Whether the store takes events at this moment is another part's to say."""
        words = "; ".join(
            f"{one.words}; better: {one.remedy}" for one in self._found if one.severity != "note"
        )
        return {"durability": Part("degraded", words) if words else Part("ready")}


def audit_part(store: Store, partitions: int, trouble: Callable[[], str]) -> Ask:
    """Make the question whether the audit trail is written: its rows wait in the store until then.

    Args:
        store: the store.
        partitions: how many parts the trail has.
        trouble: says why this process cannot write it, if it is the one that should.
    """

    async def ask() -> dict[str, Part]:
        if words := trouble():
            return {"audit": Part("degraded", words)}
        oldest = await oldest_waiting(store, partitions)
        if oldest is not None and oldest > _AUDIT_LATE_S:
            words = f"rows of the audit trail have waited {oldest:.0f} s; is a delivering process alive?"
            return {"audit": Part("degraded", words)}
        return {"audit": Part("ready")}

    return ask


@dataclass(frozen=True, slots=True)
class Outboxes:
    """What ``delivery_part`` has to know of the outboxes.

    ``partitions``: how many parts each has; ``most_entries``: how many entries a part holds; ``ours``: this process
    delivers, so there is one that does.
    """

    partitions: int = 1
    most_entries: int = 0
    ours: bool = True


def delivery_part(store: Store, sites: Sequence[Site], outboxes: Outboxes | None = None) -> Ask:
    """Make the question how each forwarder is: whatever is wrong with one degrades, and nothing more."""
    known = outboxes or Outboxes()

    async def ask() -> dict[str, Part]:
        try:
            states = {
                (one.site, one.forwarder): one for one in await read_states(store, SystemClock().now_ms())
            }
            held = paused_by_operator(await store.guarded(store.redis.hgetall(ORDERS)))
            alive = known.ours or await _somebody_delivers(store, known.partitions)
            full = await _full(store, sites, known)
        except StoreUnavailableError:
            return {}
        found: dict[str, Part] = {}
        for site in sites:
            for link in site.links:
                who = (site.name, link.name)
                words = _trouble(states.get(who), held=who in held, alive=alive, full=who in full)
                found[f"{site.name}.{link.name}"] = Part("degraded", words) if words else Part("ready")
        return found

    return ask


def _trouble(state: LinkState | None, *, held: bool, alive: bool, full: bool) -> str:
    """Say what is wrong with a forwarder; empty if nothing is."""
    found: list[str] = []
    if full:
        found.append("its outbox is full")
    if held:
        found.append("paused by an operator: it sends nothing until it is resumed")
    elif state is not None and state.state in {State.PAUSED, State.FAILING}:
        found.append(f"{state.state}: {state.words}")
    if not alive:
        found.append("no process delivers")
    return "; ".join(found)


async def _somebody_delivers(store: Store, partitions: int) -> bool:
    """Tell whether any delivering process has been heard of lately.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.time()
        for partition in range(partitions):
            pipe.zrange(partition_keys(partition).workers, 0, -1, withscores=True)
        (seconds, _), *workers = await store.guarded(pipe.execute())
    return any(abs(seconds * 1000 - at) <= _SILENCE_MS for found in workers for _, at in found)


async def _full(store: Store, sites: Sequence[Site], known: Outboxes) -> set[tuple[str, str]]:
    """Return the forwarders of which a part of the outbox takes no more entries.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    if not known.most_entries:
        return set()
    links = [(site.name, link.name) for site in sites for link in site.links]
    asked = [(link, partition) for link in links for partition in range(known.partitions)]
    async with store.redis.pipeline(transaction=False) as pipe:
        for link, partition in asked:
            pipe.xlen(outbox_keys(partition, *link).stream)
        waiting = await store.guarded(pipe.execute())
    return {link for (link, _), number in zip(asked, waiting, strict=True) if number >= known.most_entries}
