"""A process that uses the embedded store, for tests that must kill one: it is run, not imported.

`embedded_owner.py DATA_DIR [--exec FILE] [--fork]` starts the store and prints its state as one JSON line; it prints it
again for each line on stdin, and stops the store when stdin ends. Its loop is uvloop, as the real processes' is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop

from proxy.store import embedded_server
from proxy.store.embedded import EmbeddedStore, StoreStartError

logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(process)d %(message)s")


def say(store: EmbeddedStore, forked: int) -> None:
    """Print the state."""
    state = {"owner": store.owner, "pid": store.pid, "socket": str(store.socket), "forked": forked}
    sys.stdout.write(json.dumps(state) + "\n")
    sys.stdout.flush()


def fork() -> int:
    """Leave a child behind that does nothing, as a forked worker would be, and return once it runs."""
    ready, running = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(running, b"1")
        os.close(1)
        signal.pause()
    os.read(ready, 1)
    return child


async def main() -> int:
    """Start, answer, stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--exec", type=Path, dest="program")
    parser.add_argument("--fork", action="store_true")
    chosen = parser.parse_args()
    if chosen.program is not None:
        embedded_server._EXEC = chosen.program
    try:
        store = await EmbeddedStore.start(
            chosen.data_dir, durability="always", log=logging.getLogger("store")
        )
    except StoreStartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    watch = asyncio.create_task(store.watch())
    forked = fork() if chosen.fork else 0
    say(store, forked)
    while await asyncio.to_thread(sys.stdin.readline):
        say(store, forked)
    await store.stop()
    await watch
    return 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
