"""HTTP itself, well and badly spoken: malformed, slow, broken off, pipelined, chunked. Nobody's bytes come back."""

import asyncio
import json

import pytest

from proxy.gateway import body as body_module
from tests.support.rig import GRANT, PAGE, Rig, event, until

CANARY = b"kari-nordmann-0815"
HEAD = b"POST /collect HTTP/1.1\r\nHost: shop.example\r\n" + b"".join(
    f"{name}: {value}\r\n".encode() for name, value in PAGE.items()
)
EVENT = json.dumps(event()).encode()
MALFORMED = [
    b"%s\r\n\r\n" % CANARY,
    b"GET %s\r\n\r\n" % CANARY,
    b"GET /%s HTTP/1.1\r\n\r\n " % CANARY + b"\x00\r\n\r\n",
    b"GET /consent HTTP/%s\r\n\r\n" % CANARY,
    b"GET /consent HTTP/1.1 %s\r\nHost: x\r\n\r\n" % CANARY,
    b"G\xc3\x89T /consent HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /consent HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % CANARY,
    b"GET /consent HTTP/1.1\r\nHost: x\r\nX-%s\x00: 1\r\n\r\n" % CANARY,
    b"GET /consent HTTP/1.1\r\nHost: x\r\nCookie: _sayso=%s\x00\r\n\r\n" % CANARY,
    b"GET /consent HTTP/1.1\r\nHost : %s\r\n\r\n" % CANARY,
    b"GET /consent HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n" % (CANARY * 5000),
    b"GET /consent?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (CANARY * 5000),
    b"GET http://[%s/ HTTP/1.1\r\nHost: x\r\n\r\n" % CANARY,
    b"GET /\xff\xfe%s HTTP/1.1\r\nHost: x\r\n\r\n" % CANARY,
    HEAD + b"Content-Length: %s\r\n\r\n" % CANARY,
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n%s" % CANARY,
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: %s\r\n\r\n" % CANARY,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n%s\r\n" % CANARY,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200,  # TLS to a plain port
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00" * 500,
    b"\r\n" * 5 + b"%s" % CANARY + b"\r\n\r\n",
]


