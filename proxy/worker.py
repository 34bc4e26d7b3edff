"""One gateway process: takes requests from a listening socket that its parent has bound.

It reads no configuration file: its parent hands it the settings that run, so that a worker that is started again after a
crash serves what the others serve, whatever the file says meanwhile.
"""

import asyncio
import gc
import logging
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress

from proxy.assemble import NotUsableError, connect, make_gateway
from proxy.compile import compile_sites
from proxy.gateway.server import QuietServer, listen, make_server
from proxy.geo import GeoError
from proxy.instruments import watch_loop
from proxy.lifeline import hold
from proxy.logs import set_up
from proxy.loops import run
from proxy.settings import Settings
from proxy.useragent import warm_up

log = logging.getLogger("sayso.gateway")
DRAIN_S = 5.0
LINGER_S = 5.0
"""How long a replaced worker keeps connections on which nothing comes, in seconds."""
_LOOK_S = 0.05


def handed(settings: Settings, store_url: str) -> bytes:
    """Return what a worker reads from its stdin: the settings with all secrets, and where the store is.

    Raises:
        NotUsableError: a forwarder from outside cannot be handed to another process.
    """
    try:
        return pickle.dumps((settings, store_url))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise NotUsableError(f"the settings cannot be handed to the gateway's workers: {error}") from None


async def work(settings: Settings, store_url: str, sock: socket.socket) -> int:
    """Serve until told to stop, replaced, or orphaned; then finish what is in hand. Returns the exit status."""
    stop, replaced = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready = hold(stop.set, replaced.set)
    warm_up()
    set_up(settings.log.level, settings.log.format)
    store, key = await connect(settings, store_url)
    parts = make_gateway(settings, compile_sites(settings), store, key)
    server = make_server(parts.handle)
    listener = await listen(server, sock)
    # What was loaded until here stays: the collector need not look at it again. Requests make no cycles worth its time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    ready()
    watching = loop.create_task(watch_loop("gateway"))
    await _either(stop, replaced)
    listener.close()
    if not stop.is_set():
        await _see_off(server, stop)
    server.pre_shutdown()
    await server.shutdown(DRAIN_S)
    await parts.close()
    await store.close()
    watching.cancel()
    return 0


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in (one, other)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _see_off(server: QuietServer, stop: asyncio.Event) -> None:
    """Answer what still comes on open connections, and part with each after its answer.

    To close an idle one at once would reset a request that is already on its way.
    """
    server.part()
    deadline = asyncio.get_running_loop().time() + LINGER_S
    while server.connections and asyncio.get_running_loop().time() < deadline:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await stop.wait()
                return


def main() -> int:
    """Run as ``python -m proxy.worker SOCKET_FD``, with what ``handed`` returned on stdin."""
    # A reload is the parent's business, also where the signal was sent to all processes of a service.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.setblocking(False)
    try:
        settings, store_url = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  # from our parent, over a pipe of ours
    except (EOFError, pickle.UnpicklingError):
        return 1  # the parent was killed before it had handed over everything
    except (ImportError, AttributeError) as error:
        print(f"sayso: a forwarder from outside cannot be loaded: {error}", file=sys.stderr)  # noqa: T201
        return 1
    try:
        return run(work(settings, store_url, sock))
    except (NotUsableError, GeoError) as error:
        log.error("this worker cannot start: %s", error)  # noqa: TRY400  # not a bug: a trace would help nobody
        return 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
