"""Which site, which route: the one handler behind the public listener."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

from aiohttp import web
from multidict import CIMultiDict

from proxy.gateway.answers import RefusedError, as_json, cors_headers, gif, refusal
from proxy.gateway.call import Call, Callers
from proxy.gateway.collect import Collect
from proxy.gateway.consent_api import ConsentApi
from proxy.gateway.hits import Hits
from proxy.gateway.loader import Loaders, aliases
from proxy.gateway.measurement import Measurement
from proxy.gateway.origin import readable_by
from proxy.reasons import Fault
from proxy.site import Site
from proxy.store.client import StoreUnavailableError

log = logging.getLogger("sayso.gateway")
Route = Callable[[Call], Awaitable[web.StreamResponse]]
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Max-Age": "600",
}
_AWAY_S = 5.0


def _bare(request: web.BaseRequest, site: Site, host: str) -> CIMultiDict[str]:
    """Return the headers of an answer that no route has added to."""
    return cors_headers(readable_by(site, request.headers, host))


class Gateway:
    """Finds site and route of a request and turns every error into its answer.

    Args:
        sites: all sites; ``hosts`` may be ``*`` for one.
        collect: the collecting routes.
        consent: the consent routes.
        hits: the route of Google's own tag.
        measurement: the Measurement Protocol's routes.
        callers: understands requests.
        observe: called with the seconds that each collecting request took.
        gpc_since: date of the site's statement on Global Privacy Control.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        collect: Collect,
        consent: ConsentApi,
        hits: Hits,
        measurement: Measurement,
        callers: Callers,
        observe: Callable[[float], None],
        gpc_since: str,
    ) -> None:
        self._callers = callers
        self._observe = observe
        self._observed = (collect.post, collect.get, hits.take, measurement.post)
        self._keyed = (measurement.post, measurement.debug)
        self._gpc_since = gpc_since
        self._away = 0
        self._told_away = float("-inf")
        self._pixel: Route = collect.get
        self._origins = frozenset[str]().union(*(site.origins for site in sites))
        self._routes: dict[tuple[str, str], tuple[Site, dict[str, Route]]] = {}
        self._hosts: set[str] = set()
        self._loaders = Loaders(sites)
        for site in sites:
            paths: dict[str, dict[str, Route]] = {
                "collect": {"POST": collect.post, "GET": collect.get},
                "g/collect": {"POST": hits.take, "GET": hits.take},
                "consent": {"POST": consent.post, "GET": consent.get, "DELETE": consent.delete},
                "mp/collect": {"POST": measurement.post},
                "debug/mp/collect": {"POST": measurement.debug},
                ".well-known/gpc.json": {"GET": self._gpc},
            }
            paths |= {name: paths[route] for name, route in aliases(site.loader).items()}
            for host in site.hosts:
                self._hosts.add(host)
                for path, methods in paths.items():
                    self._routes[host, site.base_path + path] = (site, methods)
                # Browsers look for it at the root of the host, wherever we are mounted.
                self._routes.setdefault(
                    (host, "/.well-known/gpc.json"), (site, paths[".well-known/gpc.json"])
                )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        began = perf_counter()
        headers = request.headers
        host = headers.get("Host", "").lower()
        name = host if host in self._hosts else host.rsplit(":", 1)[0]
        path = request.path
        found = self._routes.get((name, path)) or self._routes.get(("*", path))
        if found is None:
            loader = self._loaders.find(name, path) or self._loaders.find("*", path)
            if loader is not None:
                return loader.answer(request)
            known = name in self._hosts or "*" in self._hosts
            fault = Fault.UNKNOWN_ROUTE if known else Fault.UNKNOWN_SITE
            origin = headers.get("Origin")
            readable = origin if origin in self._origins else None
            return refusal(RefusedError(fault, "there is nothing here"), cors_headers(readable))
        site, methods = found
        route = methods.get(request.method)
        if route is None:
            return self._other(request, methods, _bare(request, site, host))
        try:
            response = await route(self._callers.call(request, site, host, key_in_query=route in self._keyed))
        except RefusedError as error:
            # A page that shows the pixel has no use for an error: it always gets its image.
            bare = _bare(request, site, host)
            return gif(bare) if route == self._pixel else refusal(error, bare)
        except StoreUnavailableError as error:
            self._tell_away(error)
            away = RefusedError(Fault.STORE_UNAVAILABLE, "try again", {"Retry-After": str(error.retry_s)})
            return refusal(away, _bare(request, site, host))
        if route in self._observed:
            self._observe(perf_counter() - began)
        return response

    def _tell_away(self, error: StoreUnavailableError) -> None:
        """Log that the store is away, every few seconds and not once per request: an outage must not fill a disk."""
        self._away += 1
        now = perf_counter()
        if now - self._told_away >= _AWAY_S:
            log.warning("the store is not available, %d answers of 503: %s", self._away, error)
            self._told_away, self._away = now, 0

    def _other(
        self, request: web.BaseRequest, methods: dict[str, Route], headers: CIMultiDict[str]
    ) -> web.StreamResponse:
        allowed = ", ".join([*methods, "OPTIONS"])
        if request.method == "OPTIONS":
            if "Access-Control-Allow-Origin" not in headers and "Origin" in request.headers:
                return refusal(RefusedError(Fault.ORIGIN, "this page is not listed"), headers)
            headers.update({"Access-Control-Allow-Methods": allowed, **_PREFLIGHT})
            return web.Response(status=204, headers=headers)
        if request.method == "HEAD" and "GET" in methods:
            return web.Response(status=200, headers=headers)
        error = RefusedError(Fault.METHOD, f"use {allowed}", {"Allow": allowed})
        return refusal(error, headers)

    async def _gpc(self, call: Call) -> web.StreamResponse:
        call.headers["Cache-Control"] = "max-age=86400"
        return as_json({"gpc": True, "lastUpdate": self._gpc_since}, call.headers)
