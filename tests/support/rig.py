"""A whole gateway in the test's own loop, on a real socket and a real Valkey, with handles on what it answers and stores.

``Rig`` is the gateway; ``Browser`` is one visitor with a cookie jar of its own, which keeps time by the rig's clock.
Later tests start more beside it (delivery, the twin) by ``rig.beside``: everything there ends before the gateway does.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.assemble import GatewayParts, bind, connect, make_gateway, now_ms, url_of
from proxy.compile import compile_sites
from proxy.entry import Entry, decode
from proxy.event import FullEvent
from proxy.gateway.server import listen, make_server
from proxy.pipeline import Told
from proxy.settings import Settings, read_settings
from proxy.site import Site
from proxy.store.client import Store
from proxy.store.keys import consent_key, outbox_keys, session_key
from tests.support.events import STANZAS, USER_AGENT

ORIGIN = "https://shop.example"
SHOP: Mapping[str, Any] = {
    "hosts": ["*"],
    "origins": [ORIGIN],
    "policy": {"preset": "consent-mode"},
    "forwarders": {name: STANZAS[name] for name in ("google_analytics", "google_ads", "meta", "microsoft")},
}
PAGE: Mapping[str, str] = {"Origin": ORIGIN, "User-Agent": USER_AGENT}
"""What every request of a listed page's browser carries."""
GRANT: Mapping[str, str] = dict.fromkeys(
    ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"), "granted"
)
DENY: Mapping[str, str] = dict.fromkeys(GRANT, "denied")
UNKNOWN: Mapping[str, str] = dict.fromkeys(GRANT, "unknown")
STATS: Mapping[str, str] = {"analytics_storage": "granted"}
ADS = ("ad_storage", "ad_user_data", "ad_personalization")
_COOKIE = re.compile(r"([^=]+)=([^;]*)(.*)")


def event(name: str = "page_view", **fields: object) -> dict[str, object]:
    """Return an event as a page sends it."""
    return {"name": name, "page": {"url": f"{ORIGIN}/thanks"}, **fields}


def site(**changes: object) -> dict[str, Any]:
    """Return the shop's configuration with some of its keys changed."""
    return {**SHOP, **changes}


