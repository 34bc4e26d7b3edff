"""``sayso demo`` from outside: one command, one line, four addresses, and nothing left behind."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).resolve().parents[3]
DEMO = "import sys; from pathlib import Path; from proxy.demo.run import demo; sys.exit(demo({}))"
READY = re.compile(
    r"sayso ready public=http://127\.0\.0\.1:\d+ admin=http://127\.0\.0\.1:\d+"
    r" shop=http://127\.0\.0\.1:\d+ twin=http://127\.0\.0\.1:\d+\n"
)


async def start(folder: Path, argument: str = "") -> tuple[asyncio.subprocess.Process, str]:
    """Start the demo with this Python argument; returns its first line too. ``folder`` is for its temporary files."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DEMO.format(argument),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode()


def left_in(folder: Path) -> list[str]:
    """Return what a demo left in its folder for temporary files."""
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_is_and_leaves_nothing_behind(
    tmp_path: Path, session: aiohttp.ClientSession, number: signal.Signals
) -> None:
    """One line on stdout, four places that answer; told to stop, it ends well and takes its folder along."""
    process, line = await start(tmp_path)
    assert READY.fullmatch(line)
    urls = dict(word.split("=", 1) for word in line.split()[2:])
    for url in (
        urls["shop"],
        f"{urls['admin']}/metrics",
        f"{urls['admin']}/readyz",
        f"{urls['twin']}/_twin/stats",
    ):
        async with session.get(url) as answer:
            assert answer.status == 200, url
    async with session.get(f"{urls['public']}/consent") as answer:
        assert answer.status == 200
    process.send_signal(number)
    async with asyncio.timeout(10):
        more, complaints = await process.communicate()
    assert process.returncode == 0
    assert more == complaints == b""
    assert left_in(tmp_path) == []


async def test_a_folder_of_the_users_own_is_kept(tmp_path: Path) -> None:
    """With --data-dir the store's files stay, append-only file and all."""
    process, line = await start(tmp_path, f"Path({str(tmp_path / 'mine')!r})")
    assert READY.fullmatch(line)
    process.terminate()
    async with asyncio.timeout(10):
        await process.communicate()
    assert process.returncode == 0
    assert list((tmp_path / "mine").rglob("*.aof"))


async def test_it_ends_in_time_while_a_vendor_hangs(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """A request that is never answered does not keep the demo alive."""
    process, line = await start(tmp_path)
    urls = dict(word.split("=", 1) for word in line.split()[2:])
    async with session.put(f"{urls['twin']}/_twin/faults/google_analytics", json={"hang": True}) as answer:
        assert answer.status == 200
    headers = {"Origin": urls["shop"]}
    async with session.post(
        f"{urls['public']}/collect", json={"name": "page_view"}, headers=headers
    ) as answer:
        assert answer.status == 204
    async with session.get(f"{urls['twin']}/_twin/stream?since=0") as live:
        async for part in live.content:
            if b'"hang"' in part:
                break
        process.terminate()
        async with asyncio.timeout(10):
            await process.communicate()
    assert process.returncode == 0


async def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """What a user can cause is said in one line on stderr, and is status 1."""
    (tmp_path / "file").write_text("not a folder")
    process, line = await start(tmp_path, f"Path({str(tmp_path / 'file')!r})")
    _, complaints = await process.communicate()
    assert line == ""
    assert process.returncode == 1
    assert complaints.startswith(b"sayso: ")
    assert complaints.count(b"\n") == 1
