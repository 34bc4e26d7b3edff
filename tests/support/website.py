"""A real website for a real browser: https under several host names on loopback, pages of the test's own, Sayso behind it.

A thread serves TLS for ``shop.test`` (pages, and Sayso below ``/s/``), ``t.shop.test`` (Sayso at its root, as on a
sub-domain of its own) and any other name under ``.test`` (pages of strangers). It passes on to a real ``sayso serve``, with
the twin as every vendor, and keeps what the browser sent. The browser must map ``*.test`` to 127.0.0.1 and take any
certificate: see ``ARGS``.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis

from tests.support.processes import ROOT, config
from tests.support.serving import ADS

SHOP, COLLECTOR, STRANGER = "shop.test", "t.shop.test", "other.test"
BASE = "/s/"
VISITOR_ADDRESS = "203.0.113.77"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # For the whole browser: a beacon that outlives its page meets the certificate too.
    "--ignore-certificate-errors",
    # The first rule that fits counts. Nothing but this machine can be reached, whatever a page asks for.
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
Fault = Literal["down", "slow", "html", "500", None]
_PASSED = frozenset({"host", "connection", "content-length", "transfer-encoding", "x-forwarded-for"})
_WITHIN_S = 30.0


@dataclass(slots=True)
class Sent:
    """One request that a browser made to Sayso. ``path`` is below Sayso's own root: ``collect``, ``consent`` ..."""

    host: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    status: int = 0
    """0 until it was answered, and where a fault broke it off."""

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the body of a ``collect``."""
        body = self.json
        found: list[dict[str, Any]] = body.get("events", [body])
        return found


@dataclass(slots=True)
class _Page:
    body: bytes
    media: str
    headers: dict[str, str] = field(default_factory=dict)


class Website:
    """``with Website(folder) as site``: see the module. ``preset`` is the shop's policy.

    Args:
        folder: where Sayso's files go; its path must be short enough for a socket's.
        preset: the policy of the shop.
        more: further lines of ``[sites.shop]`` and of tables below it, TOML.
    """

    def __init__(self, folder: Path, preset: str = "consent-mode", more: str = "") -> None:
        self.folder, self.preset, self.more = folder, preset, more
        self.port = 0
        self.sayso, self.admin, self.twin = "", "", ""
        self.sent: list[Sent] = []
        self.scripts: list[Sent] = []
        """What was asked of Sayso's own scripts."""
        self.fault: Fault = None
        self._pages: dict[tuple[str, str], _Page] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._processes: list[subprocess.Popen[str]] = []
        self._lifted = asyncio.Event()

    # --- pages -----------------------------------------------------------------------------------------------------

    def put(
        self,
        path: str,
        body: str | bytes,
        *,
        host: str = SHOP,
        media: str = "text/html; charset=utf-8",
        **headers: str,
    ) -> str:
        """Serve a page (or a script) from now on; return its URL. Underscores in names of headers are hyphens."""
        written = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._pages[host, path] = _Page(written, media, named)
        return self.url(path, host=host)

    def url(self, path: str = "/", *, host: str = SHOP) -> str:
        """Return the URL of a page, or with ``BASE`` or ``COLLECTOR`` of one of Sayso's routes."""
        return f"https://{host}:{self.port}{path}"

    # --- what came ---------------------------------------------------------------------------------------------------

    def to(self, path: str) -> list[Sent]:
        """Return the requests to one route of Sayso, answered or not, oldest first; preflights are left out."""
        return [one for one in list(self.sent) if one.path == path and one.method != "OPTIONS"]

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return all events that were posted, or those of one name."""
        found = [event for one in self.to("collect") if one.method == "POST" for event in one.events]
        return [event for event in found if name is None or event.get("name") == name]

    def vendor(self, vendor: str | None = None) -> list[dict[str, Any]]:
        """Return what the twin has had, as its control API tells it; ``google_analytics``, ``meta``, ``microsoft`` ..."""
        query = urlencode({"vendor": vendor} if vendor else {})
        found: list[dict[str, Any]] = self.ask(f"{self.twin}/_twin/requests?{query}")["requests"]
        return found

    def ask(self, url: str, method: str = "GET") -> Any:
        """Ask a process of ours over plain http; return its JSON."""
        request = urllib.request.Request(url, method=method)  # noqa: S310 - our own servers
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def forget(self) -> None:
        """Begin anew: nothing was sent, no vendor has anything, nothing is broken, no event is known. Records stay."""
        self.mend()
        self.sent.clear()
        self.scripts.clear()
        self._pages.clear()
        with Redis(unix_socket_path=str(self.folder / "data" / "valkey.sock")) as store:
            for key in store.scan_iter("sayso:{p0}:seen:*", count=1000):
                store.delete(key)
        self.ask(f"{self.twin}/_twin/requests", "DELETE")

    def mend(self) -> None:
        """Lift the fault; what hangs goes on."""
        self.fault = None
        self._loop.call_soon_threadsafe(self._lifted.set)

    # --- its life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(_WITHIN_S)
            self.twin = self._start("twin", "--listen", "127.0.0.1:0")["url"]
            file = config(
                self.folder,
                self.twin,
                "[delivery]",
                "linger_ms = 20",
                server='trusted_proxies = ["127.0.0.1/32"]',
                sites=[_shop(self.port, self.preset, self.more)],
            )
            urls = self._start("serve", "--config", str(file))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.sayso, self.admin = urls["public"], urls["admin"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(20)
            if process.stdout is not None:
                process.stdout.close()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN_S)
        self._loop.close()

    def _start(self, *arguments: str) -> dict[str, str]:
        with (self.folder / f"{arguments[0]}.stderr").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "proxy.cli", *arguments],
                cwd=self.folder,
                env=os.environ | ADS | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " ready " in line, (self.folder / f"{arguments[0]}.stderr").read_text()
        return dict(word.split("=", 1) for word in line.split() if "=" in word)

    # --- the web server ------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        self._client = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=_certified(self.folder))
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _end(self) -> None:
        self._lifted.set()
        await self._runner.cleanup()
        await self._client.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        path = request.path
        if host == COLLECTOR:
            return await self._pass_on(request, host, path.removeprefix("/"))
        if host == SHOP and path.startswith(BASE):
            return await self._pass_on(request, host, path.removeprefix(BASE))
        page = self._pages.get((host, path))
        if page is None:
            return web.Response(status=204 if path == "/favicon.ico" else 404)
        return web.Response(body=page.body, headers={"Content-Type": page.media, **page.headers})

    async def _pass_on(self, request: web.BaseRequest, host: str, path: str) -> web.StreamResponse:
        sent = Sent(
            host,
            request.method,
            path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        (self.scripts if path.endswith(".js") else self.sent).append(sent)
        fault = self.fault
        if fault == "slow":
            self._lifted.clear()
            await self._lifted.wait()
        elif fault == "down":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        elif fault is not None:
            sent.status = 500 if fault == "500" else 200
            return web.Response(status=sent.status, text="<html><p>No.</html>", content_type="text/html")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _PASSED}
        headers |= {"Host": request.host, "X-Forwarded-For": VISITOR_ADDRESS}
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        async with self._client.request(
            request.method,
            f"{self.sayso}{BASE}{path}{query}",
            headers=headers,
            data=sent.body,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
            response = web.Response(status=answer.status, body=body)
            for name, value in answer.headers.items():
                if name.lower() not in {
                    "content-length",
                    "connection",
                    "date",
                    "server",
                    "transfer-encoding",
                }:
                    response.headers.add(name, value)
            sent.status = answer.status
            return response


Websites = Callable[[str, str], Website]
"""Returns the website of a preset and further lines, started when it is first asked for."""


def until(
    check: Callable[[], object], page: Any = None, *, what: str = "it", within_s: float = _WITHIN_S
) -> Any:
    """Wait until ``check`` returns something true; return that. With a ``page``, the browser's own events are let in.

    Raises:
        AssertionError: it did not come true in time.
    """
    end = time.monotonic() + within_s
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"waited in vain for {what}"
        if page is None:
            threading.Event().wait(0.02)
        else:
            page.wait_for_timeout(20)


@contextmanager
def complaints(page: Any) -> Iterator[list[str]]:
    """Collect what a page writes to the console and throws, while it lasts."""
    found: list[str] = []
    page.on("console", lambda message: found.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    yield found


def _shop(port: int, preset: str, more: str) -> str:
    # Lines that begin with a table of their own must come after the site's plain keys.
    return f"""
[sites.shop]
hosts = ["{SHOP}", "{COLLECTOR}"]
base_path = "{BASE}"
origins = ["https://{SHOP}:{port}"]
ingest_keys = ["ingest-key-of-the-shop"]
{more}
[sites.shop.policy]
preset = "{preset}"
[sites.shop.forwarders.google_analytics]
measurement_id = "G-SHOP1"
api_secret = "secret-of-google-analytics"
[sites.shop.forwarders.google_ads]
customer_id = "1234567890"
credentials = "env:TEST_ADS_KEY"
conversion_id = "AW-123456789"
[sites.shop.forwarders.google_ads.conversions.purchase]
action_id = "187654321"
label = "AbC-D_efG-h12"
[sites.shop.forwarders.meta]
dataset_id = "1111111111"
access_token = "secret-of-meta"
[sites.shop.forwarders.microsoft]
tag_id = "17000001"
api_token = "secret-of-microsoft"
"""


def _certified(folder: Path) -> ssl.SSLContext:
    """Make a certificate for this run that nobody else trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SHOP)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.test"), x509.DNSName(SHOP)]), False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "website.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
