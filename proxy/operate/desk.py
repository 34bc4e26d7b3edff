"""Where an operator's command works: a store that already runs, and the configured sites. It never starts a store."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from proxy.assemble import NotUsableError, connect
from proxy.canary.site import NAME as CANARY
from proxy.canary.site import with_canary
from proxy.compile import compile_sites
from proxy.settings import Settings
from proxy.site import Link, Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.embedded_place import StoreStartError, prepare
from proxy.store.embedded_wire import Silence, greet

FAILED = 1
MISTAKEN = 2


class MistakeError(Exception):
    """The command asks for something that cannot be, such as a site that is not configured; one readable line."""


class MissingError(Exception):
    """What the command is about is not in the store (any more); one readable line."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command has in hand. The canary's site is among ``sites``, if there is one."""

    settings: Settings
    sites: tuple[Site, ...]
    store: Store
    key: bytes = field(default=b"", repr=False)
    """The installation's secret."""

    @property
    def partitions(self) -> range:
        """The numbers of all partitions."""
        return range(self.settings.store.partitions)

    def chosen_sites(self, name: str | None) -> tuple[Site, ...]:
        """Return the site of that name, or all.

        Raises:
            MistakeError: there is none of that name.
        """
        found = tuple(site for site in self.sites if name is None or site.name == name)
        if not found:
            raise MistakeError(
                f"there is no site {name}; there are {', '.join(site.name for site in self.sites)}"
            )
        return found

    def visited_sites(self, name: str | None) -> tuple[Site, ...]:
        """Return the site of that name, or all that have visitors.

        Raises:
            MistakeError: there is none of that name.
        """
        return tuple(site for site in self.chosen_sites(name) if name is not None or site.name != CANARY)

    def chosen_links(self, site: str | None, forwarder: str | None) -> list[tuple[Site, Link]]:
        """Return the forwarders of that name at that site; None is any.

        Raises:
            MistakeError: there is none.
        """
        all_links = [(one, link) for one in self.chosen_sites(site) for link in one.links]
        found = [(one, link) for one, link in all_links if forwarder is None or link.name == forwarder]
        if forwarder is not None and not found:
            where = "" if site is None else f" at {site}"
            names = ", ".join(dict.fromkeys(link.name for _, link in all_links)) or "none"
            raise MistakeError(f"there is no forwarder {forwarder}{where}; there are {names}")
        return found


Work = Callable[[Desk], Awaitable[str]]


def answer(settings: Settings, work: Work) -> tuple[int, str]:
    """Do an operator's work and return the exit status and what to print: the answer, or one line that says why not."""
    try:
        return 0, asyncio.run(_at_desk(settings, work))
    except MistakeError as error:
        return MISTAKEN, f"sayso: {error}"
    except (MissingError, NotUsableError, StoreStartError) as error:
        return FAILED, f"sayso: {error}"
    except StoreUnavailableError as error:
        return FAILED, f"sayso: the store cannot be used: {error}"


async def _at_desk(settings: Settings, work: Work) -> str:
    url = await embedded_url(settings) if settings.store.embedded else str(settings.store.url)
    store, key = await connect(settings, url)
    try:
        settings = with_canary(settings, key)
        return await work(Desk(settings, compile_sites(settings), store, key))
    finally:
        await store.close()


async def embedded_url(settings: Settings) -> str:
    """Find the embedded server that another process runs.

    Raises:
        NotUsableError: none runs, or it does not answer yet.
        StoreStartError: its folder cannot be read.
    """
    folder = settings.server.data_dir
    if folder.is_dir():  # looked at first, as ``prepare`` would make it
        for path in prepare(folder).sockets():
            found = await greet(path)
            if found is Silence.LOADING:
                raise NotUsableError(f"the store in {folder} is still reading its files; try again shortly")
            if not isinstance(found, Silence):
                found.close()
                return f"unix://{path}"
    raise NotUsableError(f"nothing runs on {folder}: start sayso serve first, then ask again")
