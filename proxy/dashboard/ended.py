"""Logins that were ended before their time, in the store: so that a logout holds in every process, and after a restart."""

from dataclasses import dataclass

from proxy.dashboard.login import SESSION_S
from proxy.store.client import Store
from proxy.store.keys import ended_login_key


@dataclass(frozen=True, slots=True)
class StoredLogins:
    """See ``proxy.dashboard.access.Logins``."""

    store: Store

    async def ended(self, session: str) -> bool:
        """Tell whether somebody has logged out of it.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        return bool(await self.store.guarded(self.store.redis.exists(ended_login_key(session))))

    async def end(self, session: str) -> None:
        """Remember so, until it would have ended by itself.

        Raises:
            StoreUnavailableError: the store does not take it.
        """
        await self.store.guarded(self.store.redis.set(ended_login_key(session), b"1", ex=SESSION_S))