def signals(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the four signals of an answer or a record."""
    return {name: state[name] for name in GRANT}


def modes(entries: Sequence[Entry]) -> list[str]:
    """Return ``full`` or ``cookieless`` for each entry."""
    return ["full" if isinstance(entry.event, FullEvent) else "cookieless" for entry in entries]


async def purchase(browser: "Browser", **fields: object) -> dict[str, str]:
    """Send a purchase; return forwarder → ``decision|reason``."""
    answer = await browser.collect(event("purchase", **fields))
    assert answer.status == 204, answer.body
    return browser.rig.decided()


async def ask(store: Store, *command: str | bytes | int) -> Any:
    """Send a store one command and return its answer as it comes."""
    return await store.redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types here


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail(f"never came: {what}")


@dataclass(slots=True)
class Clock:
    """Unix time in ms that runs with the real one, moved by what a test asks for."""

    ahead_ms: int = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_ms

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """Move on; negative moves back."""
        self.ahead_ms += int((days * 86_400 + seconds) * 1000)


@dataclass(slots=True)
class Answer:
    """An HTTP answer. ``set_cookies`` are the Set-Cookie lines as sent."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def set_cookies(self) -> list[str]:
        return self.headers.getall("Set-Cookie", [])

    def set_cookie(self, name: str) -> str | None:
        """Return the Set-Cookie line of that cookie, if there is one; a test fails if there are two."""
        found = [line for line in self.set_cookies if line.startswith(f"{name}=")]
        assert len(found) < 2, found
        return found[0] if found else None

    def life_of(self, name: str) -> int:
        """Return the Max-Age that a cookie was set with."""
        line = self.set_cookie(name)
        assert line is not None, f"{name} was not set: {self.set_cookies}"
        found = re.search(r"; Max-Age=(\d+)", line)
        assert found is not None, line
        return int(found[1])


@dataclass(slots=True)
class Browser:
    """One visitor: keeps cookies as a browser does, by the rig's clock, and sends what a listed page's browser sends."""

    rig: "Rig"
    headers: dict[str, str] = field(default_factory=lambda: dict(PAGE))
    cookies: dict[str, str] = field(default_factory=dict)
    _ends_ms: dict[str, int] = field(default_factory=dict)

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str | None] | None = None,
        **more: Any,
    ) -> Answer:
        """Send a request; a header given as None is left out, a body that is no bytes is sent as JSON."""
        now = self.rig.clock()
        for name in [name for name, end in self._ends_ms.items() if end <= now]:
            self.cookies.pop(name, None)
            del self._ends_ms[name]
        sent: CIMultiDict[str] = CIMultiDict(self.headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        for name, value in (headers or {}).items():
            if value is None:
                sent.pop(name, None)
            else:
                sent[name] = value
        answer = await self.rig.request(method, path, body, sent, **more)
        for line in answer.set_cookies:
            self._keep(line)
        return answer

    def _keep(self, line: str) -> None:
        found = _COOKIE.match(line)
        assert found is not None, line
        name, value, attributes = found.groups()
        life = re.search(r"; Max-Age=(\d+)", attributes)
        assert life is not None, f"a cookie without a life: {line}"
        if life[1] == "0":
            self.cookies.pop(name, None)
            self._ends_ms.pop(name, None)
            return
        self.cookies[name] = value
        self._ends_ms[name] = self.rig.clock() + int(life[1]) * 1000

    @property
    def id(self) -> str | None:
        """The visitor's id as the id cookie holds it, without its time."""
        value = self.cookies.get("_sayso")
        return None if value is None else value.partition(".")[0]

    async def post(
        self, path: str, body: object = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        return await self.request("POST", path, body, headers)

    async def get(self, path: str, headers: Mapping[str, str | None] | None = None) -> Answer:
        return await self.request("GET", path, None, headers)

    async def collect(self, body: object, headers: Mapping[str, str | None] | None = None) -> Answer:
        """Post events."""
        return await self.request("POST", "/collect", body, headers)

    async def consent(
        self, body: Mapping[str, object], headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """State consent."""
        return await self.request("POST", "/consent", dict(body), headers)

    async def withdraw(self, headers: Mapping[str, str | None] | None = None) -> Answer:
        """Withdraw everything."""
        return await self.request("DELETE", "/consent", None, headers)

    async def state(self) -> dict[str, Any]:
        """Ask for the own state."""
        answer = await self.request("GET", "/consent")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found


class Rig:
    """A gateway on a free port, on the store at ``store_url``.

    Args:
        store_url: a running Valkey; its contents are the test's to clear.
        sites: the ``[sites]`` table; absent: one ``shop``.
        patience_s: how long the gateway waits for its store.
        settings: further tables of the configuration, such as ``server`` or ``egress``.
    """

    def __init__(
        self,
        store_url: str,
        sites: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        patience_s: float = 2.0,
        **settings: Mapping[str, Any],
    ) -> None:
        self._store_url = store_url
        self._patience_s = patience_s
        document = {"sites": dict(sites or {"shop": SHOP}), **settings}
        self.settings: Settings = read_settings(document, file="rig", folder=Path.cwd())
        self.sites: tuple[Site, ...] = compile_sites(self.settings)
        self.clock = Clock()
        self.told: list[Told] = []
        self.beside = AsyncExitStack()
        """What a test starts beside the gateway."""
        self._stack = AsyncExitStack()
        self.url: str
        self.store: Store
        self.key: bytes
        self.parts: GatewayParts
        self._client: aiohttp.ClientSession
        self._browser = Browser(self)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.store, self.key = await connect(self.settings, self._store_url)
            stack.push_async_callback(self.store.close)
            self.store.patience_s = self._patience_s
            self.parts = make_gateway(
                self.settings, self.sites, self.store, self.key, tell=self.told.append, clock=self.clock
            )
            stack.push_async_callback(self.parts.close)
            sock = bind("127.0.0.1", 0)
            self.url = url_of(sock)
            server = make_server(self.parts.handle)
            listening = await listen(server, sock)
            stack.push_async_callback(server.shutdown, 1.0)
            stack.push_async_callback(listening.wait_closed)
            stack.callback(listening.close)
            self._client = await stack.enter_async_context(
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("User-Agent", "Accept")
                )
            )
            await stack.enter_async_context(self.beside)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    # -- sending ---------------------------------------------------------------------------------------------------

    def browser(self) -> Browser:
        """Return a new visitor, without any cookie."""
        return Browser(self)

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """Send a request with these headers and no others but those that HTTP needs."""
        sent: CIMultiDict[str] = CIMultiDict(headers or {})
        skip = []
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        elif "Content-Type" not in sent:
            skip.append("Content-Type")
        async with self._client.request(
            method, self.url + path, data=body, headers=sent, skip_auto_headers=skip, **more
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def post(
        self, path: str, body: object = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """Post as a visitor that the rig keeps for tests that need no more than one."""
        return await self._browser.post(path, body, headers)

    async def raw(self, sent: bytes, *, source: str = "127.0.0.1") -> bytes:
        """Send bytes from a loopback address of choice; return all that comes back until the gateway hangs up."""
        reader, writer = await self.connection(source=source)
        writer.write(sent)
        try:
            async with asyncio.timeout(10):
                return await reader.read()
        finally:
            writer.close()

    async def connection(
        self, *, source: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a plain connection from a loopback address of choice."""
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port, local_addr=(source, 0))

    # -- looking ---------------------------------------------------------------------------------------------------

    async def ask(self, *command: str | bytes | int) -> Any:
        """Send the store one command and return its answer as it comes."""
        return await ask(self.store, *command)

    async def counts(self) -> dict[str, int]:
        """Return all counters that the scripts keep, over all partitions."""
        found: dict[str, int] = {}
        for partition in range(self.settings.store.partitions):
            for name, number in (await self.ask("HGETALL", outbox_keys(partition, "", "").counts)).items():
                found[name.decode()] = found.get(name.decode(), 0) + int(number)
        return found

    async def entries(self, site_name: str, forwarder: str) -> list[Entry]:
        """Return what waits in a forwarder's outbox, oldest first, over all partitions."""
        found: list[Entry] = []
        for partition in range(self.settings.store.partitions):
            stream = outbox_keys(partition, site_name, forwarder).stream
            found += [decode(fields[b"e"]) for _, fields in await self.ask("XRANGE", stream, "-", "+")]
        return found

    async def record(self, visitor: str | None, site_name: str = "shop") -> dict[str, str]:
        """Return a visitor's stored record, as it stands in the store."""
        assert visitor is not None
        found = await self.ask("HGETALL", consent_key(site_name, visitor))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def put_record(self, visitor: str, site_name: str = "shop", **fields: str | int) -> None:
        """Write a record as another system would."""
        pairs = [part for pair in fields.items() for part in pair]
        await self.ask("HSET", consent_key(site_name, visitor), *pairs)

    async def session(self, visitor: str | None, site_name: str = "shop") -> bytes | None:
        """Return the start of a visitor's session, as stored."""
        assert visitor is not None
        found: bytes | None = await self.ask("GET", session_key(site_name, visitor))
        return found

    async def keys(self, pattern: str = "*") -> list[str]:
        """Return the names of keys in the store."""
        return sorted(key.decode() for key in await self.ask("KEYS", pattern))

    def decided(self, last: int = 1) -> dict[str, str]:
        """Return forwarder → ``decision|reason`` of one of the last events."""
        return {name: decided.code for name, decided in self.told[-last].decided}


StartRig = Callable[..., Awaitable[Rig]]
