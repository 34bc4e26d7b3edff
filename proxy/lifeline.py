"""Between a parent process and its children: who is ready, who is replaced, and who is gone.

It is a socket pair, so it works everywhere. A child writes one byte when it takes requests; the parent writes one when another has taken the child's place. When the
parent dies, however it dies, the child's end reads as closed and the child ends too: no worker outlives the process
that accounts for it.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

ENVIRONMENT = "SAYSO_LIFELINE"


@dataclass(slots=True)
class Child:
    """A child process and the parent's end of its lifeline."""

    process: asyncio.subprocess.Process
    line: socket.socket

    async def ready(self) -> bool:
        """Wait until the child says that it takes requests; False if it ended without."""
        try:
            return bool(await asyncio.get_running_loop().sock_recv(self.line, 1))
        except ConnectionError:
            return False

    def replaced(self) -> None:
        """Tell the child that another takes new connections: it is to serve those that it has, and to end."""
        with suppress(OSError):  # it has ended by itself
            self.line.send(b"r")


async def spawn(
    command: Sequence[str], *, inherit: Sequence[int], environment: dict[str, str], given: bytes = b""
) -> Child:
    """Start a child with a lifeline, in a session of its own so that a Ctrl-C reaches the parent alone.

    Args:
        command: the program and its arguments.
        inherit: descriptors that it keeps.
        environment: what is added to ours.
        given: what it reads from its stdin, such as what neither a file nor a list of processes is to show.

    Raises:
        OSError: the system has no room for another process.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=[*inherit, theirs.fileno()],
            env={**os.environ, **environment, ENVIRONMENT: str(theirs.fileno())},
            start_new_session=True,
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    if process.stdin is not None:
        with suppress(ConnectionError):  # it has ended already: its parent learns that from the line
            process.stdin.write(given)
            await process.stdin.drain()
        process.stdin.close()
    return Child(process, ours)


def hold(on_orphaned: Callable[[], None], on_replaced: Callable[[], None]) -> Callable[[], None]:
    """In a child: call ``on_orphaned`` once the parent is gone, ``on_replaced`` once another child has taken our place.

    Returns what to call when ready. Without a parent that holds a lifeline, all of it does nothing.
    """
    number = os.environ.pop(ENVIRONMENT, None)
    if number is None:
        return lambda: None
    line = socket.socket(fileno=int(number))
    line.setblocking(False)
    loop = asyncio.get_running_loop()

    def heard() -> None:
        try:
            said = line.recv(16)
        except BlockingIOError:
            return
        except ConnectionError:
            said = b""
        if said:
            on_replaced()
        else:
            loop.remove_reader(line)
            on_orphaned()

    def ready() -> None:
        with suppress(ConnectionError):  # the parent is gone, as we are about to hear
            line.send(b"1")

    loop.add_reader(line, heard)
    return ready
