"""What the tests of the embedded Valkey share: further processes, questions to a server, small file work.

The file work is here because ruff rightly wants no blocking calls in async functions, and a test needs them all the time.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.store.embedded import EmbeddedStore
from proxy.store.embedded_wire import Wire

ROOT = Path(__file__).resolve().parents[2]
OWNER = Path(__file__).with_name("embedded_owner.py")
LONG = "a-directory-with-a-long-name/" * 4
"""Below a data_dir: too long for the path of a socket."""

Start = Callable[..., Awaitable[EmbeddedStore]]


@dataclass
class State:
    """What another process says of its store."""

    owner: bool
    pid: int
    socket: str
    forked: int


class Other:
    """Another process that uses the store."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, OWNER, data_dir, *options],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> State:
        """Read one state; the first comes when the store is ready."""
        assert self.process.stdout is not None
        return State(**json.loads(self.process.stdout.readline()))

    async def ready(self) -> State:
        return await asyncio.to_thread(self.answer)

    def state(self) -> State:
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> int:
        """Have it stop in an orderly way."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=20)

    def clear(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never came: {what}")


async def ask(store: EmbeddedStore | State, *words: str) -> object:
    """Send one command."""
    wire = await Wire.open(Path(store.socket))
    try:
        return await wire.call(*words)
    finally:
        wire.close()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def servers(data_dir: Path) -> list[int]:
    """All server processes that work in `data_dir`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not (process / "comm").read_text(encoding="utf-8").startswith("valkey-server"):
                continue
            if (process / "cwd").readlink() == data_dir:
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def no_parent_death(data_dir: Path) -> Path:
    """Make a stand-in for the last step before the server, on a system that does not end it with its owner."""
    program = data_dir.parent / "exec.py"
    program.write_text("import os, sys\nos.execv(sys.argv[2], sys.argv[2:])\n", encoding="utf-8")
    return program


def mode(path: Path) -> int:
    """Permission bits."""
    return path.lstat().st_mode & 0o777


def inside(path: Path, pattern: str = "*") -> list[Path]:
    """Everything below `path` that fits the pattern."""
    return sorted(path.rglob(pattern))


def make(path: Path) -> None:
    """Make a directory."""
    path.mkdir(parents=True)


def write(path: Path, content: bytes = b"") -> None:
    """Make a file."""
    path.write_bytes(content)


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    """Rewrite a file."""
    path.write_bytes(how(path.read_bytes()))


def environment_of(pid: int) -> bytes:
    """Read what another process got as its environment."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(  # noqa: S603 - our own
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
