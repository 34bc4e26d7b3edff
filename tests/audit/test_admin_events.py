"""``GET /events/{id}`` of the admin listener: who may ask, and what is answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from proxy.admin import Health, make_admin
from proxy.admin_guard import Guard
from proxy.store.client import StoreUnavailableError


async def _nothing() -> bytes:
    return b""


async def _explain(event_id: str, site: str | None) -> bytes | None:
    match event_id, site:
        case "known", None | "shop":
            return b'{"events": []}'
        case "away", _:
            raise StoreUnavailableError("gone")
        case _, "nowhere":
            raise LookupError("there is no site nowhere")
        case _:
            return None


@asynccontextmanager
async def admin(guard: Guard) -> AsyncIterator[str]:
    """Run an admin listener; yield its URL."""
    app: web.Application = make_admin(Health(), _nothing, _explain, lambda: guard)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url(""))


async def get(url: str, **headers: str) -> tuple[int, str]:
    """Ask; return status and body."""
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


LOCAL = Guard()


async def test_metrics_are_in_the_oldest_format_and_as_small_as_the_asker_takes_them() -> None:
    """Whoever reads Prometheus' text format reads this one; a scrape of a large installation is megabytes."""
    async with admin(LOCAL) as url, aiohttp.ClientSession(auto_decompress=False) as session:
        for accepted in ("gzip", "identity"):
            async with session.get(f"{url}/metrics", headers={"Accept-Encoding": accepted}) as answer:
                assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
                assert (answer.headers.get("Content-Encoding") == "gzip") == (accepted == "gzip")


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("known", 200, '{"events": []}'),
        ("known?site=shop", 200, '{"events": []}'),
        ("unknown", 404, "unknown_event"),
        ("known?site=nowhere", 404, "unknown_site"),
        ("away", 503, "store_unavailable"),
    ],
)
async def test_what_is_known_is_answered_as_json(path: str, status: int, word: str) -> None:
    """And what is not says why, without repeating what was asked."""
    async with admin(LOCAL) as url:
        found, body = await get(f"{url}/events/{path}")
        assert found == status
        assert word in body


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:9464", 200),
        ("127.0.0.1:9464", 200),
        ("127.8.9.10", 200),
        ("[::1]:9464", 200),
        ("evil.example", 403),
        ("evil.example:9464", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("192.0.2.1", 403),
        ("[2001:db8::1]:9464", 403),
    ],
)
async def test_on_loopback_a_page_of_another_host_is_refused(host: str, status: int) -> None:
    """Its name may well lead here (DNS rebinding). Metrics and health tell nothing of anybody, and are open."""
    async with admin(LOCAL) as url:
        assert (await get(f"{url}/events/known", Host=host))[0] == status
        assert (await get(f"{url}/healthz", Host=host))[0] == 200


async def test_elsewhere_the_token_is_needed_and_nothing_else_helps() -> None:
    """Neither a name of this machine nor half a token."""
    async with admin(Guard("a-token", loopback=False)) as url:
        for wrong in (
            "",
            "Bearer",
            "Bearer ",
            "Bearer a-toke",
            "Bearer a-tokens",
            "Basic a-token",
            "a-token",
            "Bearer ä",
        ):
            status, body = await get(f"{url}/events/known", Host="localhost", Authorization=wrong)
            assert (status, "events" in body) == (401, False), wrong
        assert (await get(f"{url}/events/known", Authorization="Bearer a-token", Host="sayso.internal"))[
            0
        ] == 200
        assert (await get(f"{url}/metrics"))[0] == 200
        async with aiohttp.ClientSession() as session, session.get(f"{url}/events/known") as answer:
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_without_a_token_nobody_is_answered_from_elsewhere() -> None:
    """The configuration does not allow it; were it so, an empty one would not do."""
    async with admin(Guard("", loopback=False)) as url:
        assert (await get(f"{url}/events/known", Authorization="Bearer "))[0] == 401


def test_a_guard_does_not_show_its_token() -> None:
    """Not in any error or log."""
    assert "a-token" not in repr(Guard("a-token", loopback=False))


async def test_an_id_of_any_kind_is_an_id() -> None:
    """Slashes and other odd characters are percent-encoded, as in any URL."""
    seen: list[str] = []

    async def explain(event_id: str, _site: str | None) -> bytes | None:
        seen.append(event_id)
        return b"{}"

    async with (
        TestServer(make_admin(Health(), _nothing, explain, Guard), host="127.0.0.1") as server,
        aiohttp.ClientSession() as session,
        session.get(URL(f"{server.make_url('')}/events/odd%2F%20id", encoded=True)) as answer,
    ):
        assert answer.status == 200
    assert seen == ["odd/ id"]
