"""What the handlers of the demo's shop share."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from proxy.demo.feed import Feed
from proxy.twin.twin import Twin


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything listens: ports of the shop and the gateway, URLs of the admin side and the twin."""

    shop_port: int
    gateway_port: int
    admin: str
    twin: str


FEED = web.AppKey("feed", Feed)
TWIN = web.AppKey("twin", Twin)
PLACES = web.AppKey("places", Places)
CLOSING = web.AppKey("closing", asyncio.Event)
"""Set when the demo ends, so that live views end with it."""
