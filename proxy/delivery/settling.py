"""Settling that does not give up: what was decided is kept until the store has taken it, and nothing is sent twice."""

import asyncio
import logging
from collections.abc import Sequence

from proxy.store.claims import Claims, Operation
from proxy.store.client import StoreUnavailableError
from proxy.store.commit import GroupCommit

log = logging.getLogger("sayso.delivery")

_AT_ONCE = 250
"""Operations in one script; more would keep the store from answering others."""


class Settler:
    """Settles operations of one outbox partition, those of many batches together.

    What waits is bounded by what is in hand: every batch awaits its own settling.

    Args:
        claims: the outbox.
        name: ``site/forwarder``, for logs.
        pause_s: between attempts while the store is away.
    """

    def __init__(self, claims: Claims, name: str, *, pause_s: float) -> None:
        self._claims = claims
        self._name = name
        self._pause_s = pause_s
        self._group: GroupCommit[Sequence[Operation], None] = GroupCommit(self._flush, largest=100)

    async def settle(self, operations: Sequence[Operation]) -> None:
        """Settle operations, however long the store is away. Doing it again is safe: each acts once."""
        left = operations
        away = False
        while left:
            part, rest = left[:_AT_ONCE], left[_AT_ONCE:]
            try:
                await self._group.submit(part)
            except StoreUnavailableError as error:
                if not away:
                    away = True
                    log.warning("%s: cannot settle, the store is away (%s)", self._name, error)
                await asyncio.sleep(self._pause_s)
            else:
                left = rest

    async def _flush(self, groups: Sequence[Sequence[Operation]]) -> list[None]:
        operations = [operation for group in groups for operation in group]
        for start in range(0, len(operations), _AT_ONCE):
            await self._claims.settle(operations[start : start + _AT_ONCE])
        return [None] * len(groups)
