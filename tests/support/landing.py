"""Visitors who come by an advertisement and buy later, and what is kept of that: for tests with a ``Rig``."""

from typing import Any

from proxy.event import FullEvent
from proxy.store.keys import attribution_key
from tests.support.rig import ORIGIN, Answer, Browser, Rig, event, site

GCLID, FBCLID, MSCLKID = "Cj0KCQiA3sq6BhCanary01", "IwAR0CanaryOfMeta_-2", "aaaabbbbcccc3333eeeeffff00001111"
VALUES = (GCLID, FBCLID, MSCLKID)
CLICKS = f"gclid={GCLID}&fbclid={FBCLID}&msclkid={MSCLKID}"
LANDING = f"{ORIGIN}/?utm_source=News&utm_medium=cpc&utm_campaign=ull&{CLICKS}"
THANKS = f"{ORIGIN}/thanks"
DAY_S = 86_400
SHOP = site(
    policy={"preset": "consent-mode"}, visitor={"consented_max_age_days": 400, "attribution_days": 30}
)


async def land(browser: Browser, url: str = LANDING, **more: Any) -> None:
    """Open a page."""
    answer = await browser.collect(event(page={"url": url, **more}))
    assert answer.status == 204, answer.body


async def buy(browser: Browser, url: str = THANKS, **headers: str) -> None:
    """Buy something, on a page that tells nothing of where the visitor came from."""
    sold = event(
        "purchase",
        page={"url": url, "referrer": f"{ORIGIN}/cart"},
        params={"value": 499.0, "currency": "NOK", "transaction_id": f"T-{browser.rig.clock()}"},
    )
    answer: Answer = await browser.collect(sold, headers)
    assert answer.status == 204, answer.body


async def sold(rig: Rig, forwarder: str) -> dict[str, str]:
    """Return the ids of the newest purchase for a forwarder; empty if it is cookieless."""
    found = [one.event for one in await rig.entries("shop", forwarder) if one.event.name == "purchase"]
    assert found, f"{forwarder} has no purchase"
    return found[-1].ids if isinstance(found[-1], FullEvent) else {}


async def clicks_sold(rig: Rig) -> str:
    """Return all that waits of purchases, of which a kept click id would be a part."""
    found = []
    for forwarder in ("google_analytics", "google_ads", "meta", "microsoft"):
        found += [one for one in await rig.entries("shop", forwarder) if one.event.name == "purchase"]
    text = repr([[getattr(one.event, name) for name in type(one.event).__slots__] for one in found])
    return ",".join(value for value in VALUES if value in text)


async def kept(rig: Rig, browser: Browser, visitor: str | None = None) -> dict[str, str]:
    """Return what is stored of what brought a visitor."""
    found = await rig.ask("HGETALL", attribution_key("shop", str(visitor or browser.id)))
    return {name.decode(): value.decode() for name, value in found.items()}


async def campaigns(rig: Rig) -> list[str]:
    """Return the campaigns of the report, of all days."""
    return [name.decode() for key in await rig.keys("*campaigns*") for name in await rig.ask("HKEYS", key)]
