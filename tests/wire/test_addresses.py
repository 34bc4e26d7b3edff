"""No byte of a visitor's raw address is anywhere, however their requests end.

A real ``sayso serve`` with two workers, everything logged, and clients that connect from addresses of their own. Behind
trusted proxies they name public addresses of every kind. They send what is good, malformed, too large and broken off;
vendors fail; the store hangs; the process is told to end in the middle of it. Then every place is searched for every
address in every form.
"""

import asyncio
import os
import re
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from redis import Redis

from proxy.twin.app import start_twin
from proxy.twin.faults import Fault
from tests.support.clients import ALL, CLIENTS, KEY, Client, broken_off, good, head, needles_of, requests_of
from tests.support.embedded import servers
from tests.support.events import service_account_json
from tests.support.leaks import Leak, forms_of_address
from tests.support.processes import Sayso, config, shop
from tests.support.stored import dump
from tests.support.waiting import wait_until
from tests.support.whole import Tee


async def send(url: str, one: Client, sent: bytes, *, abort: bool = False) -> bytes:
    """Send bytes from the client's own address; return what comes back."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=(one.peer, 0))
    try:
        writer.write(sent)
        if abort:
            await writer.drain()
            writer.transport.abort()
            return b""
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


# --- everything that happens ----------------------------------------------------------------------------------------


@dataclass
class Places:
    """All that there is to search, by name; and what was found in it."""

    content: dict[str, bytes] = field(default_factory=dict)
    found: dict[str, set[Leak]] = field(default_factory=dict)

    def add(self, name: str, content: bytes) -> None:
        """Keep more of a place."""
        self.content[name] = self.content.get(name, b"") + b"\n" + content


class Monitor:
    """Every command that the store is sent, reads too, as it tells by MONITOR."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.heard: list[bytes] = []
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> "Monitor":
        self._reader, self._writer = await asyncio.open_unix_connection(str(self._socket))
        self._writer.write(b"MONITOR\r\n")
        assert await self._reader.readline() == b"+OK\r\n"
        self._task = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        while part := await self._reader.read(1 << 20):
            self.heard.append(part)

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self._writer.close()


async def get(session: aiohttp.ClientSession, url: str) -> bytes:
    """Fetch a page."""
    async with session.get(url) as answer:
        return await answer.read()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places() -> AsyncIterator[Places]:
    """Do all of it once, and search."""
    found = Places()
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        await happen(Path(folder), found)
    needles = needles_of(ALL)
    for name, content in found.content.items():
        found.found[name] = needles.find(content)
    yield found


async def happen(folder: Path, places: Places) -> None:
    """Run the process, send everything, and fill ``places``."""
    twin = await start_twin()
    host, _, port = twin.url.removeprefix("http://").rpartition(":")
    server = 'workers = 2\ntrusted_proxies = ["127.0.0.0/9"]\nrate_limit_per_minute = 120'
    site = shop(keys=f'ingest_keys = ["{KEY}"]')
    environment = {"TEST_ADS_KEY": service_account_json(), "PYTHONASYNCIODEBUG": "1"}
    async with Tee(host, int(port)) as tee, aiohttp.ClientSession() as session:
        file = config(folder, tee.origin, "[log]", 'level = "debug"', server=server, sites=[site])
        async with Sayso(folder, "serve", "--config", file, **environment) as sayso:
            urls = await sayso.ready()
            socket = folder / "data" / "valkey.sock"
            async with Monitor(socket) as monitor:
                twin.twin.fault(
                    "meta", Fault(status=500, count=3), Fault(status=400, body={"error": "no"}, count=2)
                )
                twin.twin.fault("google_analytics", Fault(reset=True, every=3))
                await everybody(urls["public"], places)
                for path in ("metrics", "readyz", "healthz"):
                    places.add("the admin pages", await get(session, f"{urls['admin']}/{path}"))
                await hanging_store(folder, urls["public"], places)
                await wait_until(lambda: len(twin.twin.requests()) > CLIENTS, what="deliveries")
                places.add("the admin pages", await get(session, f"{urls['admin']}/metrics"))
                with Redis(unix_socket_path=str(socket)) as redis:
                    places.add("the store", dump(redis))
                late = [
                    asyncio.create_task(send(urls["public"], one, good(one), abort=one.number % 2 == 0))
                    for one in ALL[:60]
                ]
                assert await sayso.stop() == 0
                places.add("the answers", b"".join(await asyncio.gather(*late)))
                places.add("what the store was told", b"".join(monitor.heard))
        places.add("stdout", sayso.out.encode())
        places.add("stderr", sayso.err.encode())
        places.add("what left", tee.sent)
        await twin.stop()
    for left in sorted((folder / "data").rglob("*")):
        if left.is_file():
            places.add(f"the store's files ({left.name})", left.read_bytes())


