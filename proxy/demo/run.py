"""``sayso demo``: puts gateway, store, twin, delivery, admin and shop together in one process, and takes them apart again."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click
from aiohttp import web

from proxy.admin import Health, make_admin
from proxy.admin_events import explained, guard_of
from proxy.assemble import (
    GatewayParts,
    NotUsableError,
    OpenStore,
    bind,
    make_gateway,
    make_ledger,
    open_store,
    url_of,
)
from proxy.compile import compile_sites
from proxy.dashboard.wired import add_dashboard
from proxy.delivery.delivery import Delivery
from proxy.demo.feed import Feed
from proxy.demo.live import find
from proxy.demo.parts import Places
from proxy.demo.shop import make_shop
from proxy.demo.sites import make_settings, service_account
from proxy.demo.watch import watch_outboxes, watch_twin
from proxy.exposition import expose
from proxy.facts import build, of_processes
from proxy.gateway.server import listen, make_server
from proxy.health import delivery_part, store_part
from proxy.logs import set_up
from proxy.loops import run
from proxy.operate.desk import Desk
from proxy.settings import Settings
from proxy.site import Site
from proxy.store.consents import Consents
from proxy.store.embedded import StoreStartError
from proxy.twin.app import RunningTwin, start_twin

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine

log = logging.getLogger("sayso.demo")
_HERE = "127.0.0.1"
_KEPT_REQUESTS = 2000
_DRAIN_S = 2.0


@dataclass(slots=True)
class Demo:
    """A demo that runs, for whoever started it. ``urls`` are those of the ready line: public, admin, shop, twin."""

    urls: dict[str, str]
    twin: RunningTwin
    feed: Feed
    _parts: AsyncExitStack

    @classmethod
    async def start(cls, data_dir: Path | None = None) -> Self:
        """Start everything, and return once it takes requests.

        Args:
            data_dir: folder of the embedded store, absolute; None makes a fresh one, which ``stop`` removes.

        Raises:
            NotUsableError, StoreStartError: it cannot start, in one line.
        """
        async with AsyncExitStack() as stack:
            twin = await start_twin(_HERE, capacity=_KEPT_REQUESTS)
            stack.push_async_callback(twin.stop)
            feed = Feed(lambda seq: find(twin.twin, seq))
            urls = await _start_parts(stack, data_dir or _fresh_folder(stack), twin, feed)
            return cls(urls, twin, feed, stack.pop_all())

    async def stop(self) -> None:
        """Stop accepting, finish or give back what is in hand, end all parts."""
        await self._parts.aclose()


async def _start_parts(stack: AsyncExitStack, folder: Path, twin: RunningTwin, feed: Feed) -> dict[str, str]:
    """Start the parts, each after those that it needs; the stack ends them in the opposite order. Returns the URLs."""
    shop, public, admin = (bind(_HERE, 0) for _ in range(3))
    for sock in (shop, public, admin):
        stack.callback(sock.close)
    settings = make_settings(
        data_dir=folder,
        shop_port=shop.getsockname()[1],
        twin=twin.url,
        credentials=await asyncio.to_thread(service_account),
    )
    sites = compile_sites(settings)
    opened = await open_store(settings, log)
    stack.push_async_callback(opened.close)
    if opened.embedded is not None:
        _keep_running(stack, opened.embedded.watch())
    _keep_running(stack, watch_twin(twin.twin, feed))
    _keep_running(stack, watch_outboxes(opened.store, feed))
    ledger = make_ledger(settings, opened, f"demo-{os.getpid()}")
    ledger.start()
    stack.push_async_callback(ledger.stop)
    delivery = _make_delivery(settings, sites, opened, feed)
    await delivery.start()
    stack.push_async_callback(delivery.stop)
    await _serve_gateway(
        stack, make_gateway(settings, sites, opened.store, opened.key, tell=feed.told), public
    )
    await _serve(stack, _make_admin(settings, sites, opened), admin)
    places = Places(shop.getsockname()[1], public.getsockname()[1], url_of(admin), twin.url)
    await _serve(stack, make_shop(feed, twin.twin, places), shop)
    return {"public": url_of(public), "admin": url_of(admin), "shop": url_of(shop), "twin": twin.url}


def _fresh_folder(stack: AsyncExitStack) -> Path:
    try:
        folder = tempfile.TemporaryDirectory(prefix="sayso-demo-", ignore_cleanup_errors=True)
    except OSError as error:
        raise NotUsableError(
            f"no temporary folder can be made ({error.strerror}); name a folder with --data-dir"
        ) from None
    return Path(stack.enter_context(folder))


def _keep_running(stack: AsyncExitStack, forever: "Coroutine[object, object, None]") -> None:
    task = asyncio.create_task(forever)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    stack.push_async_callback(end)


def _make_delivery(settings: Settings, sites: tuple[Site, ...], opened: OpenStore, feed: Feed) -> Delivery:
    return Delivery(
        sites,
        opened.store,
        Consents(opened.store),
        partitions=settings.store.partitions,
        origin=settings.egress.origin,
        proxy="",
        worker_name=f"demo-{os.getpid()}",
        linger_ms=settings.delivery.linger_ms,
        timeout_s=settings.delivery.timeout_s,
        in_flight=settings.delivery.in_flight,
        on_sent=feed.sent,
    )


def _make_admin(settings: Settings, sites: tuple[Site, ...], opened: OpenStore) -> web.Application:
    health = Health({"store": store_part(opened.store), "delivery": delivery_part(opened.store, sites)})

    async def metrics() -> bytes:
        facts = [build(), *of_processes(os.getpid(), [])]
        return await expose(opened.store, sites, settings.store.partitions, facts)

    async def event(event_id: str, site: str | None) -> bytes | None:
        return await explained(desk(), event_id, site)

    def desk() -> Desk:
        return Desk(settings, sites, opened.store, opened.key)

    app = make_admin(health, metrics, event, lambda: guard_of(settings))
    add_dashboard(app, desk)
    return app


async def _serve_gateway(stack: AsyncExitStack, parts: GatewayParts, sock: "socket.socket") -> None:
    server = make_server(parts.handle)
    listener = await listen(server, sock)

    async def end() -> None:
        listener.close()
        server.pre_shutdown()
        await server.shutdown(_DRAIN_S)
        await parts.close()

    stack.push_async_callback(end)


async def _serve(stack: AsyncExitStack, app: web.Application, sock: "socket.socket") -> None:
    runner = web.AppRunner(app, access_log=None, logger=log, shutdown_timeout=_DRAIN_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock).start()


async def _run(data_dir: Path | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = await Demo.start(data_dir)
    try:
        click.echo("sayso ready " + " ".join(f"{name}={url}" for name, url in running.urls.items()))
        if sys.stderr.isatty():
            click.echo(f"Open {running.urls['shop']} in a browser. Ctrl-C ends the demo.", err=True)
        await stop.wait()
    finally:
        await running.stop()
    return 0


def demo(data_dir: Path | None = None) -> int:
    """Run the demo until SIGTERM or Ctrl-C. Returns the exit status; errors are one line on stderr.

    Args:
        data_dir: folder of the embedded store, kept; None makes a fresh one and removes it at the end.
    """
    set_up("warning", "auto")
    try:
        return run(_run(data_dir.absolute() if data_dir is not None else None))
    except (NotUsableError, StoreStartError) as error:
        click.echo(f"sayso: {error}", err=True)
        return 1
