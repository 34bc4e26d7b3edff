"""A demo in this process, and a visitor of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from proxy.demo.run import Demo
from tests.support.demo import Visitor


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """Run a demo of this test's own."""
    demo = await Demo.start(tmp_path / "store")
    yield demo
    await demo.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client that keeps cookies as a browser does."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of 127.0.0.1 too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session


@pytest.fixture
def visitor(demo: Demo, session: aiohttp.ClientSession) -> Visitor:
    """Make a visitor under Consent Mode."""
    return Visitor(demo, session)
