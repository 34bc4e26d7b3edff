"""The connection to the store: scripts, timeouts, and one error for everything that means "not now"."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError

from proxy.store.opener import Opener
from proxy.store.trouble import GONE, StoreUnavailableError, code_of, unavailable
from proxy.store.wire import Arg, Wire

__all__ = ["GONE", "Script", "Store", "StoreUnavailableError", "script"]

_PASSING = frozenset({"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"})
"""Refusals that may be over in a moment: loading, another script running, failing over."""
_ANEW_S = 0.5
"""Seconds between new connections to a server that turned out to be a replica: behind its name may soon be another."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script of ours and its SHA-1, by which the server knows it."""

    name: str
    text: str
    sha: str


@cache
def script(name: str, *, even_full: bool = False) -> Script:
    """Read a script that Sayso ships.

    Args:
        name: of its file.
        even_full: run it at the bound of the store's memory too. Most say so themselves, in their first line.
    """
    text = resources.files("proxy.store").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")
    if even_full:
        text = f"#!lua flags=allow-oom\n{text}"
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_WRITE = script("write")


Watch = Callable[..., None]
"""Told of each script that was run: ``watch(name, seconds, done=...)``; ``done`` is False if the store did not run it."""


class Store:
    """A store by its URL. Every script of ours is safe to repeat, so a lost answer is asked for again.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        patience_s: how long a script may take in all, repeats included, before it counts as unavailable.
        watch: told of each script that was run.
    """

    def __init__(
        self, url: str, *, patience_s: float = 2.0, connections: int = 512, watch: Watch | None = None
    ) -> None:
        self.patience_s = patience_s
        self._watch = watch
        self.redis: Redis = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=patience_s,
            max_connections=connections,
        )
        self._wire = Wire(url)
        self._opener = Opener(self._wire)
        self._connected_anew = 0.0

    async def run(self, wanted: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:  # a RESP value
        """Run a script, again where the connection broke, within ``patience_s`` (half as long again at worst).

        Raises:
            StoreFullError: the store has reached the bound of its memory.
            StoreUnavailableError: it could not be run, or the store refused the write.
        """
        began = asyncio.get_running_loop().time()
        if self._watch is None:
            return await self._run(wanted, keys, args, began)
        try:
            answer = await self._run(wanted, keys, args, began)
        except StoreUnavailableError:
            self._watch(wanted.name, asyncio.get_running_loop().time() - began, done=False)
            raise
        self._watch(wanted.name, asyncio.get_running_loop().time() - began, done=True)
        return answer

    async def _run(self, wanted: Script, keys: Sequence[str], args: Sequence[Arg], began: float) -> Any:
        loop = asyncio.get_running_loop()
        pause = 0.01
        while True:
            if not self._wire.live and not await self._opener.wait(began, self.patience_s):
                raise unavailable(self._opener.trouble or "TimeoutError", wanted.name)
            # Whoever has waited for the connection still needs some time on it: giving up on a command closes it.
            deadline = max(began + self.patience_s, loop.time() + self.patience_s / 2)
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._once(wanted, keys, args)
            except TimeoutError:
                self._opener.suspect(began)
                raise unavailable("TimeoutError", wanted.name) from None
            except ResponseError as error:
                code = code_of(error)
                if code == "READONLY":
                    await self._connect_anew()
                if code not in _PASSING:
                    raise unavailable(code, wanted.name) from None
            except GONE as error:
                code = code_of(error)
            if loop.time() + pause >= began + self.patience_s:
                raise unavailable(code, wanted.name)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, 0.25)

    async def _once(self, wanted: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        try:
            return await self._wire.call("EVALSHA", wanted.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._wire.call("EVAL", wanted.text, len(keys), *keys, *args)

    async def _connect_anew(self) -> None:
        """Give up the connections to what was a primary: after a failover the same name leads to another server."""
        now = asyncio.get_running_loop().time()
        if now - self._connected_anew >= _ANEW_S:
            self._connected_anew = now
            self._wire.close()
            await self.redis.connection_pool.disconnect(inuse_connections=False)

    async def write(self, command: str, key: str, *args: Arg) -> Any:  # a RESP value
        """Do one write that must go through at the bound of the store's memory too: what it takes is small.

        For what operators and delivery need in order to make room again. Safe to repeat, as all our scripts are, only
        if the command is.

        Raises:
            StoreUnavailableError: it could not be done.
        """
        return await self.run(_WRITE, [key], [command, *args])

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
            raise unavailable(code_of(error)) from None

    async def close(self) -> None:
        """Close all connections."""
        self._opener.close()
        self._wire.close()
        await self.redis.aclose()
