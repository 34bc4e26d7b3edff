"""Whatever a stranger sends, the gateway answers without an error of its own, and goes on. Found by chance."""

import asyncio
import json
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.gateway import body as body_module
from tests.support.rig import GRANT, PAGE, Rig, StartRig, event, site

QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEY = "the-backends-key"

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["granted", "denied", "NOK", "\x00", "\ud7ff", "😀" * 20, "https://shop.example/?gclid=1", "1" * 400]
    )
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "name event_id timestamp page params user_data user_id user_properties consent client ids visitor session_id"
).split()
INNER = (
    "url referrer title value currency transaction_id items email phone ad_storage analytics_storage language screen ip"
    " user_agent gclid fbp item_id price"
).split()
values = anything | st.dictionaries(
    st.sampled_from(INNER),
    anything | st.lists(st.dictionaries(st.sampled_from(INNER), scalars, max_size=4), max_size=3),
)
events = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6).map(
    lambda fields: {"name": "purchase", **fields}
)
bodies = (
    events
    | st.fixed_dictionaries({"events": st.lists(events | anything, max_size=4) | anything})
    | st.dictionaries(st.sampled_from([*GRANT, "source", "decided_at", "proof", "x"]), scalars | anything)
    | anything
)
header_bytes = st.binary(max_size=60).map(
    lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\x00").decode("latin-1")
)
HEADERS = (
    "Host User-Agent Accept-Language Referer Origin Cookie Content-Type Authorization X-Forwarded-For Forwarded Sec-GPC"
    " Sec-Fetch-Site Content-Encoding Expect"
).split()


def as_json(value: object) -> bytes:
    """Write JSON as a stranger may: NaN and lone surrogates too."""
    return json.dumps(value).encode()


@pytest.fixture
async def shop(
    start_rig: StartRig, everything_logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Rig:
    """Return a gateway that everything reaches: it believes its peer's forwarding headers, and limits nobody."""
    monkeypatch.setattr(body_module, "_READ_S", 0.2)
    assert not everything_logged.records
    return await start_rig(
        {"shop": site(ingest_keys=[KEY], policy={"preset": "notice-2021"})},
        server={"rate_limit_per_minute": 0, "trusted_proxies": ["127.0.0.1/32"]},
    )


@pytest.fixture
def untroubled(everything_logged: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Return the log; tests ask it whether anything failed inside."""
    return everything_logged


def troubles(log: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as wrong."""
    return [record.getMessage() for record in log.records if record.levelno >= 30]


@QUICK
@given(body=bodies)
async def test_any_json_from_a_page_or_a_backend(
    shop: Rig, untroubled: pytest.LogCaptureFixture, body: object
) -> None:
    """Each route takes any value: 2xx or 4xx, never 5xx, and every taken event can be read from its entry."""
    raw = as_json(body)
    for path in ("/collect", "/consent"):
        for headers in (PAGE, {"Authorization": f"Bearer {KEY}"}):
            sent = {**headers, "Content-Type": "application/json"}
            answer = await shop.request("POST", path, raw, sent)
            assert answer.status in {200, 204, 400, 413}, answer.body
            if answer.status in {400, 413}:
                assert answer.json["reason"]
    for link in shop.sites[0].links:
        await shop.entries("shop", link.name)
    await shop.ask("FLUSHDB")
    assert troubles(untroubled) == []


@QUICK
@given(
    raw=st.binary(max_size=300) | st.binary(max_size=40).map(lambda part: as_json(event())[:-1] + part + b"}")
)
async def test_any_bytes_as_a_body(shop: Rig, untroubled: pytest.LogCaptureFixture, raw: bytes) -> None:
    """JSON or not, UTF-8 or not."""
    for path in ("/collect", "/consent"):
        answer = await shop.request("POST", path, raw, {**PAGE, "Content-Type": "text/plain"})
        assert answer.status in {200, 204, 400, 413}
    assert troubles(untroubled) == []


@QUICK
@given(
    query=st.lists(
        st.tuples(
            st.sampled_from(
                "en dl dr dt ul sr cu uid ep.x epn.value epn.x ep.event_id ep. epn. v export".split()
            ),
            st.text(max_size=20).map(str.encode)
            | st.binary(max_size=20)
            | st.from_regex(rb"[-+.0-9eE_]{0,30}"),
        ),
        max_size=8,
    ),
    raw=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40),
)
async def test_any_query(
    shop: Rig, untroubled: pytest.LogCaptureFixture, query: list[tuple[str, bytes]], raw: str
) -> None:
    """The pixel is always an image; the visitor's state is always told."""
    text = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in query)
    for part in (text, f"en=purchase&{text}", raw):
        sent = (
            "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **PAGE}.items())
            + "Connection: close"
        )
        for path, kind in (("/collect", b"image/gif"), ("/consent", b"application/json")):
            answer = await shop.raw(f"GET {path}?{part} HTTP/1.1\r\n{sent}\r\n\r\n".encode("latin-1"))
            assert answer.startswith(b"HTTP/1.1 200 ") and kind in answer, answer  # noqa: PT018  # one thing
    assert troubles(untroubled) == []


@QUICK
@given(headers=st.lists(st.tuples(st.sampled_from(HEADERS), header_bytes), max_size=5))
async def test_any_bytes_in_any_header(
    shop: Rig, untroubled: pytest.LogCaptureFixture, headers: list[tuple[str, str]]
) -> None:
    """Also in those that end up in an entry, and in several of one name."""
    body = as_json(event("purchase", consent=GRANT))
    named = {name for name, _ in headers}
    lines = [f"{name}: {value}" for name, value in headers]
    lines += [f"{name}: {value}" for name, value in {"Host": "x", **PAGE}.items() if name not in named]
    lines += ["Connection: close", f"Content-Length: {len(body)}"]
    for start in (
        "POST /collect",
        "POST /consent",
        "GET /consent?export=1",
        "GET /collect?en=a",
        "DELETE /consent",
        "PUT /x",
    ):
        head = "\r\n".join([f"{start} HTTP/1.1", *lines]).encode("latin-1")
        answer = await shop.raw(head + b"\r\n\r\n" + body)
        assert b"200" <= answer.split(b" ", 2)[1] < b"500", answer
    for link in shop.sites[0].links:
        await shop.entries("shop", link.name)
    assert troubles(untroubled) == []


@QUICK
@given(
    cut=st.integers(0, 400),
    at=st.integers(0, 400),
    inserted=st.binary(max_size=20),
    length=st.integers(0, 300),
)
async def test_a_request_with_bytes_out_of_place(
    shop: Rig, untroubled: pytest.LogCaptureFixture, cut: int, at: int, inserted: bytes, length: int
) -> None:
    """Cut, lengthened or spoiled anywhere: an answer below 500, or none to a request that has no end."""
    body = as_json(event("purchase"))
    head = "".join(f"{name}: {value}\r\n" for name, value in PAGE.items())
    whole = (
        f"POST /collect HTTP/1.1\r\nHost: x\r\n{head}Connection: close\r\nContent-Length: {length}\r\n\r\n"
    )
    sent = whole.encode() + body
    sent = (sent[:at] + inserted + sent[at:])[: len(sent) - cut % 50]
    reader, writer = await shop.connection()
    writer.write(sent)
    try:
        async with asyncio.timeout(0.02):
            answer = await reader.read()
    except TimeoutError:
        answer = b""
    writer.transport.abort()
    assert not answer or answer.split(b" ", 2)[1] < b"500", answer
    assert troubles(untroubled) == []
