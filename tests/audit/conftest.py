"""A Valkey of the tests' own, emptied for each; gateways, deliveries and the twin on it; short folders."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from proxy.store.client import Store
from tests.support.own_valkey import Valkey
from tests.support.whole import StartWhole, Whole


@pytest.fixture(scope="session")
def audit_valkey() -> Iterator[Valkey]:
    """Return the server that the tests of this folder share."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """Return a server that a test may stop and start."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def store(audit_valkey: Valkey) -> AsyncIterator[Store]:
    """Return a connection to an empty Valkey."""
    audit_valkey.ask("FLUSHALL")
    store = Store(audit_valkey.url)
    yield store
    await store.close()


@pytest.fixture
async def start_whole(audit_valkey: Valkey) -> AsyncIterator[StartWhole]:
    """Start a gateway with the twin beside it, on an empty store."""
    audit_valkey.ask("FLUSHALL")
    async with AsyncExitStack() as stack:

        async def start(*sites: Any, **settings: Any) -> Whole:
            return await stack.enter_async_context(Whole(audit_valkey.url, *sites, **settings))

        yield start