class TestMalformedRequests:
    @pytest.mark.parametrize("sent", MALFORMED, ids=range(len(MALFORMED)))
    async def test_they_are_400_and_come_back_nowhere(
        self,
        rig: Rig,
        sent: bytes,
        everything_logged: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Neither in the answer nor in a log nor on stderr, as they may hold cookies; and the gateway goes on."""
        answer = await rig.raw(sent, source="127.66.77.88")
        assert answer.split(b" ", 2)[1] == b"400", answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["reason"] == "malformed"
        captured = capfd.readouterr()
        logged = "".join(
            f"{record.getMessage()} {record.exc_text} {record.__dict__}"
            for record in everything_logged.records
        )
        for place in (answer, (captured.out + captured.err).encode(), logged.encode()):
            assert CANARY[:8] not in place
            assert b"127.66.77.88" not in place
        assert not [
            record for record in everything_logged.records if record.levelname in {"WARNING", "ERROR"}
        ]
        assert (await rig.browser().get("/consent")).status == 200

    async def test_after_a_good_one_on_the_same_connection(self, rig: Rig) -> None:
        """The good one was answered; the gateway says what it thinks of the other, and hangs up."""
        reader, writer = await rig.connection()
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(EVENT), EVENT))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
        writer.write(b"%s\r\n\r\n" % CANARY)
        answer = await reader.read()
        assert b" 400 " in answer[:20]
        assert CANARY not in answer
        writer.close()


class TestConnections:
    async def test_requests_in_one_go_are_answered_in_order(self, rig: Rig) -> None:
        """Pipelined: each answer belongs to its request."""
        parts = []
        for n in range(30):
            raw = json.dumps(event() if n % 3 else {"name": ""}).encode()
            last = b"Connection: close\r\n" if n == 29 else b""
            parts.append(HEAD + last + b"Content-Length: %d\r\n\r\n%s" % (len(raw), raw))
        answer = await rig.raw(b"".join(parts))
        statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"204" if n % 3 else b"400" for n in range(30)]

    async def test_one_connection_serves_many_requests(self, rig: Rig) -> None:
        reader, writer = await rig.connection()
        for _ in range(20):
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(EVENT), EVENT))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
        writer.close()
        assert (await rig.counts())["r|shop"] == 20

    async def test_an_old_client_is_answered_and_hung_up_on(self, rig: Rig) -> None:
        answer = await rig.raw(b"GET /consent HTTP/1.0\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.0 200 ")

    async def test_bytes_that_trickle_in_are_a_request_like_any(self, rig: Rig) -> None:
        reader, writer = await rig.connection()
        raw = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(EVENT), EVENT)
        for position in range(0, len(raw), 7):
            writer.write(raw[position : position + 7])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
        writer.close()

    async def test_a_body_may_come_in_chunks(self, rig: Rig) -> None:
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (EVENT[:5], EVENT[5:9], EVENT[9:]))
        head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await rig.raw(head + chunks + b"0\r\n\r\n")).startswith(b"HTTP/1.1 204 ")

    async def test_chunks_without_end_are_413(self, rig: Rig) -> None:
        reader, writer = await rig.connection()
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        for _ in range(5):
            writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.close()

    async def test_who_asks_whether_to_send_the_body_is_told_to(self, rig: Rig) -> None:
        """Curl waits for it with larger bodies."""
        reader, writer = await rig.connection()
        length = b"Connection: close\r\nContent-Length: %d\r\n" % len(EVENT)
        writer.write(HEAD + length + b"Expect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(EVENT)
        assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
        writer.close()

    async def test_a_body_that_is_refused_anyway_is_not_waited_for(self, rig: Rig) -> None:
        reader, writer = await rig.connection()
        head = b"POST /collect HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nContent-Length: 60000\r\n\r\n"
        writer.write(head)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 403 ")
        writer.close()


class TestBrokenOffAndSlow:
    @pytest.mark.parametrize("path", [b"/collect", b"/consent"])
    @pytest.mark.parametrize("whole", [0, 1, 40])
    async def test_an_upload_that_breaks_off_is_nothing(
        self, rig: Rig, path: bytes, whole: int, everything_logged: pytest.LogCaptureFixture
    ) -> None:
        head = HEAD.replace(b"/collect", path)
        for linger in (True, False):
            _, writer = await rig.connection()
            writer.write(head + b"Content-Length: 5000\r\n\r\n" + EVENT[:whole])
            await writer.drain()
            if linger:
                writer.write_eof()
            writer.transport.abort()
        answer = await rig.browser().collect(event())
        assert answer.status == 204
        assert (await rig.counts())["r|shop"] == 1
        assert not [
            record for record in everything_logged.records if record.levelname in {"WARNING", "ERROR"}
        ]

    async def test_a_client_that_does_not_wait_for_its_answer_is_served(
        self, rig: Rig, everything_logged: pytest.LogCaptureFixture
    ) -> None:
        """A page that is left sends its beacon and is gone; the event counts."""
        for n in range(20):
            _, writer = await rig.connection()
            raw = json.dumps(event(event_id=f"bye-{n}", consent=GRANT)).encode()
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(raw), raw))
            await writer.drain()
            writer.close()
        await until(lambda: len(rig.told) == 20, "all events of clients that have gone")
        await rig.post("/collect", event())
        assert (await rig.counts())["r|shop"] == 21
        assert not [
            record for record in everything_logged.records if record.levelname in {"WARNING", "ERROR"}
        ]

    async def test_a_body_that_does_not_come_is_given_up(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever promises a body and sends it a byte at a time holds no memory of ours for long."""
        monkeypatch.setattr(body_module, "_READ_S", 0.1)
        reader, writer = await rig.connection()
        writer.write(HEAD + b"Content-Length: 5000\r\n\r\n{")
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"connection: close" in answer.lower()
        writer.close()

    async def test_slow_ones_hold_nobody_up(self, rig: Rig) -> None:
        """A hundred connections that send nothing more: everybody else is served meanwhile."""
        slow = [await rig.connection() for _ in range(100)]
        for _, writer in slow:
            writer.write(HEAD + b"Content-Length: 5000\r\n\r\n{")
        assert (await rig.post("/collect", event())).status == 204
        for _, writer in slow:
            writer.transport.abort()
