"""Somebody who follows a page: a folder, terminals in it, and the page's blocks of commands, one after the other.

Commands run as they stand on the page, by bash and the real curl. What differs is in ``Reader.instead``, and that
``sleep`` waits until nothing is left to be delivered.
"""

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.guides import ROOT, Block
from tests.support.waiting import wait_until

_SERVER = re.compile(r"^(?=\S*sayso (?:serve|twin)\b)", re.MULTILINE)
_SAYSO = f"""#!/bin/sh
PYTHONPATH={shlex.quote(str(ROOT))}${{PYTHONPATH:+:$PYTHONPATH}} exec {shlex.quote(sys.executable)} -m proxy.cli "$@"
"""
# What a terminal knows of what was typed before, how it ends, and a sleep that waits for what the page waits for.
_TERMINAL = """set -eo pipefail
sleep() {
    for _ in $(seq 600); do
        if curl -s "http://ADMIN/metrics" | grep '^sayso_outbox_entries' | grep -qv ' 0.0$'; then
            command sleep 0.05
        else
            return 0
        fi
    done
    echo "entries wait for 30 seconds" >&2
    return 1
}
[ ! -f .typed ] || { . ./.typed; sleep 1; }  # between two blocks, people take their time
BLOCK
{ export -p; declare -f; } > .typed
"""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass(slots=True)
class Answer:
    """What a block of commands printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Reader:
    """``async with Reader(folder) as reader: await reader.does(block)``."""

    folder: Path
    public: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)
    twin: int = field(default_factory=free_port)
    further: dict[str, str] = field(default_factory=dict)
    """What else stands for something on the pages, and for what."""
    variables: dict[str, str] = field(default_factory=dict)
    server: asyncio.subprocess.Process | None = None
    _number: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        command = self.folder / ".venv" / "bin" / "sayso"
        command.parent.mkdir(parents=True)
        command.write_text(_SAYSO, encoding="utf-8")
        command.chmod(0o755)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def instead(self) -> dict[str, str]:
        """What stands on the pages, and what is done in its place."""
        return {
            "localhost:8080": f"localhost:{self.public}",
            "127.0.0.1:8080": f"127.0.0.1:{self.public}",
            "127.0.0.1:9464": f"127.0.0.1:{self.admin}",
            "127.0.0.1:9000": f"127.0.0.1:{self.twin}",
            "kill -HUP 4711": f"kill -HUP {self.server.pid if self.server else 'nobody'}",
            **self.further,
        }

    def here(self, text: str) -> str:
        """Return a text of a page as it is done here."""
        for what, other in self.instead.items():
            text = text.replace(what, other)
        return text

    def writes(self, configuration: str) -> None:
        """Write ``sayso.toml`` as a page has it, with ports of our own, and vendors that are never the real ones."""
        listens = f'listen = "127.0.0.1:{self.public}"\nadmin_listen = "127.0.0.1:{self.admin}"\n'
        text = self.here(configuration)
        if "[egress]" not in text:
            text = f'[egress]\norigin = "http://127.0.0.1:{self.twin}"\n{text}'
        text = (
            text.replace("[server]\n", f"[server]\n{listens}")
            if "[server]\n" in text
            else f"[server]\n{listens}{text}"
        )
        (self.folder / "sayso.toml").write_text(text, encoding="utf-8")

    def exports(self, **variables: str) -> None:
        """Set variables in every terminal, as a page takes them for granted."""
        self.variables.update(variables)

    async def does(self, block: Block) -> Answer:
        """Run a block. One that ends with a server goes on in a terminal of its own, once that is ready."""
        code = self.here(block.code)
        if _SERVER.search(code):
            return Answer(0, await self.starts(_SERVER.sub("exec ", code)), "")
        script = _TERMINAL.replace("ADMIN", f"127.0.0.1:{self.admin}").replace("BLOCK", code)
        process = await self._bash(script, subprocess.PIPE, subprocess.PIPE)
        async with asyncio.timeout(45):
            out, err = await process.communicate()
        return Answer(process.returncode or 0, out.decode(), err.decode())

    async def starts(self, script: str) -> str:
        """Start a server in a terminal of its own, and wait until it is ready; return what was printed. It ends with us."""
        self._number += 1
        out = self.folder / f"{self._number}.stdout"
        with out.open("wb") as stdout, out.with_suffix(".stderr").open("wb") as stderr:
            process = await self._bash(self.here(script), stdout, stderr)
        self._stack.push_async_callback(_end, process)

        def says() -> str:
            return out.read_text(encoding="utf-8")

        def ready() -> bool:
            return process.returncode is not None or " ready " in says()

        await wait_until(ready, within_s=40.0, what="a server's ready line")
        assert process.returncode is None, out.with_suffix(".stderr").read_text(encoding="utf-8")
        if "admin=" in says():
            self.server = process
        return says()

    async def _bash(self, script: str, out: object, err: object) -> asyncio.subprocess.Process:
        path = f"{self.folder / '.venv' / 'bin'}:{os.environ['PATH']}"
        return await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            cwd=self.folder,
            env={"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "TMPDIR": str(self.folder)}
            | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=out,  # type: ignore[arg-type]  # as subprocess takes it
            stderr=err,  # type: ignore[arg-type]
        )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(20):
            status = await process.wait()
    except TimeoutError:
        process.kill()
        status = await process.wait()
    assert status == 0, f"a server ended with {status}"
