"""Sayso as its users run it: real processes, real signals, everything they print kept in files."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"(\w+)=(\S+)")


class Sayso:
    """One ``sayso`` command. ``async with Sayso(folder, "serve", ...) as sayso: await sayso.ready()``.

    Args:
        folder: where it is started, where its output is kept, and where it makes what it needs for a while.
        arguments: the command and its options.
        environment: what is added to the environment.
    """

    def __init__(self, folder: Path, *arguments: str | Path, **environment: str) -> None:
        self.folder = folder
        self.arguments = [str(one) for one in arguments]
        self.environment = environment
        self.urls: dict[str, str] = {}
        self.process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        number = len(list(self.folder.glob("*.stdout")))
        self._out = self.folder / f"{number}-{self.arguments[0]}.stdout"
        self._err = self._out.with_suffix(".stderr")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "proxy.cli",
                *self.arguments,
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder)} | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            await self.stop(within_s=15.0)

    # -- what it says ------------------------------------------------------------------------------------------------

    @property
    def out(self) -> str:
        """What it has printed to stdout."""
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it, and its children, have printed to stderr."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    async def ready(self, within_s: float = 30.0) -> dict[str, str]:
        """Wait for the ready line; return its URLs by name."""
        await wait_until(
            lambda: "\n" in self.out or self.process.returncode is not None,
            within_s=within_s,
            what="a ready line",
        )
        assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.err}"
        (line,) = self.out.splitlines()
        assert line.startswith("sayso ready "), line
        self.urls = dict(_URL.findall(line))
        return self.urls

    # -- its end -----------------------------------------------------------------------------------------------------

    async def wait(self, within_s: float = 30.0) -> int:
        """Wait for its end; return the exit status."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def stop(self, within_s: float = 10.0) -> int:
        """Send SIGTERM and wait; return the exit status. One that does not end in time is killed, and that fails."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return await self.wait(within_s)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise

    async def kill(self) -> None:
        """End it without a word, as a crash or the kernel would."""
        self.process.kill()
        await self.process.wait()

    # -- its children ------------------------------------------------------------------------------------------------

    def workers(self) -> list[int]:
        """Return the process ids of its gateway workers."""
        return [pid for pid in _children(self.process.pid) if b"proxy.worker" in _command(pid)]


def _children(parent: int) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(process.name))
    return sorted(found)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def kill(pid: int) -> None:
    """Kill one process that a test has started."""
    os.kill(pid, signal.SIGKILL)


def config(folder: Path, origin: str, *more: str, server: str = "", sites: Sequence[str] = ()) -> Path:
    """Write a configuration of one shop with four vendors that all are at ``origin``; return the file.

    Args:
        folder: where it is written; the store's files are kept there too.
        origin: what stands in for every vendor.
        more: further lines.
        server: further keys of ``[server]``.
        sites: the sites' tables; absent: one shop in Consent Mode.
    """
    lines = [
        "[server]",
        'listen = "127.0.0.1:0"',
        'admin_listen = "127.0.0.1:0"',
        f'data_dir = "{folder / "data"}"',
        server,
        "[egress]",
        f'origin = "{origin}"',
        *more,
        *(sites or (shop(),)),
    ]
    path = folder / "sayso.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def shop(
    name: str = "shop", *, base: str = "/", preset: str = "consent-mode", number: int = 1, keys: str = ""
) -> str:
    """Return the tables of a site with four vendors, whose accounts hold its ``number``."""
    at = f"[sites.{name}"
    return f"""
{at}]
hosts = ["127.0.0.1"]
base_path = "{base}"
origins = ["https://shop.example"]
{keys}
{at}.policy]
preset = "{preset}"
{at}.forwarders.google_analytics]
measurement_id = "G-SHOP{number}"
api_secret = "secret-of-google-analytics"
{at}.forwarders.google_ads]
customer_id = "{number}234567890"
credentials = "env:TEST_ADS_KEY"
conversion_id = "AW-{number}23456789"
{at}.forwarders.google_ads.conversions.purchase]
action_id = "{number}87654321"
label = "AbC-D_efG-h12"
{at}.forwarders.meta]
dataset_id = "{number}111111111"
access_token = "secret-of-meta"
{at}.forwarders.microsoft]
tag_id = "{number}7000001"
api_token = "secret-of-microsoft"
"""
