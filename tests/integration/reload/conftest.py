"""A folder for a Sayso of one's own, vendors, and a client."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from proxy.twin.app import RunningTwin, start_twin
from tests.support.rig import PAGE
from tests.support.vendor import FakeVendor


@pytest.fixture
async def twin() -> AsyncIterator[RunningTwin]:
    """Run a twin in this process."""
    twin = await start_twin()
    yield twin
    await twin.stop()


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    """Run a vendor that does as it is told."""
    async with FakeVendor() as vendor:
        yield vendor


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client whose requests go over a connection each, so that any worker may get them."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=dict(PAGE)
    ) as session:
        yield session