async def everybody(url: str, places: Places) -> None:
    """Have all clients send all that they have."""

    async def one_after_another(one: Client) -> None:
        for sent in requests_of(one):
            places.add("the answers", await send(url, one, sent))
        for sent in broken_off(one):
            await send(url, one, sent, abort=True)
        if one.number % 40 == 0:  # more than anybody may send within a minute
            for _ in range(130):
                answer = await send(url, one, head(one, "GET", "/.well-known/gpc.json"))
                if b" 429 " in answer:
                    places.add("the answers", answer)
                    break

    for start in range(0, CLIENTS, 20):
        await asyncio.gather(*(one_after_another(one) for one in ALL[start : start + 20]))


async def hanging_store(folder: Path, url: str, places: Places) -> None:
    """Stop the store in its tracks, have some clients try, and let it go on."""
    (pid,) = servers(folder / "data")
    os.kill(pid, signal.SIGSTOP)
    try:
        tries = [send(url, one, good(one)) for one in ALL[:8]]
        answers = b"".join(await asyncio.gather(*tries))
        places.add("the answers", answers)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert b" 503 " in answers


# --- what is found --------------------------------------------------------------------------------------------------

PLACES = (
    "what left",
    "the store",
    "what the store was told",
    "stdout",
    "stderr",
    "the answers",
    "the admin pages",
)


@pytest.mark.parametrize("place", PLACES)
def test_no_address_is_there(places: Places, place: str) -> None:
    """Neither of one who connected nor of one whom a proxy named, in any form."""
    assert len(places.content[place]) > 50, "there was nothing to search"
    assert places.found[place] == set()


def test_no_address_is_on_disk(places: Places) -> None:
    """In no file that the store has left."""
    files = {name: leaks for name, leaks in places.found.items() if name.startswith("the store's files")}
    assert any(".incr.aof" in name for name in files)
    assert {name for name, leaks in files.items() if leaks} == set()


def test_everything_did_happen(places: Places) -> None:
    """Each kind of answer was given, each vendor was reached, and networks did get where they may."""
    answers = places.content["the answers"]
    for status in (200, 204, 400, 403, 404, 405, 413, 415, 429, 503):
        assert b"HTTP/1.1 %d " % status in answers, status
    left = places.content["what left"]
    for host in (b"google-analytics", b"datamanager", b"graph.facebook", b"capi.uet", b"pagead2"):
        assert host in left, host
    assert b"185.20.19.0" in left, "the truncated address of the first client, who is believed"
    assert b"2a02:fe1:" in left or b"2a02%3Afe1%3A" in left
    violations = re.findall(rb"sayso_egress_violations_total\{.*\} (.*)", places.content["the admin pages"])
    assert set(violations) == {b"0.0"}, "what was kept out had got as far as the last door"
    logged = places.content["stderr"]
    assert b'"level": "debug"' in logged
    assert b"could not be parsed" in logged
    assert b"503" in logged


def test_the_search_would_find_them() -> None:
    """Each form is found, wherever it stands, also encoded once more."""
    for one in ALL[:6]:
        needles = needles_of([one])
        for address in (one.peer, one.named):
            for form, raw in forms_of_address(address):
                where = b'{"a":"' + raw + b'"}'
                assert form in {leak.form for leak in needles.find(where)}, (address, form)
    assert needles_of([ALL[0]]).find(b"ip=185%252E20%252e19%252E241")
    assert not needles_of([ALL[0]]).find(b"185.20.19.0 2a02:fe1:4008:: 127.11.1.0")
