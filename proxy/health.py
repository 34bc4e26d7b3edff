"""How the store and the forwarders are, for ``/readyz``: degraded is not down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from proxy.admin import Part
from proxy.audit.waiting import oldest_waiting
from proxy.delivery.clock import SystemClock
from proxy.delivery.states import read_states
from proxy.site import Site
from proxy.store.assurance import Durability, Finding, assess, takes_writes
from proxy.store.client import Store, StoreUnavailableError

log = logging.getLogger("sayso.store")
Ask = Callable[[], Awaitable[dict[str, Part]]]
_LOOK_S = 60.0
_SOON_S = 5.0
_AUDIT_LATE_S = 60.0


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


def delivery_part(store: Store, sites: Sequence[Site]) -> Ask:
    """Make the question how each forwarder is: one that is paused or failing degrades, and nothing more."""

    async def ask() -> dict[str, Part]:
        try:
            states = {
                (one.site, one.forwarder): one for one in await read_states(store, SystemClock().now_ms())
            }
        except StoreUnavailableError:
            return {}
        found: dict[str, Part] = {}
        for site in sites:
            for link in site.links:
                state = states.get((site.name, link.name))
                found[f"{site.name}.{link.name}"] = (
                    Part("ready") if state is None else Part("degraded", f"{state.state}: {state.words}")
                )
        return found

    return ask
