"""Where the application keeps what its handlers share."""

from __future__ import annotations

import asyncio

from aiohttp import web

from proxy.twin.twin import Twin

TWIN = web.AppKey("twin", Twin)
CLOSING = web.AppKey("closing", asyncio.Event)
"""Set when the twin stops, so that hanging requests and live streams end."""
