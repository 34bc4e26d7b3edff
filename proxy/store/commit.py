"""Group commit: what arrives while a flush is on its way forms the next one. Nobody waits on purpose."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from proxy.store.client import StoreUnavailableError

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Hands whatever has gathered to ``flush``, one flush at a time, and gives each its own part of the answer.

    ``flush`` returns one result per item. If it fails, every item of that group fails with the same error and none
    is acknowledged; if the store is away, so does everything that waits behind it. ``bound`` limits what may wait: beyond it the store counts as unavailable, so that memory stays
    bounded and the client is told.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        largest: int = 256,
        bound: int = 20_000,
    ) -> None:
        self._flush = flush
        self._largest = largest
        self._bound = bound
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    def submit(self, item: T) -> asyncio.Future[R]:
        """Put an item into the next flush; the future holds its result.

        Raises:
            StoreUnavailableError: too many wait already.
        """
        if len(self._waiting) >= self._bound:
            raise StoreUnavailableError("too many requests wait for the store")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = loop.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                group = self._waiting[: self._largest]
                del self._waiting[: self._largest]
                await self._one(group)
        finally:
            self._task = None

    async def _one(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._flush([item for item, _ in group])
        except BaseException as error:
            if isinstance(error, StoreUnavailableError):
                # Who waited behind this group has waited as long: nobody is better off for trying one after the other.
                group += self._waiting
                self._waiting.clear()
            for _, future in group:
                if not future.done():
                    future.set_exception(
                        error if isinstance(error, Exception) else StoreUnavailableError("stopping")
                    )
                    future.exception()  # a client that has gone away leaves nobody to look at it
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def close(self) -> None:
        """Wait until nothing is on its way any more."""
        while self._task is not None:
            await asyncio.wait([self._task])
