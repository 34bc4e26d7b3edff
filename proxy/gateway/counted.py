"""Counts what the public listener answers, by route and status."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from proxy.gateway.loader import aliases
from proxy.site import Site

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Count = Callable[[str, int], None]
_NAMES: Final = {
    "collect": "collect",
    "g/collect": "g_collect",
    "mp/collect": "mp_collect",
    "debug/mp/collect": "mp_collect",
    "consent": "consent",
    ".well-known/gpc.json": "gpc",
}
_NOT_THERE: Final = frozenset({404, 405})


def counted(handle: Handler, sites: Iterable[Site], count: Count) -> Handler:
    """Return a handler that answers as ``handle`` does, and counts its answers under the names of ``metrics.ROUTES``."""
    names = {"/.well-known/gpc.json": "gpc"}
    for site in sites:
        names.update((site.base_path + path, name) for path, name in _NAMES.items())
        names.update((site.base_path + name, route) for name, route in aliases(site.loader).items())

    def name_of(request: web.BaseRequest, status: int) -> str:
        if status in _NOT_THERE:
            return "none"
        # Besides these routes there is the loader alone, whose names are many.
        name = names.get(request.path, "loader" if status < 400 else "none")
        return "pixel" if name == "collect" and request.method == "GET" else name

    async def counting(request: web.BaseRequest) -> web.StreamResponse:
        response = await handle(request)
        count(name_of(request, response.status), response.status)
        return response

    return counting
