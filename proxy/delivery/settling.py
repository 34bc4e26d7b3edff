"""Settling that does not give up: what was decided is kept until the store has taken it, and nothing is sent twice."""

import asyncio
import logging
from collections.abc import Sequence

from proxy.store.claims import Claims, Operation
from proxy.store.client import StoreUnavailableError

log = logging.getLogger("sayso.delivery")

_AT_ONCE = 250
"""Operations in one script; more would keep the store from answering others."""


class Settler:
    """Settles operations of one outbox partition, those of many batches together.

    What waits is bounded by what is in hand: every batch awaits its own settling.

    Args:
        claims: the outbox.
        name: ``site/forwarder``, for logs.
        gather_s: how long to wait for others' operations; where each event is a request, that saves a round trip each.
        pause_s: between attempts while the store is away.
    """

    def __init__(self, claims: Claims, name: str, *, gather_s: float, pause_s: float) -> None:
        self._claims = claims
        self._name = name
        self._gather_s = gather_s
        self._pause_s = pause_s
        self._waiting: list[tuple[Sequence[Operation], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def settle(self, operations: Sequence[Operation]) -> None:
        """Settle operations, however long the store is away. Doing it again is safe: each acts once."""
        if not operations:
            return
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((operations, settled))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        await settled

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._gather_s)
                group, self._waiting = self._waiting, []
                await self._settle_all([operation for operations, _ in group for operation in operations])
                for _, settled in group:
                    if not settled.done():
                        settled.set_result(None)
        finally:
            self._task = None

    async def _settle_all(self, operations: Sequence[Operation]) -> None:
        away = False
        start = 0
        while start < len(operations):
            try:
                await self._claims.settle(operations[start : start + _AT_ONCE])
            except StoreUnavailableError as error:
                if not away:
                    away = True
                    log.warning("%s: cannot settle, the store is away (%s)", self._name, error)
                await asyncio.sleep(self._pause_s)
            else:
                start += _AT_ONCE

    async def close(self, within_s: float) -> None:
        """Let what waits be settled; what the store has not taken by then, others will do again."""
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=within_s)
            for task in late:
                task.cancel()
