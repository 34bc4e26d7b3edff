"""The life of an embedded Valkey in one process: start, end, crashes, damaged files."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path

import pytest

from proxy.store import embedded_server, embedded_wire
from proxy.store.embedded import StoreStartError
from proxy.store.embedded_server import Durability
from tests.support.embedded import (
    Start,
    alive,
    ask,
    change,
    inside,
    make,
    mode,
    until,
    write,
)


@pytest.mark.parametrize("durability", ["always", "everysec"])
async def test_server_is_private_append_only_and_never_evicts(
    start: Start, data_dir: Path, durability: Durability
) -> None:
    """It listens on a socket of this user only, syncs as asked for, and keeps no second copy of anything."""
    store = await start(durability=durability)
    assert store.owner
    assert store.socket == data_dir / "valkey.sock"
    assert mode(data_dir) == 0o700
    expected = {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": durability,
        "aof-use-rdb-preamble": "yes",
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "dir": str(data_dir),
        "commandlog-execution-slower-than": "-1",
        "crash-log-enabled": "no",
    }
    for key, value in expected.items():
        assert await ask(store, "CONFIG", "GET", key) == [key, value]
    for path in inside(data_dir):
        assert not mode(path) & 0o077, path


async def test_stop_ends_the_server_and_the_data_is_there_at_the_next_start(start: Start) -> None:
    """After `stop` there is no process and no socket, and nothing is lost."""
    store = await start()
    await ask(store, "SET", "k", "v")
    await store.stop()
    assert not alive(store.pid)
    assert not store.socket.exists()
    await store.stop()
    assert await ask(await start(), "GET", "k") == "v"


async def test_killed_server_is_restarted_with_its_data(start: Start) -> None:
    """`kill -9` of the server costs a moment, not an entry; it is counted."""
    store = await start()
    watch = asyncio.create_task(store.watch())
    for round_ in range(1, 4):
        await ask(store, "INCR", "n")
        killed = store.pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda killed=killed: store.pid != killed, "another server")  # type: ignore[misc]
        assert await ask(store, "GET", "n") == str(round_)
        assert store.restarts == round_
    await store.stop()
    await watch


async def test_server_that_cannot_be_restarted_is_tried_ever_later_until_stop(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken installation is reported line by line, without a busy loop, and does not hold up the end."""
    store = await start()
    store.binary = Path("/bin/false")
    watch = asyncio.create_task(store.watch())
    os.kill(store.pid, signal.SIGKILL)
    await until(lambda: store.restarts >= 3, "three tries")
    await asyncio.wait_for(store.stop(), 3)
    await watch
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors
    assert all(
        "Valkey ended at its start (exit code 1): it gave no reason" in error and "\n" not in error
        for error in errors
    )


@pytest.mark.parametrize("tail", [b"*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$5\r\nhal", b"*2\r\n"])
async def test_half_written_command_at_the_end_is_forgotten(
    start: Start, data_dir: Path, tail: bytes
) -> None:
    """A power cut in the middle of a write, which was therefore never acknowledged, does not prevent a start."""
    store = await start()
    await ask(store, "SET", "k", "v")
    await store.stop()
    change(inside(data_dir, "*.incr.aof")[0], lambda content: content + tail)
    again = await start()
    assert await ask(again, "GET", "k") == "v"
    assert await ask(again, "EXISTS", "z") == 0


async def test_damaged_file_is_one_readable_line(start: Start, data_dir: Path) -> None:
    """Damage in the middle is for a person to look at; the server's own reason is in the message."""
    store = await start()
    for number in range(20):
        await ask(store, "SET", f"k{number}", "v")
    await store.stop()
    change(inside(data_dir, "*.incr.aof")[0], lambda content: content.replace(b"$3\r\nSET", b"%3\r\nSET", 5))
    with pytest.raises(StoreStartError, match="Bad file format reading the append only file") as caught:
        await start()
    assert "\n" not in str(caught.value)
    assert str(data_dir / "valkey.log") in str(caught.value)


async def test_loading_is_waited_for_however_long_it_takes(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says LOADING is given time beyond what a silent one gets."""
    store = await start()
    for number in range(400):
        await ask(store, "SET", f"k{number}", "v" * 100)
    await ask(store, "BGREWRITEAOF")
    await until(lambda: any(store.place.root.glob("appendonlydir/*.2.base.rdb")), "the rewritten file")
    await store.stop()
    slow = {"key-load-delay": "3000", "loading-process-events-interval-bytes": "1024"}  # 400 keys of 3 ms
    monkeypatch.setattr(embedded_server, "_SETTINGS", embedded_server._SETTINGS | slow)
    monkeypatch.setattr(embedded_wire, "PATIENCE", 0.5)
    again = await start()
    assert await ask(again, "DBSIZE") == 400


async def test_stale_socket_file_is_replaced(start: Start, data_dir: Path) -> None:
    """What a power cut leaves behind does not prevent a start."""
    make(data_dir)
    for name in ("valkey.sock", "owner.lock", "server.lock", "socket.path"):
        write(data_dir / name, b"4711 /nowhere/valkey.sock\n")
    assert (await start()).owner
