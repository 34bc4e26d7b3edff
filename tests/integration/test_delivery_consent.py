"""Consent is read again before every full request, and only ever lowers what is sent."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.delivery import transport
from proxy.delivery.backoff import State
from proxy.reasons import Decision
from proxy.signals import ALL_GRANTED, Signal
from proxy.store.client import Store
from proxy.store.keys import consent_key
from tests.support.delivery import SITE, Scene, TestForwarder, link, site_of
from tests.support.vendor import Reply
from tests.support.waiting import passed, wait_until

DAY_MS = 86_400_000


async def test_withdrawal_lowers_what_waits(store: Store) -> None:
    """Where the forwarder may, a full entry of a visitor who has withdrawn goes out as a ping that names nobody."""
    async with Scene(store, site_of(link())) as scene:
        await scene.decide("gggg")
        await scene.full("e0", url="https://shop.example/thanks?utm_source=news&gclid=abc")
        await scene.full("e1", visitor="visitor-2")
        await scene.decide("dddd", mode="withdraw")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        assert scene.sent_ids() == [["e1"]]
        (ping,) = (dict(seen.query) for seen in scene.vendor.seen if seen.path == "/ping")
        assert ping == {
            "name": "purchase",
            "signals": "dddd",
            "url": "https://shop.example/thanks?utm_source=news",
        }
        assert await scene.count("w") == 1


async def test_withdrawal_drops_what_may_not_be_lowered(store: Store) -> None:
    """Without a cookieless mode the entry ends as withdrawn."""
    async with Scene(store, site_of(link(otherwise=Decision.DROP))) as scene:
        await scene.decide("gggg")
        await scene.full("e0", "e1")
        await scene.decide("dddd", mode="withdraw")
        await scene.work()
        await scene.settled(dropped_withdrawn=2)
        assert scene.vendor.seen == []
        assert await scene.count("w") == 2


class OnlyPurchases(TestForwarder):
    """A vendor whose cookieless mode is set up for purchases alone."""

    def cookieless_configured(self, name: str) -> bool:
        """Tell whether it is a purchase."""
        return name == "purchase"


async def test_only_what_is_set_up_is_lowered(store: Store) -> None:
    """A conversion without a label, say, cannot become a ping."""
    async with Scene(store, site_of(link(OnlyPurchases()))) as scene:
        await scene.full("e0", name="purchase")
        await scene.full("e1", name="sign_up")
        await scene.decide("dddd")
        await scene.work()
        await scene.settled(delivered_accepted=1, dropped_withdrawn=1)
        assert scene.sent_names() == ["purchase"]


async def test_a_later_grant_releases_nothing(store: Store) -> None:
    """What was refused while the entry waited stays refused for it, even if the visitor grants again."""
    async with Scene(store, site_of(link())) as scene:
        read_at = (await scene.decide("gggg")).read_at
        await scene.full("before", read_at=read_at)

        async def denied_later() -> bool:
            return (await scene.decide("gddd")).read_at > read_at

        await wait_until(denied_later)

        async def granted_again() -> bool:
            return (await scene.decide("gggg")).signals is ALL_GRANTED

        await wait_until(granted_again)
        await scene.full("after", read_at=time.time_ns() // 1_000_000 + 1)
        await scene.work()
        await scene.settled(delivered_accepted=2)
        assert scene.sent_ids() == [["after"]]
        (ping,) = (dict(seen.query) for seen in scene.vendor.seen if seen.path == "/ping")
        assert ping["signals"] == "gddd"


@pytest.mark.parametrize(("signals", "goes"), [("dggg", True), ("ugdg", False), ("uuuu", True)])
async def test_only_the_needed_signals_count(store: Store, signals: str, *, goes: bool) -> None:
    """A vendor that needs the ad signals is not concerned by statistics; unknown changes nothing of a decision made."""
    async with Scene(store, site_of(link(otherwise=Decision.DROP))) as scene:
        await scene.full("e0")
        fields: dict[Any, Any] = dict.fromkeys(("source", "proof"), "elsewhere")
        letters = {"g": "granted", "d": "denied", "u": "unknown"}
        fields |= {name: letters[letter] for name, letter in zip(Signal, signals, strict=True)}
        fields["decided_at"] = str(time.time_ns() // 1_000_000)
        await store.redis.hset(consent_key(SITE, "visitor-1"), mapping=fields)
        await scene.work()
        await scene.settled("vendor", **({"delivered_accepted": 1} if goes else {"dropped_withdrawn": 1}))


async def test_an_expired_grant_lowers(store: Store) -> None:
    """A grant that has run out while the entry waited is none."""
    async with Scene(store, site_of(link(otherwise=Decision.DROP))) as scene:
        await scene.decide("gggg", decided_at=time.time_ns() // 1_000_000 - 366 * DAY_MS)
        await scene.full("e0")
        await scene.work()
        await scene.settled(dropped_withdrawn=1)


@pytest.mark.parametrize(
    ("signals", "age_days", "goes"), [("gggg", 366, True), ("uddd", 0, True), ("dggg", 0, False)]
)
async def test_on_legitimate_interest_only_an_objection_counts(
    store: Store, signals: str, age_days: int, *, goes: bool
) -> None:
    """Statistics there need no grant: silence is allowed, and so is a grant that has run out; a denial is not."""
    statistics = link(needs=(Signal.ANALYTICS_STORAGE,), otherwise=Decision.DROP, basis="legitimate_interest")
    async with Scene(store, site_of(statistics)) as scene:
        await scene.decide(signals, decided_at=time.time_ns() // 1_000_000 - age_days * DAY_MS)
        await scene.full("e0")
        await scene.work()
        await scene.settled("vendor", **({"delivered_accepted": 1} if goes else {"dropped_withdrawn": 1}))


async def test_no_record_changes_nothing(store: Store) -> None:
    """The decision was made on the event's own consent then; it stands."""
    async with Scene(store, site_of(link(otherwise=Decision.DROP))) as scene:
        await scene.full("e0", visitor="nobody-knows")
        await scene.work()
        await scene.settled(delivered_accepted=1)


