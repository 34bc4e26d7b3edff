"""A Valkey of the tests' own, started once and emptied for each test; one that a test may stop; gateways on them."""

import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proxy.store.client import Store
from tests.support.own_valkey import Valkey
from tests.support.rig import Rig, StartRig


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[Valkey]:
    """Return the server that all tests share."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def valkey_url(shared_valkey: Valkey) -> str:
    """Return the URL of an empty Valkey."""
    shared_valkey.ask("FLUSHALL")
    return shared_valkey.url


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """Return a server that a test may stop, start and spoil."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def store(valkey_url: str) -> AsyncIterator[Store]:
    """Return a connection to an empty Valkey."""
    store = Store(valkey_url)
    yield store
    await store.close()


@pytest.fixture
async def start_rig(valkey_url: str) -> AsyncIterator[StartRig]:
    """Start gateways on the shared Valkey, and stop them at the end."""
    async with AsyncExitStack() as stack:

        async def start(*sites: object, **settings: object) -> Rig:
            return await stack.enter_async_context(Rig(valkey_url, *sites, **settings))  # type: ignore[arg-type]  # as Rig takes them

        yield start


@pytest.fixture
async def rig(valkey_url: str) -> AsyncIterator[Rig]:
    """Return a gateway of one shop in Consent Mode that sends to Google Analytics, Google Ads, Meta and Microsoft."""
    async with Rig(valkey_url) as rig:
        yield rig


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Capture every line of every logger, debug lines too."""
    caplog.set_level(logging.DEBUG)
    return caplog
