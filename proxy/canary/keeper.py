"""Keeps a canary while the configuration wants one: its site, its vendor and its turns."""

import asyncio
import logging
from contextlib import suppress

from proxy.admin import Part
from proxy.canary.run import Canary
from proxy.canary.sink import Sink
from proxy.canary.site import NAME, with_canary
from proxy.facts import Fact
from proxy.settings import Settings

log = logging.getLogger("sayso.canary")


class Keeper:
    """Of one start, with one half or both.

    Args:
        key: the installation's secret.
        url: where its own gateway takes events; empty where it has none.
        delivers: whether it delivers: who delivers also sends, and is the vendor.
    """

    def __init__(self, key: bytes, url: str, *, delivers: bool) -> None:
        self._key = key
        self._delivers = delivers
        self._url = url
        self._sink: Sink | None = None
        self._canary: Canary | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def own(self) -> dict[str, str]:
        """What stands in for the vendor's host at the canary's site."""
        return {NAME: self._sink.origin} if self._sink is not None else {}

    async def prepare(self, settings: Settings) -> Settings:
        """Return settings with the canary's site, if they want one; its vendor then listens."""
        if settings.canary.every and self._delivers and self._sink is None:
            self._sink = await Sink().start()
        return with_canary(settings, self._key)

    async def use(self, settings: Settings) -> None:
        """Take turns from now on as these settings, which are in effect, want them."""
        await self._end()
        url = self._url or settings.canary.url
        if self._sink is None or not settings.canary.every_s:
            return
        if not url:
            log.warning("there is no canary, as this process does not know the gateway: set canary.url")
            return
        self._canary = Canary(url, self._key, settings.canary.every_s, self._sink)
        self._task = asyncio.create_task(self._canary.run())

    async def _end(self) -> None:
        task, self._task, self._canary = self._task, None, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def stop(self) -> None:
        """Take no more turns."""
        await self._end()
        if self._sink is not None:
            await self._sink.stop()

    def facts(self) -> list[Fact]:
        """Tell how the turns went; nothing where there are none."""
        return self._canary.facts() if self._canary is not None else []

    async def part(self) -> dict[str, Part]:
        """Say how the last turn went; nothing where there are none."""
        return await self._canary.part() if self._canary is not None else {}
