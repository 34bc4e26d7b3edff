"""The admin listener: metrics and health. Never public."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson
from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from proxy.admin_guard import Guard
from proxy.store.trouble import StoreUnavailableError

log = logging.getLogger("sayso.admin")
Status = Literal["ready", "degraded", "not_ready"]
_RANK: dict[Status, int] = {"ready": 0, "degraded": 1, "not_ready": 2}
_PATIENCE_S: Final = 0.8
"""Seconds that all parts together may take. Who asks for health gives up after a second, as a rule."""


@dataclass(slots=True)
class Part:
    """How one part is. ``words`` say what is wrong, for the operator, and name no visitor."""

    status: Status
    words: str = ""


@dataclass(slots=True)
class Health:
    """Asks every part how it is, all at once. A part is named once; who does not answer in time is left out.

    So a part that may say ``not_ready`` must answer in time, whatever it stands on.
    """

    parts: dict[str, Callable[[], Awaitable[dict[str, Part]]]] = field(default_factory=dict)

    async def check(self) -> tuple[Status, dict[str, Part]]:
        """Return the worst status and each part's."""
        found: dict[str, Part] = {}
        for answer in await asyncio.gather(*(_in_time(ask) for ask in self.parts.values())):
            found |= answer
        worst: Status = "ready"
        for part in found.values():
            if _RANK[part.status] > _RANK[worst]:
                worst = part.status
        return worst, found


async def _in_time(ask: Callable[[], Awaitable[dict[str, Part]]]) -> dict[str, Part]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await ask()
    except TimeoutError:
        return {}


Explain = Callable[[str, str | None], Awaitable[bytes | None]]
"""Returns what is known of an event, as JSON, by its id and perhaps its site; None if that is nothing.

Raises:
    LookupError: there is no such site; its text says so.
    StoreUnavailableError: the store does not answer.
"""


def make_admin(
    health: Health,
    expose: Callable[[], Awaitable[bytes]],
    explain: Explain,
    guard: Callable[[], Guard],
) -> web.Application:
    """Make the admin application.

    Args:
        health: answers ``/healthz`` and ``/readyz``.
        expose: returns the metrics.
        explain: returns what became of an event.
        guard: says who may ask for more than metrics and health.
    """
    app = web.Application()

    async def metrics(_request: web.Request) -> web.Response:
        response = web.Response(body=await expose(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
        response.enable_compression()  # as the asker likes; each scrape says much the same
        return response

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
    app.router.add_get("/events/{event_id}", _event(explain, guard))
    for path in ("/healthz", "/health"):
        app.router.add_get(path, alive)
    for path in ("/readyz", "/ready"):
        app.router.add_get(path, ready)
    return app


def _event(explain: Explain, guard: Callable[[], Guard]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make the handler that says what became of an event."""

    async def event(request: web.Request) -> web.Response:
        if (refused := guard().refusal(request)) is not None:
            return refused
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        try:
            found = await explain(request.match_info["event_id"], request.query.get("site"))
        except LookupError as error:
            detail = str(error.args[0]) if error.args else "there is no such site"
            return web.json_response(
                {"reason": "unknown_site", "detail": detail}, status=404, headers=headers
            )
        except StoreUnavailableError:
            detail = "the store cannot be asked now"
            return web.json_response(
                {"reason": "store_unavailable", "detail": detail}, status=503, headers=headers
            )
        if found is None:
            detail = "nothing is known of this event"
            return web.json_response(
                {"reason": "unknown_event", "detail": detail}, status=404, headers=headers
            )
        return web.Response(body=found, content_type="application/json", headers=headers)

    return event
