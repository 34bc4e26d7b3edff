"""Reading the configuration again while Sayso runs: a right file takes effect, a wrong one changes nothing and is told.

``Source`` is where it comes from, ``Standing`` how it stands, and ``Reloader`` does the reading, one at a time, however
often it is asked.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from proxy.admin import Part
from proxy.assemble import NotUsableError
from proxy.delivery.crew import place_of
from proxy.geo import GeoError
from proxy.metrics import CONFIG_LOAD
from proxy.settings import ConfigError, Settings, load_settings

log = logging.getLogger("sayso")
Use = Callable[[Settings], Awaitable[None]]

_AT_START: Final = (
    ("server", "listen"),
    ("server", "admin_listen"),
    ("server", "data_dir"),
    ("server", "id_key"),
    ("store", "url"),
    ("store", "durability"),
    ("store", "max_memory"),
    ("store", "partitions"),
)
"""Keys that take effect at a start only: sockets are bound, the store is open, and ids would change under entries."""
_SHOWN: Final = 200
"""Characters of a problem that ``/readyz`` shows; the log has all of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration comes from: a file, and what the command line says instead of its ``[server]`` keys."""

    path: Path
    instead: Mapping[str, object] = field(default_factory=dict)

    def load(self) -> Settings:
        """Read it, secrets in files too.

        Raises:
            ConfigError: it cannot be used; every reason at once.
        """
        settings = load_settings(self.path)
        server = settings.server.model_copy(update=dict(self.instead))
        return settings.model_copy(update={"server": server})


def keep_fixed(running: Settings, read: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return what may take effect while Sayso runs, and the names of the keys whose change waits for the next start."""
    waiting = [
        (table, key)
        for table, key in _AT_START
        if getattr(getattr(running, table), key) != getattr(getattr(read, table), key)
    ]
    for table, key in waiting:
        kept = getattr(read, table).model_copy(update={key: getattr(getattr(running, table), key)})
        read = read.model_copy(update={table: kept})
    return read, tuple(f"{table}.{key}" for table, key in waiting)


@dataclass(slots=True)
class Standing:
    """How the configuration stands, for ``/readyz`` and metrics. Times are Unix seconds."""

    read_at: float = field(default_factory=time.time)
    """When the one that runs was read."""
    waiting: tuple[str, ...] = ()
    """Its keys that take effect at the next start."""
    _wrong_at: float = 0.0
    _problems: Sequence[str] = ()

    def __post_init__(self) -> None:
        CONFIG_LOAD.successful, CONFIG_LOAD.at = True, self.read_at

    def right(self, at: float, waiting: tuple[str, ...]) -> None:
        """Note that what was read then runs now."""
        self.read_at, self.waiting, self._problems = at, waiting, ()
        CONFIG_LOAD.successful, CONFIG_LOAD.at = True, at

    def wrong(self, at: float, problems: Sequence[str]) -> None:
        """Note that what was read then cannot be used."""
        self._wrong_at, self._problems = at, problems
        CONFIG_LOAD.successful = False

    async def part(self) -> dict[str, Part]:
        """Say how it stands. Keys that wait degrade nothing: all works as it did, and whoever wrote them was told."""
        if self._problems:
            number = len(self._problems)
            first = self._problems[0]
            first = first if len(first) <= _SHOWN else f"{first[: _SHOWN - 3]}..."
            words = (
                f"the file of {_clock(self._wrong_at)} is wrong ({number} problem{'s' if number > 1 else ''}: {first});"
                f" running the one of {_clock(self.read_at)}"
            )
            return {"configuration": Part("degraded", words)}
        if self.waiting:
            return {
                "configuration": Part("ready", f"takes effect at the next start: {', '.join(self.waiting)}")
            }
        return {"configuration": Part("ready")}


def _clock(at: float) -> str:
    """Write a time; of today, the time of day is enough."""
    then = time.gmtime(at)
    same_day = then[:3] == time.gmtime()[:3]
    return time.strftime("%H:%M UTC" if same_day else "%Y-%m-%d %H:%M UTC", then)


class Reloader:
    """Reads the configuration when asked. Many askings while it is at it make one more reading.

    Args:
        source: where it is.
        settings: those that run.
        use: makes other settings run; raises and changes nothing if it cannot.
        asked: is set to ask.
    """

    def __init__(self, source: Source, settings: Settings, use: Use, asked: asyncio.Event) -> None:
        self.standing = Standing()
        self._source = source
        self._settings = settings
        self._use = use
        self._asked = asked
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Begin nothing any more, and leave off with what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._reload()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """If a bug has ended it, or one in a forwarder from outside, say so and go on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._refuse(time.time(), [f"reading it failed inside ({place_of(error)})"])
            self.start()

    async def _reload(self) -> None:
        """Read the configuration, and make it run if it is right."""
        at = time.time()
        try:
            read = await asyncio.to_thread(self._source.load)
            settings, waiting = keep_fixed(self._settings, read)
            await self._use(settings)
        except ConfigError as error:
            self._refuse(at, [str(problem) for problem in error.problems])
        except (NotUsableError, GeoError) as error:
            self._refuse(at, [str(error)])
        else:
            self._settings = settings
            self.standing.right(at, waiting)
            for key in waiting:
                log.warning("the change of %s takes effect at the next start", key)
            log.info("the configuration was read again and is in effect")

    def _refuse(self, at: float, problems: Sequence[str]) -> None:
        self.standing.wrong(at, problems)
        for problem in problems:
            log.error("the configuration is not changed: %s", " ".join(problem.split()))


def on_signals(stop: asyncio.Event, reload: asyncio.Event) -> None:
    """Set one event on SIGTERM and Ctrl-C, the other on SIGHUP.

    A terminal that closes sends SIGHUP too. What was started at one by hand is to end with it, not to live on unseen.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    by_hand = _at_terminal()

    def hung_up() -> None:
        if by_hand and not _at_terminal():
            stop.set()
        else:
            reload.set()

    loop.add_signal_handler(signal.SIGHUP, hung_up)


def _at_terminal() -> bool:
    """Tell whether this process has a terminal that would end it with Ctrl-C."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
