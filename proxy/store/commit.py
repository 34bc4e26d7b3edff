"""Group commit: what arrives while a flush is on its way forms the next one. Nobody waits on purpose."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from proxy.store.trouble import StoreUnavailableError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    weight: int
    size: int
    future: asyncio.Future[R]


class GroupCommit(Generic[T, R]):
    """Hands whatever has gathered to ``flush``, one flush at a time, and gives each its own part of the answer.

    ``flush`` returns one result per item. An item is never split over two flushes. If a flush fails, every item of that
    group fails with the same error and none is acknowledged; if the store is away, so does everything that waits
    behind it.

    Args:
        flush: does the work of a group.
        largest: weight of a group, unless its first item alone weighs more.
        bound: weight of all that may wait; beyond it the store counts as unavailable, so that memory stays bounded and
            the client is told.
        bound_bytes: the same in bytes.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        largest: int = 256,
        bound: int = 20_000,
        bound_bytes: int = 64 << 20,
    ) -> None:
        self._flush = flush
        self._largest = largest
        self._bound = bound
        self._bound_bytes = bound_bytes
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._weight = 0
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    def submit(self, item: T, *, weight: int = 1, size: int = 0) -> asyncio.Future[R]:
        """Put an item into the next flush; the future holds its result.

        Args:
            item: what is to be flushed.
            weight: how much of a group it is.
            size: its bytes, roughly.

        Raises:
            StoreUnavailableError: too much waits already.
        """
        if self._weight + weight > self._bound or self._bytes + size > self._bound_bytes:
            raise StoreUnavailableError("too much waits for the store")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append(_Waiting(item, weight, size, future))
        self._weight += weight
        self._bytes += size
        if self._task is None:
            self._task = loop.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._one(self._next())
        finally:
            self._task = None

    def _next(self) -> list[_Waiting[T, R]]:
        waiting = self._waiting
        group = [waiting.popleft()]
        weight, size = group[0].weight, group[0].size
        while waiting and weight + waiting[0].weight <= self._largest:
            one = waiting.popleft()
            weight += one.weight
            size += one.size
            group.append(one)
        self._weight -= weight
        self._bytes -= size
        return group

    async def _one(self, group: list[_Waiting[T, R]]) -> None:
        try:
            results = await self._flush([one.item for one in group])
        except BaseException as error:  # whatever it is, each who waits is told, or would wait for ever
            if isinstance(error, StoreUnavailableError):
                # Who waited behind this group has waited as long: nobody is better off for trying one after the other.
                group += self._waiting
                self._waiting.clear()
                self._weight = self._bytes = 0
            for one in group:
                if not one.future.done():
                    one.future.set_exception(
                        error if isinstance(error, Exception) else StoreUnavailableError("stopping")
                    )
                    one.future.exception()  # a client that has gone away leaves nobody to look at it
            if not isinstance(error, Exception):
                raise
            return
        for one, result in zip(group, results, strict=True):
            if not one.future.done():
                one.future.set_result(result)

    async def close(self) -> None:
        """Wait until nothing is on its way any more."""
        while self._task is not None:
            await asyncio.wait([self._task])
