"""``sayso serve`` with two workers and the embedded Valkey: one command, started again by a supervisor when it dies."""

from pathlib import Path

from chaos.disk import Disk
from chaos.plan import ONE_BLOWS
from chaos.processes import Managed, children, command_of, sayso
from chaos.settings import environment, free_ports, write_config
from chaos.topology import Topology


class One(Topology):
    """See the module.

    Args:
        folder: where everything lives.
        disk: the store's small disk, or None.
        origin: what stands in for all vendors.
    """

    title = "one: sayso serve --workers 2, embedded Valkey"
    blows = ONE_BLOWS

    def __init__(self, folder: Path, disk: Disk | None, *, origin: str) -> None:
        super().__init__(folder, disk)
        public, admin = free_ports(2)
        write_config(folder, origin=origin, store="embedded", public=public, admin=admin)
        self.gateways = [f"http://127.0.0.1:{public}"]
        self.admins = [f"http://127.0.0.1:{admin}"]
        self.environment = environment(folder)
        command = sayso("serve", "--workers", "2", "--config", self.config)
        self._serve = Managed("serve", command, folder, self.environment)
        self.managed = [self._serve]

    async def start(self) -> None:
        """Start it and wait until it takes requests."""
        self._serve.start()
        await self._serve.urls()

    def parents(self) -> list[Managed]:
        """Return the one parent; it delivers as well."""
        return [self._serve]

    def deliverers(self) -> list[Managed]:
        """Return nobody: the parent delivers."""
        return []

    def store_pid(self) -> int | None:
        """Return the embedded Valkey's process id, if it runs."""
        parent = self._serve.pid
        below = children(parent) if parent is not None else []
        return next((pid for pid in below if command_of(pid).split(" ")[0].endswith("valkey-server")), None)

    def store_logs(self) -> list[Path]:
        """Return the embedded Valkey's log."""
        return sorted((self.folder / "disk").glob("valkey.log*"))
