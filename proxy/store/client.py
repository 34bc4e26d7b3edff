"""The connection to the store: scripts, timeouts, and one error for everything that means "not now"."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from proxy.store.wire import Arg, Wire

# What redis-py raises when the server is gone. AttributeError and TypeError come from writes to a transport that the
# peer has closed (redis-py issue 4287); TimeoutError is asyncio's own.
GONE = (RedisError, OSError, TimeoutError, AttributeError, TypeError)


class StoreUnavailableError(Exception):
    """The store cannot answer or cannot take writes now. Nothing may be acknowledged."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script of ours and its SHA-1, by which the server knows it."""

    name: str
    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """Read a script that Sayso ships."""
    text = resources.files("proxy.store").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class Store:
    """A store by its URL. Every script of ours is safe to repeat, so a lost answer is asked for again.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        patience_s: how long a script may take in all, repeats included, before it counts as unavailable.
    """

    def __init__(self, url: str, *, patience_s: float = 2.0, connections: int = 512) -> None:
        self.patience_s = patience_s
        self.redis: Redis = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=patience_s,
            max_connections=connections,
        )
        self._wire = Wire(url)

    async def run(self, wanted: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:  # a RESP value
        """Run a script, again where the connection broke, within ``patience_s``.

        Raises:
            StoreUnavailableError: it could not be run, or the store refused the write.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience_s
        pause = 0.01
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._once(wanted, keys, args)
            except ResponseError as error:
                if not _passing(error):
                    raise StoreUnavailableError(f"{wanted.name}: {_word(error)}") from None
                word = _word(error)
            except GONE as error:
                word = type(error).__name__
            if loop.time() + pause >= deadline:
                raise StoreUnavailableError(f"{wanted.name}: {word}")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, 0.25)

    async def _once(self, wanted: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        try:
            return await self._wire.call("EVALSHA", wanted.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._wire.call("EVAL", wanted.text, len(keys), *keys, *args)

    async def ping(self) -> bool:
        """Tell whether the store answers within a second."""
        try:
            async with asyncio.timeout(1.0):
                return bool(await self.redis.ping())
        except GONE:
            return False

    async def guarded(self, command: Awaitable[Any]) -> Any:
        """Await a single command of ``redis`` under the same patience and the same error.

        Raises:
            StoreUnavailableError: it failed.
        """
        try:
            async with asyncio.timeout(self.patience_s):
                return await command
        except GONE as error:
            raise StoreUnavailableError(_word(error)) from None

    async def close(self) -> None:
        """Close all connections."""
        self._wire.close()
        await self.redis.aclose()


def _word(error: BaseException) -> str:
    """Name an error without its text, which may quote keys and with them a visitor's id."""
    text = str(error)
    first = text.split(" ", 1)[0] if text else ""
    return first if first.isupper() and first.isascii() and len(first) < 24 else type(error).__name__


def _passing(error: ResponseError) -> bool:
    """Tell whether a refusal may be over in a moment: loading, failing over, another script running."""
    return str(error).split(" ", 1)[0] in {"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"}
