"""The keys under which one day's events are told apart by visitor; each is destroyed when its time is over.

While a day's key lives, who has it and a visitor's id can find that visitor's rows of the day. Without it nobody can.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from proxy.audit.rows import day_of
from proxy.store.client import Store
from proxy.store.keys import AUDIT_DAY_KEYS

_DAY_MS: Final = 86_400_000


class DayKeys:
    """Keys by day, in the store.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._day = -1
        self._key = b""

    async def of(self, unix_ms: int) -> tuple[int, bytes]:
        """Return a day (counted from 1970) and its key, which is made if there is none.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        day = unix_ms // _DAY_MS
        if day != self._day:
            key = await self._fetch(day_of(day))
            self._day, self._key = day, key
        return self._day, self._key

    async def _fetch(self, day: str) -> bytes:
        redis = self._store.redis
        found: Any = await self._store.guarded(redis.hget(AUDIT_DAY_KEYS, day))
        if found is None:
            await self._store.write("HSETNX", AUDIT_DAY_KEYS, day, secrets.token_hex(32))
            found = await self._store.guarded(redis.hget(AUDIT_DAY_KEYS, day))
        return bytes.fromhex(found.decode())


async def all_keys(store: Store) -> dict[str, bytes]:
    """Return the keys that there are, by day (``YYYY-MM-DD``).

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    found: Any = await store.guarded(store.redis.hgetall(AUDIT_DAY_KEYS))
    return {day.decode(): bytes.fromhex(key.decode()) for day, key in found.items()}


async def destroy_old(store: Store, now_ms: int, days: int) -> list[str]:
    """Destroy the keys of days that are more than so many days ago; return which.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    first_kept = day_before(now_ms, days)
    found: Any = await store.guarded(store.redis.hkeys(AUDIT_DAY_KEYS))
    old = sorted(day.decode() for day in found if day.decode() < first_kept)
    if old:
        await store.guarded(store.redis.hdel(AUDIT_DAY_KEYS, *old))
    return old


def day_before(now_ms: int, days: int) -> str:
    """Return the day that was so many days ago, ``YYYY-MM-DD``."""
    return (datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=days)).strftime("%Y-%m-%d")
