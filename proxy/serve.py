"""``sayso serve`` and its halves: starts what belongs together, puts a changed configuration in effect, ends it in order."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from proxy.admin import Health, Part, make_admin
from proxy.admin_events import explained, guard_of
from proxy.assemble import NotUsableError, OpenStore, bind, make_ledger, open_store, url_of
from proxy.audit.ledger import Ledger
from proxy.compile import compile_sites
from proxy.delivery.delivery import Delivery
from proxy.exposition import expose
from proxy.geo import Geo
from proxy.health import DurabilityWatch, audit_part, delivery_part, store_part
from proxy.logs import set_up
from proxy.metrics_folder import fold, lock_of
from proxy.operate.desk import Desk
from proxy.reload import Reloader, Source, on_signals
from proxy.settings import Settings
from proxy.site import Site
from proxy.store.claims import Kept
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.embedded import EmbeddedStore
from proxy.supervise import Workers
from proxy.worker import handed

log = logging.getLogger("sayso")
_REWRITE_S = 6 * 3600.0
"""Seconds after which deleted data is gone from the embedded server's disk too, at the latest."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Which halves a process is."""

    gateway: bool = True
    delivery: bool = True


@dataclass(slots=True)
class _Running:
    """What runs, and on which settings. ``workers`` is None where the gateway is elsewhere."""

    opened: OpenStore
    settings: Settings
    sites: tuple[Site, ...]
    workers: Workers | None
    delivers: bool
    _delivery: Delivery | None = None
    _ledger: Ledger | None = None
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    async def use(self, settings: Settings) -> None:
        """Run on these settings from now on. What ran on others is replaced without a gap, and ends in order.

        Raises:
            NotUsableError, GeoError: it cannot; all is as it was.
        """
        sites = compile_sites(settings)
        if self.workers is not None:
            if settings.server.geo_database is not None:
                Geo(str(settings.server.geo_database))  # says why it cannot be used; a worker would only end
            if not await self.workers.use(settings.server.workers, handed(settings, self.opened.url)):
                raise NotUsableError("the gateway's workers did not start; the log has what they said")
        if self.delivers:
            before = self._delivery
            if before is not None:
                await before.fall_silent()
            self._delivery = _delivery(settings, sites, self.opened)
            await self._delivery.start()
            if before is not None:
                self._end(before)
            if self._ledger is None or _trail_of(settings) != _trail_of(self.settings):
                await self._keep_ledger(settings)
        self.settings, self.sites = settings, sites
        set_up(settings.log.level, settings.log.format)

    async def _keep_ledger(self, settings: Settings) -> None:
        if self._ledger is not None:
            await self._ledger.stop()
        self._ledger = make_ledger(settings, self.opened, f"{os.getpid()}-{uuid4().hex[:8]}")
        self._ledger.start()

    def _end(self, delivery: Delivery) -> None:
        task = asyncio.create_task(delivery.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def stop(self) -> None:
        """End both halves, side by side: each may need most of the ten seconds that an end may take."""
        if self._delivery is not None:
            self._end(self._delivery)
        if self.workers is not None:
            await self.workers.stop()
        if self._ending:
            await asyncio.wait(self._ending)
        if self._ledger is not None:  # the last to end: it writes what the others have just done
            await self._ledger.stop()

    async def forwarders(self) -> dict[str, Part]:
        """Say how each forwarder is."""
        return await delivery_part(self.opened.store, self.sites)()

    async def audit(self) -> dict[str, Part]:
        """Say whether the audit trail is written."""

        def trouble() -> str:
            return self._ledger.trouble if self._ledger is not None else ""

        return await audit_part(self.opened.store, self.settings.store.partitions, trouble)()

    async def event(self, event_id: str, site: str | None) -> bytes | None:
        """Say what became of an event; see ``proxy.admin.Explain``."""
        desk = Desk(self.settings, self.sites, self.opened.store, self.opened.key)
        return await explained(desk, event_id, site)

    async def metrics(self) -> bytes:
        """Return the text exposition."""
        return await expose(self.opened.store, self.sites, self.settings.store.partitions)


async def serve(
    source: Source, settings: Settings, roles: Roles, metrics_dir: Path | None, hung_up: Sequence[int] = ()
) -> int:
    """Run until SIGTERM or Ctrl-C; on SIGHUP, read the configuration again. Returns the exit status.

    Args:
        source: where the configuration can be read again.
        settings: what was read from there.
        roles: which halves to run.
        metrics_dir: into which the gateway's processes count.
        hung_up: SIGHUPs that came before this was called.

    Raises:
        StoreStartError, NotUsableError, GeoError: it cannot start, in one line.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    on_signals(stop, reload)
    if hung_up:
        reload.set()
    server = settings.server
    public = bind(server.listen.host, server.listen.port) if roles.gateway else None
    admin = bind(server.admin_listen.host, server.admin_listen.port)
    opened = await open_store(settings, log)
    upkeep = _upkeep(opened)
    durability = DurabilityWatch(opened.store, settings.store.durability)
    upkeep.append(asyncio.create_task(durability.run()))
    workers = _workers(public, metrics_dir) if public is not None else None
    running = _Running(opened, settings, compile_sites(settings), workers, roles.delivery)
    reloader = Reloader(source, settings, running.use, reload)
    runner = web.AppRunner(_admin(running, reloader, durability), access_log=None)
    try:
        if public is not None:
            public.listen(1024)
        await running.use(settings)
        await runner.setup()
        await web.SockSite(runner, admin).start()
        parts = [f"public={url_of(public)}"] if public is not None else []
        print("sayso ready", *parts, f"admin={url_of(admin)}", flush=True)  # noqa: T201  # the contract's line
        reloader.start()
        await stop.wait()
    finally:
        await reloader.stop()
        await running.stop()
        await runner.cleanup()
        for task in upkeep:
            task.cancel()
        await opened.close()
        # What comes now would otherwise end us as a signal that nobody handles.
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return 0


def _upkeep(opened: OpenStore) -> list[asyncio.Task[None]]:
    """Begin what the embedded store needs while it runs."""
    if opened.embedded is None:
        return []
    return [
        asyncio.create_task(opened.embedded.watch()),
        asyncio.create_task(_rewrite(opened.store, opened.embedded)),
    ]


async def _rewrite(store: Store, embedded: EmbeddedStore) -> None:
    """Rewrite the append-only file now and then: until then it holds what was long deleted from the store."""
    while True:
        await asyncio.sleep(_REWRITE_S)
        if embedded.owner:
            try:
                await store.guarded(store.redis.bgrewriteaof())
            except StoreUnavailableError as error:
                log.warning("the append-only file was not rewritten: %s", error)


def _trail_of(settings: Settings) -> tuple[Path, int, int]:
    return settings.audit_dir, settings.audit.keep_days, settings.audit.link_days


def _workers(public: socket.socket, metrics_dir: Path | None) -> Workers:
    if metrics_dir is None:
        return Workers(public.fileno(), {}, lambda _pid: None)
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics_dir)}
    return Workers(public.fileno(), environment, partial(fold, metrics_dir), kept=[lock_of(metrics_dir)])


def _delivery(settings: Settings, sites: tuple[Site, ...], opened: OpenStore) -> Delivery:
    return Delivery(
        sites,
        opened.store,
        Consents(opened.store),
        partitions=settings.store.partitions,
        origin=settings.egress.origin,
        proxy=str(settings.egress.proxy),
        worker_name=f"{os.getpid()}-{uuid4().hex[:8]}",
        linger_ms=settings.delivery.linger_ms,
        timeout_s=settings.delivery.timeout_s,
        in_flight=settings.delivery.in_flight,
        kept=Kept(settings.delivery.replay_hours * 3600, settings.delivery.replay_entries),
    )


def _admin(running: _Running, reloader: Reloader, durability: DurabilityWatch) -> web.Application:
    health = Health({"store": store_part(running.opened.store), "delivery": running.forwarders})
    health.parts["durability"] = durability.part
    health.parts["audit"] = running.audit
    if running.workers is not None:
        health.parts["gateway"] = running.workers.part
    health.parts["configuration"] = reloader.standing.part
    return make_admin(health, running.metrics, running.event, lambda: guard_of(running.settings))
