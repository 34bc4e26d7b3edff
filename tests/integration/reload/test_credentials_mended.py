"""A token that the vendor refuses: the forwarder pauses, keeps its entries, says why, and goes on once it is mended."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.processes import Sayso, config
from tests.support.reloading import health, meta_shop, reload, sums, write_token
from tests.support.serving import SERVE, buy, metrics
from tests.support.vendor import FakeVendor, Reply, Seen
from tests.support.waiting import wait_until

GRAPH = "graph.facebook.com"
WORDS = "Error validating access token: it has been revoked"
ORDERS = {f"T-{number}" for number in range(5)}
PAUSED = 'sayso_forwarder_paused{by="vendor",forwarder="meta",site="shop"}'
WAITING = 'sayso_outbox_entries{forwarder="meta",site="shop"}'


def guard(seen: Seen) -> Reply:
    """Take the new token alone."""
    if seen.json["access_token"] == "new-token-of-meta":
        return Reply(json={"events_received": len(seen.json["data"])})
    return Reply(401, json={"error": {"message": WORDS, "type": "OAuthException", "code": 190}})


def taken(vendor: FakeVendor) -> list[str]:
    """Return the orders that came with the new token."""
    return sorted(
        each["custom_data"]["order_id"]
        for seen in vendor.seen
        if seen.json["access_token"] == "new-token-of-meta"
        for each in seen.json["data"]
    )


async def has_paused(session: aiohttp.ClientSession, sayso: Sayso) -> dict[str, Any]:
    """Wait until the forwarder has paused with everything in its outbox; return its part of ``/readyz``."""

    async def paused() -> bool:
        found = await metrics(session, sayso.urls["admin"])
        return found[PAUSED] == 1 and found[WAITING] == len(ORDERS)

    await wait_until(paused, within_s=30, what="a pause")
    body = await health(session, sayso)
    assert body["status"] == "degraded"
    part: dict[str, Any] = body["parts"]["shop.meta"]
    return part


async def went_on(session: aiohttp.ClientSession, sayso: Sayso, vendor: FakeVendor) -> None:
    """Wait until everything has arrived, once, and all is well again."""
    await wait_until(lambda: set(taken(vendor)) == ORDERS, within_s=25, what="all orders")

    async def well() -> bool:
        found = await metrics(session, sayso.urls["admin"])
        return found[PAUSED] == 0 == found[WAITING] and (await health(session, sayso))["status"] == "ready"

    await wait_until(well, within_s=25, what="a forwarder that is ready")
    assert taken(vendor) == sorted(ORDERS)
    assert await sums(session, sayso, "meta")


@pytest.mark.parametrize("half", ["serve", "gateway and deliver"])
async def test_a_reload_with_the_new_token_sends_what_waited(
    half: str, short_path: Path, vendor: FakeVendor, session: aiohttp.ClientSession
) -> None:
    """At once, not at the next attempt of a paused forwarder; ``sayso deliver`` alone takes the signal as well."""
    vendor.answers[GRAPH] = guard
    write_token(short_path, "old-token-of-meta")
    config(short_path, vendor.origin, sites=[meta_shop()])
    if half == "serve":
        async with Sayso(short_path, *SERVE) as sayso:
            await _mend(short_path, vendor, session, sayso, sayso)
    else:
        async with (
            Sayso(short_path, "gateway", "--config", "sayso.toml") as gateway,
            Sayso(short_path, "deliver", "--config", "sayso.toml") as deliver,
        ):
            await _mend(short_path, vendor, session, gateway, deliver)


async def _mend(
    folder: Path, vendor: FakeVendor, session: aiohttp.ClientSession, gateway: Sayso, deliver: Sayso
) -> None:
    urls = await gateway.ready()
    if deliver is not gateway:
        await deliver.ready()
    for order in ORDERS:
        assert await buy(session, urls["public"], order) == 204
    part = await has_paused(session, deliver)
    assert part["status"] == "degraded"
    assert WORDS in part["words"]
    await reload(session, deliver)
    await has_paused(session, deliver)  # the token is still the old one: it was tried, and nothing is lost
    write_token(folder, "new-token-of-meta")
    await reload(session, deliver)
    await went_on(session, deliver, vendor)
    await reload(session, gateway)
    assert await buy(session, urls["public"], "T-0") == 204  # known: accepted, and not sent again
    for one in {gateway, deliver}:
        assert "token-of-meta" not in one.err
        assert "Traceback" not in one.err
        assert await one.stop() == 0
    assert taken(vendor) == sorted(ORDERS)


async def test_a_restart_with_the_new_token_sends_what_waited(
    short_path: Path, vendor: FakeVendor, session: aiohttp.ClientSession
) -> None:
    """The same without a signal."""
    vendor.answers[GRAPH] = guard
    write_token(short_path, "old-token-of-meta")
    config(short_path, vendor.origin, sites=[meta_shop()])
    async with Sayso(short_path, *SERVE) as sayso:
        urls = await sayso.ready()
        for order in ORDERS:
            assert await buy(session, urls["public"], order) == 204
        await has_paused(session, sayso)
        assert await sayso.stop() == 0
    write_token(short_path, "new-token-of-meta")
    async with Sayso(short_path, *SERVE) as again:
        await again.ready()
        await went_on(session, again, vendor)
        assert await again.stop() == 0
