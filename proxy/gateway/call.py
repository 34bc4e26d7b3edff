"""One request, understood as far as every route needs it: site, client, cookies, origin."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from aiohttp import web
from multidict import CIMultiDict

from proxy.address import TrustedProxies, is_public, mask
from proxy.consent_time import ConsentTime
from proxy.event import Visit
from proxy.gateway.answers import RefusedError, cors_headers
from proxy.gateway.cookies import Cookies, read_cookies
from proxy.gateway.origin import may_send, readable_by
from proxy.gateway.ratelimit import RateLimit
from proxy.geo import Geo
from proxy.pipeline import Arrival
from proxy.reasons import Fault
from proxy.site import Site
from proxy.sources.dnt import asks_not_to_track

_MOST_USER_AGENT = 512


@dataclass(slots=True, repr=False)
class Call:
    """A request to one site. ``address`` is truncated; ``headers`` are those of the answer, to be added to.

    ``consent_ms`` is the time by which grants run out: as ``now_ms``, but it never goes back.
    """

    request: web.BaseRequest
    site: Site
    host: str
    now_ms: int
    consent_ms: int
    trusted: bool
    listed: bool
    address: str | None
    headers: CIMultiDict[str]

    def cookies(self) -> Cookies:
        """Read what of the Cookie header concerns us."""
        return read_cookies(self.request.headers.getall("Cookie", []), self.site, now_ms=self.now_ms)

    @property
    def gpc(self) -> bool:
        """Whether the browser asks not to be tracked: by GPC, and by DNT where the policy heeds it.

        ``1, 1`` is not what the specification calls set; we take it so.
        """
        values = self.request.headers.getall("Sec-GPC", None)
        if values is not None and any(part.strip() == "1" for value in values for part in value.split(",")):
            return True
        return self.site.policy.dnt and asks_not_to_track(self.request.headers.getall("DNT", ()))


class Callers:
    """Makes a ``Call`` of a request: who it is from, as far as we want to know.

    Args:
        proxies: whose forwarding headers are believed.
        geo: country of a truncated address.
        limit: the rate limit.
        clock: Unix time in ms.
    """

    def __init__(self, proxies: TrustedProxies, geo: Geo, limit: RateLimit, clock: Callable[[], int]) -> None:
        self._proxies = proxies
        self._geo = geo
        self._limit = limit
        self._clock = clock
        self._consent_time = ConsentTime()
        self._consent_time.of(clock(), monotonic())

    def call(self, request: web.BaseRequest, site: Site, host: str, *, key_in_query: bool = False) -> Call:
        """Understand a request. ``key_in_query``: its ingest key may also stand in the query, as ``api_secret``.

        Raises:
            RefusedError: its address has sent too much in this minute.
        """
        headers = request.headers
        now_ms = self._clock()
        trusted = bool(site.ingest_keys) and (
            _key_in(headers.get("Authorization"), site)
            or (key_in_query and site.has_key(request.query.get("api_secret", "")))
        )
        raw = self._proxies.client(
            request.remote, headers.getall("X-Forwarded-For", ()), headers.getall("Forwarded", ())
        )
        address = mask(raw) if raw else None
        call = Call(
            request,
            site,
            host,
            now_ms,
            self._consent_time.of(now_ms, monotonic()),
            trusted,
            may_send(site, headers, host, trusted=trusted),
            address,
            cors_headers(readable_by(site, headers, host)),
        )
        if not trusted:
            wait_s = self._limit.retry_after(address or "", now_ms // 1000)
            if wait_s:
                raise RefusedError(
                    Fault.RATE_LIMIT,
                    "too many requests from this network in this minute",
                    {"Retry-After": str(wait_s)},
                )
        return call

    def visit(self, user_agent: str, address: str | None, language: str | None) -> Visit:
        """Return what is known of a browser: ``address`` is truncated, and says where that is."""
        place = self._geo.locate(address) if address is not None else None
        return Visit(
            user_agent=_text(user_agent)[:_MOST_USER_AGENT],
            address=address if address is not None and is_public(address) else None,
            country=place.country if place is not None else None,
            region=place.region if place is not None else None,
            language=language,
        )

    def arrival(self, call: Call, cookies: Cookies, visit: Visit | None = None) -> Arrival:
        """Say what a request brought around its events; ``visit``: what a backend says of the browser instead."""
        headers = call.request.headers
        if visit is None:
            visit = self.visit(headers.get("User-Agent", ""), call.address, headers.get("Accept-Language"))
        visit.cookies = cookies.vendor
        return Arrival(
            site=call.site,
            now_ms=call.now_ms,
            visit=visit,
            host=call.host,
            visitor=cookies.visitor,
            refusal=cookies.refusal,
            gpc=call.gpc,
            trusted=call.trusted,
            consent_ms=call.consent_ms,
            heard=cookies.heard,
        )


def _text(header: str) -> str:
    """Return a header without the stand-ins (surrogates) for bytes that were no UTF-8: they cannot be written again."""
    return header if header.isascii() else header.encode("utf-8", "replace").decode("utf-8")


def _key_in(authorization: str | None, site: Site) -> bool:
    if authorization is None:
        return False
    scheme, _, key = authorization.partition(" ")
    return scheme.lower() == "bearer" and site.has_key(key.strip())
