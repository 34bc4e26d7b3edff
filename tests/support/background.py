"""A loop in a thread of its own, for tests that speak to a server with a client that waits."""

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

Started = TypeVar("Started")


class Background:
    """``with Background() as background: rig = background.start(Rig(...))``. What was started ends in turn, last first."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def start(self, manager: AbstractAsyncContextManager[Started]) -> Started:
        """Enter a context in that loop; it is left at the end."""
        entering = self._stack.enter_async_context(manager)
        return asyncio.run_coroutine_threadsafe(entering, self._loop).result(30)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result(30)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
