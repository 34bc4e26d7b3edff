"""How each forwarder is, published in the store for ``readyz``, ``status`` and metrics; and operators' orders, read there.

``sayso:state``   hash ``site|forwarder`` to JSON ``{"state", "words", "since", "at"}`` (Unix ms); absent while it runs.
``sayso:orders``  hash ``site|forwarder`` to ``pause`` or ``resume|<Unix ms>``; absent: none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from proxy.delivery.backoff import Breaker, State
from proxy.delivery.clock import Clock
from proxy.store.client import Store
from proxy.store.keys import PREFIX

STATES: Final = PREFIX + "state"
ORDERS: Final = PREFIX + "orders"
_RENEWED_MS: Final = 15_000
STALE_MS: Final = 4 * _RENEWED_MS
"""A state that nobody has renewed for so long is of a process that is gone."""
_MOST_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class LinkState:
    """How a forwarder of a site is, since when (Unix ms; 0 where it runs), and what the vendor said."""

    site: str
    forwarder: str
    state: State
    words: str
    since: int


class Board:
    """Keeps the breakers of one process and the store's two hashes in step.

    Args:
        store: the store.
        breakers: by site and forwarder.
        clock: the time.
    """

    def __init__(self, store: Store, breakers: Mapping[tuple[str, str], Breaker], clock: Clock) -> None:
        self._store = store
        self._breakers = breakers
        self._clock = clock
        self._shown: dict[tuple[str, str], LinkState] = {}
        self._shown_at: dict[tuple[str, str], float] = {}
        self._obeyed: Mapping[str, str] | None = None
        self._left = False

    def states(self) -> list[LinkState]:
        """Return how each forwarder is, as this process sees it."""
        now_ms = self._clock.now_ms()
        found: list[LinkState] = []
        for (site, name), breaker in self._breakers.items():
            state, words = breaker.state, breaker.words[:_MOST_WORDS]
            last = self._shown.get((site, name))
            since = last.since if last is not None and last.state is state else now_ms
            found.append(LinkState(site, name, state, words, 0 if state is State.RUNNING else since))
        return found

    async def turn(self) -> None:
        """Obey what operators have ordered, and publish what has changed.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        orders = await self._store.guarded(self._store.redis.hgetall(ORDERS))
        self._obey({field.decode(): order.decode() for field, order in orders.items()})
        now_ms, clock_s = self._clock.now_ms(), self._clock.monotonic()
        for one in self.states():
            if self._left:
                return
            key = (one.site, one.forwarder)
            if one.state is State.RUNNING:
                if self._shown.pop(key, None) is not None:
                    await self._store.guarded(self._store.redis.hdel(STATES, _field(*key)))
            elif self._shown.get(key) != one or (clock_s - self._shown_at[key]) * 1000 >= _RENEWED_MS:
                body = {"state": one.state, "words": one.words, "since": one.since, "at": now_ms}
                await self._store.write("HSET", STATES, _field(*key), orjson.dumps(body))
                self._shown[key] = one
                self._shown_at[key] = clock_s

    def _obey(self, orders: Mapping[str, str]) -> None:
        for (site, name), breaker in self._breakers.items():
            order = orders.get(_field(site, name), "")
            word = order.partition("|")[0]
            breaker.hold(word == "pause")
            # An order is new if it was not there before. Its time only tells it from the one before: clocks may be wrong.
            if (
                word == "resume"
                and self._obeyed is not None
                and self._obeyed.get(_field(site, name)) != order
            ):
                breaker.resume()
        self._obeyed = orders

    async def leave(self) -> None:
        """Take back what this process has published, and publish nothing any more. Orders are still obeyed.

        Raises:
            StoreUnavailableError: the store does not answer; it grows stale by itself.
        """
        self._left = True
        if self._shown:
            fields = [_field(*key) for key in self._shown]
            self._shown.clear()
            await self._store.guarded(self._store.redis.hdel(STATES, *fields))


async def read_states(store: Store, now_ms: int) -> list[LinkState]:
    """Return the forwarders that do not run, as the delivering processes say.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    return parse_states(await store.guarded(store.redis.hgetall(STATES)), now_ms)


def parse_states(fields: Mapping[bytes, bytes], now_ms: int) -> list[LinkState]:
    """Read the hash of states; what is stale or not ours is left out."""
    found: list[LinkState] = []
    for field, raw in fields.items():
        site, _, name = field.decode().partition("|")
        try:
            body = orjson.loads(raw)
            if abs(now_ms - body["at"]) <= STALE_MS:
                found.append(LinkState(site, name, State(body["state"]), body["words"], body["since"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def paused_by_operator(orders: Mapping[bytes, bytes]) -> set[tuple[str, str]]:
    """Read the hash of orders: return site and forwarder of those that an operator has paused."""
    return {
        (site, name)
        for site, _, name in (
            field.decode().partition("|") for field, order in orders.items() if order == b"pause"
        )
    }


async def pause(store: Store, site: str, forwarder: str) -> None:
    """Order a forwarder to send nothing until it is resumed. Its entries are kept, and age.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    await store.write("HSET", ORDERS, _field(site, forwarder), "pause")


async def resume(store: Store, site: str, forwarder: str, now_ms: int) -> None:
    """Order a forwarder to send again: at once, whether an operator or the vendor's refusal had paused it.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    await store.write("HSET", ORDERS, _field(site, forwarder), f"resume|{now_ms}")


def _field(site: str, forwarder: str) -> str:
    return f"{site}|{forwarder}"
