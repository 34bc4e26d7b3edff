"""The visitor's address: whose word on it is believed, what is kept of it, and that the whole of it is nowhere."""

import base64
import hashlib
import ipaddress
import json
import logging

import pytest
from prometheus_client import generate_latest

from proxy.event import FullEvent
from proxy.metrics import REGISTRY
from tests.support.own_valkey import Valkey
from tests.support.rig import GRANT, PAGE, Rig, StartRig, event, site, until

LOOPBACK = {"trusted_proxies": ["127.0.0.1/32"]}
CHAIN = {"trusted_proxies": ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:ffff::/48"]}


async def address_of(rig: Rig, *headers: tuple[str, str], source: str = "127.0.0.1") -> str | None:
    """Send an event with these forwarding headers; return the address that its entry carries."""
    lines = [f"{name}: {value}" for name, value in (*PAGE.items(), *headers)]
    body = json.dumps(event()).encode()
    head = [
        "POST /collect HTTP/1.1",
        "Host: shop.example",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *lines,
    ]
    answer = await rig.raw("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body, source=source)
    assert answer.startswith(b"HTTP/1.1 204 "), answer
    return (await rig.entries("shop", "google_analytics"))[-1].event.address


class TestWhoseWordIsBelieved:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("X-Forwarded-For", "81.2.69.142"), ("Forwarded", "for=81.2.69.142"), ("X-Real-IP", "81.2.69.142")],
    )
    async def test_nobodys_where_no_proxy_is_trusted(self, rig: Rig, name: str, value: str) -> None:
        assert await address_of(rig, (name, value)) is None

    async def test_nobodys_but_the_trusted_proxies(self, start_rig: StartRig) -> None:
        rig = await start_rig(server=LOOPBACK)
        forged = ("X-Forwarded-For", "81.2.69.142")
        assert await address_of(rig, forged) == "81.2.69.0"
        assert await address_of(rig, forged, source="127.0.0.2") is None

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ([("X-Forwarded-For", "81.2.69.142")], "81.2.69.0"),
            ([("X-Forwarded-For", "198.51.100.7, 81.2.69.142")], "81.2.69.0"),
            ([("X-Forwarded-For", "81.2.69.142, 10.1.2.3, 10.9.9.9")], "81.2.69.0"),
            (
                [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "81.2.69.142, 10.1.2.3")],
                "81.2.69.0",
            ),
            ([("X-Forwarded-For", "81.2.69.142:49152")], "81.2.69.0"),
            ([("X-Forwarded-For", "2001:db8:1:2:3:4:5:6")], "2001:db8:1::"),
            ([("X-Forwarded-For", "[2001:db8:1:2::3]:443")], "2001:db8:1::"),
            ([("X-Forwarded-For", "::ffff:81.2.69.142")], "81.2.69.0"),
            ([("X-Forwarded-For", "2002:5102:458e::1")], "81.2.69.0"),
            ([("X-Forwarded-For", "64:ff9b::81.2.69.142")], "81.2.69.0"),
            ([("X-Forwarded-For", "2001:db8:1:2::3, 2001:db8:ffff::1")], "2001:db8:1::"),
            ([("Forwarded", "for=81.2.69.142;proto=https")], "81.2.69.0"),
            ([("Forwarded", 'for="[2001:db8:1:2::3]:443", for=10.0.0.1')], "2001:db8:1::"),
            ([("Forwarded", "for=81.2.69.142"), ("X-Forwarded-For", "81.2.69.142")], "81.2.69.0"),
            # Nothing that can be relied on:
            ([("Forwarded", "for=198.51.100.7"), ("X-Forwarded-For", "81.2.69.142")], None),
            ([("X-Forwarded-For", "81.2.69.142, unknown")], None),
            ([("X-Forwarded-For", "81.2.69.142, _hidden, 10.0.0.1")], None),
            ([("X-Forwarded-For", "81.2.69.142,")], None),
            ([("X-Forwarded-For", "081.002.069.142")], None),
            ([("X-Forwarded-For", "0x5102458e")], None),
            ([("X-Forwarded-For", "1358054798")], None),
            ([("X-Forwarded-For", "81.2.69.142.")], None),
            ([("X-Forwarded-For", "\xff\xfe")], None),
            ([("X-Forwarded-For", "81.2.69.142 10.0.0.1")], None),
            ([("Forwarded", "for=unknown")], None),
            ([("Forwarded", 'for="81.2.69.142')], None),
            ([("X-Forwarded-For", ", ".join(["81.2.69.142"] + ["10.0.0.1"] * 100))], None),
            # Nobody's outside:
            ([("X-Forwarded-For", "192.168.1.7")], None),
            ([("X-Forwarded-For", "100.64.0.9")], None),
            ([("X-Forwarded-For", "fd00::1")], None),
            ([("X-Forwarded-For", "::1")], None),
            ([("X-Forwarded-For", "10.0.0.9")], None),
            ([], None),
        ],
    )
    async def test_the_right_most_hop_that_is_not_trusted_is_the_visitor(
        self, start_rig: StartRig, headers: list[tuple[str, str]], expected: str | None
    ) -> None:
        """What stands to the left of it is whatever the visitor wrote; what cannot be read is no address."""
        rig = await start_rig(server=CHAIN)
        assert await address_of(rig, *headers) == expected