async def test_an_unreadable_record_holds_the_entry(store: Store) -> None:
    """It is neither sent nor dropped until the record can be read; other visitors' entries go on."""
    async with Scene(store, site_of(link())) as scene:
        await store.redis.set(consent_key(SITE, "visitor-1"), "no hash at all")
        await scene.full("e0")
        await scene.full("e1", visitor="visitor-2")
        await scene.work()
        await wait_until(lambda: scene.sent_ids() == [["e1"]])

        async def held() -> bool:
            return await store.redis.zcard("sayso:{p0}:parked:shop:vendor") == 1

        await wait_until(held)
        assert (await scene.account()).pending == 1
        await store.redis.delete(consent_key(SITE, "visitor-1"))
        await scene.decide("gggg")
        await scene.settled(delivered_accepted=2)
        assert scene.sent_ids() == [["e1"], ["e0"]]


async def test_consent_is_read_again_on_every_retry(store: Store) -> None:
    """An entry that failed in full mode goes out lowered if its visitor has withdrawn meanwhile; never the other way."""
    async with Scene(store, site_of(link())) as scene:
        await scene.decide("gggg")
        scene.vendor.queue = [Reply(503, headers={"Retry-After": "1"})]
        await scene.full("e0", "e1")
        await scene.full("e2", visitor="visitor-2")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        await scene.decide("dddd", mode="withdraw")
        await scene.settled(delivered_accepted=3)
        assert scene.sent_ids() == [["e0", "e1", "e2"], ["e2"]]
        assert scene.sent_names() == ["purchase", "purchase"]


async def test_a_request_that_waited_for_its_slot_reads_consent_after_it(store: Store) -> None:
    """Ten thousand entries may wait behind a slow vendor: none starts in full after the withdrawal."""
    async with Scene(store, site_of(link()), in_flight=1) as scene:
        gate = asyncio.Event()
        await scene.decide("gggg")
        scene.vendor.queue = [Reply(json={}, after=gate)]
        await scene.full(*(f"e{number}" for number in range(12)))
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        await scene.decide("dddd", mode="withdraw")
        await passed(0.6)  # consent that is older than half a second counts no more
        gate.set()
        await scene.settled(delivered_accepted=12)
        assert len(scene.sent_ids()) == 1
        assert len(scene.sent_names()) == 8


# --- a connection that takes its time -------------------------------------------------------------------------------


def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), pem


class SlowDoor:
    """A TLS server whose handshakes wait until the door is opened. ``paths`` are those of its requests."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.knocked = asyncio.Event()
        self.paths: list[str] = []
        self.origin = ""

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Take a request."""
        self.paths.append(request.path)
        return web.json_response({})

    async def relay(
        self, address: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass a connection on, once the door is open."""
        self.knocked.set()
        await self.open.wait()
        inner_reader, inner_writer = await asyncio.open_connection(*address)

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while part := await source.read(65_536):
                sink.write(part)
            sink.close()

        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer), return_exceptions=True)


@asynccontextmanager
async def slow_door(folder: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowDoor]:
    """Run a ``SlowDoor`` that the transport trusts."""
    certificate, key = _certificate()
    chain = f"{folder}/chain.pem"
    await asyncio.to_thread(_write, chain, certificate + key)
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(chain)
    client_tls = ssl.create_default_context(cadata=certificate.decode())
    monkeypatch.setattr(transport, "_tls", lambda: client_tls)
    door = SlowDoor()
    runner = web.ServerRunner(web.Server(door.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_tls).start()
    inner = runner.addresses[0][:2]
    outer = await asyncio.start_server(
        lambda reader, writer: door.relay(inner, reader, writer), "127.0.0.1", 0
    )
    door.origin = f"https://localhost:{outer.sockets[0].getsockname()[1]}"
    try:
        yield door
    finally:
        outer.close()
        await runner.cleanup()


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123  # a test's own file
        file.write(content)


async def test_a_withdrawal_during_a_slow_handshake_stops_the_request(
    store: Store, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting may take seconds. Consent is asked about once more when the connection is there, before the first byte."""
    async with (
        slow_door(str(tmp_path), monkeypatch) as door,
        Scene(store, site_of(link()), origin=door.origin) as scene,
    ):
        await scene.decide("gggg")
        await scene.full("e0")
        await scene.work()
        await door.knocked.wait()
        await scene.decide("dddd", mode="withdraw")
        await passed(0.6)
        door.open.set()
        await scene.settled(delivered_accepted=1)
        assert door.paths == ["/vendor.example/ping"]


async def test_a_slow_handshake_alone_changes_nothing(
    store: Store, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consent that still stands when the connection is there lets the request start on that very connection."""
    async with (
        slow_door(str(tmp_path), monkeypatch) as door,
        Scene(store, site_of(link()), origin=door.origin) as scene,
    ):
        await scene.decide("gggg")
        await scene.full("e0")
        await scene.work()
        await door.knocked.wait()
        await passed(0.6)
        door.open.set()
        await scene.settled(delivered_accepted=1)
        assert door.paths == ["/vendor.example/full"]
