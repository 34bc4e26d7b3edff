"""Putting the parts together: store, gateway. The same for ``serve``, its halves, and the demo."""

import logging
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from proxy.address import TrustedProxies
from proxy.gateway.call import Callers
from proxy.gateway.collect import Collect
from proxy.gateway.consent_api import ConsentApi
from proxy.gateway.gateway import Gateway
from proxy.gateway.ratelimit import RateLimit
from proxy.geo import Geo
from proxy.metrics import CONSENT_READS, EVENTS_INVALID, INGEST_BUCKETS, INGEST_DURATION
from proxy.observe import Gathered
from proxy.pipeline import Pipeline, Told
from proxy.reasons import Invalid
from proxy.remember import Remember
from proxy.settings import Settings
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import ID_KEY, PARTITIONS
from proxy.store.outbox import Outbox

GPC_STATEMENT = "2026-11-22"
"""Date of the statement in ``/.well-known/gpc.json``: since then Sayso obeys the signal as it says."""


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class NotUsableError(Exception):
    """Why an installation cannot start, in one line for the operator."""


@dataclass(slots=True)
class OpenStore:
    """A store that answers. ``embedded`` is set where we run it ourselves."""

    store: Store
    url: str
    embedded: EmbeddedStore | None
    key: bytes

    async def close(self) -> None:
        """Close the connections, and end the embedded server if it is ours."""
        await self.store.close()
        if self.embedded is not None:
            await self.embedded.stop()


async def open_store(settings: Settings, log: logging.Logger) -> OpenStore:
    """Open the store that the settings name, starting the embedded one where needed.

    Raises:
        StoreStartError: the embedded server cannot be started.
        NotUsableError: the store does not answer, or was set up otherwise.
    """
    embedded = None
    url = str(settings.store.url)
    if settings.store.embedded:
        embedded = await EmbeddedStore.start(
            settings.server.data_dir, durability=settings.store.durability, log=log
        )
        url = f"unix://{embedded.socket}"
    try:
        store, key = await connect(settings, url)
    except NotUsableError:
        if embedded is not None:
            await embedded.stop()
        raise
    return OpenStore(store, url, embedded, key)


async def connect(settings: Settings, url: str) -> tuple[Store, bytes]:
    """Connect to a store that runs, and read the key from which vendors' ids are derived.

    Raises:
        NotUsableError: it does not answer, or was set up with another number of partitions.
    """
    store = Store(url)
    own = settings.server.id_key
    fixed = settings.store.partitions
    try:
        await store.guarded(store.redis.set(PARTITIONS, fixed, nx=True))
        found = int(await store.guarded(store.redis.get(PARTITIONS)))
        if own is None:
            await store.guarded(store.redis.set(ID_KEY, secrets.token_hex(32), nx=True))
            key = bytes.fromhex((await store.guarded(store.redis.get(ID_KEY))).decode())
        else:
            key = sha256(own.reveal().encode()).digest()
    except StoreUnavailableError as error:
        await store.close()
        raise NotUsableError(f"the store cannot be used: {error}") from None
    if found != fixed:
        await store.close()
        raise NotUsableError(
            f"this store was set up with partitions = {found}; the configuration says {fixed}"
        )
    return store, key


@dataclass(slots=True)
class GatewayParts:
    """A gateway and what it must finish before it may end."""

    gateway: Gateway
    consents: Consents
    outbox: Outbox

    async def close(self) -> None:
        """Finish what is on its way into the store."""
        await self.consents.close()
        await self.outbox.close()


def make_gateway(
    settings: Settings,
    sites: Sequence[Site],
    store: Store,
    key: bytes,
    *,
    tell: Callable[[Told], None] | None = None,
    clock: Callable[[], int] = now_ms,
) -> GatewayParts:
    """Build the gateway of one process."""
    geo = Geo(str(settings.server.geo_database) if settings.server.geo_database else None)
    consents = Consents(store)
    outbox = Outbox(
        store,
        partitions=settings.store.partitions,
        most_entries=settings.delivery.max_entries,
        most_bytes=settings.delivery.max_bytes,
    )
    pipeline = Pipeline(consents, outbox, geo, key, _read_counter(), tell)
    # Each process sees its share of the traffic, so it allows its share of the limit.
    limit = -(-settings.server.rate_limit_per_minute // settings.server.workers)
    callers = Callers(
        TrustedProxies([str(network) for network in settings.server.trusted_proxies]),
        geo,
        RateLimit(limit),
        clock,
    )
    gateway = Gateway(
        sites,
        Collect(pipeline, callers, _invalid_counter(sites)),
        ConsentApi(consents, Remember(consents)),
        callers,
        Gathered(INGEST_DURATION, INGEST_BUCKETS).observe,
        GPC_STATEMENT,
    )
    return GatewayParts(gateway, consents, outbox)


def _read_counter() -> Callable[[str], None]:
    children = {
        result: CONSENT_READS.labels(result) for result in ("found", "absent", "unreadable", "failed")
    }
    return lambda result: children[result].inc()


def _invalid_counter(sites: Sequence[Site]) -> Callable[[str, Invalid], None]:
    children = {
        (site.name, reason): EVENTS_INVALID.labels(site.name, reason.value)
        for site in sites
        for reason in Invalid
    }
    return lambda site, reason: children[site, reason].inc()


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket; port 0 takes a free one.

    Raises:
        NotUsableError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise NotUsableError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    sock.setblocking(False)
    return sock


def url_of(sock: socket.socket) -> str:
    """Return the URL of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
