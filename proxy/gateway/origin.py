"""May this page send? The rule of who is believed to speak for a site's visitor. Pure."""

from collections.abc import Mapping

from proxy.site import Site
from proxy.urls import origin_of


def may_send(site: Site, headers: Mapping[str, str], host: str, *, trusted: bool) -> bool:
    """Tell whether a request comes from the site's own pages, or from one of its backends.

    Args:
        site: the site that it is addressed to.
        headers: the request's, case-insensitive.
        host: the ``Host`` header, lower case, port included.
        trusted: whether it brought an ingest key.
    """
    origin = headers.get("Origin")
    if origin is not None:
        return origin in site.origins or _is_own(origin, host)
    if trusted or headers.get("Sec-Fetch-Site") in {"same-origin", "same-site"}:
        return True
    referrer = headers.get("Referer")
    if not referrer:
        return False
    origin = origin_of(referrer)
    return origin is not None and (origin in site.origins or _is_own(origin, host))


def _is_own(origin: str, host: str) -> bool:
    # The scheme is not compared: behind a proxy that ends TLS we cannot know our own.
    return origin in {f"https://{host}", f"http://{host}"}


def readable_by(site: Site, headers: Mapping[str, str], host: str) -> str | None:
    """Return the origin that may read the answer, if the request names one that may."""
    origin = headers.get("Origin")
    return origin if origin is not None and (origin in site.origins or _is_own(origin, host)) else None
