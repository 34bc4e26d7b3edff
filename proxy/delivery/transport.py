"""The one outbound HTTP door. Everything that leaves goes through here: events, tokens, questions about earlier events.

It knows neither vendors nor entries. It follows no redirect, keeps no cookie, reads nothing of the environment, adds no
header that says more of us than our name, and never logs or quotes a URL.
"""

import re
import ssl
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Literal
from urllib.parse import quote

import aiohttp
import orjson
from aiohttp.client_reqrep import ClientRequest
from yarl import URL

from forwarders.base import Response
from proxy import __version__

MAX_ANSWER = 1 << 20
"""Bytes of an answer that are read: enough for a refusal of each of a thousand events, one by one."""
_KEEPALIVE_S = (
    30.0  # below what vendors' servers keep, so that few requests meet a connection that has just been closed
)
_NEEDS_NO_QUOTING = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
_OUR_NAME = f"sayso/{__version__}"


@dataclass(frozen=True, slots=True)
class Way:
    """How requests leave: ``origin`` stands in for every host if set, ``proxy`` is an ordinary HTTP proxy's URL."""

    origin: str = ""
    proxy: str = field(default="", repr=False)


@dataclass(slots=True, repr=False)
class Outgoing:
    """A request as it is to leave, authentication included. ``url`` is https and absolute, without ``query``."""

    method: Literal["GET", "POST"]
    url: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes | None


class Trouble(StrEnum):
    """Why there is no answer."""

    TIMEOUT = "timeout"
    CONNECT = "connect"
    TLS = "tls"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The vendor gave no answer; whether it took the request is not known."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class Withheld:
    """The request was not begun, as ``ready`` said no."""


@dataclass(frozen=True, slots=True)
class Unsendable:
    """The request cannot be written as HTTP at all."""


Answer = Response | NoAnswer | Withheld | Unsendable
Ready = Callable[[], Awaitable[bool]]


class _WithheldError(Exception):
    """Carries ``Withheld`` out of the client."""


_ready: ContextVar[Ready | None] = ContextVar("ready", default=None)


class _GuardedRequest(ClientRequest):
    """Asks ``ready`` when the connection is there and nothing is written yet: connecting may have taken seconds."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        ready = _ready.get()
        if ready is not None and not await ready():
            raise _WithheldError
        return await super().send(conn)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class Transport:
    """Connections to the hosts of one forwarder.

    Args:
        way: how requests leave.
        connections: how many may be open at once.
        timeout_s: seconds for a whole request, connecting included.
    """

    def __init__(self, way: Way, *, connections: int, timeout_s: float) -> None:
        self._way = way
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, ssl=_tls(), ttl_dns_cache=60, keepalive_timeout=_KEEPALIVE_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            request_class=_GuardedRequest,
        )

    async def send(self, outgoing: Outgoing, *, ready: Ready | None = None) -> Answer:
        """Send a request and read its answer.

        Args:
            outgoing: the request.
            ready: asked last of all, before the first byte is written; if it says no, nothing is.
        """
        token = _ready.set(ready)
        try:
            return await self._send(outgoing)
        except _WithheldError:
            return Withheld()
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return _why(error)
        finally:
            _ready.reset(token)

    async def _send(self, outgoing: Outgoing) -> Response:
        headers = outgoing.headers
        if outgoing.method == "POST" and not any(name.lower() == "user-agent" for name in headers):
            headers = {**headers, "User-Agent": _OUR_NAME}
        response = await self._session.request(
            outgoing.method,
            self.url_of(outgoing),
            headers=headers,
            data=outgoing.body,
            allow_redirects=False,
            proxy=self._way.proxy or None,
        )
        async with response:  # what was not read to its end is closed, not kept
            body = await _read(response)
        return Response(
            response.status,
            {name.lower(): value for name, value in response.headers.items()},
            body,
            _json(body),
        )

    def url_of(self, outgoing: Outgoing) -> URL:
        """Return where a request really goes: its own URL, encoded once, or the same under the stand-in origin."""
        url = outgoing.url
        if self._way.origin:
            url = f"{self._way.origin}/{url.removeprefix('https://')}"
        if outgoing.query:
            query = "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in outgoing.query])
            url += ("&" if "?" in url else "?") + query
        return URL(url, encoded=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _quoted(text: str) -> str:
    return text if _NEEDS_NO_QUOTING(text) else quote(text, safe="", errors="replace")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    room = MAX_ANSWER
    while room > 0 and (part := await response.content.read(room)):
        parts.append(part)
        room -= len(part)
    return b"".join(parts)


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def _why(error: Exception) -> NoAnswer | Unsendable:
    match error:
        case TimeoutError():
            return NoAnswer(Trouble.TIMEOUT)
        case aiohttp.ClientSSLError():
            return NoAnswer(Trouble.TLS)
        case aiohttp.ClientConnectorError():
            return NoAnswer(Trouble.CONNECT)
        case ValueError():  # a line break in a header, a host that is none
            return Unsendable()
        case _:
            return NoAnswer(Trouble.BROKEN)
