"""The admin listener: metrics and health. Never public."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

log = logging.getLogger("sayso.admin")
Status = Literal["ready", "degraded", "not_ready"]
_RANK: dict[Status, int] = {"ready": 0, "degraded": 1, "not_ready": 2}


@dataclass(slots=True)
class Part:
    """How one part is. ``words`` say what is wrong, for the operator, and name no visitor."""

    status: Status
    words: str = ""


@dataclass(slots=True)
class Health:
    """Asks every part how it is. A part is named once; asking must not take longer than a second."""

    parts: dict[str, Callable[[], Awaitable[dict[str, Part]]]] = field(default_factory=dict)

    async def check(self) -> tuple[Status, dict[str, Part]]:
        """Return the worst status and each part's."""
        found: dict[str, Part] = {}
        for ask in self.parts.values():
            found |= await ask()
        worst: Status = "ready"
        for part in found.values():
            if _RANK[part.status] > _RANK[worst]:
                worst = part.status
        return worst, found


def make_admin(health: Health, expose: Callable[[], Awaitable[bytes]]) -> web.Application:
    """Make the admin application."""
    app = web.Application()

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await expose(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_request: web.Request) -> web.Response:
        status, parts = await health.check()
        body = {
            "status": status,
            "parts": {
                name: {"status": part.status, **({"words": part.words} if part.words else {})}
                for name, part in parts.items()
            },
        }
        return web.Response(
            status=503 if status == "not_ready" else 200,
            body=orjson.dumps(body),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    app.router.add_get("/metrics", metrics)
    for path in ("/healthz", "/health"):
        app.router.add_get(path, alive)
    for path in ("/readyz", "/ready"):
        app.router.add_get(path, ready)
    return app
