"""Putting the parts together: store, gateway. The same for ``serve``, its halves, and the demo."""

import logging
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from proxy.address import TrustedProxies
from proxy.audit.chain import key_of
from proxy.audit.daykeys import DayKeys
from proxy.audit.ledger import Keeping, Ledger
from proxy.consent_watch import ConsentWatch
from proxy.gateway.call import Callers
from proxy.gateway.collect import Collect
from proxy.gateway.consent_api import ConsentApi
from proxy.gateway.consent_export import Exports
from proxy.gateway.counted import Handler, counted
from proxy.gateway.gateway import Gateway
from proxy.gateway.hits import Hits
from proxy.gateway.measurement import Measurement
from proxy.gateway.ratelimit import RateLimit
from proxy.geo import Geo
from proxy.instruments import RequestWatch, StoreWatch
from proxy.metrics import CONSENT_READS, EVENTS_INVALID, INGEST_BUCKETS, INGEST_DURATION
from proxy.observe import Gathered
from proxy.pipeline import Pipeline, Told
from proxy.reasons import Invalid
from proxy.remember import Remember
from proxy.report.counting import Counting
from proxy.settings import Settings
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.embedded import EmbeddedStore
from proxy.store.embedded_memory import auto_bound
from proxy.store.keys import ID_KEY, PARTITIONS
from proxy.store.outbox import Outbox
from proxy.subjects import Subjects
from proxy.traces.wired import Traces
from proxy.zone import zone_of

GPC_STATEMENT = "2026-11-22"
"""Date of the statement in ``/.well-known/gpc.json``: since then Sayso obeys the signal as it says."""


_FLUSH_S = 2.0
"""How long a gateway that ends may take to send the spans that wait."""

AUDIT_KEY_FILE = "audit.key"
"""Beside the embedded store's files: the key of the audit trail's chain."""


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
            settings.server.data_dir,
            durability=settings.store.durability,
            log=log,
            max_memory=auto_bound() if settings.store.max_memory is None else settings.store.max_memory,
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
    store = Store(url, watch=StoreWatch())
    own = settings.server.id_key
    fixed = settings.store.partitions
    try:
        found = int(await _fixed(store, PARTITIONS, str(fixed)))
        if own is None:
            key = bytes.fromhex((await _fixed(store, ID_KEY, secrets.token_hex(32))).decode())
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


async def _fixed(store: Store, key: str, first: str) -> bytes:
    """Return what was written at the first start, which may be this one.

    Read before it is written: a store that takes no writes now is one to deliver from all the same.
    """
    found: bytes | None = await store.guarded(store.redis.get(key))
    if found is None:
        await store.guarded(store.redis.set(key, first, nx=True))
        found = await store.guarded(store.redis.get(key))
    return found or b""


def make_ledger(settings: Settings, opened: OpenStore, owner: str) -> Ledger:
    """Make what writes the audit trail; one of these in each process that delivers.

    Args:
        settings: the configuration.
        opened: the store.
        owner: this process's name; unique per start.
    """
    # Beside the embedded store, whose files hold the secret that it is made of, it tells nobody more than those.
    key_file = settings.server.data_dir / AUDIT_KEY_FILE if opened.embedded is not None else None
    keeping = Keeping(settings.audit_dir, settings.audit.keep_days, settings.audit.link_days, key_file)
    return Ledger(
        opened.store,
        key_of(opened.key),
        keeping,
        partitions=settings.store.partitions,
        owner=owner,
        clock=now_ms,
    )


@dataclass(slots=True)
class GatewayParts:
    """A gateway and what it must finish before it may end."""

    gateway: Gateway
    handle: Handler
    """Answers a request of the public listener."""
    consents: Consents
    outbox: Outbox
    durations: Gathered
    requests: RequestWatch
    traces: Traces

    async def close(self) -> None:
        """Finish what is on its way into the store, and count what is not counted yet."""
        await self.consents.close()
        await self.outbox.close()
        self.durations.hand_over()
        self.requests.hand_over()
        await self.traces.close(_FLUSH_S)


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
        refuse=settings.delivery.when_full == "refuse",
        report_keep_s=settings.report.keep_days * 86_400,
    )
    remember = Remember(consents, key)
    subjects = Subjects(consents, remember, _read_counter(), ConsentWatch(), key=key)
    counting = Counting(zone_of(settings.report.timezone))
    traces = Traces(settings.traces)
    pipeline = Pipeline(subjects, outbox, geo, key, DayKeys(store), traces.telling(tell), counting)
    # Each process sees its share of the traffic, so it allows its share of the limit.
    limit = -(-settings.server.rate_limit_per_minute // settings.server.workers)
    durations = Gathered(INGEST_DURATION, INGEST_BUCKETS)
    callers = Callers(
        TrustedProxies([str(network) for network in settings.server.trusted_proxies]),
        geo,
        RateLimit(limit),
        clock,
    )
    count_invalid = _invalid_counter(sites)
    collect = Collect(pipeline, callers, count_invalid)
    gateway = Gateway(
        sites,
        collect,
        ConsentApi(consents, remember, Exports(consents, store, settings.store.partitions), store),
        Hits(sites, collect, count_invalid),
        Measurement(collect, callers, count_invalid),
        callers,
        durations.observe,
        GPC_STATEMENT,
    )
    requests = RequestWatch()
    handle = traces.handling(partial(counted, gateway.handle, sites), requests)
    return GatewayParts(gateway, handle, consents, outbox, durations, requests, traces)


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


def reachable(sock: socket.socket) -> str:
    """Return the URL under which this machine itself reaches a bound socket: one bound to all addresses is on loopback too."""
    host, port = sock.getsockname()[:2]
    match host:
        case "0.0.0.0":  # noqa: S104  # not bound here
            return f"http://127.0.0.1:{port}"
        case "::":
            return f"http://[::1]:{port}"
        case _:
            return url_of(sock)
