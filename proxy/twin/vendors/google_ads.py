"""Google Ads' browser pings: the conversion and page pings of gtag.js, answered with a small image.

Source: undocumented, as observed from gtag.js; Google documents that cookieless ones go to
``pagead2.googlesyndication.com``. Conversions of full events go through ``google_data_manager``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping

from proxy.twin.reply import GIF, Reply, method_not_allowed
from proxy.twin.request import TwinRequest
from proxy.twin.vendor import World

_NAME = "google_ads"
_COOKIELESS = "pagead2.googlesyndication.com"
_HOSTS = frozenset(
    {
        _COOKIELESS,
        "www.googleadservices.com",
        "googleads.g.doubleclick.net",
        "www.google.com",
    }
)
_CONVERSION = re.compile(r"/(?:pagead/(?:1p-|viewthrough)?|ccm/)conversion/([0-9]+)/")
_PAGE = re.compile(r"/ccm/collect|/rmkt/collect/[0-9]+/|/pagead/1p-user-list/[0-9]+/")


class GoogleAds:
    """The hosts that take Google Ads pings. ``ids`` in the settings are conversion ids, digits only."""

    names = frozenset({_NAME})
    options: Mapping[str, type] = {}

    def __init__(self, world: World) -> None:
        self._world = world

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Claims conversion, page and remarketing pings."""
        if request.host not in _HOSTS:
            return None
        return _NAME if _CONVERSION.fullmatch(request.path) or _PAGE.fullmatch(request.path) else None

    def answer(self, request: TwinRequest) -> Reply:
        """Answers an image, whatever the parameters are; what is missing is told in ``errors``."""
        if request.method not in {"GET", "POST"}:
            return method_not_allowed("GET, POST")
        params = request.params
        conversion = _CONVERSION.fullmatch(request.path)
        needed = ["label" if conversion else "en"]
        if request.host == _COOKIELESS:  # it states why it comes without cookies
            needed += ["gcs", "gcd"]
        words = tuple(f"VALUE_REQUIRED {key}" for key in needed if not params.get(key))
        account = conversion[1] if conversion else params.get("tid", "AW-")
        accepted: list[Hashable] = []
        if not words and self._world.knows_id(_NAME, account):
            order = params.get("oid")
            accepted = [(account, params.get("label"), order) if conversion and order else None]
        return Reply(200, GIF, "image/gif", {"Cache-Control": "no-store"}, 1, accepted, words)

    def failure(self, status: int) -> Reply:
        """Pings have no error bodies."""
        return Reply(status, errors=(f"status {status}",))


def create(world: World) -> GoogleAds:
    """Make the service for one twin."""
    return GoogleAds(world)
