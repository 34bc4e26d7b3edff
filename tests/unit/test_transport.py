"""The outbound door: what goes through it arrives as it was meant, and nothing else comes along."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from forwarders.base import Response
from proxy.delivery import transport as module
from proxy.delivery.transport import NoAnswer, Outgoing, Transport, Trouble, Unsendable, Way, Withheld
from tests.support.vendor import FakeVendor, Reply


def outgoing(**changes: Any) -> Outgoing:
    """Return a request to a vendor."""
    values: dict[str, Any] = {
        "method": "POST",
        "url": "https://vendor.example/path;a=b",
        "query": [],
        "headers": {},
        "body": b"{}",
    }
    return Outgoing(**{**values, **changes})


@asynccontextmanager
async def door(way: Way, *, timeout_s: float = 5.0) -> AsyncIterator[Transport]:
    """Open a transport, and close it."""
    transport = Transport(way, connections=2, timeout_s=timeout_s)
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    """Return a vendor on loopback."""
    async with FakeVendor() as vendor:
        yield vendor


async def test_the_origin_stands_in_for_every_host(vendor: FakeVendor) -> None:
    """``https://HOST/PATH`` goes to ``<origin>/HOST/PATH``; method, query, headers and body unchanged."""
    async with door(Way(vendor.origin)) as transport:
        answer = await transport.send(
            outgoing(query=[("a", "1&2"), ("a", "=å /?#%41+")], headers={"X-One": "1"}, body=b'{"b":1}')
        )
    assert isinstance(answer, Response)
    (seen,) = vendor.seen
    assert (seen.method, seen.host, seen.path) == ("POST", "vendor.example", "/path;a=b")
    assert seen.query == [("a", "1&2"), ("a", "=å /?#%41+")]
    assert seen.headers["x-one"] == "1"
    assert seen.body == b'{"b":1}'


@pytest.mark.parametrize(
    ("url", "query", "goes_to"),
    [
        ("https://a.example/p", [("k", "a b~c/d")], "https://a.example/p?k=a%20b~c%2Fd"),
        ("https://a.example/p?x=1", [("k", "")], "https://a.example/p?x=1&k="),
        ("https://a.example/a%2Fb;c=d,e", [], "https://a.example/a%2Fb;c=d,e"),
    ],
)
async def test_a_url_is_encoded_once(url: str, query: list[tuple[str, str]], goes_to: str) -> None:
    """What is encoded already stays as it is, and values are encoded like a browser does."""
    async with door(Way()) as transport:
        assert str(transport.url_of(outgoing(url=url, query=query))) == goes_to


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_any_query_arrives_as_it_was(query: list[tuple[str, str]]) -> None:
    """Whatever a shop writes into its titles."""

    async def url() -> URL:
        async with door(Way("http://127.0.0.1:1")) as transport:
            return transport.url_of(outgoing(query=query))

    assert list(asyncio.run(url()).query.items()) == query


async def test_redirects_are_not_followed_and_cookies_not_kept(vendor: FakeVendor) -> None:
    """A redirect could lead anywhere, and a cookie would tie requests of different visitors together."""
    vendor.queue = [Reply(307, headers={"Location": "/elsewhere", "Set-Cookie": "id=1; Path=/"})]
    async with door(Way(vendor.origin)) as transport:
        answer = await transport.send(outgoing())
        assert isinstance(answer, Response)
        assert answer.status == 307
        await transport.send(outgoing())
    assert [seen.path for seen in vendor.seen] == ["/path;a=b"] * 2
    assert "cookie" not in vendor.seen[1].headers


async def test_an_answer_is_read_up_to_a_bound(vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor cannot fill our memory; the next request works all the same."""
    monkeypatch.setattr(module, "MAX_ANSWER", 1000)
    vendor.queue = [Reply(raw=b"[" + b"1," * 500_000 + b"1]")]
    async with door(Way(vendor.origin)) as transport:
        answer = await transport.send(outgoing())
        assert isinstance(answer, Response)
        assert (len(answer.body), answer.json) == (1000, None)
        answer = await transport.send(outgoing())
        assert isinstance(answer, Response)
        assert answer.json == {}


@pytest.mark.parametrize(
    ("raw", "json"),
    [(b'{"a": [1]}', {"a": [1]}), (b"", None), (b"<html>", None), (b"\xff", None), (b"null", None)],
)
async def test_an_answer_that_is_no_json_is_none(vendor: FakeVendor, raw: bytes, json: object) -> None:
    """Vendors' front ends answer in HTML; that is no error of ours. Header names come in lower case."""
    vendor.queue = [Reply(raw=raw, headers={"X-Trace": "1"})]
    async with door(Way(vendor.origin)) as transport:
        answer = await transport.send(outgoing())
    assert isinstance(answer, Response)
    assert (answer.json, answer.body, answer.headers["x-trace"]) == (json, raw, "1")


async def test_no_answer_says_why(vendor: FakeVendor) -> None:
    """In a word from a closed list, without the address."""
    never = asyncio.Event()
    vendor.queue = [Reply(reset=True), Reply(after=never)]
    async with door(Way(vendor.origin), timeout_s=0.3) as transport:
        assert await transport.send(outgoing()) == NoAnswer(Trouble.BROKEN)
        assert await transport.send(outgoing()) == NoAnswer(Trouble.TIMEOUT)
    never.set()
    async with door(Way("http://127.0.0.1:1")) as transport:
        assert await transport.send(outgoing()) == NoAnswer(Trouble.CONNECT)
    async with door(Way(vendor.origin.replace("http:", "https:"))) as transport:
        assert await transport.send(outgoing()) == NoAnswer(Trouble.TLS)


@pytest.mark.parametrize("headers", [{"X-One": "a\r\nX-Two: b"}, {"X-One": "\0"}])
async def test_what_cannot_be_written_as_http_is_told_apart(
    vendor: FakeVendor, headers: dict[str, str]
) -> None:
    """It will never get better, so it is no failure of the vendor's; and nothing of it is sent."""
    async with door(Way(vendor.origin)) as transport:
        assert await transport.send(outgoing(headers=headers)) == Unsendable()
    assert vendor.seen == []


async def test_ready_is_asked_last_and_may_say_no(vendor: FakeVendor) -> None:
    """If it says no, not a byte is sent; on a new connection and on one that is kept alike."""
    asked: list[bool] = []

    async def ready() -> bool:
        asked.append(len(asked) % 2 == 1)
        return asked[-1]

    async with door(Way(vendor.origin)) as transport:
        for _ in range(3):
            assert await transport.send(outgoing(), ready=ready) == Withheld()
            assert isinstance(await transport.send(outgoing(), ready=ready), Response)
    assert asked == [False, True] * 3
    assert len(vendor.seen) == 3


async def test_an_ordinary_proxy_is_used_where_configured(vendor: FakeVendor) -> None:
    """Everything goes to the proxy, which is told the whole address."""
    async with door(Way("http://vendors.example", vendor.origin)) as transport:
        answer = await transport.send(outgoing())
    assert isinstance(answer, Response)
    (seen,) = vendor.seen
    assert seen.headers["host"] == "vendors.example"


async def test_the_environments_proxies_are_not_used(
    vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where events go is said in the configuration and nowhere else."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with door(Way(vendor.origin)) as transport:
        assert isinstance(await transport.send(outgoing()), Response)
