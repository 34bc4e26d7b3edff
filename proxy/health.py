"""How the store and the forwarders are, for ``/readyz``: degraded is not down."""

from collections.abc import Awaitable, Callable, Sequence

import orjson

from proxy.admin import Part
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import PREFIX, STATE

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
            states = await store.guarded(store.redis.hgetall(STATE))
        except StoreUnavailableError:
            return {}
        found: dict[str, Part] = {}
        for site in sites:
            for link in site.links:
                raw = states.get(f"{site.name}|{link.name}".encode())
                state = orjson.loads(raw) if raw else {"state": "running"}
                if state["state"] == "running":
                    found[f"{site.name}.{link.name}"] = Part("ready")
                else:
                    words = f"{state['state']}: {state.get('words', '')}"
                    found[f"{site.name}.{link.name}"] = Part("degraded", words)
        return found

    return ask
