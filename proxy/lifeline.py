"""Between a parent process and its children: who is ready, and who is gone. A socket pair, so it works everywhere.

A child writes one byte when it takes requests. When the parent dies, however it dies, the child's end reads as closed
and the child ends too: no worker outlives the process that accounts for it.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ENVIRONMENT = "SAYSO_LIFELINE"


@dataclass(slots=True)
class Child:
    """A child process and the parent's end of its lifeline."""

    process: asyncio.subprocess.Process
    line: socket.socket

    async def ready(self) -> bool:
        """Wait until the child says that it takes requests; False if it ended without."""
        return bool(await asyncio.get_running_loop().sock_recv(self.line, 1))


async def spawn(command: Sequence[str], *, inherit: Sequence[int], environment: dict[str, str]) -> Child:
    """Start a child with a lifeline, in a session of its own so that a Ctrl-C reaches the parent alone."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            pass_fds=[*inherit, theirs.fileno()],
            env={**os.environ, **environment, ENVIRONMENT: str(theirs.fileno())},
            start_new_session=True,
        )
    finally:
        theirs.close()
    return Child(process, ours)


def hold(on_orphaned: Callable[[], None]) -> Callable[[], None]:
    """In a child: call ``on_orphaned`` once the parent is gone. Returns what to call when ready.

    Without a parent that holds a lifeline, both do nothing.
    """
    number = os.environ.pop(ENVIRONMENT, None)
    if number is None:
        return lambda: None
    line = socket.socket(fileno=int(number))
    line.setblocking(False)
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(line)
        on_orphaned()

    def ready() -> None:
        line.send(b"1")

    loop.add_reader(line, gone)
    return ready
