"""``sayso serve`` and its halves: starts what belongs together, puts a changed configuration in effect, ends it in order."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from proxy.admin import Health, Part, make_admin
from proxy.admin_events import explained, guard_of
from proxy.assemble import NotUsableError, OpenStore, bind, make_ledger, open_store, reachable, url_of
from proxy.audit.ledger import Ledger
from proxy.canary.keeper import Keeper
from proxy.clocks import VendorClocks
from proxy.compile import compile_sites
from proxy.dashboard.wired import add_dashboard
from proxy.delivery.clock import SystemClock
from proxy.delivery.delivery import Delivery
from proxy.exposition import expose
from proxy.facts import Fact, build, of_clock, of_processes
from proxy.geo import Geo
from proxy.health import DurabilityWatch, Outboxes, audit_part, delivery_part, store_part
from proxy.instruments import watch_loop
from proxy.logs import set_up
from proxy.metrics_folder import fold, lock_of
from proxy.metrics_stored import ENTRY_LIMIT
from proxy.operate.desk import Desk
from proxy.reload import Reloader, Source, on_signals
from proxy.settings import Settings
from proxy.site import Site
from proxy.store.claims import Kept
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.embedded import EmbeddedStore
from proxy.supervise import Workers
from proxy.traces.wired import Traces
from proxy.worker import handed

log = logging.getLogger("sayso")
_REWRITE_S = 6 * 3600.0
"""Seconds after which deleted data is gone from the embedded server's disk too, at the latest."""


_END_S = 9.0
_FLUSH_S = (0.2, 3.0)
"""The least and the most that spans may take to be sent at the end."""


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
    canary: Keeper
    _delivery: Delivery | None = None
    _traces: Traces | None = None
    _ledger: Ledger | None = None
    _ending: set[asyncio.Task[None]] = field(default_factory=set)
    _clocks: VendorClocks = field(default_factory=VendorClocks)

    async def use(self, settings: Settings) -> None:
        """Run on these settings from now on. What ran on others is replaced without a gap, and ends in order.

        Raises:
            NotUsableError, GeoError: it cannot; all is as it was.
        """
        settings = await self.canary.prepare(settings)
        sites = compile_sites(settings)
        if self.workers is not None:
            if settings.server.geo_database is not None:
                Geo(str(settings.server.geo_database))  # says why it cannot be used; a worker would only end
            if not await self.workers.use(settings.server.workers, handed(settings, self.opened.url)):
                raise NotUsableError("the gateway's workers did not start; the log has what they said")
        if self.delivers:
            before, traced = self._delivery, self._traces
            if before is not None:
                await before.fall_silent()
            self._traces = Traces(settings.traces)
            self._delivery = _delivery(
                settings, sites, self.opened, self.canary.own, self._traces, self._clocks
            )
            await self._delivery.start()
            if before is not None:
                self._end(before, traced)
            if self._ledger is None or _trail_of(settings) != _trail_of(self.settings):
                await self._keep_ledger(settings)
        self.settings, self.sites = settings, sites
        if self.delivers:
            await self.canary.use(settings)
        set_up(settings.log.level, settings.log.format)

    async def _keep_ledger(self, settings: Settings) -> None:
        if self._ledger is not None:
            await self._ledger.stop()
        self._ledger = make_ledger(settings, self.opened, f"{os.getpid()}-{uuid4().hex[:8]}")
        self._ledger.start()

    def _end(self, delivery: Delivery, traces: Traces | None) -> None:
        task = asyncio.create_task(_ended(delivery, traces))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def stop(self) -> None:
        """End both halves, side by side: each may need most of the ten seconds that an end may take."""
        await self.canary.stop()
        if self._delivery is not None:
            self._end(self._delivery, self._traces)
        if self.workers is not None:
            await self.workers.stop()
        if self._ending:
            await asyncio.wait(self._ending)
        if self._ledger is not None:  # the last to end: it writes what the others have just done
            await self._ledger.stop()

    async def forwarders(self) -> dict[str, Part]:
        """Say how each forwarder is."""
        bounds = self.settings.store.partitions, self.settings.delivery.max_entries
        return await delivery_part(self.opened.store, self.sites, Outboxes(*bounds, ours=self.delivers))()

    async def audit(self) -> dict[str, Part]:
        """Say whether the audit trail is written."""

        def trouble() -> str:
            return self._ledger.trouble if self._ledger is not None else ""

        return await audit_part(self.opened.store, self.settings.store.partitions, trouble)()

    async def event(self, event_id: str, site: str | None) -> bytes | None:
        """Say what became of an event; see ``proxy.admin.Explain``."""
        return await explained(self.desk(), event_id, site)

    def desk(self) -> Desk:
        """Return what runs as an operator's command has it in hand."""
        return Desk(self.settings, self.sites, self.opened.store, self.opened.key)

    async def metrics(self) -> bytes:
        """Return the text exposition."""
        partitions, limit = self.settings.store.partitions, self.settings.delivery.max_entries
        facts = [build(), Fact(ENTRY_LIMIT, float(limit * partitions)), *self.canary.facts()]
        facts += of_clock(self._clocks, SystemClock().monotonic())
        facts += self.workers.facts() if self.workers is not None else of_processes(os.getpid(), [])
        return await expose(self.opened.store, self.sites, partitions, facts)


async def _ended(delivery: Delivery, traces: Traces | None) -> None:
    """End a delivery, and send the spans that tell of it in what is left of the ten seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _END_S
    await delivery.stop()
    if traces is not None:
        await traces.close(min(max(until - loop.time(), _FLUSH_S[0]), _FLUSH_S[1]))


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
    upkeep.append(asyncio.create_task(watch_loop("main")))
    workers = _workers(public, metrics_dir) if public is not None else None
    own = reachable(public) if public is not None else ""
    canary = Keeper(opened.key, own, delivers=roles.delivery)
    running = _Running(opened, settings, compile_sites(settings), workers, roles.delivery, canary)
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


def _delivery(
    settings: Settings,
    sites: tuple[Site, ...],
    opened: OpenStore,
    own: Mapping[str, str],
    traces: Traces,
    clocks: VendorClocks,
) -> Delivery:
    return Delivery(
        sites,
        opened.store,
        Consents(opened.store),
        partitions=settings.store.partitions,
        origin=settings.egress.origin,
        proxy=str(settings.egress.proxy),
        own=own,
        worker_name=f"{os.getpid()}-{uuid4().hex[:8]}",
        linger_ms=settings.delivery.linger_ms,
        timeout_s=settings.delivery.timeout_s,
        in_flight=settings.delivery.in_flight,
        kept=Kept(settings.delivery.replay_hours * 3600, settings.delivery.replay_entries),
        on_attempt=traces.attempts.tell if traces.attempts is not None else None,
        vendor_clocks=clocks,
    )


def _admin(running: _Running, reloader: Reloader, durability: DurabilityWatch) -> web.Application:
    health = Health({"store": store_part(running.opened.store), "delivery": running.forwarders})
    health.parts["durability"] = durability.part
    health.parts["audit"] = running.audit
    health.parts["canary"] = running.canary.part
    if running.workers is not None:
        health.parts["gateway"] = running.workers.part
    health.parts["configuration"] = reloader.standing.part
    app = make_admin(health, running.metrics, running.event, lambda: guard_of(running.settings))
    add_dashboard(app, running.desk)
    return app
