"""``sayso serve`` and its halves: starts what belongs together, keeps it running, and ends it in order."""

import asyncio
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from proxy.admin import Health, Part, make_admin
from proxy.assemble import OpenStore, bind, open_store, url_of
from proxy.compile import compile_sites
from proxy.delivery.delivery import Delivery
from proxy.exposition import expose
from proxy.health import delivery_part, store_part
from proxy.lifeline import Child, spawn
from proxy.settings import Settings
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.embedded import EmbeddedStore

log = logging.getLogger("sayso")
_RESTART_S = (0.0, 0.2, 1.0, 3.0, 10.0)
_STEADY_S = 30.0
_REWRITE_S = 6 * 3600.0
"""Seconds after which deleted data is gone from the embedded server's disk too, at the latest."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Which halves a process is."""

    gateway: bool = True
    delivery: bool = True


@dataclass(slots=True)
class _Workers:
    """The gateway processes of this one. One that ends unasked is started again."""

    command: list[str]
    sock: socket.socket
    environment: dict[str, str]
    wanted: int
    stopping: bool = False
    children: dict[int, Child] = field(default_factory=dict)
    keepers: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> bool:
        """Start all and wait until they take requests; False if one cannot."""
        ready = await asyncio.gather(*(self._start(number) for number in range(self.wanted)))
        self.keepers = [asyncio.create_task(self._keep(number)) for number in range(self.wanted)]
        return all(ready)

    async def _start(self, number: int) -> bool:
        child = await spawn(self.command, inherit=[self.sock.fileno()], environment=self.environment)
        self.children[number] = child
        return await child.ready()

    async def _keep(self, number: int) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self.stopping:
            since = loop.time()
            status = await self.children[number].process.wait()
            self.children[number].line.close()
            if self.stopping:
                return
            failures = 0 if loop.time() - since > _STEADY_S else failures + 1
            log.error("gateway worker %d ended with status %d; it is started again", number, status)
            await asyncio.sleep(_RESTART_S[min(failures, len(_RESTART_S) - 1)])
            await self._start(number)

    async def stop(self) -> None:
        """End all: they stop accepting and finish what is in hand."""
        self.stopping = True
        for child in self.children.values():
            if child.process.returncode is None:
                child.process.send_signal(signal.SIGTERM)
        if self.keepers:
            _, late = await asyncio.wait(self.keepers, timeout=8.0)
            for child in self.children.values():
                if late and child.process.returncode is None:
                    child.process.kill()

    async def part(self) -> dict[str, Part]:
        """Say how many run."""
        alive = sum(child.process.returncode is None for child in self.children.values())
        if alive == self.wanted:
            return {"gateway": Part("ready")}
        words = f"{alive} of {self.wanted} workers run"
        return {"gateway": Part("degraded" if alive else "not_ready", words)}


async def serve(config: Path, settings: Settings, roles: Roles, metrics_dir: Path | None) -> int:
    """Run until SIGTERM or Ctrl-C. Returns the exit status.

    Raises:
        StoreStartError, NotUsableError: it cannot start, in one line.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sites = compile_sites(settings)
    server = settings.server
    public = bind(server.listen.host, server.listen.port) if roles.gateway else None
    admin = bind(server.admin_listen.host, server.admin_listen.port)
    opened = await open_store(settings, log)
    embedded = opened.embedded
    watch = asyncio.create_task(embedded.watch()) if embedded is not None else None
    rewrite = asyncio.create_task(_rewrite(opened.store, embedded)) if embedded is not None else None
    workers = _workers(config, settings, opened, public, metrics_dir) if public is not None else None
    delivery = _delivery(settings, sites, opened) if roles.delivery else None
    runner = web.AppRunner(_admin(settings, sites, opened, workers), access_log=None)
    try:
        if public is not None:
            public.listen(1024)
        if delivery is not None:
            await delivery.start()
        if workers is not None and not await workers.start():
            return 1
        await runner.setup()
        await web.SockSite(runner, admin).start()
        parts = [f"public={url_of(public)}"] if public is not None else []
        print("sayso ready", *parts, f"admin={url_of(admin)}", flush=True)  # noqa: T201  # the contract's line
        await stop.wait()
    finally:
        if workers is not None:
            await workers.stop()
        if delivery is not None:
            await delivery.stop()
        await runner.cleanup()
        for task in (watch, rewrite):
            if task is not None:
                task.cancel()
        await opened.close()
    return 0


async def _rewrite(store: Store, embedded: EmbeddedStore) -> None:
    """Rewrite the append-only file now and then: until then it holds what was long deleted from the store."""
    while True:
        await asyncio.sleep(_REWRITE_S)
        if embedded.owner:
            try:
                await store.guarded(store.redis.bgrewriteaof())
            except StoreUnavailableError as error:
                log.warning("the append-only file was not rewritten: %s", error)


def _workers(
    config: Path, settings: Settings, opened: OpenStore, public: socket.socket, metrics_dir: Path | None
) -> _Workers:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics_dir)} if metrics_dir is not None else {}
    command = [sys.executable, "-m", "proxy.worker", str(config), opened.url, str(public.fileno())]
    return _Workers(command, public, environment, settings.server.workers)


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
    )


def _admin(
    settings: Settings, sites: tuple[Site, ...], opened: OpenStore, workers: _Workers | None
) -> web.Application:
    health = Health({"store": store_part(opened.store), "delivery": delivery_part(opened.store, sites)})
    if workers is not None:
        health.parts["gateway"] = workers.part

    async def metrics() -> bytes:
        return await expose(opened.store, sites, settings.store.partitions)

    return make_admin(health, metrics)
