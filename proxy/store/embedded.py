"""The store for installations without a Redis of their own: a Valkey that Sayso starts and looks after.

Owns the life of that server and never its contents. One process per data_dir is its *owner* and keeps it running; any
further process *attaches* to the same server, and takes over when the owner is gone. A server that outlived its owner
is *adopted*, never doubled: two servers on one append-only file would destroy it (see `embedded_place`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from proxy.store.embedded_end import end_server
from proxy.store.embedded_place import Lock, Place, StoreStartError, prepare
from proxy.store.embedded_server import Durability, find_binary, how_ended, last_words, launch, log_size
from proxy.store.embedded_wire import PATIENCE, Patience, Silence, Wire, WireError, greet

if TYPE_CHECKING:
    import logging
    import subprocess
    from pathlib import Path

__all__ = ["EmbeddedStore", "StoreStartError"]

_OWNER_CHECK = 1.0
"""Seconds between an attached process's looks at whether there still is an owner."""
_DYING = 0.35
"""Seconds that an orphan must live on to be adopted. One that was told to end acts on it at its next tick, of 0.1 s."""
_STEADY = 10.0
"""Seconds a server must have run for its end not to count towards the backoff."""
_BACKOFF = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a restart, by how many quick ends came before it."""


@dataclass(slots=True, eq=False)
class EmbeddedStore:
    """A running embedded Valkey, and this process's part in it.

    Attributes:
        socket: unix socket on which it listens.
        owner: whether this process is the one that restarts and ends it.
        pid: process id of the server; another one after a restart.
        restarts: how often this process started the server again.
    """

    place: Place
    socket: Path
    durability: Durability
    log: logging.Logger
    binary: Path
    max_memory: int = 0
    owner: bool = False
    pid: int = 0
    restarts: int = 0
    _owner_lock: Lock | None = None
    _child: subprocess.Popen[bytes] | None = None
    _lifeline: Wire | None = None
    _since: float = 0.0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def start(
        cls, data_dir: Path, *, durability: Durability, log: logging.Logger, max_memory: int = 0
    ) -> Self:
        """Own, adopt or attach to the server of `data_dir`, and return once it answers.

        Args:
            data_dir: its files; made with mode 0700 if absent.
            durability: `always` (synced to disk before each answer) or `everysec`.
            log: gets one line for each start, takeover and unexpected end.
            max_memory: bytes of data above which it takes nothing new; 0 is no bound. The owner's counts.

        Raises:
            StoreStartError: with one readable line.
        """
        binary = find_binary()
        place = prepare(data_dir)
        store = cls(
            place=place,
            socket=place.socket,
            durability=durability,
            log=log,
            binary=binary,
            max_memory=max_memory,
        )
        joined = False
        try:
            await store._join()
            joined = True
        finally:
            if not joined:
                store._let_go()
        return store

    async def watch(self) -> None:
        """Keep the server there until `stop`; to be run as a task.

        The owner restarts it when it ends, at once and then ever later; an attached process takes over when the
        owner is gone. Failures are logged and tried again.
        """
        failures = 0
        while not self._stopping.is_set():
            ended = await self._lifeline_ended(None if self.owner else _OWNER_CHECK)
            if ended:
                self._report_end()
                quick = asyncio.get_running_loop().time() - self._since < _STEADY
                failures = min(failures + 1, len(_BACKOFF) - 1) if quick else 0
                await self._pause(_BACKOFF[failures])
            async with self._turn:
                if self._stopping.is_set():
                    return
                try:
                    if ended or self._claim():
                        await self._join()
                except StoreStartError as error:
                    self._since = asyncio.get_running_loop().time()
                    if not self._stopping.is_set():
                        self.log.error("embedded store: %s", error)  # noqa: TRY400 - one readable line, no traceback

    async def stop(self) -> None:
        """Let go of the server; the owner ends it, and returns when all is on disk and the process is gone.

        An attached process merely hangs up. May be called more than once.
        """
        self._stopping.set()
        async with self._turn:
            try:
                if self.owner:
                    self._reap()
                    trouble = await end_server(self.place, self._child)
                    self._reap()
                    if trouble:
                        self.log.warning("embedded store: the server (pid %d) %s", self.pid, trouble)
            except StoreStartError as error:  # data_dir was removed under us
                self.log.warning("embedded store: %s", error)
            finally:
                self._let_go()

    # -- joining ----------------------------------------------------------------------------------------------------

    async def _join(self) -> None:
        """Become the owner if there is none, else attach to the owner's server."""
        self._hang_up()
        wait = Patience()
        while True:
            if self._owner_lock is not None or self._claim():
                await self._own()
                return
            answer = await self._greet()
            if isinstance(answer, Wire) and await self._settle(answer):
                self.log.info("embedded store: attached to the server of another process (pid %d)", self.pid)
                return
            await self._wait(wait, answer, f"the owner of {self.place.root} has no server that answers")

    def _claim(self) -> bool:
        """Take the owner's lock if it is free."""
        if self._owner_lock is None:
            self._owner_lock = Lock.take(self.place.owner_lock)
        self.owner = self._owner_lock is not None
        return self.owner

    async def _own(self) -> None:
        """As the owner: start a server, unless one that outlived its owner lives on."""
        wait = Patience()
        while True:
            self._reap()
            lock = Lock.take(self.place.server_lock)
            if lock is not None:
                await self._launch(lock)
                return
            answer = await self._greet()
            if isinstance(answer, Wire) and await self._outlives(answer) and await self._settle(answer):
                if self._child is None:
                    self.log.warning("embedded store: adopted a server without an owner (pid %d)", self.pid)
                return
            await self._wait(wait, answer, f"a server that does not answer still has {self.place.root} open")

    async def _launch(self, lock: Lock) -> None:
        if self._since:
            self.restarts += 1
        self.socket = self.place.socket
        logged = log_size(self.place)
        self._child = child = launch(self.binary, self.place, self.durability, self.max_memory, lock)
        wait = Patience()
        ready = False
        try:
            while not ready:
                answer = await greet(self.place.socket)
                if isinstance(answer, Wire) and await self._settle(answer):
                    ready = True
                    self.log.info("embedded store: Valkey answers (pid %d)", self.pid)
                    return
                if child.poll() is not None:
                    said = f"{last_words(self.place, logged)}; see {self.place.log}"
                    raise StoreStartError(
                        f"Valkey ended at its start ({how_ended(child.returncode)}): {said}"
                    )
                await self._wait(
                    wait, answer, f"the Valkey just started in {self.place.root} does not answer"
                )
        finally:
            if not ready:
                child.kill()
                child.wait()

    async def _wait(self, patience: Patience, answer: Wire | Silence, trouble: str) -> None:
        if self._stopping.is_set():
            raise StoreStartError("stopped while waiting for the server")
        if not await patience.another(answer):
            raise StoreStartError(f"{trouble} (waited {PATIENCE:.0f} s)")

    async def _greet(self) -> Wire | Silence:
        answer: Wire | Silence = Silence.NOBODY
        for path in self.place.sockets():
            answer = await greet(path)
            self.socket = path
            if answer is not Silence.NOBODY:
                break
        return answer

    async def _outlives(self, wire: Wire) -> bool:
        """Whether an orphan is there to stay. The usual one has been told by the kernel to end with its owner."""
        try:
            async with asyncio.timeout(_DYING):
                await wire.ended()
        except TimeoutError:
            return True
        wire.close()
        return False

    async def _settle(self, wire: Wire) -> bool:
        """Take `wire` as our hold on the server; False if it ended in the meantime."""
        try:
            self.pid = await wire.server_pid()
            # The stronger promise wins: an adopted or shared server may have been started with the weaker one.
            if self.durability == "always" or self.owner:
                await wire.call("CONFIG", "SET", "appendfsync", self.durability)
            if self.owner:
                await wire.call("CONFIG", "SET", "maxmemory", str(self.max_memory))
        except (OSError, WireError):
            wire.close()
            return False
        self._lifeline = wire
        self._since = asyncio.get_running_loop().time()
        return True

    # -- watching and ending ----------------------------------------------------------------------------------------

    async def _lifeline_ended(self, seconds: float | None) -> bool:
        if self._lifeline is None:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._lifeline.ended()
        except TimeoutError:
            return False
        return True

    def _report_end(self) -> None:
        if self._stopping.is_set() or self._lifeline is None:
            return
        how = "no child of this process" if self._child is None else how_ended(self._child.poll())
        self.log.warning("embedded store: the server (pid %d) is gone (%s)", self.pid, how)

    def _reap(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    def _hang_up(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None

    def _let_go(self) -> None:
        self._hang_up()
        if self._owner_lock is not None:
            self._owner_lock.release()
            self._owner_lock = None
        self.owner = False

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
