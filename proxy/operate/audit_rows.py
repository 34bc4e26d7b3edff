"""Which rows of the audit trail a command is about, and the store that it may have to ask."""

from dataclasses import dataclass
from typing import Final

from proxy.assemble import NotUsableError, connect, now_ms
from proxy.audit.reading import Wanted
from proxy.audit.rows import minute_of
from proxy.operate.desk import MistakeError, embedded_url
from proxy.operate.span import parse_moment
from proxy.settings import Settings
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.embedded_place import StoreStartError

NO_STORE: Final = (NotUsableError, StoreStartError, StoreUnavailableError)
"""Why there is no store to ask."""


async def store_of(settings: Settings) -> tuple[Store, bytes]:
    """Connect to the store that runs; returns it and the installation's secret.

    Raises:
        NotUsableError, StoreStartError: there is none, or it is another.
    """
    url = await embedded_url(settings) if settings.store.embedded else str(settings.store.url)
    return await connect(settings, url)


@dataclass(frozen=True, slots=True)
class Request:
    """What to export or sum up, as it was asked for."""

    since: str | None = None
    until: str | None = None
    site: str | None = None
    forwarder: str | None = None
    visitor: str | None = None

    def wanted(self) -> Wanted:
        """Return which rows are meant.

        Raises:
            MistakeError: a time is none.
        """
        now = now_ms()
        since, until = (
            _minute(name, text, now) for name, text in (("--since", self.since), ("--until", self.until))
        )
        return Wanted(since, until, self.site, self.forwarder)


def _minute(name: str, text: str | None, now: int) -> str | None:
    if text is None:
        return None
    moment = parse_moment(text, now)
    if moment is None:
        raise MistakeError(f"{name} is how long ago (30m, 2h, 1d), or a time such as 2026-05-17T08:00:00Z")
    return minute_of(moment)
