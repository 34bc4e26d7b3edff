"""A Valkey for the tests on real bytes, started once and emptied for each test; the whole way of an event on it."""

import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.twin.app import RunningTwin, start_twin
from tests.support.own_valkey import Valkey
from tests.support.rig import PAGE
from tests.support.whole import StartWhole, Whole


@pytest.fixture(scope="session")
def wire_valkey() -> Iterator[Valkey]:
    """Return the server that the tests of this folder share."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def start_whole(wire_valkey: Valkey) -> AsyncIterator[StartWhole]:
    """Start a gateway with the twin beside it, on an empty store."""
    wire_valkey.ask("FLUSHALL")
    async with AsyncExitStack() as stack:

        async def start(*sites: Any, **settings: Any) -> Whole:
            return await stack.enter_async_context(Whole(wire_valkey.url, *sites, **settings))

        yield start


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Capture every line of every logger, debug lines too."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
async def twin() -> AsyncIterator[RunningTwin]:
    """Run a twin in this process."""
    twin = await start_twin()
    yield twin
    await twin.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client whose requests go over a connection each, so that any worker may get them."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=dict(PAGE)
    ) as session:
        yield session
