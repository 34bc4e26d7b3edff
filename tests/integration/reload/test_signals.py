"""SIGHUP at the wrong moment, to everybody, or from a terminal that closes; and SIGTERM in the middle of a reload."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp

from proxy.twin.app import RunningTwin
from tests.support.embedded import alive
from tests.support.processes import ROOT, Sayso, config
from tests.support.reloading import READ_AT, Crowd, hang_up, meta_shop, reload, write_token
from tests.support.serving import SERVE, buy, leftovers, metrics, orders
from tests.support.waiting import wait_until


def prepare(folder: Path, twin: RunningTwin) -> None:
    """Write a configuration of one site."""
    write_token(folder, "a-token-of-meta")
    config(folder, twin.url, sites=[meta_shop()])


async def test_a_reload_during_the_start_is_made_after_it(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """It does not end what is starting, and is not forgotten."""
    prepare(short_path, twin)
    async with Sayso(short_path, *SERVE) as sayso:
        # The folder is made once signals are taken care of, and long before it is ready.
        await wait_until(lambda: bool(leftovers(short_path)), within_s=30, what="a start")
        for _ in range(3):
            hang_up(sayso)
        await sayso.ready()
        await wait_until(lambda: "is in effect" in sayso.err, within_s=30, what="a reload")
        assert await buy(session, sayso.urls["public"], "T-1") == 204
        assert await sayso.stop() == 0


async def test_a_stop_during_a_reload_is_in_time_and_leaves_nobody(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Ten seconds hold with two generations of workers as well; what was accepted is delivered by the next start."""
    prepare(short_path, twin)
    async with Sayso(short_path, *SERVE) as sayso:
        urls = await sayso.ready()
        async with Crowd(urls["public"], size=3) as crowd:
            await crowd.more(10)
            hang_up(sayso)
            await wait_until(lambda: len(sayso.workers()) > 1, within_s=30, what="a reload under way")
            workers = sayso.workers()
            hang_up(sayso)
            began = time.monotonic()
            stopping = asyncio.create_task(sayso.stop(10.0))
            while not stopping.done():
                if sayso.process.returncode is None:
                    hang_up(sayso)  # harmless until the very end
                await asyncio.sleep(0.01)
            assert await stopping == 0
            assert time.monotonic() - began < 10
        assert not any(alive(pid) for pid in workers)
        assert leftovers(short_path) == []
        assert "Traceback" not in sayso.err
    async with Sayso(short_path, *SERVE) as again:
        await again.ready()
        await wait_until(
            lambda: set(orders(twin, "meta")) >= crowd.accepted, within_s=25, what="all that was accepted"
        )


async def test_workers_do_not_mind_the_signal(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """A service manager may send it to all processes of a service."""
    prepare(short_path, twin)
    async with Sayso(short_path, *SERVE) as sayso:
        urls = await sayso.ready()
        workers = sayso.workers()
        for pid in workers:
            os.kill(pid, signal.SIGHUP)
        assert await buy(session, urls["public"], "T-1") == 204
        assert sayso.workers() == workers


async def test_the_gateway_alone_takes_it(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """A new site is served at once."""
    prepare(short_path, twin)
    async with Sayso(short_path, "gateway", "--config", "sayso.toml") as gateway:
        urls = await gateway.ready()
        config(short_path, twin.url, sites=[meta_shop(), meta_shop("outlet", "/outlet/", number=2)])
        await reload(session, gateway)
        assert await buy(session, f"{urls['public']}/outlet", "T-1") == 204
        assert await gateway.stop() == 0


async def test_a_link_that_is_pointed_elsewhere_is_followed(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """So do containers get another configuration: the file stays, and the folder behind it is replaced."""
    write_token(short_path, "a-token-of-meta")
    for number, sites in enumerate([[meta_shop()], [meta_shop(), meta_shop("outlet", "/outlet/", number=2)]]):
        made = config(short_path, twin.url, sites=sites)
        (short_path / f"v{number}").mkdir()
        made.rename(short_path / f"v{number}" / "real.toml")
    (short_path / "current").symlink_to("v0")
    (short_path / "sayso.toml").symlink_to("current/real.toml")
    async with Sayso(short_path, *SERVE) as sayso:
        urls = await sayso.ready()
        (short_path / "next").symlink_to("v1")
        (short_path / "next").rename(short_path / "current")
        (short_path / "v0" / "real.toml").unlink()
        await reload(session, sayso)
        assert await buy(session, f"{urls['public']}/outlet", "T-1") == 204


AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "proxy.cli", *sys.argv[1:]])
"""
"""Makes its stdin the terminal of its session, as a shell does."""


async def test_a_terminal_that_closes_ends_what_was_started_at_it(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """With a terminal, the signal still means a reload while the terminal is there; once it is gone, it means the end."""
    prepare(short_path, twin)
    terminal, theirs = os.openpty()
    out = short_path / "out"
    with out.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", AT_TERMINAL, *SERVE),
            cwd=short_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(short_path)},
            stdin=theirs,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    os.close(theirs)
    try:
        await wait_until(lambda: "sayso ready" in out.read_text(), within_s=30, what="a ready line")
        line = next(one for one in out.read_text().splitlines() if one.startswith("sayso ready"))
        admin = line.rpartition("admin=")[2]
        before = (await metrics(session, admin))[READ_AT]
        process.send_signal(signal.SIGHUP)

        async def read() -> bool:
            return (await metrics(session, admin))[READ_AT] > before

        await wait_until(read, within_s=30, what="a reload")
        os.close(terminal)  # the kernel sends the signal itself
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        assert leftovers(short_path) == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
