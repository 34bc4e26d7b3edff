"""The dashboard of an installation: put together from what an operator has at the desk."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from aiohttp import web

from proxy.address import TrustedProxies
from proxy.admin_events import guard_of
from proxy.dashboard.access import Terms
from proxy.dashboard.ended import StoredLogins
from proxy.dashboard.routes import Dashboard, Now
from proxy.dashboard.source import StoreSource
from proxy.operate.desk import Desk
from proxy.settings import Settings


@dataclass(slots=True)
class _Read:
    """The terms of the configuration that was read last; a request need not read it again."""

    settings: Settings | None = None
    terms: Terms | None = None

    def of(self, desk: Desk) -> Terms:
        if self.terms is None or desk.settings is not self.settings:
            self.terms = replace(terms_of(desk.settings), secret=desk.key, logins=StoredLogins(desk.store))
            self.settings = desk.settings
        return self.terms


def terms_of(settings: Settings) -> Terms:
    """Return who may see the dashboard."""
    networks = [str(network) for network in settings.server.trusted_proxies]
    return Terms(guard_of(settings), settings.dashboard.user_header, TrustedProxies(networks))


def add_dashboard(app: web.Application, desk: Callable[[], Desk]) -> None:
    """Add the dashboard to the admin application.

    Args:
        app: the application.
        desk: returns the configuration in effect, its sites, and the store.
    """
    read = _Read()

    def now() -> Now:
        at = desk()
        return Now(StoreSource(at), read.of(at))

    Dashboard(now, time.time).add_to(app)
