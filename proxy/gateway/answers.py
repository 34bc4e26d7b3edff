"""The answers that the gateway gives. No personal data is ever in one, but for the visitor's own export."""

from collections.abc import Mapping

import orjson
from aiohttp import web
from multidict import CIMultiDict

from proxy.reasons import Fault

_STATUS: dict[Fault, int] = {
    Fault.MALFORMED: 400,
    Fault.TYPE: 400,
    Fault.TIMESTAMP: 400,
    Fault.TOO_LARGE: 413,
    Fault.TOO_MANY: 413,
    Fault.TOO_DEEP: 400,
    Fault.NO_EVENTS: 400,
    Fault.ORIGIN: 403,
    Fault.UNKNOWN_SITE: 404,
    Fault.UNKNOWN_ROUTE: 404,
    Fault.METHOD: 405,
    Fault.MEDIA_TYPE: 415,
    Fault.RATE_LIMIT: 429,
    Fault.STORE_UNAVAILABLE: 503,
    Fault.INTERNAL: 500,
}
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
NO_STORE = "no-store"
_HEADERS = CIMultiDict({"Cache-Control": NO_STORE, "Server": "sayso"})
_READABLE = CIMultiDict({**_HEADERS, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"})


class RefusedError(Exception):
    """Ends a request with an error answer. ``detail`` is for the developer of the client."""

    def __init__(self, fault: Fault, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.detail = detail
        self.headers = headers or {}


def cors_headers(origin: str | None) -> CIMultiDict[str]:
    """Return the headers of every answer; ``origin`` is set where it is one that may read the answer."""
    if origin is None:
        return _HEADERS.copy()
    headers = _READABLE.copy()
    headers["Access-Control-Allow-Origin"] = origin
    return headers


def no_content(headers: CIMultiDict[str]) -> web.Response:
    """Answer 204."""
    return web.Response(status=204, headers=headers)


def gif(headers: CIMultiDict[str]) -> web.Response:
    """Answer the pixel."""
    return web.Response(body=GIF, content_type="image/gif", headers=headers)


def as_json(value: object, headers: CIMultiDict[str], status: int = 200) -> web.Response:
    """Answer JSON."""
    return web.Response(
        status=status, body=orjson.dumps(value), content_type="application/json", headers=headers
    )


def refusal(error: RefusedError, headers: CIMultiDict[str]) -> web.Response:
    """Answer an error as ``{"reason", "detail"}``."""
    response = as_json({"reason": error.fault, "detail": error.detail}, headers, _STATUS[error.fault])
    response.headers.update(error.headers)
    return response
