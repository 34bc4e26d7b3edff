"""Real processes under a supervisor: started, watched, hurt, started again; everything they say is kept in files."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_URL = re.compile(r"(\w+)=(\S+)")
_AGAIN_S = 0.3
_READY_S = 60.0


class NotReadyError(Exception):
    """A process did not come up."""


@dataclass(slots=True)
class Managed:
    """A process that is started again whenever it ends unasked, as a service manager would.

    Args:
        name: for logs and file names.
        command: what to run.
        folder: where it runs, and where its output is kept.
        environment: added to ours.
    """

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0
    ends: list[int] = field(default_factory=list)
    """Exit statuses, in order; negative: a signal."""
    _process: asyncio.subprocess.Process | None = None
    _wanted: bool = False
    _keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def said(self) -> Path:
        """Where its stdout of all starts is kept."""
        return self.folder / f"{self.name}.stdout"

    @property
    def log(self) -> Path:
        """Where its stderr of all starts is kept."""
        return self.folder / f"{self.name}.stderr"

    def start(self) -> None:
        """Run it until ``stop``."""
        self._wanted = True
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while self._wanted:
            with self.said.open("ab") as out, self.log.open("ab") as err:
                self._process = await asyncio.create_subprocess_exec(
                    *self.command,
                    cwd=self.folder,
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            self.starts += 1
            self.ends.append(await self._process.wait())
            if self._wanted:
                await asyncio.sleep(_AGAIN_S)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.pid is not None:
            os.kill(self.pid, number)

    async def stop(self, within_s: float = 20.0) -> bool:
        """End it for good by SIGTERM; tells whether it ended in time by itself."""
        self._wanted = False
        in_time = True
        if self._keeper is None:
            return True
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(within_s):
                await asyncio.shield(self._keeper)
        except TimeoutError:
            in_time = False
            self.send(signal.SIGKILL)
            await self._keeper
        return in_time

    async def urls(self) -> dict[str, str]:
        """Wait for its first ready line; return the URLs in it.

        Raises:
            NotReadyError: it does not come up.
        """
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            lines = self.said.read_text(encoding="utf-8").splitlines() if self.said.exists() else []
            for line in lines:
                if line.startswith("sayso ready"):
                    return dict(_URL.findall(line))
            await asyncio.sleep(0.05)
        raise NotReadyError(f"{self.name} is not ready after {_READY_S:.0f} s; see {self.log}")


def sayso(*arguments: str | Path) -> list[str]:
    """Return the command line of a ``sayso`` command of this checkout."""
    return [sys.executable, "-m", "proxy.cli", *map(str, arguments)]


def children(parent: int) -> list[int]:
    """Return the process ids below a process, its children first."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split():
            found += [int(child), *children(int(child))]
    return found


def command_of(pid: int) -> str:
    """Return a process's command line, "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def living_in(folder: Path) -> list[str]:
    """Return the processes, other than this one, that work in or below a folder: ``pid command``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder) and int(process.name) != os.getpid():
            found.append(f"{process.name} {command_of(int(process.name))}")
    return sorted(found)


def zombies() -> list[str]:
    """Return our own children that have ended and were not waited for."""
    found = []
    for pid in children(os.getpid()):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state == "Z":
            found.append(str(pid))
    return found
