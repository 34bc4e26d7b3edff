"""A real gateway and real admin listeners on loopback, one of each per file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.admin_guard import Guard
from proxy.dashboard.source import StoreSource
from proxy.operate.desk import Desk
from tests.support.admin_listener import TOKEN, Admins, listening
from tests.support.background import Background
from tests.support.made_up_report import MadeUp
from tests.support.openapi_cases import KEY
from tests.support.own_valkey import Valkey
from tests.support.rig import Rig, site


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    """Return a loop in a thread."""
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """Return an empty store."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def gateway(background: Background, valkey: Valkey) -> Rig:
    """Return a gateway of one shop with four vendors, that takes whatever number of requests."""
    return background.start(
        Rig(valkey.url, {"shop": site(ingest_keys=[KEY])}, server={"rate_limit_per_minute": 0})
    )


@pytest.fixture(scope="module")
def admins(background: Background, gateway: Rig) -> Admins:
    """Return both."""
    desk = Desk(gateway.settings, gateway.sites, gateway.store, gateway.key)
    real = background.start(listening(desk, StoreSource(desk), Guard()))
    return Admins(real, background.start(listening(desk, MadeUp(), Guard(TOKEN, loopback=False))))
