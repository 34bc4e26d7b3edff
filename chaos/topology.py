"""Two ways to run Sayso, both of real processes, and the blows that can be dealt to each."""

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from chaos.disk import Disk
from chaos.plan import Blow, Strike
from chaos.processes import Managed, children, command_of

_LOOKS, _LOOK_S = 30, 0.1
_SLICES = (0.25, 0.03)
"""Seconds for which a store on a slow disk stands still and runs, in turns."""


class Topology(ABC):
    """Processes, and what can be done to them.

    Args:
        folder: where everything lives.
        disk: the store's small disk, or None where none can be mounted.
    """

    title: str
    blows: Sequence[Blow]

    def __init__(self, folder: Path, disk: Disk | None) -> None:
        self.folder = folder
        self.disk = disk
        self.managed: list[Managed] = []
        self.config = folder / "sayso.toml"
        self.environment: dict[str, str] = {}
        self.gateways: list[str] = []
        self.admins: list[str] = []
        self._stopped: set[int] = set()

    @abstractmethod
    async def start(self) -> None:
        """Start everything and wait until it takes requests."""

    @abstractmethod
    def parents(self) -> list[Managed]:
        """Return the processes that have gateway workers below them."""

    @abstractmethod
    def deliverers(self) -> list[Managed]:
        """Return the processes that only deliver."""

    @abstractmethod
    def store_pid(self) -> int | None:
        """Return the process id of Valkey, if it runs."""

    @abstractmethod
    def store_logs(self) -> list[Path]:
        """Return the files in which Valkey says how it is."""

    async def stop(self) -> list[str]:
        """End everything in order; returns who did not end in time."""
        results = await asyncio.gather(*(one.stop() for one in self.managed))
        return [one.name for one, in_time in zip(self.managed, results, strict=True) if not in_time]

    def heal(self) -> None:
        """Undo whatever a blow has left behind."""
        for pid in list(self._stopped):
            self._thaw(pid)
        if self.disk is not None:
            self.disk.free()

    # --- blows ------------------------------------------------------------------------------------------------------

    async def strike(self, strike: Strike) -> str:
        """Deal a blow and, where it lasts, wait and end it. Returns what was hit, "" if there was nothing to hit."""
        match strike.blow:
            case Blow.KILL_WORKER | Blow.KILL_PARENT | Blow.KILL_DELIVER | Blow.KILL_STORE:
                return await self._signal(strike, signal.SIGKILL)
            case Blow.TERM_PARENT | Blow.TERM_DELIVER:
                return await self._signal(strike, signal.SIGTERM)
            case Blow.STOP_WORKER | Blow.STOP_PARENT | Blow.STOP_DELIVER | Blow.STOP_STORE:
                return await self._stand_still(strike)
            case Blow.FULL_DISK:
                return await self._full(strike)
            case Blow.SLOW_DISK:
                return await self._slow(strike)
            case _:
                return await self.cut(strike)

    async def cut(self, strike: Strike) -> str:
        """Do something to the connections to the store, where there is a way to."""
        return ""

    async def _found(self, strike: Strike) -> int | None:
        """Return whom to hit, waiting a moment for it to be there: it may just be starting again."""
        for _ in range(_LOOKS):
            if (pid := self._target(strike)) is not None:
                return pid
            await asyncio.sleep(_LOOK_S)
        return None

    def _target(self, strike: Strike) -> int | None:
        match strike.blow:
            case Blow.KILL_WORKER | Blow.STOP_WORKER:
                found = self._workers()
            case Blow.KILL_STORE | Blow.STOP_STORE | Blow.SLOW_DISK:
                store = self.store_pid()
                found = [store] if store is not None else []
            case Blow.KILL_DELIVER | Blow.STOP_DELIVER | Blow.TERM_DELIVER:
                found = [one.pid for one in self.deliverers() if one.pid is not None]
            case _:
                found = [one.pid for one in self.parents() if one.pid is not None]
        return found[strike.which % len(found)] if found else None

    def _workers(self) -> list[int]:
        parents = [one.pid for one in self.parents() if one.pid is not None]
        below = [pid for parent in parents for pid in children(parent)]
        return sorted(pid for pid in below if "proxy.worker" in command_of(pid))

    async def _signal(self, strike: Strike, number: signal.Signals) -> str:
        pid = await self._found(strike)
        return f"pid {pid}" if pid is not None and _kill(pid, number) else ""

    async def _stand_still(self, strike: Strike) -> str:
        pid = await self._found(strike)
        if pid is None or not _kill(pid, signal.SIGSTOP):
            return ""
        self._stopped.add(pid)
        await asyncio.sleep(strike.lasts)
        self._thaw(pid)
        return f"pid {pid}"

    def _thaw(self, pid: int) -> None:
        self._stopped.discard(pid)
        _kill(pid, signal.SIGCONT)

    async def _full(self, strike: Strike) -> str:
        if self.disk is None:
            return ""
        self.disk.fill()
        await asyncio.sleep(strike.lasts)
        self.disk.free()
        return str(self.disk.folder)

    async def _slow(self, strike: Strike) -> str:
        pid = await self._found(strike)
        if pid is None:
            return ""
        still, runs = _SLICES
        for _ in range(max(int(strike.lasts / sum(_SLICES)), 1)):
            if not _kill(pid, signal.SIGSTOP):
                break
            self._stopped.add(pid)
            await asyncio.sleep(still)
            self._thaw(pid)
            await asyncio.sleep(runs)
        return f"pid {pid}"


def _kill(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