class TestWhatIsKept:
    async def test_a_full_event_has_it_truncated_where_the_vendor_takes_it_so(
        self, start_rig: StartRig
    ) -> None:
        rig = await start_rig(server=LOOPBACK)
        browser = rig.browser()
        await browser.consent(GRANT)
        await browser.collect(event("purchase"), {"X-Forwarded-For": "81.2.69.142"})
        for link in rig.sites[0].links:
            for entry in await rig.entries("shop", link.name):
                assert entry.event.address in {None, "81.2.69.0"}
                if isinstance(entry.event, FullEvent) and not link.forwarder.takes_address:
                    assert entry.event.address is None

    async def test_a_cookieless_event_may_be_without_any(self, start_rig: StartRig) -> None:
        policy = {"preset": "consent-mode", "cookieless_location": "none"}
        rig = await start_rig({"shop": site(policy=policy)}, server=LOOPBACK)
        assert await address_of(rig, ("X-Forwarded-For", "81.2.69.142")) is None

    @pytest.mark.parametrize(
        ("stated", "expected"),
        [
            ("81.2.69.142", "81.2.69.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::ffff:81.2.69.142", "81.2.69.0"),
            ("10.1.2.3", None),
            ("192.168.0.1", None),
            ("fd12:3456:789a::1", None),
            ("81.2.69.142, 10.0.0.1", None),
            ("nonsense", None),
        ],
    )
    async def test_what_a_backend_states_is_truncated_on_arrival(
        self, start_rig: StartRig, stated: str, expected: str | None
    ) -> None:
        rig = await start_rig({"shop": site(ingest_keys=["the-backends-key"])})
        answer = await rig.request(
            "POST", "/collect", event(client={"ip": stated}), {"Authorization": "Bearer the-backends-key"}
        )
        assert answer.status == 204
        (entry,) = await rig.entries("shop", "google_analytics")
        assert entry.event.address == expected


def written_forms(address: str) -> list[bytes]:
    """Return an address in the forms in which it might be hidden somewhere."""
    packed = ipaddress.ip_address(address).packed
    texts = [address, ".".join(reversed(address.split("."))), packed.hex(), str(int.from_bytes(packed))]
    forms = [text.encode() for text in texts]
    forms += [base64.b64encode(form).rstrip(b"=") for form in (packed, address.encode())]
    forms += [
        getattr(hashlib, algorithm)(form).hexdigest().encode()
        for algorithm in ("md5", "sha1", "sha256")
        for form in (packed, address.encode())
    ]
    return [*forms, packed] if len(packed) > 4 else forms


class TestTheWholeIsNowhere:
    """Not in the store, on disk, in a log, a metric or an answer, however a request ends."""

    PEER = "127.66.77.88"
    VISITOR = "81.2.69.142"

    async def test_whatever_becomes_of_the_request(
        self,
        start_rig: StartRig,
        shared_valkey: Valkey,
        everything_logged: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        rig = await start_rig(
            {"shop": site(ingest_keys=["the-backends-key"])},
            server={"trusted_proxies": [self.PEER], "rate_limit_per_minute": 20},
        )
        answers = [
            await rig.raw(sent, source=source)
            for source in (self.PEER, "127.66.77.89")
            for sent in self.requests()
        ]
        for sent in (b"", b"POST /collect HTTP/1.1\r\nContent-Le", b"GET / HTTP/1.1\r\n"):
            reader, writer = await rig.connection(source=self.PEER)
            writer.write(sent)
            writer.write_eof()
            answers.append(await reader.read())
            writer.close()
        statuses = {answer.split(b" ")[1] for answer in answers if answer}
        assert statuses >= {b"204", b"200", b"400", b"403", b"404", b"405", b"413", b"415", b"429"}
        await until(lambda: len(rig.told) > 0, "events that were taken")
        logged = "\n".join(
            logging.Formatter("%(message)s %(exc_text)s").format(record)
            for record in everything_logged.records
        )
        captured = capfd.readouterr()
        places = {
            "an answer": b"".join(answers),
            "the store's log on disk": shared_valkey.on_disk(),
            "our logs": logged.encode(),
            "stdout and stderr": (captured.out + captured.err).encode(),
            "the metrics": generate_latest(REGISTRY),
        }
        for where, content in places.items():
            for address in (self.PEER, self.VISITOR, "127.66.77.89"):
                for form in written_forms(address):
                    assert form not in content, f"{address} is in {where} as {form!r}"
        assert b"81.2.69.0" in places["the store's log on disk"]

    def requests(self) -> list[bytes]:
        """Return requests good, bad and worse, each naming the visitor's address."""
        page = "".join(f"{name}: {value}\r\n" for name, value in PAGE.items())
        close = f"Connection: close\r\nX-Forwarded-For: {self.VISITOR}\r\n"
        key = "Authorization: Bearer the-backends-key\r\n"

        def post(body: object, more: str = page) -> bytes:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            head = f"POST /collect HTTP/1.1\r\nHost: shop.example\r\n{close}{more}Content-Length: {len(raw)}\r\n\r\n"
            return head.encode() + raw

        ping = f"GET /consent HTTP/1.1\r\nHost: shop.example\r\n{close}\r\n".encode()
        return [
            post(event()),
            post(event("purchase", consent=GRANT)),
            post(event("purchase", consent=GRANT, client={"ip": self.VISITOR}), key),
            post(b"{"),
            post({"name": self.VISITOR}),
            post(event(), "Origin: https://evil.example\r\n"),
            post(b" " * 70_000),
            post(event(), page + "Content-Type: image/png\r\n"),
            ping,
            ping.replace(b"/consent", b"/collect?en=page_view"),
            ping.replace(b"GET", b"PUT"),
            ping.replace(b"/consent", b"/" + self.VISITOR.encode()),
            ping.replace(b"HTTP/1.1", b"HTTP/9.9"),
            ping.replace(b"Host:", b"Host :"),
            ping.replace(b"GET ", b"GET\x00"),
            ping.replace(b"Connection", b"X" * 70_000),
            *[ping] * 20,
        ]
