"""Buying at a served shop, and asking what became of it: by the vendors' requests, by metrics and by health."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from proxy.twin.app import RunningTwin
from tests.support.events import service_account_json
from tests.support.rig import GRANT, ORIGIN
from tests.support.waiting import wait_until

ADS = {"TEST_ADS_KEY": service_account_json()}
SERVE = ("serve", "--config", "sayso.toml")


def event(order: str) -> dict[str, object]:
    """Return a purchase with that order number, of somebody who grants everything with it."""
    params = {"value": 499, "currency": "NOK", "transaction_id": order}
    page = {"url": f"{ORIGIN}/thanks?gclid=Cj0Ktest"}
    return {"name": "purchase", "event_id": order, "page": page, "params": params, "consent": dict(GRANT)}


def leftovers(folder: Path) -> list[Path]:
    """Return what a process made for a while and has not cleared away."""
    return sorted(folder.glob("sayso-*"))


async def buy(session: aiohttp.ClientSession, url: str, order: str) -> int:
    """Send a purchase; return the status, 0 if there was no answer."""
    try:
        async with session.post(f"{url}/collect", json=event(order)) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def spoil(session: aiohttp.ClientSession, url: str) -> int:
    """Send what is no event; return the status."""
    async with session.post(f"{url}/collect", data="{") as answer:
        return answer.status


async def metrics(session: aiohttp.ClientSession, url: str) -> dict[str, float]:
    """Return every sample of the exposition by its name and labels."""
    async with session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


async def status_of(session: aiohttp.ClientSession, url: str) -> str:
    """Return what ``/readyz`` says."""
    async with session.get(f"{url}/readyz") as answer:
        found: dict[str, Any] = await answer.json()
        return f"{answer.status} {found['status']}"


# Where each vendor's requests name the order.
ORDERS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "google_analytics": ("events", lambda each: each["params"]["transaction_id"]),
    "google_ads": ("events", lambda each: each["transactionId"]),
    "meta": ("data", lambda each: each["custom_data"]["order_id"]),
    "microsoft": ("data", lambda each: each["customData"]["transactionId"]),
}
VENDORS = tuple(ORDERS)


def orders(twin: RunningTwin, vendor: str) -> list[str]:
    """Return the order numbers that a vendor took, sorted."""
    name, order_of = ORDERS[vendor]
    taken = [
        one
        for one in twin.twin.requests(vendor)
        if one.method == "POST" and one.status < 300 and not one.fault.startswith("status")
    ]
    return sorted(order_of(each) for one in taken for each in one.json[name])


async def delivered(twin: RunningTwin, wanted: set[str]) -> None:
    """Wait until each vendor has had each of these orders, and fail if one had an order that nobody sent."""
    await wait_until(
        lambda: all(set(orders(twin, vendor)) >= wanted for vendor in VENDORS), within_s=25, what="all orders"
    )
