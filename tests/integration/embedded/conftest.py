"""A data_dir, stores in this process, and other processes, all cleared away at the end."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from proxy.store.embedded import EmbeddedStore
from proxy.store.embedded_server import Durability
from tests.support.embedded import Other, Start, servers


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Name a data_dir that does not exist yet, with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sayso-test-") as base:
        yield Path(base).resolve() / "data"


@pytest.fixture
async def start(data_dir: Path) -> AsyncIterator[Start]:
    """Start stores in this process, and stop them at the end."""
    started: list[EmbeddedStore] = []

    async def begin(where: Path = data_dir, durability: Durability = "always") -> EmbeddedStore:
        store = await EmbeddedStore.start(
            where, durability=durability, log=logging.getLogger("test.embedded")
        )
        started.append(store)
        return store

    yield begin
    for store in started:
        await store.stop()


@pytest.fixture
def other(data_dir: Path) -> Iterator[Callable[..., Other]]:
    """Start further processes, and kill what is left of them, and of their servers, at the end."""
    processes: list[Other] = []

    def begin(where: Path = data_dir, *options: str, **environment: str) -> Other:
        processes.append(Other(where, *options, **environment))
        return processes[-1]

    yield begin
    for process in processes:
        process.clear()
    for pid in servers(data_dir):  # only where a test failed
        os.kill(pid, signal.SIGKILL)
