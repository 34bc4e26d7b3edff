"""The control API under ``/_twin/``: look at what arrived, set faults and settings. JSON throughout.

========================  =======================================================================================
``GET /_twin/requests``   recorded requests, oldest first; ``vendor``, ``since`` (a seq), ``limit`` (newest kept)
``DELETE``  same          forgets requests and counts
``GET /_twin/stats``      counts by vendor
``GET /_twin/stream``     Server-Sent Events, see ``stream``
``GET /_twin/faults``     faults in force, with their hits; ``DELETE`` lifts all
``PUT .../faults/VENDOR`` one fault (object) or several (list), see ``faults.Fault``; ``DELETE`` lifts them
``GET /_twin/settings``   names of vendors and of what is set; no secrets
``PUT .../settings/V``    ``{"tokens": [..], "ids": [..], "options": {..}}``; ``DELETE`` sets any-goes again
``DELETE /_twin/tokens``  makes all issued access tokens void
``PUT /_twin/mode``       ``{"record": bool, "strict": bool}``
========================  =======================================================================================
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from proxy.twin.faults import InvalidFaultError, parse_fault
from proxy.twin.keys import TWIN
from proxy.twin.stream import stream
from proxy.twin.twin import UnknownVendorError

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _BadRequestError(ValueError):
    """A control request that makes no sense."""


def add_control(app: web.Application) -> None:
    """Add the control routes."""
    add = app.router.add_route
    add("GET", "/_twin/requests", _guard(_requests))
    add("DELETE", "/_twin/requests", _guard(_clear))
    add("GET", "/_twin/stats", _guard(_stats))
    add("GET", "/_twin/stream", _guard(stream))
    add("GET", "/_twin/faults", _guard(_faults))
    add("DELETE", "/_twin/faults", _guard(_lift))
    add("PUT", "/_twin/faults/{vendor}", _guard(_set_fault))
    add("DELETE", "/_twin/faults/{vendor}", _guard(_lift))
    add("GET", "/_twin/settings", _guard(_settings))
    add("PUT", "/_twin/settings/{vendor}", _guard(_configure))
    add("DELETE", "/_twin/settings/{vendor}", _guard(_reset_settings))
    add("DELETE", "/_twin/tokens", _guard(_expire))
    add("PUT", "/_twin/mode", _guard(_mode))
    add("*", "/_twin/{rest:.*}", _guard(_nothing))


def _guard(handler: _Handler) -> _Handler:
    """Refuses host names that could be rebound to us by a web page, and turns mistakes into answers."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if not _is_local_name(request.host):
            return _json({"error": "use an address or a plain host name"}, 403)
        try:
            return await handler(request)
        except (InvalidFaultError, UnknownVendorError, ValueError) as error:
            return _json({"error": str(error)}, 400)

    return guarded


def _is_local_name(host: str) -> bool:
    """Tell an IP address or a name without a dot, with or without port, which no foreign page can own."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    if "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def _requests(request: web.Request) -> web.Response:
    since, limit = _number(request, "since", 0), _number(request, "limit", 1000)
    found = list(request.app[TWIN].recorder.since(since, request.query.get("vendor") or None))
    kept = found[len(found) - limit :] if limit < len(found) else found
    return _json({"requests": [item.view() for item in kept], "last": request.app[TWIN].recorder.seq})


async def _clear(request: web.Request) -> web.Response:
    request.app[TWIN].clear()
    return _json({"last": request.app[TWIN].recorder.seq})


async def _stats(request: web.Request) -> web.Response:
    return _json(request.app[TWIN].recorder.stats())


async def _faults(request: web.Request) -> web.Response:
    return _json(request.app[TWIN].faults.view())


async def _set_fault(request: web.Request) -> web.Response:
    data = await _body(request)
    faults = [parse_fault(item) for item in (data if isinstance(data, list) else [data])]
    request.app[TWIN].fault(request.match_info["vendor"], *faults)
    return await _faults(request)


async def _lift(request: web.Request) -> web.Response:
    twin, vendor = request.app[TWIN], request.match_info.get("vendor")
    if vendor is None:
        twin.faults.clear()
    else:
        twin.fault(vendor)
    return await _faults(request)


async def _settings(request: web.Request) -> web.Response:
    twin = request.app[TWIN]
    return _json(
        {
            "vendors": twin.vendors,
            "record": twin.recorder.keep,
            "strict": twin.world.strict,
            "settings": {
                vendor: {
                    "tokens": None if item.tokens is None else len(item.tokens),
                    "ids": None if item.ids is None else len(item.ids),
                    "options": sorted(item.options),
                }
                for vendor, item in twin.world.settings.items()
            },
        }
    )


async def _configure(request: web.Request) -> web.Response:
    data = await _object(request, "tokens", "ids", "options")
    options = data.get("options", {})
    if not isinstance(options, dict):
        raise _BadRequestError("options: an object")
    request.app[TWIN].configure(
        request.match_info["vendor"],
        tokens=_names(data, "tokens"),
        ids=_names(data, "ids"),
        options=options,
    )
    return await _settings(request)


async def _reset_settings(request: web.Request) -> web.Response:
    request.app[TWIN].configure(request.match_info["vendor"])
    return await _settings(request)


async def _expire(request: web.Request) -> web.Response:
    request.app[TWIN].expire_tokens()
    return _json({})


async def _mode(request: web.Request) -> web.Response:
    twin, data = request.app[TWIN], await _object(request, "record", "strict")
    if not all(isinstance(value, bool) for value in data.values()):
        raise _BadRequestError("record, strict: true or false")
    twin.recorder.keep = data.get("record", twin.recorder.keep)
    twin.world.strict = data.get("strict", twin.world.strict)
    return await _settings(request)


async def _nothing(request: web.Request) -> web.Response:
    return _json({"error": "no such control route or method"}, 404)


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise _BadRequestError("the body must be JSON") from error


async def _object(request: web.Request, *keys: str) -> dict[str, Any]:
    data = await _body(request)
    if not isinstance(data, dict) or not set(data) <= set(keys):
        raise _BadRequestError(f"an object with {', '.join(keys)}")
    return data


def _names(data: dict[str, Any], key: str) -> frozenset[str] | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _BadRequestError(f"{key}: a list of strings")
    return frozenset(value)


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise _BadRequestError(f"{name}: a whole number")
    return int(text)


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(data), content_type="application/json")
