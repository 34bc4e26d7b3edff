"""How the store and the forwarders are, for ``/readyz``: degraded is not down."""

from collections.abc import Awaitable, Callable, Sequence

from proxy.admin import Part
from proxy.delivery.clock import SystemClock
from proxy.delivery.states import read_states
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import PREFIX

Ask = Callable[[], Awaitable[dict[str, Part]]]


def store_part(store: Store) -> Ask:
    """Make the question whether the store takes writes: without that no event can be accepted."""

    async def ask() -> dict[str, Part]:
        try:
            await store.guarded(store.redis.set(PREFIX + "probe", 1, ex=60))
        except StoreUnavailableError as error:
            return {"store": Part("not_ready", f"the store takes no writes: {error}")}
        return {"store": Part("ready")}

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
