"""Two gateways and three deliverers on one Valkey, with a proxy in between that cuts their connections."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from chaos.cutting import CuttingProxy
from chaos.disk import Disk
from chaos.plan import APART_BLOWS, Blow, Strike
from chaos.processes import Managed, NotReadyError, sayso
from chaos.settings import environment, free_ports, write_config
from chaos.topology import Topology
from proxy.store.embedded_place import prepare
from proxy.store.embedded_server import find_binary

_GATEWAYS = 2
_DELIVERERS = 3
_STARTS_S = 20.0


class Apart(Topology):
    """See the module.

    Args:
        folder: where everything lives.
        disk: the store's small disk, or None.
        origin: what stands in for all vendors.
        seed: for where replies are cut.
    """

    title = (
        f"apart: {_GATEWAYS} sayso gateway, {_DELIVERERS} sayso deliver, one Valkey behind a proxy that cuts"
    )
    blows = APART_BLOWS

    def __init__(self, folder: Path, disk: Disk | None, *, origin: str, seed: int) -> None:
        super().__init__(folder, disk)
        ports = free_ports(1 + 2 * _GATEWAYS + _DELIVERERS)
        data = folder / "disk"
        data.mkdir(mode=0o700, exist_ok=True)
        self._socket = prepare(folder).socket  # a path that is short enough, whatever the folder is called
        self._socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.proxy = CuttingProxy(self._socket, seed, ports[0])
        write_config(
            folder, origin=origin, store=f"redis://127.0.0.1:{ports[0]}", public=ports[1], admin=ports[2]
        )
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "dir": str(data),
            "logfile": str(folder / "valkey.log"),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
        }
        command = [
            str(find_binary()),
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ]
        self._valkey = Managed("valkey", command, folder)
        self.environment = environment(folder)
        self._gateways: list[Managed] = []
        for number in range(_GATEWAYS):
            public, admin = ports[1 + 2 * number : 3 + 2 * number]
            self.gateways.append(f"http://127.0.0.1:{public}")
            self.admins.append(f"http://127.0.0.1:{admin}")
            addresses = ("--listen", f"127.0.0.1:{public}", "--admin-listen", f"127.0.0.1:{admin}")
            words = sayso("gateway", "--config", self.config, *addresses)
            self._gateways.append(Managed(f"gateway-{number}", words, folder, self.environment))
        self._deliverers: list[Managed] = []
        for number, admin in enumerate(ports[1 + 2 * _GATEWAYS :]):
            self.admins.append(f"http://127.0.0.1:{admin}")
            words = sayso("deliver", "--config", self.config, "--admin-listen", f"127.0.0.1:{admin}")
            self._deliverers.append(Managed(f"deliver-{number}", words, folder, self.environment))
        self._stack = AsyncExitStack()

    @property
    def managed_store(self) -> Managed:
        """The store's process."""
        return self._valkey

    async def start(self) -> None:
        """Start the store, the proxy, and then everything that stands on them."""
        self._valkey.start()
        await self._stack.enter_async_context(self.proxy)
        await self._store_answers()
        self.managed = [*self._gateways, *self._deliverers]
        for one in self.managed:
            one.start()
        await asyncio.gather(*(one.urls() for one in self.managed))

    async def _store_answers(self) -> None:
        try:
            async with asyncio.timeout(_STARTS_S):
                while True:
                    try:
                        _, writer = await asyncio.open_unix_connection(str(self._socket))
                    except OSError:
                        await asyncio.sleep(0.05)
                        continue
                    writer.close()
                    return
        except TimeoutError:
            raise NotReadyError("Valkey does not answer") from None

    async def stop(self) -> list[str]:
        """End everything in order, the store last."""
        late = await super().stop()
        await self._stack.aclose()
        if not await self._valkey.stop():
            late.append(self._valkey.name)
        self._socket.unlink(missing_ok=True)
        if self._socket.parent != self.folder:
            self._socket.parent.rmdir()
        return late

    def heal(self) -> None:
        """Undo whatever a blow has left behind."""
        super().heal()
        self.proxy.heal()

    def parents(self) -> list[Managed]:
        """Return the gateways' parents."""
        return self._gateways

    def deliverers(self) -> list[Managed]:
        """Return those who deliver."""
        return self._deliverers

    def store_pid(self) -> int | None:
        """Return Valkey's process id, if it runs."""
        return self._valkey.pid

    def store_logs(self) -> list[Path]:
        """Return Valkey's log."""
        return [self.folder / "valkey.log"]

    async def cut(self, strike: Strike) -> str:
        """Do something to the connections to the store."""
        match strike.blow:
            case Blow.CUT_MID_REPLY:
                before = self.proxy.cuts
                self.proxy.arm(1 + strike.which % 6)
                await asyncio.sleep(min(strike.lasts, 1.5))
                return f"{self.proxy.cuts - before} replies"
            case Blow.CUT_ALL:
                self.proxy.cut_all()
            case Blow.STALL:
                self.proxy.stall()
            case Blow.SWALLOW:
                self.proxy.swallow()
            case _:
                self.proxy.refuse()
        if strike.blow is not Blow.CUT_ALL:
            await asyncio.sleep(strike.lasts)
            self.proxy.heal()
        return "all connections"
