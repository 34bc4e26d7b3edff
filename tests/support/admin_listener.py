"""The admin application as ``serve`` makes it, on loopback, for clients that ask it for anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from proxy.admin import Health, make_admin
from proxy.admin_events import explained
from proxy.admin_guard import Guard
from proxy.dashboard.access import Terms
from proxy.dashboard.routes import Dashboard, Now, Source
from proxy.exposition import expose
from proxy.health import delivery_part, store_part
from proxy.operate.desk import Desk
from tests.support.made_up_report import noon

TOKEN = "an-admin-token-of-some-length"


@dataclass(frozen=True, slots=True)
class Admins:
    """An admin listener on loopback, with the gateway's own store; and one that others can reach, with made-up numbers."""

    loopback: str
    token: str


@asynccontextmanager
async def listening(desk: Desk, source: Source, guard: Guard) -> AsyncIterator[str]:
    """Serve the admin application; yield its URL."""
    runner = web.AppRunner(admin_application(desk, source, guard), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def admin_application(desk: Desk, source: Source, guard: Guard) -> web.Application:
    """Make the application as ``serve`` does."""

    async def metrics() -> bytes:
        return await expose(desk.store, desk.sites, desk.settings.store.partitions)

    async def event(event_id: str, site_name: str | None) -> bytes | None:
        return await explained(desk, event_id, site_name)

    health = Health({"store": store_part(desk.store), "delivery": delivery_part(desk.store, desk.sites)})
    app = make_admin(health, metrics, event, lambda: guard)
    Dashboard(lambda: Now(source, Terms(guard)), noon).add_to(app)
    return app
