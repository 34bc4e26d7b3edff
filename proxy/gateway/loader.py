"""The loader's routes: the script under its name, and under the name that holds its hash. No visitor is looked at.

They need neither consent nor store, set no cookie, and are looked for only where nothing else was found, so that
collecting does not wait for them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

from proxy.gateway.answers import NO_STORE, RefusedError, refusal
from proxy.loader.script import MORE, Script, make_script
from proxy.reasons import Fault
from proxy.site import LoaderPlan, Site

FOR_AN_HOUR = "public, max-age=3600, stale-while-revalidate=86400"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
_HASHED = re.compile(r"(.+)\.[0-9a-f]{8,64}\.js", re.ASCII)
_METHODS = "GET, HEAD, OPTIONS"


@dataclass(frozen=True, slots=True)
class LoaderRoute:
    """A script, and how long who fetches it may keep it (``Cache-Control``)."""

    script: Script
    keep: str

    def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Any page may read the answer: it is the same for everybody."""
        # For `integrity` the browser must be let read it (CORS), on whichever host of the site it is.
        headers = CIMultiDict(
            {"Server": "sayso", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
        )
        if request.method == "OPTIONS":
            headers.update({"Access-Control-Allow-Methods": _METHODS, "Access-Control-Max-Age": "86400"})
            return web.Response(status=204, headers=headers)
        if request.method not in {"GET", "HEAD"}:
            headers["Cache-Control"] = NO_STORE
            return refusal(RefusedError(Fault.METHOD, f"use {_METHODS}", {"Allow": _METHODS}), headers)
        zipped = accepts_gzip(request.headers.getall("Accept-Encoding", ()))
        digest = self.script.digest
        headers["Cache-Control"] = self.keep
        headers["Vary"] = "Accept-Encoding"
        # A strong tag is of exact bytes: each encoding has its own. Either says that the copy is still good.
        headers["ETag"] = f'"{digest}-gzip"' if zipped else f'"{digest}"'
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if is_known(request.headers.getall("If-None-Match", ()), {f'"{digest}"', f'"{digest}-gzip"'}):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = "text/javascript; charset=utf-8"
        if zipped:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=self.script.gzipped if zipped else self.script.body, headers=headers)


class Loaders:
    """The loader's routes of all sites."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._routes: dict[tuple[str, str], LoaderRoute] = {}
        self._hashed: dict[tuple[str, str], LoaderRoute] = {}
        for site in sites:
            if site.loader is None:
                continue
            script = make_script(
                site.loader.parts, site.loader.collect, site.loader.consent, site.loader.stem
            )
            path = site.base_path + site.loader.name
            stem = site.base_path + site.loader.stem
            for host in site.hosts:
                self._routes[host, path] = LoaderRoute(script, FOR_AN_HOUR)
                self._routes[host, f"{stem}.{script.digest}.js"] = LoaderRoute(script, FOR_EVER)
                self._hashed[host, stem] = LoaderRoute(script, ASK_FIRST)
                if script.fetches is not None:
                    fetched = site.base_path + script.fetched_as
                    self._routes[host, fetched] = LoaderRoute(script.fetches, FOR_EVER)
                    self._hashed[host, f"{stem}.{MORE}"] = LoaderRoute(script.fetches, ASK_FIRST)

    def find(self, host: str, path: str) -> LoaderRoute | None:
        """Return what is served there, if it is a loader. Another hash than today's gets today's script.

        A page that was written yesterday must not lose its visitors' events to a 404. If it names the old script's
        ``integrity`` as well, its browser refuses the new one: that is what such a page has asked for.
        """
        found = self._routes.get((host, path))
        if found is not None:
            return found
        hashed = _HASHED.fullmatch(path)
        return None if hashed is None else self._hashed.get((host, hashed[1]))


def aliases(plan: LoaderPlan | None) -> Mapping[str, str]:
    """Return the further names that a site has for our routes, each with the route that it means."""
    if plan is None:
        return {}
    named = {plan.collect: "collect", plan.consent: "consent"}
    return {name: route for name, route in named.items() if name != route}


def accepts_gzip(values: Sequence[str]) -> bool:
    """Tell whether these ``Accept-Encoding`` headers let an answer be compressed."""
    weights: dict[str, float] = {}
    for one in ",".join(values).lower().split(","):
        coding, *parameters = (part.strip() for part in one.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weights[coding] = float(quality)
        except ValueError:
            weights[coding] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def is_known(values: Sequence[str], tags: set[str]) -> bool:
    """Tell whether these ``If-None-Match`` headers name one of the tags. A proxy on the way may have made it weak."""
    known = {one.strip().removeprefix("W/") for one in ",".join(values).split(",")}
    return "*" in known or not known.isdisjoint(tags)
