"""One gateway process: takes requests from a listening socket that its parent has bound."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from proxy.assemble import NotUsableError, connect, make_gateway
from proxy.compile import compile_sites
from proxy.gateway.server import listen, make_server
from proxy.lifeline import hold
from proxy.logs import set_up
from proxy.loops import run
from proxy.settings import ConfigError, load_settings
from proxy.useragent import warm_up

log = logging.getLogger("sayso.gateway")
DRAIN_S = 5.0


async def work(config: Path, store_url: str, sock: socket.socket) -> int:
    """Serve until told to stop, or until the parent is gone; then finish what is in hand. Returns the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready = hold(stop.set)
    settings = load_settings(config)
    warm_up()
    set_up(settings.log.level, settings.log.format)
    store, key = await connect(settings, store_url)
    parts = make_gateway(settings, compile_sites(settings), store, key)
    server = make_server(parts.gateway.handle)
    listener = await listen(server, sock)
    # What was loaded until here stays: the collector need not look at it again. Requests make no cycles worth its time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    ready()
    await stop.wait()
    listener.close()
    server.pre_shutdown()
    await server.shutdown(DRAIN_S)
    await parts.close()
    await store.close()
    return 0


def main() -> int:
    """Run as ``python -m proxy.worker CONFIG STORE_URL SOCKET_FD``."""
    config, store_url, number = sys.argv[1:4]
    sock = socket.socket(fileno=int(number))
    sock.setblocking(False)
    try:
        return run(work(Path(config), store_url, sock))
    except (ConfigError, NotUsableError) as error:
        print(f"sayso: {error}", file=sys.stderr)  # noqa: T201  # before logging is set up
        return 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
